"""Squares of an affine scalar that the normal form has multiplied out: a h² + b h + c inside a function.

The logarithm of a Student density is a function of (y - h)², which stands there as a quadratic form in the elements
of the latents. Its derivative in one element is the scalar times what is known, so that the scalar is read off it;
dividing by the square of the scalar then shows whether the form is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cavi.derive.canonical import add, collect, deltas, fresh_index, multiply, normalise, sum_over
from cavi.derive.propagation.affine import Affine, degree, is_random
from cavi.derive.propagation.matching import multiple_of
from cavi.derive.term import ZERO, Atom, Element, Monomial, Polynomial, atom_indices


def by_degree(p: Polynomial, names: Sequence[str]) -> dict[int, Polynomial] | None:
    """The terms of degree zero, one and two in the latents; None where there are others."""
    found: dict[int, list[Monomial]] = {0: [], 1: [], 2: []}
    for m in p.monomials:
        d = degree(m.powers, names)
        if d not in (0, 1, 2):
            return None
        found[int(d)].append(m)
    return {d: Polynomial(tuple(ms)) for d, ms in found.items()}


def root(p: Polynomial, names: Sequence[str]) -> Affine | None:
    """The scalar whose square a quadratic form may be; None where there is no form."""
    parts = by_degree(p, names)
    if parts is None or not parts[2]:
        return None
    elements = [(a, m) for m in parts[2].monomials for a in m.atoms if isinstance(a, Element) and a.name in names]
    own, first = min(elements, key=lambda am: bool(set(atom_indices(am[0])) & set(am[1].bound)))
    slope = primitive(_slope(parts[2], own, bool(set(atom_indices(own)) & set(first.bound))), names)
    return Affine(slope, ZERO) if slope and by_degree(slope, names) is not None else None


def _slope(form: Polynomial, own: Element, everywhere: bool) -> Polynomial:
    """The derivative of a form in an element; in every element of that name, at an open place, where it is summed."""
    places = [fresh_index(s.size) for s in own.subs] if everywhere else []
    total = ZERO
    for m in form.monomials:
        for atom, exponent in m.powers:
            if not isinstance(atom, Element) or atom.name != own.name or (not everywhere and atom != own):
                continue
            rest: list[tuple[Atom, Fraction]] = [(a, e if a != atom else e - 1) for a, e in m.powers]
            piece = collect([normalise(m.coefficient * exponent, [(a, e) for a, e in rest if e], ())])
            if everywhere:
                piece = multiply(piece, deltas(places, atom.subs))
            total = total + sum_over(piece, m.bound)
    return total


def primitive(p: Polynomial, names: Sequence[str]) -> Polynomial:
    """The polynomial divided by the known atoms that all of its terms have."""
    shared: dict[Atom, Fraction] | None = None
    for m in p.monomials:
        own = {a: e for a, e in m.powers if not is_random(a, names) and not set(atom_indices(a)) & set(m.bound)}
        shared = own if shared is None else {a: e for a, e in shared.items() if own.get(a) == e}
    monomials = []
    for m in p.monomials:
        monomials.append(normalise(m.coefficient, [(a, e) for a, e in m.powers if a not in (shared or {})], m.bound))
    return collect(monomials)


def in_square(p: Polynomial, scalar: Affine, hole: Polynomial, names: Sequence[str]) -> Polynomial | None:
    """The polynomial as a h² + b h + c with the hole in the place of h; None where it is no such square."""
    parts = by_degree(p, names)
    if parts is None or not parts[2]:
        return None
    square = multiply(scalar.latent, scalar.latent)
    found = [quotient(parts[2], square), quotient(parts[1], scalar.latent)]
    if found[0] is None or found[1] is None:
        return None
    h = hole - scalar.offset
    return add(found[0] * h * h, found[1] * h, parts[0])


def quotient(p: Polynomial, divisor: Polynomial) -> Polynomial | None:
    """The known polynomial whose product with the divisor is p; None where there is none."""
    total = ZERO
    while p:
        factors = (f for m in p.monomials for f in multiple_of(m, divisor.monomials[0], ()))
        factor = next((f for f in factors if _divides(p, f * divisor)), None)
        if factor is None:
            return None
        p, total = p - factor * divisor, total + factor
    return total


def _divides(p: Polynomial, part: Polynomial) -> bool:
    return set(part.monomials) <= set(p.monomials)
