"""Perfect squares in a sum of monomials: ``x² - 2 x m + m²`` is ``(x - m)²``, with sums inside too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from math import isqrt

from cavi.derive.canonical import add, collect, multiply, normalise, substitute_atom
from cavi.derive.index import Index, Sub
from cavi.derive.term import Monomial, Polynomial, Powers, atom_indices

Item = tuple[Fraction, Powers, tuple[Index, ...]]


def complete_square(items: Sequence[Item]) -> tuple[Fraction, Polynomial] | None:
    """``(c, p)`` with ``c p² = Σ items``, or None.

    Every monomial that is itself a square gives a root; the signs of the roots are tried until the
    square of their sum, multiplied out, is the input. A sum of up to five roots is found.
    """
    count = next((n for n in range(2, 6) if n * (n + 1) // 2 == len(items)), None)
    if count is None:
        return None
    target = collect(normalise(*item) for item in items)
    found = [(c, r) for c, powers, bound in items if (r := _root(powers, bound)) is not None]
    if len(found) != count or len({c > 0 for c, _ in found}) != 1:
        return None
    scale = found[0][0]
    roots = []
    for c, r in found:
        ratio = _square_root(c / scale)
        if ratio is None:
            return None
        roots.append(collect([r]).scaled(ratio))
    for signs in product((1, -1), repeat=len(roots) - 1):
        candidate = add(roots[0], *(r.scaled(s) for r, s in zip(roots[1:], signs, strict=True)))
        if multiply(candidate, candidate).scaled(scale) == target:
            return scale, candidate
    return None


def _square_root(value: Fraction) -> Fraction | None:
    if value <= 0:
        return None
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    return Fraction(top, bottom) if top * top == value.numerator and bottom * bottom == value.denominator else None


def _root(powers: Powers, bound: tuple[Index, ...]) -> Monomial | None:
    """The monomial whose square this is: even powers, or one half of a symmetric double sum."""
    if not bound:
        if not powers or any(e.denominator != 1 or e.numerator % 2 for _, e in powers):
            return None
        return normalise(Fraction(1), [(a, e / 2) for a, e in powers], ())
    for left, right in _halves(bound):
        shared = [(a, e) for a, e in powers if not set(atom_indices(a)) & set(bound)]
        if any(e.denominator != 1 or e.numerator % 2 for _, e in shared):
            continue
        mine = [(a, e) for a, e in powers if set(atom_indices(a)) & set(left)]
        theirs = {(a, e) for a, e in powers if set(atom_indices(a)) & set(right)}
        swap: dict[Index, Sub] = dict(zip(left, right, strict=True))
        if theirs == {(substitute_atom(a, swap), e) for a, e in mine}:
            return normalise(Fraction(1), [*mine, *((a, e / 2) for a, e in shared)], left)
    return None


def _halves(bound: tuple[Index, ...]) -> Iterator[tuple[tuple[Index, ...], tuple[Index, ...]]]:
    """Ways to pair the indices off, a pair always of one size; only one or two pairs are tried."""
    if len(bound) == 2 and bound[0].size == bound[1].size:
        yield (bound[0],), (bound[1],)
    if len(bound) == 4:
        a, *rest = bound
        for b in rest:
            c, d = (i for i in rest if i != b)
            if a.size == b.size and c.size == d.size:
                yield (a, c), (b, d)
                yield (a, d), (b, c)
