"""Expectations under q: independent factors split a product, atoms of one element become a moment.

Two elements i, j of one plate split into the off-diagonal product and a δ_ij part:
E[w_i w_j] = E[w_i] E[w_j] (1 - δ_ij) + δ_ij E[w_i²]. Inside a joint block they stay one moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from cavi.derive.canonical import add, atom_key, collect, deltas, multiply, normalise, sum_over
from cavi.derive.factorisation import Block, Site, random_atoms
from cavi.derive.index import Index, Sub
from cavi.derive.remedies import refusal
from cavi.derive.term import (
    ZERO,
    Atom,
    Element,
    Function,
    Indicator,
    Moment,
    Monomial,
    Polynomial,
    Powers,
    from_atom,
    number,
)
from cavi.derive.text import key_of

ONE = Fraction(1)


@dataclass(frozen=True)
class Pattern:
    """What stands inside an expectation, at the factor's own plates and event placeholders."""

    powers: Powers
    indices: tuple[Index, ...]

    @property
    def polynomial(self) -> Polynomial:
        """The pattern as a polynomial."""
        return Polynomial((Monomial(ONE, self.powers),))


@dataclass
class Moments:
    """The expectations met so far: (factor, key) -> pattern, in order of appearance."""

    patterns: dict[tuple[str, str], Pattern] = field(default_factory=dict)

    def of(self, block: Block, powers: Powers, site: Site) -> Polynomial:
        """E[Π atoms] of one element of a factor, as a moment of its table."""
        pattern, event = localise(block, powers)
        name = key_of(pattern.polynomial)
        if all(isinstance(a, Indicator) and a.value == _literal_one(a) for a, _ in pattern.powers):
            name = block.factor.name
        self.patterns.setdefault((block.factor.name, name), pattern)
        return from_atom(Moment(block.factor.name, name, (*site, *event)))


def _literal_one(atom: Indicator) -> Sub | None:
    return atom.value if not isinstance(atom.value, Index) else None


def localise(block: Block, powers: Powers) -> tuple[Pattern, tuple[Sub, ...]]:
    """The atoms of one element at the factor's plates, and the event subscripts they stood at.

    Event positions get placeholders: the declared event index, primed for its further occurrences.
    """
    placed: list[tuple[Atom, Fraction]] = []
    event: list[Sub] = []
    placeholders: list[Index] = []

    def place(atom: Atom) -> Atom:
        if isinstance(atom, Element | Indicator) and atom.name in block.variables:
            subs = block.event_subs(atom)
            own: list[Sub] = []
            variable = block.variables[atom.name]
            axes = [i for a, i in enumerate(variable.indices) if a not in block.plate_axes[atom.name]]
            if isinstance(atom, Indicator) and variable.over is not None:
                axes.append(variable.over)
            for sub, axis in zip(subs, axes, strict=True):
                if isinstance(atom, Indicator) and not isinstance(sub, Index) and axis.size == "2":
                    own.append(sub)  # the value one of a binary variable is part of the pattern
                    continue
                index = axis
                while index in placeholders:
                    index = Index(index.name + "'", index.size)
                placeholders.append(index)
                event.append(sub)
                own.append(index)
            return block.with_subs(atom, block.factor.plates, own)
        if isinstance(atom, Function):
            return Function(atom.name, tuple(_map(a, place) for a in atom.args))
        return atom

    for atom, exponent in powers:
        inner = list(random_atoms(atom, block.variables))
        repeated = any(block.event_subs(a) for a in inner if isinstance(a, Element))
        if repeated and isinstance(atom, Element) and exponent > 1 and exponent.denominator == 1:
            placed.extend((place(atom), ONE) for _ in range(int(exponent)))
        else:
            placed.append((place(atom), exponent))
    placed.sort(key=lambda power: atom_key(power[0]))
    pattern = Polynomial((Monomial(ONE, tuple(placed)),))
    return Pattern(pattern.monomials[0].powers, (*block.factor.plates, *placeholders)), tuple(event)


def _map(p: Polynomial, place: object) -> Polynomial:
    assert callable(place)
    return collect(normalise(m.coefficient, [(place(a), e) for a, e in m.powers], m.bound) for m in p.monomials)


