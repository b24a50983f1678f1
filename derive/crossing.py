r"""Functions of a sum over several factors of q, or several elements of one: E[f(u)] is an integral over one number.

Of Normal factors a sum u = a + Σ b x is Normal, whose mean and variance follow from the moments that they have anyway:

    E[f(u)] = E[f(t)],   t ~ Normal(E[u], V[u])                         (written normal_mean(f, E[u], V[u]))

and so is what is left when some of them are kept as they are: E[f(x + y)] under q(y) is a function of x,
normal_mean(f, x + E[y], V[y]), whose derivative in x is that of f under the same Normal. Of factors by Laplace's method
or the delta method expectations are to second order, f(x + E[y]) + ½ V[y] f''(x + E[y]), one factor after another.
Source: Khan and Lin (2017), section 3; Gelman and Hill (2007), chapter 14, for the models.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from cavi.derive import functions
from cavi.derive.along import along_one, depends, moving
from cavi.derive.canonical import (
    add,
    canonical,
    collect,
    deltas,
    multiply,
    normalise,
    rewrite,
    sum_over,
    with_fresh_bound,
)
from cavi.derive.derivatives import HALF, U, at, derivative
from cavi.derive.errors import NonConjugateError
from cavi.derive.factorisation import Block, placed_atoms, random_atoms
from cavi.derive.index import Sub, indices_of
from cavi.derive.remedies import refusal
from cavi.derive.term import (
    ZERO,
    Atom,
    Delta,
    Element,
    Function,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    atom_indices,
    from_atom,
    number,
)

if TYPE_CHECKING:
    from cavi.derive.expectation import Expectation

T = from_atom(functions.UNDER_NORMAL)
HELD = "held"  # a parameter that stands for an element of q while the others of its factor are averaged over
NO_PRODUCT = "a function of one sum of them, as a product is not"
NO_DERIVATIVE = "a function whose second derivative is known"


def crosses(blocks: Sequence[Block], atom: Atom) -> bool:
    """Whether an atom is a function of several elements of Normal factors, or of one beside expectations of others."""
    if not isinstance(atom, Function) or atom.name == "E":
        return False
    touched = _touched(blocks, atom)
    if not touched or not all(b.normal or b.expanded for b in touched):
        return False
    if atom.name == "normal_mean" or any(isinstance(a, Moment) for arg in atom.args for a in arg.atoms()):
        return True
    places = {(b.factor.name, b.site(a)) for b in touched for a in placed_atoms(atom, b.variables)}
    outside = set(atom_indices(atom))
    return len(places) > 1 or any(not set(indices_of(s)) <= outside for _, site in places for s in site)


def _touched(blocks: Sequence[Block], atom: Atom) -> list[Block]:
    """The factors with elements in an atom, but for points."""
    return [b for b in blocks if not b.factor.point and any(True for _ in random_atoms(atom, b.variables))]


@dataclass(frozen=True)
class _Mean:
    """The mean of f, a function of the placeholder, under a Normal; latents that are left stand in its mean."""

    f: Polynomial
    mean: Polynomial
    variance: Polynomial


def crossed(expectation: Expectation, powers: Powers, keep: Block | None) -> Polynomial:
    """E of a product of powers of functions over all factors but `keep`, as a function of what is kept.

    Raises:
        NonConjugateError: for what is no function of one sum, or whose second derivative is needed and not known.
    """
    known = _with_points(expectation, powers, keep)
    found = _of_one_sum(known, _names(b for b in expectation.blocks if not b.factor.point))
    if found is None:
        raise _refused(expectation, powers, NO_PRODUCT)
    value = _over(expectation, found, [b for b in expectation.blocks if b is not keep], keep)
    if value is None:
        raise _refused(expectation, powers, NO_DERIVATIVE)
    return value


def _over(
    expectation: Expectation, found: _Mean, averaged: Sequence[Block], keep: Block | None = None
) -> Polynomial | None:
    """E over some factors; None where a second derivative is not known. A point that is kept may be a coefficient."""
    exact = _names(b for b in averaged if not b.expanded)
    mean, spread = _averaged(expectation, found.mean, exact, keep)
    variance = found.variance + spread
    parts = [(found.f, number(1))]
    for b in averaged:
        if not (b.expanded and depends(mean, b.variables)):
            continue
        mean, spread = _averaged(expectation, mean, b.variables, keep)
        for f, weight in list(parts):
            bent = _second(f)
            if bent is None:
                return None
            parts.append((bent, multiply(weight, spread.scaled(HALF))))
    total = ZERO
    for f, weight in parts:
        total = total + multiply(weight, functions.normal_mean(at(f, T), mean, variance))
    return total


def _names(blocks: Iterable[Block]) -> set[str]:
    return {n for b in blocks for n in b.variables}


def _refused(expectation: Expectation, powers: Powers, why: str) -> NonConjugateError:
    names = _names(expectation.blocks)
    term = collect([normalise(Fraction(1), powers, ())])
    touched = next(b for b in expectation.blocks if depends(term, b.variables) and not b.factor.point)
    latents = sorted({x.name for a, _ in powers for x in random_atoms(a, names)})
    return refusal(touched.factor, term, latents, why)


def _of_one_sum(powers: Powers, names: Collection[str]) -> _Mean | None:
    ((atom, exponent), *others) = powers
    if isinstance(atom, Function) and atom.name == "normal_mean" and not others:
        f, mean, variance = atom.args
        return _Mean(functions.at(f, functions.UNDER_NORMAL, U), mean, variance) if exponent == 1 else None
    found = along_one(collect([normalise(Fraction(1), powers, ())]), names)
    return None if found is None else _Mean(*found, ZERO)


def _averaged(
    expectation: Expectation, u: Polynomial, names: Collection[str], keep: Block | None
) -> tuple[Polynomial, Polynomial]:
    """An affine combination with the expectations of some latents in their place, and the variance that they had."""
    own = moving(u, names)
    middle = expectation.of(own, keep)
    return u - own + middle, expectation.of(multiply(own, own), keep) - multiply(middle, middle)


def _with_points(expectation: Expectation, powers: Powers, keep: Block | None) -> Powers:
    """The same with the values of points in their place."""
    points = {n: b for b in expectation.blocks if b.factor.point and b is not keep for n in b.variables}

    def rule(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if isinstance(atom, Element) and atom.name in points:
            block = points[atom.name]
            value = expectation.moments.of(block, ((atom, Fraction(1)),), block.site(atom))
            return functions.raise_to(value, number(exponent))
        if isinstance(atom, Function) and any(True for _ in random_atoms(atom, points)):
            return from_atom(Function(atom.name, tuple(rewrite(a, rule) for a in atom.args)), exponent)
        return None

    if not points:
        return powers
    return tuple((rewrite(from_atom(a), rule).monomials[0].powers[0][0], e) for a, e in powers)


def _second(f: Polynomial) -> Polynomial | None:
    first = derivative(f)
    return None if first is None else derivative(first)


def splits(items: Sequence[tuple[Sub, ...]]) -> Iterator[tuple[list[tuple[Sub, ...]], list[tuple[Sub, ...]]]]:
    """Every way to divide some sites in two."""
    for bits in range(2 ** len(items)):
        yield (
            [x for i, x in enumerate(items) if bits >> i & 1],
            [x for i, x in enumerate(items) if not bits >> i & 1],
        )


def has_several(block: Block, atom: Atom) -> bool:
    """Whether a function is of a sum over several elements of one Normal factor."""
    if not isinstance(atom, Function) or block.factor.point or not (block.normal or block.expanded):
        return False
    outside = set(atom_indices(atom))
    sites = {block.site(a) for a in placed_atoms(atom, block.variables)}
    return len(sites) > 1 or any(not set(indices_of(s)) <= outside for site in sites for s in site)


def one_of_several(block: Block, m: Monomial, inside: Powers, outside: Powers, expectation: Expectation) -> Polynomial:
    """A term with a function of a sum over elements of one factor, for one element of it; the others are averaged over.

    Σ_e c_e w_e is c_d w_d + Σ_e (1 - δ_de) c_e w_e for the element d; of w[a] - w[b] with positions a and b that data
    tell, the element is that at a, that at b, or both.

    Raises:
        NonConjugateError: for what is no function of one sum.
    """
    found = _of_one_sum(inside, _names(b for b in expectation.blocks if not b.factor.point))
    if found is None:
        raise _refused(expectation, inside, NO_PRODUCT)
    total = ZERO
    for condition, u in _places(block, found.mean):
        value = _over(expectation, _Mean(found.f, u, found.variance), [block])
        if value is None:
            raise _refused(expectation, inside, NO_DERIVATIVE)
        total = total + multiply(condition, _released(value))
    outer = collect([normalise(m.coefficient, outside, ())])
    return sum_over(multiply(outer, total), m.bound)


def _places(block: Block, u: Polynomial) -> Iterator[tuple[Polynomial, Polynomial]]:
    """(where an element is in the sum, the sum with that element held): for each of the ways in which it can be."""
    own = [with_fresh_bound(m) for m in moving(u, block.variables).monomials]
    sites = [(m, _element(block, m)) for m in own]
    known = u - moving(u, block.variables)
    plates = block.factor.plates
    summed = {p for m, x in sites for p, s in enumerate(block.site(x)) if set(indices_of(s)) & set(m.bound)}
    if summed:
        yield _within_sums(block, sites, known, summed)
        return
    different = list(dict.fromkeys(block.site(x) for _, x in sites))
    for here, elsewhere in splits(different):
        if not here:
            continue
        condition = number(1)
        for site in here:
            condition = multiply(condition, deltas(plates, site))
        for site in elsewhere:
            condition = multiply(condition, number(1) - deltas(plates, site))
        terms = [_held(block, m, x) if block.site(x) in here else Polynomial((m,)) for m, x in sites]
        if condition:
            yield condition, add(known, *terms)


def _within_sums(
    block: Block, sites: Sequence[tuple[Monomial, Element]], known: Polynomial, summed: Collection[int]
) -> tuple[Polynomial, Polynomial]:
    """The same where the sum runs over the elements: over these plates, by a δ for each term of it."""
    condition, terms = number(1), [known]
    for p, plate in enumerate(block.factor.plates):
        if p in summed:
            continue
        (first, *others) = {block.site(x)[p] for _, x in sites}
        if others:
            whole = add(known, *(Polynomial((m,)) for m, _ in sites))
            raise refusal(block.factor, whole, block.variables, "a sum over one row of elements: it has several")
        condition = multiply(condition, deltas([plate], [first]))
    for m, x in sites:
        is_here = [(Delta(block.site(x)[p], block.factor.plates[p]), Fraction(1)) for p in sorted(summed)]
        one = collect([normalise(m.coefficient, [*m.powers, *is_here], m.bound)])
        (held,) = _held(block, m, x).monomials
        terms += [
            canonical(Polynomial((m,))) - one,
            collect([normalise(held.coefficient, [*held.powers, *is_here], held.bound)]),
        ]
    return condition, add(*terms)


def _element(block: Block, m: Monomial) -> Element:
    """The element of a factor in a term of a sum."""
    (x,) = (a for a in m.atoms if isinstance(a, Element) and a.name in block.variables)
    return x


def _held(block: Block, m: Monomial, x: Element) -> Polynomial:
    """The term with the element of the factor that is being updated in the place of one of its elements."""
    moved = block.with_subs(x, block.factor.plates, block.event_subs(x))
    powers = [(Parameter(x.name, HELD, moved.subs, x.symmetric) if a == x else a, e) for a, e in m.powers]
    return Polynomial((Monomial(m.coefficient, tuple(powers), m.bound),))


def _is_held(atom: Atom) -> bool:
    return isinstance(atom, Parameter) and atom.name == HELD


def _released(p: Polynomial) -> Polynomial:
    """The elements themselves again."""

    def rule(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if isinstance(atom, Parameter) and atom.name == HELD:
            return from_atom(Element(atom.latent, atom.subs, atom.symmetric), exponent)
        if isinstance(atom, Function) and any(_is_held(a) for arg in atom.args for a in arg.atoms()):
            return from_atom(Function(atom.name, tuple(map(_released, atom.args))), exponent)
        return None

    return rewrite(p, rule)
