"""Discrete data that tell mistakes apart.

Where all data of a case are alike, where two rows hold the same values, or where a square table is symmetric, a wrong
index or a lost term changes nothing. So of several arrangements of the drawn values the most telling one is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from cavi.verify.claim import Axes
from cavi.verify.evaluate import Position
from cavi.verify.generic import Table

ARRANGEMENTS = 40


def most_telling(table: Table, axes: Axes, rng: np.random.Generator) -> Table:
    """The values of a table in the most telling of some random arrangements; the given one where it is as good."""
    if len(table) < 3 or len(set(table.values())) == 1:
        return table
    places, values = list(table), list(table.values())
    found = [table]
    for _ in range(ARRANGEMENTS):
        found.append(dict(zip(places, (values[i] for i in rng.permutation(len(values))), strict=True)))
    return max(found, key=lambda t: tells(t, axes))


def tells(table: Table, axes: Axes) -> int:
    """How much an arrangement tells apart: slices along an axis, and the two sides of a square table."""
    score = sum(len({_content(table, k, i) for i in {at[k] for at in table}}) for k in range(len(axes)))
    for k, m in combinations(range(len(axes)), 2):
        if axes[k][1] == axes[m][1]:
            above = [x for at, x in table.items() if at[k] < at[m]]
            mirrored = [table.get(_swapped(at, k, m)) != x for at, x in table.items() if at[k] < at[m]]
            score += 4 * len(set(above)) + sum(mirrored)
    return score


def _content(table: Table, axis: int, index: int) -> Sequence[Fraction]:
    """The values of a slice, whatever their order."""
    return tuple(sorted(x for at, x in table.items() if at[axis] == index))


def _swapped(at: Position, k: int, m: int) -> Position:
    other = list(at)
    other[k], other[m] = other[m], other[k]
    return tuple(other)
