"""The article as strings of TeX, the values of the templates' holes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cavi.derive.rules import MOMENT
from cavi.templates.article import Article
from cavi.templates.bibliography import works
from cavi.templates.breaking import Line
from cavi.templates.chain import StepView
from cavi.templates.declaration import DeclaredLine
from cavi.templates.equation import FLUSH_INDENT, Equation, Sentence
from cavi.templates.latex.tex import to_tex
from cavi.templates.layout import Box, Operator
from cavi.templates.relaxation import RelaxationView
from cavi.templates.update_view import UpdateView
from cavi.templates.words import ENGLISH, Speaker


def view(a: Article, say: Speaker) -> dict[str, Any]:
    """Every hole of the templates but the diagram, for an article in the language of the speaker."""
    bounds = [r for r in a.relaxations if r.kind == "bound"]
    return {
        "title": say.tex(a.title),
        "language": say.language,
        "t": say.fixed,
        "declared": [declared_rows(d) for d in a.declared],
        "known": [
            {
                "symbols": ", ".join(f"${to_tex(s)}$" for s in k.symbols),
                "kind": say.tex(k.kind),
                "domain": sentence(k.domain, say),
            }
            for k in a.known
        ],
        "joint": _display([a.joint]),
        "factorisation": _display([a.factorisation]),
        "log_densities": _display(a.log_densities),
        "relaxations": [_relaxation(r, say) for r in a.relaxations],
        "updates": [_update(u, say) for u in a.updates],
        "bound": _display([a.bound]),
        "bounded": ", ".join(f"${to_tex(r.node)}$" for r in bounds),
        "chosen": ", ".join(f"${to_tex(b)}$" for b in a.chosen),
        "expanded": ", ".join(f"${to_tex(b)}$" for b in a.expanded),
        "bound_terms": " \\\\[6pt]\n".join(rows(t.equations) for t in a.bound_terms),
        "bound_rules": say.tex(say(" or ").join(dict.fromkeys(t.rule.name for t in a.bound_terms))),
        "moment_rule": say.tex(MOMENT.name),
        "bound_symbol": to_tex(a.bound_symbol),
        "data": to_tex(a.data),
        "glossary": [{"symbol": to_tex(s), "meaning": sentence(m, say)} for s, m in a.glossary],
        "quantities": [
            {
                "symbol": to_tex(q.symbol),
                "meaning": sentence(q.meaning, say),
                "axes": "" if q.axes is None else f"${to_tex(q.axes)}$",
                "domain": sentence(q.domain, say),
            }
            for q in a.quantities
        ],
        "references": [
            {"key": w.key, "label": say.tex(name), "text": say.tex(w.text())} for name, w in works(a.sources).items()
        ],
        "rules": [
            {
                "name": say.tex(r.name),
                "statement": say.tex(r.statement),
                "condition": say.tex(r.condition),
                "source": say.tex(r.source),
            }
            for r in a.rules
        ],
        "sources": say.tex("; ".join(dict.fromkeys(s for u in a.updates for s in u.sources))),
    }


def _relaxation(r: RelaxationView, say: Speaker) -> dict[str, Any]:
    return {
        "kind": r.kind,
        "kind_said": say.tex(r.kind),
        "name": say.tex(r.name),
        "node": to_tex(r.node),
        "variables": ", ".join(f"${to_tex(v)}$" for v in r.variables),
        "statement": say.tex(r.statement),
        "condition": "; ".join(map(say.tex, r.conditions)),
        "source": say.tex(r.source),
        "steps": [_step(s, say) for s in r.steps],
        "equations": _display(r.equations),
    }


def _update(u: UpdateView, say: Speaker) -> dict[str, Any]:
    shown = max(n for n, s in enumerate(u.steps, start=1) if s.equations)
    return {
        "whole": to_tex(u.whole),
        "element": to_tex(u.element),
        "steps": [_step(s, say) for s in u.steps[:shown]],
        "afterwards": [_step(s, say) for s in u.steps[shown:]],
        "point": u.point,
        "chosen": u.chosen,
        "families": _display(u.families) if u.families else "",
        "remarks": [sentence(r, say) for r in u.remarks],
        "formulas": rows(u.formulas),
        "moments": _display(u.moments) if u.moments else "",
        "plates": to_tex(u.plates) if u.plates is not None else "",
        "sequential": sentence(u.sequential, say),
        "computed": to_tex(u.computed),
        "label": f"eq:{u.anchor}",
    }


def _step(s: StepView, say: Speaker) -> dict[str, str]:
    return {
        "name": say.tex(s.rule.name),
        "conditions": "; ".join(map(say.tex, s.conditions)),
        "equations": rows(s.equations),
    }


def sentence(parts: Sentence, say: Speaker = ENGLISH) -> str:
    """Running text with formulas between dollars."""
    return "".join(say.tex(p) if isinstance(p, str) else f"${to_tex(p)}$" for p in parts)


def rows(equations: Iterable[Equation]) -> str:
    """Rows of an ``align``, joined by line ends."""
    return " \\\\\n".join(r for e in equations for r in _rows(e))


def _rows(e: Equation) -> list[str]:
    left = "" if e.left is None else to_tex(e.left)
    first, *others = e.lines
    if not e.flush:
        return [f"{left} &{e.relation.tex} {to_tex(first.box)}", *_continued(1.5, others)]
    if e.below:
        return [f"&{left} {e.relation.tex}{{}}", *_continued(FLUSH_INDENT, e.lines)]
    start = rf"\hspace{{{FLUSH_INDENT:g}em}}{{}}" if e.left is None else left
    return [f"&{start} {e.relation.tex} {to_tex(first.box)}", *_continued(FLUSH_INDENT + 1.0, others)]


def _continued(base: float, lines: Iterable[Line]) -> list[str]:
    return [rf"&\hspace{{{base + line.indent:g}em}} {_start(line.box)}" for line in lines]


def _start(box: Box) -> str:
    """The TeX of a line that continues another: a leading sign keeps its spaces."""
    tex = to_tex(box)
    first = box.items[0] if hasattr(box, "items") and box.items else box
    leading = isinstance(first, Operator) and first.kind in ("binary", "relation")
    return f"{{}} {tex}" if leading else tex


def _display(equations: Iterable[Equation]) -> str:
    return f"\\begin{{align*}}\n{rows(equations)}\n\\end{{align*}}"


def declared_rows(d: DeclaredLine) -> str:
    """A declaration as rows of an ``align``."""
    plates = "" if d.plates is None else to_tex(d.plates)
    first, *others = d.lines
    if not d.flush:
        return f"{to_tex(d.left)} &{to_tex(first.box)} && {plates}".rstrip(" &")
    lines = [f"&{to_tex(d.left)} {to_tex(first.box)}", *_continued(FLUSH_INDENT, others)]
    if plates:
        lines.append(rf"&\hspace{{{FLUSH_INDENT:g}em}} {plates}")
    return " \\\\\n".join(lines)
