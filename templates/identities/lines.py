"""An identity as the lines that a reader follows: aligned equations, each with the rule that allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from cavi.derive.derivation import Relation
from cavi.derive.identities import Identity
from cavi.derive.identities.assumptions import Assumption, Definition, Factorises, Holds, Law, Pushforward
from cavi.derive.identities.text import show
from cavi.templates.breaking import break_lines
from cavi.templates.equation import RELATIONS, TEXT_WIDTH, Equation, Link, Sentence, system
from cavi.templates.identities.expression import ExpressionPrinter
from cavi.templates.layout import Box, Operator, Row, Space, parens, row, separated, width

DEFINED = Operator(":=", "≔", "relation")
_NOTHING = Operator("", "", "relation")
_LONGEST_LEFT = 12.0


@dataclass(frozen=True)
class LineView:
    """One line: the equation, the name of its rule, the conditions under which it was used."""

    equation: Equation
    rule: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class IdentityView:
    """Everything that is shown of an identity.

    `definitions` and `statements` are what it takes for granted: equations, and facts in words.
    """

    title: str
    summary: str
    conclusion: str
    source: str
    definitions: tuple[Equation, ...]
    statements: tuple[Sentence, ...]
    claim: tuple[Equation, ...]
    lines: tuple[LineView, ...]
    gap: tuple[Equation, ...]
    text: str


def identity_view(
    identity: Identity,
    printer: ExpressionPrinter,
    rule_names: Mapping[str, str] | None = None,
    limit: float = TEXT_WIDTH,
) -> IdentityView:
    """The view of an identity; `rule_names` translates the names of rules, `limit` is the room in em."""
    left, relation, right = identity.claim
    return IdentityView(
        identity.title,
        identity.summary,
        identity.conclusion,
        identity.source,
        _definitions(identity.assumptions, printer, limit),
        tuple(s for a in identity.assumptions if (s := _statement(a, printer)) is not None),
        equations(printer.draw(left), [(relation, printer.draw(right))], limit),
        _lines(identity, printer, rule_names or {}, limit),
        _gap(identity, printer, limit),
        f"{show(left)} {relation} {show(right)}",
    )


def equations(left: Box, links: list[tuple[Relation, Box]], limit: float) -> tuple[Equation, ...]:
    """A chain of equations; a left side that is too long to align at has lines of its own."""
    if width(left) <= _LONGEST_LEFT:
        first: Box | None = left
        return system(
            [Link(first if k == 0 else None, box, relation=RELATIONS[r]) for k, (r, box) in enumerate(links)], limit
        )
    head = Equation(Row(()), _NOTHING, break_lines(left, limit), flush=True)
    rest = [Equation(None, RELATIONS[r], break_lines(box, limit - 4.0), flush=True) for r, box in links]
    return (head, *rest)


def _lines(
    identity: Identity, printer: ExpressionPrinter, names: Mapping[str, str], limit: float
) -> tuple[LineView, ...]:
    links = [(s.relation, printer.draw(s.after)) for s in identity]
    found = equations(printer.draw(identity.start), links, limit)
    lines = [
        LineView(e, names.get(s.rule.name, s.rule.name), s.conditions)
        for e, s in zip(found[-len(links) :], identity, strict=True)
    ]
    return (*(LineView(e) for e in found[: -len(links)]), *lines)


def _gap(identity: Identity, printer: ExpressionPrinter, limit: float) -> tuple[Equation, ...]:
    """What the one inequality of a chain gives away, where it is more than the difference of its sides."""
    bounds = [s for s in identity if s.gap is not None]
    if len(bounds) != 1:
        return ()
    (step,) = bounds
    difference = step.before - step.after
    if step.gap in (difference, -difference) or sympy.expand(step.gap) == 0:
        return ()
    return (Equation(Row(()), _NOTHING, break_lines(printer.draw(step.gap), limit), flush=True),)


def _definitions(assumptions: tuple[Assumption, ...], printer: ExpressionPrinter, limit: float) -> tuple[Equation, ...]:
    links = []
    for a in assumptions:
        match a:
            case Definition():
                links.append(Link(printer.draw(a.left), printer.draw(a.right), relation=DEFINED))
            case Holds():
                links.append(Link(printer.draw(a.left), printer.draw(a.right), relation=RELATIONS[a.relation]))
            case Factorises():
                spaced = [part for f in a.factors for part in (Space(), printer.draw(f))][1:]
                links.append(Link(printer.draw(a.joint), row(*spaced)))
    return system(links, limit) if links else ()


def _statement(a: Assumption, printer: ExpressionPrinter) -> Sentence | None:
    match a:
        case Pushforward():
            return (printer.draw(a.density), " is the law of ", printer.draw(a.map), " under ", printer.draw(a.noise))
        case Law():
            args = parens(separated(printer.draw(v) for v in a.args.values()))
            return (printer.draw(a.density), f" is the density of {a.family}", args)
    return None