@dataclass(frozen=True, eq=False)
class Expectation:
    """E_q over all factors of a model; the moments met are recorded in `moments`."""

    blocks: tuple[Block, ...]
    moments: Moments

    def of(self, p: Polynomial, keep: Block | None = None) -> Polynomial:
        """E[p] under every factor, but for the atoms of `keep`, which stay as they are."""
        return add(*(self._monomial(m, keep) for m in p.monomials))

    def block_of(self, atom: Atom) -> Block | None:
        """The one factor that an atom belongs to.

        Raises:
            NonConjugateError: when a function mixes latents of several factors or elements.
        """
        touched = [b for b in self.blocks if any(True for _ in random_atoms(atom, b.variables))]
        if not touched:
            return None
        inner = {a for b in touched for a in random_atoms(atom, b.variables)}
        if len(touched) > 1 or (isinstance(atom, Function) and len(inner) > 1):
            raise refusal(touched[0].factor, from_atom(atom), sorted({a.name for a in inner}))
        return touched[0]

    def _monomial(self, m: Monomial, keep: Block | None) -> Polynomial:
        rest: list[tuple[Atom, Fraction]] = []
        by_block: dict[str, tuple[Block, dict[Site, list[tuple[Atom, Fraction]]]]] = {}
        for atom, exponent in m.powers:
            block = self.block_of(atom)
            if block is None or block is keep:
                rest.append((atom, exponent))
                continue
            inner = next(random_atoms(atom, block.variables))
            sites = by_block.setdefault(block.factor.name, (block, {}))[1]
            sites.setdefault(block.site(inner), []).append((atom, exponent))
        if not by_block:
            return Polynomial((m,))
        result = collect([normalise(m.coefficient, rest, ())])
        for block, sites in by_block.values():
            result = multiply(result, self.sites(block, sites))
        return sum_over(result, m.bound)

    def sites(self, block: Block, sites: dict[Site, list[tuple[Atom, Fraction]]]) -> Polynomial:
        """E of a product over elements of one factor, split by which of them coincide."""
        if not sites:
            return number(1)
        if block.factor.point:
            product = number(1)
            for site, powers in sites.items():
                for atom, exponent in powers:
                    one = self.moments.of(block, ((atom, ONE),), site)
                    moment = one.monomials[0].powers[0][0]
                    product = multiply(product, from_atom(moment, exponent))
            return product
        (first, own), *others = sites.items()
        total: Polynomial = ZERO
        for same, different in splits(others):
            condition = number(1)
            for site, _ in same:
                condition = multiply(condition, deltas(first, site))
            for site, _ in different:
                condition = multiply(condition, number(1) - deltas(first, site))
            if not condition:
                continue
            merged: dict[Atom, Fraction] = {}
            at_first = [(_move(block, a, first), e) for _, powers in same for a, e in powers]
            for atom, exponent in [*own, *at_first]:
                merged[atom] = merged.get(atom, Fraction(0)) + exponent
            together = collect([normalise(ONE, list(merged.items()), ())])
            piece = add(*(self._one_site(block, x, first) for x in together.monomials))
            total = total + multiply(multiply(condition, piece), self.sites(block, dict(different)))
        return total

    def _one_site(self, block: Block, m: Monomial, site: Site) -> Polynomial:
        inside = tuple((a, e) for a, e in m.powers if any(True for _ in random_atoms(a, block.variables)))
        outside = [(a, e) for a, e in m.powers if (a, e) not in inside]
        moment = self.moments.of(block, inside, site)
        return multiply(collect([normalise(m.coefficient, outside, ())]), moment)


def _move(block: Block, atom: Atom, site: Site) -> Atom:
    """The atom with its elements moved to another site of the factor."""
    if isinstance(atom, Element | Indicator) and atom.name in block.variables:
        return block.with_subs(atom, site, block.event_subs(atom))
    if isinstance(atom, Function):
        return Function(atom.name, tuple(_map(a, lambda x: _move(block, x, site)) for a in atom.args))
    return atom


SiteItem = tuple[Site, list[tuple[Atom, Fraction]]]


def splits(items: list[SiteItem]) -> Iterable[tuple[list[SiteItem], list[SiteItem]]]:
    """Every way to divide the items in two."""
    for bits in range(2 ** len(items)):
        yield (
            [x for i, x in enumerate(items) if bits >> i & 1],
            [x for i, x in enumerate(items) if not bits >> i & 1],
        )
