"""The factors of q as ordinary distributions of vectors, matrices and chains: ``N(μ_k | m_k, (β_k Λ_k)⁻¹)``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cavi.derive.canonical import rewrite
from cavi.derive.index import Index, Shift, primed
from cavi.derive.optimum import Link as Distribution
from cavi.derive.result import Update
from cavi.derive.term import Link as Neighbour
from cavi.derive.term import Parameter, Polynomial, number
from cavi.templates.chain import q_of
from cavi.templates.declaration import DeclarationPrinter, family_symbol
from cavi.templates.equation import Link
from cavi.templates.layout import (
    EQUALS,
    GIVEN,
    NEGATIVE,
    BigOperator,
    Box,
    Number,
    Row,
    Script,
    parens,
    row,
    separated,
)
from cavi.templates.printer import Printer
from cavi.templates.scope import Scope, scope_of

_ONE = Number("1")


def density_lines(declaration: DeclarationPrinter, update: Update) -> Iterator[Link]:
    """A line for each latent, given those before it; a chain backwards, from its last element."""
    printer = declaration.printer
    plates = update.factor.plates
    given: list[Box] = []
    for link in update.density:
        left = _value(printer, link, shift=0)
        conditions = list(given)
        if link.chain is not None:
            yield _split(printer, link)
            conditions.append(_value(printer, link, shift=1))
        given.append(left)
        args = separated(_arguments(printer, link, {n: _linked(link, p) for n, p in link.args.items()}))
        family = row(family_symbol(link.family), parens(row(left, GIVEN, args)))
        inside = row(left, GIVEN, separated(conditions)) if conditions else left
        own = [i for i in link.plates if i not in plates]
        product = [
            BigOperator("prod", row(printer.sub(i, _scope(link)), EQUALS, _ONE), printer.size(i.size))
            for i in own
            if link.chain is None
        ]
        whole = row(printer.subscripted(printer.notation.array(link.latent), plates, _scope(link)))
        if product:
            inside = row(whole, GIVEN, separated(conditions)) if conditions else whole
        yield Link(q_of(inside, star=not update.chosen), row(*product, family))
        if link.chain is not None:
            along = link.chain.index
            names = {along: along.size} if along.size.isidentifier() else {}
            last = separated(_arguments(printer, link, link.chain.last, names))
            at_end = _value(printer, link, shift=None)
            distribution = row(family_symbol(link.family), parens(row(at_end, GIVEN, last)))
            yield Link(q_of(at_end, star=True), distribution)


def members(printer: Printer, update: Update) -> Mapping[str, Member]:
    """The latents of a block in which the mean of a Normal depends on others; none of any other factor.

    What is stored of such a latent is the precision given those before it, and the mean under all of the block.
    """
    before: list[Distribution] = []
    found: dict[str, Member] = {}
    moved = False
    for link in update.density:
        mean = link.args.get("mean")
        names = {b.latent for b in before}
        moved = moved or (mean is not None and any(getattr(a, "name", None) in names for a in mean.atoms()))
        value = _value(printer, link, shift=0)
        given = [_value(printer, b, shift=0) for b in before]
        found[link.latent] = Member(q_of(value), q_of(row(value, GIVEN, separated(given))) if given else None)
        before.append(link)
    plain = all(isinstance(a, Parameter) for n in update.density for p in _precision(n) for a in p.atoms())
    return found if moved and plain and all(link.chain is None for link in update.density) else {}


def _precision(link: Distribution) -> Iterator[Polynomial]:
    """That of a Normal: of a scaled one, what is stored is a factor of it alone."""
    if "mean" in link.args and "precision" in link.args:
        yield link.args["precision"]


@dataclass(frozen=True)
class Member:
    """A latent of a block: the sign of its marginal, and that of its density given those before it, if any are."""

    marginal: Box
    conditional: Box | None


def _scope(link: Distribution) -> Scope:
    return scope_of((*link.plates, *link.event))


def _value(printer: Printer, link: Distribution, shift: int | None) -> Box:
    """The element that a link is the distribution of, or its neighbour, or the last one of a chain."""
    notation = printer.notation
    base = notation.array(link.latent) if link.event else notation.variable(link.latent)
    if link.chain is None or shift == 0:
        return printer.subscripted(base, link.plates, _scope(link))
    along = link.chain.index
    if shift is not None:
        moved = tuple(Shift(i, shift) if i == along else i for i in link.plates)
        return printer.subscripted(base, moved, _scope(link))
    names = {i: i.name for i in link.plates if i != along}
    drawn = [printer.size(along.size) if i == along else printer.sub(i, Scope(names)) for i in link.plates]
    return printer.scripted(base, drawn)


def _split(printer: Printer, link: Distribution) -> Link:
    """``q(z) = q(z_T) Π_t q(z_t | z_{t+1})``."""
    assert link.chain is not None
    along = link.chain.index
    over = row(printer.size(along.size), NEGATIVE, _ONE)
    sigma = BigOperator("prod", row(printer.sub(along, _scope(link)), EQUALS, _ONE), over)
    step = q_of(row(_value(printer, link, 0), GIVEN, _value(printer, link, 1)), star=True)
    others = tuple(i for i in link.plates if i != along)
    whole = printer.subscripted(printer.notation.array(link.latent), others, _scope(link))
    return Link(q_of(whole, star=True), row(q_of(_value(printer, link, None), star=True), sigma, step))


def _linked(link: Distribution, p: Polynomial) -> Polynomial:
    """The argument of an element that has a neighbour: what says so is one."""
    if link.chain is None:
        return p
    ones = {a for a in link.chain.linked.atoms() if isinstance(a, Neighbour)}
    return rewrite(p, lambda a, e: number(1) if a in ones else None)


def _arguments(
    printer: Printer, link: Distribution, args: Mapping[str, Polynomial], names: Mapping[Index, str] | None = None
) -> Iterator[Box]:
    for name, value in args.items():
        box = _argument(printer, link, value, names or {})
        yield _inverse(box) if name.endswith("precision") else box


def _argument(printer: Printer, link: Distribution, value: Polynomial, names: Mapping[Index, str]) -> Box:
    """A parameter as a vector or matrix over the event, else by its element."""
    scope = Scope(names, _scope(link).used | set(names.values()))
    for event in _events(link):
        if event and set(event) <= value.free:
            whole = printer.whole(value, event, scope)
            if whole is not None:
                return whole
            drawn = [printer.sub(i, scope) for i in event]
            return printer.scripted(parens(printer.polynomial(value, scope)), drawn)
    over = (link.over,) if link.over is not None and link.over in value.free else ()
    if over and link.over is not None:
        box = printer.polynomial(value, Scope(names, frozenset({*scope.used, link.over.name})))
        return Script(parens(box), printer.sub(link.over, scope))
    return printer.polynomial(value, scope)


def _events(link: Distribution) -> Iterator[tuple[Index, ...]]:
    """The axes that an argument may have, matrices first."""
    for i in link.event:
        if not i.name.endswith("'"):
            yield (i, primed(i))
    if len(link.event) == 2:
        yield link.event
    for i in link.event:
        yield (i,)


def _inverse(box: Box) -> Box:
    sup = row(NEGATIVE, _ONE)
    if isinstance(box, Script) and box.sup is None:
        return Script(box.base, box.sub, sup)
    return Script(parens(box) if isinstance(box, Row | Script) else box, sup=sup)
