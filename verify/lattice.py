"""The points of a square lattice in the plane at which a density counts, each evaluated once, many at a time.

What depends on one coordinate alone is made once for a line of points, which share the numbers themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cavi.verify.arithmetic import Value, to_float

Place = tuple[int, int]
NEIGHBOURS = ((1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass(frozen=True)
class Axis:
    """What is known of the points of one coordinate: columns of numbers, made for new positions and kept."""

    make: Callable[[Sequence[int]], Sequence[Value]]
    known: dict[int, tuple[Value, ...]] = field(default_factory=dict)

    def columns(self, at: Sequence[int]) -> list[Value]:
        """The columns at positions, equal positions sharing their numbers."""
        if new := [i for i in dict.fromkeys(at) if i not in self.known]:
            self.known.update(zip(new, zip(*self.make(new), strict=True), strict=True))
        return [column(numbers) for numbers in zip(*(self.known[i] for i in at), strict=True)]


def reached(
    values: Callable[[Sequence[Place]], Sequence[Value]], drop: float, most: int, start: Iterable[Place]
) -> dict[Place, tuple[Value, ...]] | None:
    """The points of a square lattice that count, and those that neighbours lead to while they do; None for too many.

    Args:
        values: what is wanted at places, as columns of which the first is the height that decides whether one counts.
        drop: how far below zero the height of a point may be that counts.
        most: how many there may be.
        start: places among which some count.
    """
    found: dict[Place, tuple[Value, ...]] = {}
    seen: set[Place] = set()
    edge = list(dict.fromkeys(start))
    while edge:
        seen.update(edge)
        inside = []
        for place, numbers in zip(edge, zip(*values(edge), strict=True), strict=True):
            height = to_float(numbers[0])
            if np.isfinite(height) and height > -drop:
                found[place] = numbers
                inside.append(place)
        if len(found) > most:
            return None
        near = ((i + a, j + b) for i, j in inside for a, b in NEIGHBOURS)
        edge = [p for p in dict.fromkeys(near) if p not in seen]
    return found


def column(values: Iterable[Value]) -> Value:
    """Numbers of any engine as an array."""
    values = tuple(values)
    if isinstance(values[0], float):
        return np.array(values)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
