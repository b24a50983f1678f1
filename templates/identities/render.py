"""Identities as LaTeX and as HTML: fragments for other documents, a whole article, a whole page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from markupsafe import Markup, escape

from cavi.derive.identities import Identity
from cavi.templates.environment import environment
from cavi.templates.equation import TEXT_WIDTH, Equation
from cavi.templates.html.view import display, inline, rows, sentence, table
from cavi.templates.identities.expression import ExpressionPrinter, Measure
from cavi.templates.identities.lines import IdentityView, identity_view
from cavi.templates.latex.tex import to_tex
from cavi.templates.latex.view import rows as tex_rows
from cavi.templates.latex.view import sentence as tex_sentence
from cavi.templates.symbols import tex_text

Names = Mapping[str, str] | None
Identities = Identity | Sequence[Identity]
# MathJax has no text mode that could hold a rule's name, so a line may be longer there.
_DISPLAY_WIDTH = 60.0
# Beside a chain of formulas stand the names of the rules.
_RULE_WIDTH = 10
RULE_MACRO = (
    rf"\providecommand{{\derivationrule}}[1]{{\parbox{{{_RULE_WIDTH}em}}{{\raggedright\footnotesize\itshape #1}}}}"
)
_CHAIN_WIDTH = TEXT_WIDTH - _RULE_WIDTH


def expression_latex(e: sympy.Basic, measure: Measure = "integral") -> str:
    """An expression as TeX for mathematics mode, on one line."""
    return to_tex(ExpressionPrinter(measure).draw(e))


def expression_mathml(e: sympy.Basic, measure: Measure = "integral") -> Markup:
    """An expression as a ``math`` element for running text."""
    return inline(ExpressionPrinter(measure).draw(e))


def claim_latex(identity: Identity, measure: Measure = "integral", limit: float = TEXT_WIDTH) -> str:
    """First and last line as one displayed formula."""
    return _aligned(identity_view(identity, ExpressionPrinter(measure), limit=limit).claim)


def claim_mathml(identity: Identity, measure: Measure = "integral", limit: float = TEXT_WIDTH) -> Markup:
    """First and last line as one displayed formula."""
    return display(identity_view(identity, ExpressionPrinter(measure), limit=limit).claim)


def chain_latex(
    identity: Identity,
    with_rules: bool = True,
    rule_names: Names = None,
    measure: Measure = "integral",
    limit: float = _CHAIN_WIDTH,
) -> str:
    r"""The lines of a derivation, with the name of the rule beside each, in the macro ``\derivationrule``."""
    view = identity_view(identity, ExpressionPrinter(measure), rule_names, limit)
    return _chain_latex(view, with_rules, translated=rule_names is not None)


def chain_mathml(
    identity: Identity,
    with_rules: bool = True,
    rule_names: Names = None,
    measure: Measure = "integral",
    limit: float = TEXT_WIDTH,
) -> Markup:
    """The lines of a derivation as one display, the rules beside them."""
    return _chain_mathml(identity_view(identity, ExpressionPrinter(measure), rule_names, limit), with_rules)


def _aligned(equations: Sequence[Equation]) -> str:
    return f"\\begin{{align*}}\n{tex_rows(equations)}\n\\end{{align*}}" if equations else ""


def _chain_latex(v: IdentityView, with_rules: bool, translated: bool = False) -> str:
    rows = []
    for line in v.lines:
        first, *others = tex_rows([line.equation]).split(" \\\\\n")
        if with_rules and line.rule:
            # The conditions of a rule are words in English.
            words = [line.rule] if translated else [line.rule, *line.conditions]
            text = tex_text("; ".join(words), every_script=translated)
            first += rf" &\quad& \derivationrule{{{text}}}"
        rows += [first, *others]
    body = " \\\\\n".join(rows)
    if not with_rules:
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
    return f"\\begin{{alignat*}}{{2}}\n{body}\n\\end{{alignat*}}"


def _chain_mathml(v: IdentityView, with_rules: bool) -> Markup:
    cells = []
    for line in v.lines:
        first, *others = rows(line.equation)
        beside = f"<mtext class='rule'>{escape(line.rule)}</mtext>" if with_rules and line.rule else ""
        cells += [(first[0], first[1], beside), *others]
    return table(cells)


def render_latex(identity: Identity) -> str:
    """A fragment to paste into a document that loads amsmath and amssymb."""
    return (
        environment("latex")
        .get_template("identities/fragment.tex.jinja")
        .render(v=_latex_view(identity), macro=RULE_MACRO)
    )


def render_display(identity: Identity) -> str:
    """The derivation as one display for MathJax, which notebooks use: no packages, no text mode."""
    v = identity_view(identity, ExpressionPrinter(), limit=_DISPLAY_WIDTH)
    return "$$\\begin{aligned}\n" + tex_rows(line.equation for line in v.lines) + "\n\\end{aligned}$$"


def render_article(identities: Identities) -> str:
    """A complete article; it needs only packages of a basic TeX installation."""
    views = [_latex_view(i) for i in _listed(identities)]
    return environment("latex").get_template("identities/article.tex.jinja").render(views=views)


def render_html(identities: Identities) -> str:
    """A self-contained page: MathML, nothing loaded from elsewhere; its script only makes wide formulas reachable."""
    views = [_html_view(i) for i in _listed(identities)]
    chapters: dict[str, list[dict[str, Any]]] = {}
    for v in views:
        chapters.setdefault(v["chapter"], []).append(v)
    title = views[0]["title"] if len(views) == 1 else "Identities of variational inference"
    return environment("html").get_template("identities/page.html.jinja").render(title=title, chapters=chapters)


def _listed(identities: Identities) -> list[Identity]:
    return [identities] if isinstance(identities, Identity) else list(identities)


def _latex_view(identity: Identity) -> dict[str, Any]:
    v = identity_view(identity, ExpressionPrinter(), limit=_CHAIN_WIDTH)
    return {
        "chapter": tex_text(identity.group),
        "title": tex_text(v.title),
        "summary": tex_text(v.summary),
        "conclusion": tex_text(v.conclusion),
        "source": tex_text(v.source),
        "definitions": _aligned(v.definitions),
        "statements": [tex_sentence(a) for a in v.statements],
        "chain": _chain_latex(v, with_rules=True),
        "gap": _aligned(v.gap),
    }


def _html_view(identity: Identity) -> dict[str, Any]:
    v = identity_view(identity, ExpressionPrinter(), limit=_CHAIN_WIDTH)
    return {
        "name": identity.name,
        "chapter": identity.group,
        "title": v.title,
        "summary": v.summary,
        "conclusion": v.conclusion,
        "source": v.source,
        "text": v.text,
        "claim": display(v.claim),
        "definitions": display(v.definitions) if v.definitions else "",
        "statements": [sentence(a) for a in v.statements],
        "chain": _chain_mathml(v, with_rules=True),
        "gap": display(v.gap) if v.gap else "",
        "rules": _rules(identity),
    }


def _rules(identity: Identity) -> list[Any]:
    return list({s.rule.name: s.rule for s in identity}.values())


__all__ = [
    "chain_latex",
    "chain_mathml",
    "claim_latex",
    "claim_mathml",
    "expression_latex",
    "expression_mathml",
    "render_article",
    "render_display",
    "render_html",
    "render_latex",
]
