"""The article of a propagation as strings of TeX and of HTML, the values of the templates' holes."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from cavi.templates.bibliography import works
from cavi.templates.html.badges import Badges
from cavi.templates.html.code import coloured
from cavi.templates.html.view import declared_table, display, inline, said
from cavi.templates.html.view import sentence as html_sentence
from cavi.templates.latex.tex import to_tex
from cavi.templates.latex.view import declared_rows, rows
from cavi.templates.latex.view import sentence as tex_sentence
from cavi.templates.layout import height
from cavi.templates.propagation.article import Article, Block
from cavi.templates.words import Speaker

LOW_ENOUGH = 50.0  # lines of an algorithm that still fits a float


def tex_view(a: Article, say: Speaker) -> dict[str, Any]:
    """The holes of the documents but those of the diagram and of the frames."""
    return {
        "title": say.tex(a.title),
        "subtitle": say.tex(a.subtitle),
        "language": say.language,
        "t": say.fixed,
        "sections": [
            {"anchor": s.anchor, "heading": say.tex(s.heading), "blocks": [_tex(b, say) for b in s.blocks]}
            for s in a.sections
        ],
        "rules": [{k: say.tex(getattr(r, k)) for k in ("name", "statement", "condition", "source")} for r in a.rules],
        "quantities": [
            {
                "symbol": to_tex(q.symbol),
                "meaning": tex_sentence(q.meaning, say),
                "axes": "" if q.axes is None else f"${to_tex(q.axes)}$",
                "domain": tex_sentence(q.domain, say),
            }
            for q in a.quantities
        ],
        "glossary": [{"symbol": to_tex(s), "meaning": tex_sentence(m, say)} for s, m in a.glossary],
        "references": [{"key": w.key, "text": say.tex(w.text())} for w in works(a.sources).values()],
        "sources": "",
    }


def _tex(b: Block, say: Speaker) -> dict[str, Any]:
    declared = " \\\\\n".join(declared_rows(d) for d in b.declared)
    return {
        "text": tex_sentence(b.text, say),
        "display": declared or rows(b.equations),
        "lines": [tex_sentence(line, say) for line in b.lines],
    }


def algorithm_view(a: Article, say: Speaker) -> dict[str, Any]:
    """The holes of the algorithm: the lines of the loop, and the formulas of a step for every site."""
    sites = [s for s in a.sections if s.anchor.startswith("site-")]
    lines = [tex_sentence(line, say) for s in a.sections for b in s.blocks for line in b.lines]
    before, after = lines[:2], lines[2 + len(sites) :]
    computed = [[e for b in s.blocks if b.computed for e in b.equations] for s in sites]
    lines_of = [line for equations in computed for e in equations for line in e.lines]
    return {
        "data": ", ".join(map(to_tex, a.data)),
        "known": ", ".join(f"${to_tex(s)}$" for s in a.known),
        "floats": sum(1.5 + height(line.box) for line in lines_of) + 10 < LOW_ENOUGH,
        "lines": before,
        "steps": [
            {"line": line, "rows": rows(equations)}
            for line, equations in zip(lines[2 : 2 + len(sites)], computed, strict=True)
        ],
        "rest": after,
    }


def html_view(a: Article, say: Speaker, code: str, badges: Badges) -> dict[str, Any]:
    """The holes of the page; what is not markup is escaped by the template."""
    return {
        "title": a.title,
        "subtitle": a.subtitle,
        "language": say.language,
        "t": said(say),
        "sections": [
            {"anchor": s.anchor, "heading": s.heading, "blocks": [_html(b, badges) for b in s.blocks]}
            for s in a.sections
        ],
        "rules": a.rules,
        "quantities": [
            {
                "symbol": inline(q.symbol),
                "meaning": html_sentence(q.meaning),
                "axes": "" if q.axes is None else inline(q.axes),
                "domain": html_sentence(q.domain),
            }
            for q in a.quantities
        ],
        "glossary": [{"symbol": inline(s), "meaning": html_sentence(m)} for s, m in a.glossary],
        "references": [w.text() for w in works(a.sources).values()],
        "sources": "",
        "code": coloured(code, {}),
    }


def _html(b: Block, badges: Badges) -> dict[str, Any]:
    shown = declared_table(b.declared) if b.declared else display(b.equations) if b.equations else Markup("")
    return {
        "text": html_sentence(b.text),
        "display": shown,
        "lines": [html_sentence(line) for line in b.lines],
        "badge": badges.check(*b.checks) if b.checks else None,
    }
