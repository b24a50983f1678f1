"""The optimal factor, before its family is known: log q* = Σ coefficient · statistic + const.

For a factor with plates i, every term of the log joint that touches it is restricted to the element i
(terms with two elements of one latent split into the diagonal and the two off-diagonal parts), the
other factors are averaged over, and the coefficients are collected by statistic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from cavi.derive.canonical import add, collect, deltas, multiply, normalise, summed_product
from cavi.derive.coincidence import kinds
from cavi.derive.crossing import crosses, has_several, one_of_several
from cavi.derive.errors import DeclarationError
from cavi.derive.expectation import Expectation, Pattern, coinciding, found_cases, internal, localise
from cavi.derive.factorisation import Block, Site, random_atoms
from cavi.derive.functions import reciprocal
from cavi.derive.term import ZERO, Atom, Moment, Monomial, Parameter, Polynomial, atom_indices
from cavi.derive.text import show

ONE = Fraction(1)


@dataclass(frozen=True)
class Conditional:
    """The optimum of a factor by statistics.

    Attributes:
        touching: the terms of the log joint that contain the factor's latents.
        local: the same restricted to one element of the factor's plates.
        averaged: their expectation under the other factors.
        coefficients: statistic pattern -> its coefficient (free in plates and placeholders).
    """

    touching: Polynomial
    local: Polynomial
    averaged: Polynomial
    coefficients: Mapping[Pattern, Polynomial]


def conditional(
    block: Block, nodes: Mapping[str, Polynomial], expectation: Expectation, copies: Polynomial = ZERO
) -> Conditional:
    """The optimal factor of a block, given the log joint by node.

    Where a latent of the block is the number of copies of others, `copies` is that number times the entropy of their
    factors, which is a part of the bound that depends on it.
    """
    touching = add(*(_touching(block, p) for p in (*nodes.values(), copies)))
    local = add(*(_restrict(block, m, expectation) for m in touching.monomials))
    averaged = expectation.of(local, keep=block)
    if block.factor.weight is not None:
        averaged = _per_copy(block, averaged)
    return Conditional(touching, local, averaged, by_statistic(block, tuple(block.variables), averaged))


def by_statistic(block: Block, names: Sequence[str], p: Polynomial) -> dict[Pattern, Polynomial]:
    """The terms with some latents of a block: statistic -> its coefficient, free in plates and placeholders."""
    coefficients: dict[Pattern, list[Polynomial]] = {}
    for m in p.monomials:
        inside, outside = _divide(block, m, names)
        if not inside:
            continue
        used = {i for a, _ in outside for i in atom_indices(a)}
        summed = tuple(i for i in internal(block, inside, m.bound) if i not in used) if block.is_joint else ()
        pattern, event = localise(block, inside, summed)
        placeholders = pattern.indices[len(block.factor.plates) :]
        # The bound indices of the monomial become free in its coefficient by the deltas.
        parts = [collect([normalise(m.coefficient, outside, ())]), deltas(placeholders, event)]
        coefficient = summed_product(parts, [i for i in m.bound if i not in summed])
        coefficients.setdefault(pattern, []).append(coefficient)
    return {p: c for p, terms in coefficients.items() if (c := add(*terms))}


def _touching(block: Block, p: Polynomial) -> Polynomial:
    return Polynomial(tuple(m for m in p.monomials if _divide(block, m)[0]))


def _divide(
    block: Block, m: Monomial, names: Sequence[str] | None = None
) -> tuple[tuple[tuple[Atom, Fraction], ...], list[tuple[Atom, Fraction]]]:
    inside: list[tuple[Atom, Fraction]] = []
    outside: list[tuple[Atom, Fraction]] = []
    for atom, exponent in m.powers:
        target = inside if any(True for _ in random_atoms(atom, names or block.variables)) else outside
        target.append((atom, exponent))
    return tuple(inside), outside


def _restrict(block: Block, m: Monomial, expectation: Expectation) -> Polynomial:
    """The part of a term that belongs to one element: Σ over the sites that may be that element."""
    inside, outside = _divide(block, m)
    if any(has_several(block, a) for a, _ in inside):
        return one_of_several(block, m, inside, tuple(outside), expectation)
    sites: dict[Site, list[tuple[Atom, Fraction]]] = {}
    for atom, exponent in inside:
        if not crosses(expectation.blocks, atom):
            expectation.block_of(atom)  # refuses a function of several elements
        sites.setdefault(block.site(next(random_atoms(atom, block.variables))), []).append((atom, exponent))
    places, plates = list(sites), block.factor.plates
    total: list[Polynomial] = []
    outer = collect([normalise(m.coefficient, outside, ())])
    together = cache(lambda group: expectation.together(block, {places[s]: sites[places[s]] for s in group}))
    for case in found_cases(block, sites, kinds(m, places), holding=True):
        first, *others = ([places[s] for s in group] for group in case.same)
        condition = coinciding([[plates, *first], *others])
        if condition:
            held = collect([normalise(Fraction(case.weight), [x for s in case.held for x in sites[places[s]]], ())])
            total.append(summed_product([condition, outer, held, *map(together, case.averaged)], m.bound))
    return add(*total)


def _per_copy(block: Block, p: Polynomial) -> Polynomial:
    """Divide by the number of copies: q is the factor of one of them."""
    weight = block.factor.weight
    assert weight is not None
    divided = multiply(p, reciprocal(weight))
    inverse = {a for m in reciprocal(weight).monomials for a, e in m.powers if e < 0}
    for m in divided.monomials:
        if any(a in inverse and e < 0 for a, e in m.powers):
            raise DeclarationError(
                f"{block.factor.name} stands for {show(weight)} copies of each element, but a term that "
                "contains it has no such weight; give the same weight= to every node that depends on it"
            )
    return divided


def sequential_values(block: Block, coefficients: Mapping[Pattern, Polynomial]) -> tuple[int, ...]:
    """Positions of the plates along which a coefficient contains values of other elements of the block."""
    found: set[int] = set()
    for coefficient in coefficients.values():
        for atom in coefficient.atoms():
            if isinstance(atom, Parameter) and atom.latent in block.variables:
                axes = block.plate_axes[atom.latent]
                site = [atom.subs[a] for a in axes]
                found |= {p for p, (s, i) in enumerate(zip(site, block.factor.plates, strict=True)) if s != i}
    return tuple(sorted(found))


def sequential_plates(block: Block, coefficients: Mapping[Pattern, Polynomial]) -> tuple[int, ...]:
    """Positions of the plates along which the update of one element uses the others."""
    found: set[int] = set()
    plates = block.factor.plates
    for pattern, coefficient in coefficients.items():
        # Within a function of a sum of several elements the others stand beside the one that is updated.
        for atom in (*coefficient.atoms(), *pattern.polynomial.atoms()):
            if isinstance(atom, Moment) and atom.factor == block.factor.name:
                found |= {p for p, i in enumerate(plates) if atom.subs[p] != i}
    return tuple(sorted(found))
