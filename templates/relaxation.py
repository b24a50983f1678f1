"""What was relaxed, as a reader follows it: why the rule holds for the function, and what it makes of the node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cavi.derive.evaluable import readable
from cavi.derive.relaxations.relaxation import Relaxation
from cavi.derive.result import Derived
from cavi.templates.chain import StepView
from cavi.templates.equation import RELATIONS, Equation, Link, system
from cavi.templates.layout import Box, Glyph
from cavi.templates.printer import Printer

BOUNDED = Glyph(r"\underline{p}", "p̲")


@dataclass(frozen=True)
class RelaxationView:
    """One relaxation.

    Attributes:
        kind: bound or augmentation.
        name: of the rule, in words.
        node: the variable whose log density was replaced.
        variables: what it brought in.
        statement, source: of the rule.
        conditions: of the rule, and why it was chosen where it was not asked for.
        steps: why it holds for the function, in general.
        equations: the log density of the node, and what stands in its place.
    """

    kind: str
    name: str
    node: Box
    variables: tuple[Box, ...]
    statement: str
    conditions: tuple[str, ...]
    source: str
    steps: tuple[StepView, ...]
    equations: tuple[Equation, ...]


def relaxation_views(derived: Derived, printer: Printer, left: dict[str, tuple[Box, Box]]) -> Iterator[RelaxationView]:
    """The views, in order; `left` has the signs of the declared log density of a node and of what replaces it."""
    for r in derived.relaxations:
        before, after = left[r.node]
        links = [Link(before, printer.polynomial(r.declared))]
        if r.kind == "bound":
            links.append(Link(None, after, relation=RELATIONS["≥"]))
        links.append(Link(None if r.kind == "bound" else after, printer.polynomial(r.value)))
        yield RelaxationView(
            kind=r.kind,
            name=r.name.replace("_", " "),
            node=printer.notation.array(r.node),
            variables=tuple(printer.notation.array(n) for n in r.variables),
            statement=r.allowed_by.statement,
            conditions=(r.allowed_by.condition, *r.reasons),
            source=r.rule.source,
            steps=tuple(_steps(r)),
            equations=system(links, style=printer.notation.style),
        )


def _steps(r: Relaxation) -> Iterator[StepView]:
    from cavi.templates.identities.expression import ExpressionPrinter  # which imports the renderers

    expressions = ExpressionPrinter(measure="sum")
    before = None
    for s in r.proof:
        # A line that goes on from the one above does not repeat it.
        left = None if s.before == before else expressions.draw(readable(s.before))
        link = Link(left, expressions.draw(readable(s.after)), relation=RELATIONS[s.relation])
        yield StepView(s.rule, s.conditions, system([link]))
        before = s.after
