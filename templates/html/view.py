"""The article as strings of HTML and MathML, the values of the template's holes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup, escape

from cavi.derive.rules import MOMENT
from cavi.templates.article import Article, Known
from cavi.templates.bibliography import works
from cavi.templates.breaking import Line
from cavi.templates.chain import StepView
from cavi.templates.declaration import DeclaredLine
from cavi.templates.equation import FLUSH_INDENT, Equation, Sentence
from cavi.templates.html.badges import Badge, Badges
from cavi.templates.html.code import coloured
from cavi.templates.html.mathml import to_mathml
from cavi.templates.layout import Box
from cavi.templates.numpy.names import function_name
from cavi.templates.relaxation import RelaxationView
from cavi.templates.update_view import UpdateView
from cavi.templates.words import Speaker

NO_BREAK_HERE = "\u2060"


def view(a: Article, say: Speaker, code: str, badges: Badges) -> dict[str, Any]:
    """Every hole of the template; what is not markup is escaped by the template."""
    links = {function_name(u.name): u.anchor for u in a.updates}
    shown = coloured(code, links)
    defined = {name for name in links if f'id="code-{name}"' in shown}
    bounds = [r for r in a.relaxations if r.kind == "bound"]
    return {
        "title": a.title,
        "language": say.language,
        "t": said(say),
        "declared": declared_table(a.declared),
        "known": [_known(k) for k in a.known],
        "joint": display([a.joint]),
        "factorisation": display([a.factorisation]),
        "log_densities": display(a.log_densities),
        "relaxations": [_relaxation(r) for r in a.relaxations],
        "updates": [_update(u, badges, defined, say) for u in a.updates],
        "bound": display([a.bound]),
        "bounded": listed(r.node for r in bounds),
        "chosen": listed(a.chosen),
        "expanded": listed(a.expanded),
        "bound_terms": [
            {
                "left": inline(t.left),
                "rule": t.rule.name,
                "equations": display(t.equations),
                "badge": badges.check(f"ELBO, {t.name}"),
            }
            for t in a.bound_terms
        ],
        "moment_rule": say(MOMENT.name),
        "bound_symbol": inline(a.bound_symbol),
        "data": inline(a.data),
        "glossary": [{"symbol": inline(s), "meaning": sentence(m)} for s, m in a.glossary],
        "quantities": [
            {
                "symbol": inline(q.symbol),
                "meaning": sentence(q.meaning),
                "axes": "" if q.axes is None else inline(q.axes),
                "domain": sentence(q.domain),
            }
            for q in a.quantities
        ],
        "references": [w.text() for w in works(a.sources).values()],
        "rules": a.rules,
        "sources": "; ".join(dict.fromkeys(s for u in a.updates for s in u.sources)),
        "bound_badge": badges.check("ELBO = E[log p] - E[log q]", "elbo"),
        "code": shown,
    }


def said(say: Speaker) -> Callable[..., Markup]:
    """Fixed text in the language, escaped, its holes filled in by markup or by text that is escaped too."""

    def fill(text: str, **holes: object) -> Markup:
        return Markup(escape(say(text))).format(**holes)

    return fill


def _known(k: Known) -> dict[str, Any]:
    return {"symbols": listed(k.symbols), "kind": k.kind, "domain": sentence(k.domain)}


def _relaxation(r: RelaxationView) -> dict[str, Any]:
    return {
        "kind": r.kind,
        "name": r.name,
        "node": inline(r.node),
        "variables": listed(r.variables),
        "statement": r.statement,
        "condition": "; ".join(r.conditions),
        "source": r.source,
        "steps": [_step(s, None) for s in r.steps],
        "equations": display(r.equations),
    }


def _update(u: UpdateView, badges: Badges, defined: set[str], say: Speaker) -> dict[str, Any]:
    function = function_name(u.name)
    return {
        "optimal": badges.check(f"log q*({u.name}) - E[log p] is constant"),
        "computes": badges.check(f"update_{u.name}"),
        "function": function if function in defined else "",
        "number": u.number,
        "anchor": u.anchor,
        "label": say(u.title),
        "whole": inline(u.whole),
        "element": inline(u.element),
        "families": display(u.families),
        "remarks": [sentence(r) for r in u.remarks],
        "steps": [_step(s, badges.step(u.title, s.number)) for s in u.steps],
        "formulas": display(u.formulas),
        "moments": display(u.moments) if u.moments else "",
        "plates": inline(u.plates) if u.plates is not None else "",
        "sequential": sentence(u.sequential),
        "computed": inline(u.computed),
        "point": u.point,
        "chosen": u.chosen,
    }


def _step(s: StepView, badge: Badge | None) -> dict[str, Any]:
    return {
        "badge": badge,
        "rule": s.rule,
        "conditions": "; ".join(s.conditions),
        "equations": display(s.equations) if s.equations else "",
    }


def inline(box: Box) -> Markup:
    """A formula in running text."""
    return Markup(f"<math>{to_mathml(box)}</math>")


def listed(boxes: Iterable[Box]) -> Markup:
    """Formulas with commas between them; no line begins with a comma."""
    return Markup(f"{NO_BREAK_HERE}, ").join(map(inline, boxes))


def sentence(parts: Sentence) -> Markup:
    """Running text with formulas in it."""
    return Markup("").join(escape(p) if isinstance(p, str) else inline(p) for p in parts)


def display(equations: Iterable[Equation]) -> Markup:
    """Equations set off from the text, aligned at their relations."""
    return table(r for e in equations for r in rows(e))


def rows(e: Equation) -> list[tuple[str, str, str]]:
    """The cells of one equation, line by line: left side, relation and right side, what stands beside it."""
    left = "" if e.left is None else to_mathml(e.left)
    relation = to_mathml(e.relation)
    first, *others = e.lines
    if e.flush:
        if e.below:
            return [("", f"<mrow>{left}{relation}</mrow>", ""), *_continued(FLUSH_INDENT, e.lines)]
        start = left or f"<mspace width='{FLUSH_INDENT:g}em'/>"
        head = ("", f"<mrow>{start}{relation}{to_mathml(first.box)}</mrow>", "")
        return [head, *_continued(FLUSH_INDENT + 1.0, others)]
    if e.left is None and e.hang is not None:
        left = f"<mphantom>{to_mathml(e.hang)}</mphantom>"
    head = (left, f"<mrow>{relation}{to_mathml(first.box)}</mrow>", "")
    return [head, *_continued(1.5, others)]


def _continued(base: float, lines: Iterable[Line]) -> list[tuple[str, str, str]]:
    return [("", _indented(base + line.indent, line.box), "") for line in lines]


def _indented(indent: float, box: Box) -> str:
    return f"<mrow><mspace width='{indent:g}em'/>{to_mathml(box)}</mrow>"


def declared_table(lines: Iterable[DeclaredLine]) -> Markup:
    """What was declared, set off from the text."""
    return table(r for d in lines for r in _declared(d))


def _declared(d: DeclaredLine) -> list[tuple[str, str, str]]:
    plates = "" if d.plates is None else to_mathml(d.plates)
    left = to_mathml(d.left)
    first, *others = d.lines
    if not d.flush:
        return [(left, to_mathml(first.box), plates)]
    found = [("", f"<mrow>{left}{to_mathml(first.box)}</mrow>", ""), *_continued(FLUSH_INDENT, others)]
    if plates:
        found.append(("", f"<mrow><mspace width='{FLUSH_INDENT:g}em'/>{plates}</mrow>", ""))
    return found


def table(cells: Iterable[tuple[str, str, str]]) -> Markup:
    """Rows of cells as one aligned display."""
    drawn = "".join(
        f"<mtr><mtd class='l'>{left}</mtd><mtd class='r'>{right}</mtd>"
        + (f"<mtd class='p'>{plates}</mtd>" if plates else "")
        + "</mtr>"
        for left, right, plates in cells
    )
    return Markup(
        f"<div class='display'><math><mtable displaystyle='true' columnalign='right left left'>{drawn}"
        "</mtable></math></div>"
    )
