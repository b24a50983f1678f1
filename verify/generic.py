"""Generic values: rationals inside a domain that are neither 0 nor 1 nor simple fractions, moderate or wide.

Mistakes hide at 0 and 1. Moderate values keep every quantity of order one; wide ones spread positive numbers over
four orders of magnitude and put probabilities near the ends, where formulas and quadratures are tested hardest.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from cavi.verify.claim import Axes
from cavi.verify.evaluate import Position, positions

Table = dict[Position, Fraction]
DENOMINATORS = (7, 11, 13, 17, 19)
LARGEST_COUNT = 4
RANGES = {
    "real": (-1.6, 1.6),
    "positive": (0.6, 2.4),
    "nonnegative": (0.3, 2.4),
    "shape": (2.3, 4.2),
    "dof": (9.2, 12.1),
    "unit": (0.2, 0.8),
    "angle": (-2.4, 2.4),
    "simplex": (0.1, 0.9),
}
DECADES = (-1.0, 3.0)  # wide positive numbers: 0.1 to 1000
EDGE = (0.01, 0.99)  # wide probabilities


def generic(domain: str, rng: np.random.Generator, wide: bool = False) -> Fraction:
    """A rational inside the domain that is neither 0 nor 1 nor a simple fraction."""
    if domain == "count":
        return Fraction(int(rng.integers(2, LARGEST_COUNT + 1)))
    if wide and domain in ("positive", "nonnegative", "shape"):
        return _wide_positive(rng)
    if wide and domain == "unit":
        return Fraction(round(997 * rng.choice([rng.uniform(EDGE[0], 0.1), rng.uniform(0.9, EDGE[1])])), 997)
    low, high = RANGES[domain]
    while True:
        bottom = int(rng.choice(DENOMINATORS))
        value = Fraction(round(rng.uniform(low, high) * bottom), bottom)
        if value.denominator > 1 and low < value < high and abs(value) > Fraction(1, 10):
            return value


def _wide_positive(rng: np.random.Generator) -> Fraction:
    while True:
        value = Fraction(round(10 ** rng.uniform(*DECADES) * 97), 97)
        if value.denominator > 1 and Fraction(1, 10) < value < 1000:
            return value


def random_table(
    domain: str, axes: Axes, sizes: Mapping[str, int], rng: np.random.Generator, wide: bool = False
) -> Table:
    """Generic rationals over the axes; over the last one they add up to one in a simplex."""
    places = list(positions(axes, sizes))
    if domain in ("spd", "positive_definite"):
        return _spd(axes, sizes, rng, wide)
    if domain == "binary":  # as many of one as of the other
        return {at: Fraction(int(k) % 2) for at, k in zip(places, rng.permutation(len(places)), strict=True)}
    if domain != "simplex":
        return {at: generic(domain, rng, wide) for at in places}
    raw = {at: Fraction(int(rng.integers(1, 90) if wide else rng.integers(3, 12))) for at in places}
    totals: dict[Position, Fraction] = {}
    for at, value in raw.items():
        totals[at[:-1]] = totals.get(at[:-1], Fraction(0)) + value
    return {at: value / totals[at[:-1]] for at, value in raw.items()}


def _columns(rows: Axes, columns: Axes) -> bool:
    """Whether the second axes are the first ones with a prime."""
    return all(c == i + "'" and s == t for (i, s), (c, t) in zip(rows, columns, strict=True))


def _spd(axes: Axes, sizes: Mapping[str, int], rng: np.random.Generator, wide: bool) -> Table:
    """Positive definite matrices over the last two groups of axes: A Aᵀ + a positive diagonal."""
    # Two event axes may run over the same set, so the primes tell the columns; a declared matrix may have none.
    paired = (r for r in range(len(axes) // 2, 0, -1) if _columns(axes[-2 * r : -r], axes[-r:]))
    half = next(paired, 1)
    rows = list(positions(axes[-half:], sizes))
    size = len(rows)
    table: Table = {}
    for at in positions(axes[: -2 * half], sizes):
        a = [[generic("real", rng) for _ in range(size)] for _ in range(size)]
        diagonal = [generic("positive", rng, wide) for _ in range(size)]
        for i in range(size):
            for j in range(size):
                total = sum((x * y for x, y in zip(a[i], a[j], strict=True)), Fraction(0))
                table[(*at, *rows[i], *rows[j])] = total + (diagonal[i] if i == j else 0)
    return table
