"""Derivations as a reader follows them: numbered steps, each with its rule and what it turns into."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cavi.derive.derivation import Rule
from cavi.derive.index import Index
from cavi.derive.result import Factor, Update
from cavi.derive.rules import DROP_CONSTANTS, OPTIMAL_FACTOR
from cavi.derive.term import Polynomial
from cavi.templates.equation import RELATIONS, Equation, Link, system
from cavi.templates.layout import (
    EXPECTATION,
    NEGATIVE,
    STAR,
    Box,
    Glyph,
    Script,
    brackets,
    function,
    parens,
    row,
    separated,
)
from cavi.templates.notation import Notation
from cavi.templates.printer import Printer
from cavi.templates.scope import free_scope

Q = Glyph("q", "q")
P = Glyph("p", "p")
LOG = function("log")


@dataclass(frozen=True)
class StepView:
    """One step: the rule that allows it, its conditions here, and the equations it leads to.

    `number` is its place in the derivation, from one; None for a step that the page puts in between.
    """

    rule: Rule
    conditions: tuple[str, ...]
    equations: tuple[Equation, ...]
    number: int | None = None


def latents_box(notation: Notation, factor: Factor, element: bool) -> Box:
    """The latents of a factor: whole arrays, or one element of its product."""
    printer = Printer(notation)
    boxes = []
    for name in factor.latents:
        if not element:
            boxes.append(notation.array(name))
            continue
        vector = notation.axes.get(name, 0) > len(factor.plates)
        base = notation.array(name) if vector else notation.variable(name)
        boxes.append(printer.subscripted(base, factor.plates, free_scope(Polynomial())))
    return separated(boxes)


def q_of(inside: Box, star: bool = False) -> Box:
    """``q(inside)``, with a star for the optimum."""
    return row(Script(Q, sup=STAR) if star else Q, parens(inside))


def without(notation: Notation, factor: Factor) -> Box:
    """The subscript of an expectation under all factors but one: −μ."""
    boxes = [notation.variable(n) for n in factor.latents]
    return row(NEGATIVE, boxes[0] if len(boxes) == 1 else parens(separated(boxes)))


def update_steps(notation: Notation, update: Update, joint: Box) -> tuple[StepView, ...]:
    """The steps of an update, from the general form of the optimal factor on."""
    factor = update.factor
    under = without(notation, factor)
    whole = row(LOG, q_of(latents_box(notation, factor, element=False), star=True))
    single = row(LOG, q_of(latents_box(notation, factor, element=True), star=True))
    general = row(Script(EXPECTATION, under), brackets(row(LOG, P, parens(joint))))
    chain = _Chain(Printer(notation.averaging(under)), factor.plates, whole, single)
    said: list[tuple[Rule, tuple[str, ...], Link | None, int | None]] = [
        (OPTIMAL_FACTOR, (), Link(whole, general, constant=True), None)
    ]
    for number, step in enumerate(update.derivation.steps):
        if step.before != chain.last and not (number == 0 and step.before == step.after):
            rule = DROP_CONSTANTS if number == 0 else step.rule
            said.append((rule, (), chain.link(step.before, number == 0 or step.relation != "="), None))
        link = None if step.after == chain.last else chain.link(step.after, True)
        if link is not None and step.relation == "→":
            link = replace(link, relation=RELATIONS["→"])
        said.append((step.rule, step.conditions, link, number + 1))
    shown = iter(system([link for _, _, link, _ in said if link is not None], style=notation.style))
    return tuple(StepView(r, c, () if link is None else (next(shown),), n) for r, c, link, n in said)


class _Chain:
    """The equations of one derivation; knows which left side is in force."""

    def __init__(self, printer: Printer, plates: tuple[Index, ...], whole: Box, single: Box) -> None:
        self.printer = printer
        self.plates = frozenset(plates)
        self.whole = whole
        self.single = single
        self.current = whole
        self.last: Polynomial | None = None

    def link(self, p: Polynomial, constant: bool) -> Link:
        """The next link: a new left side where the formula turns from all elements to one."""
        left = self.single if self.plates & p.free or not self.plates else self.whole
        self.last = p
        box = self.printer.polynomial(p)
        if left == self.current:
            return Link(None, box, constant)
        self.current = left
        return Link(left, box, constant)
