"""A square lattice in the plane, refined by √2 at a time: the points at which a density counts, each evaluated once.

The lattice of half the diagonal of a square is that lattice with the centres of its squares, turned by 45°. So every
point stays a point of all finer lattices, and a rule that is refined until it settles costs what its last step does.
What depends on one coordinate alone is made once for a line of points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float

Place = tuple[int, int]
LEVELS = 14
FINEST = 2 ** (LEVELS // 2)  # of the numbers that count positions, one step of the first lattice is so many
STRAIGHT = ((1, 0), (-1, 0), (0, 1), (0, -1))
DIAGONAL = ((1, 1), (-1, 1), (1, -1), (-1, -1))


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


@dataclass
class Lattice:
    """The points of a lattice that can be reached from its origin through points that count.

    Attributes:
        values: what is wanted at places, as columns of which the first is the height that decides whether one counts.
        drop: how far below zero the height of a point may be that counts.
    """

    values: Callable[[Sequence[Place]], Sequence[Value]]
    drop: float
    found: dict[Place, tuple[Value, ...]] = field(default_factory=dict)
    seen: set[Place] = field(default_factory=set)

    def refined(self, most: int) -> Iterator[list[Value] | None]:
        """Places and values of the points that count, for one lattice after another; None for more than so many."""
        edge: Iterable[Place] = [(0, 0)]
        for level in range(LEVELS):
            stride = FINEST >> (level + 1) // 2
            steps = [(a * stride, b * stride) for a, b in (DIAGONAL if level % 2 else STRAIGHT)]
            while edge := [p for p in dict.fromkeys(edge) if p not in self.seen]:
                inside = self._evaluated(edge)
                if len(self.found) > most:
                    yield None
                    return
                edge = _near(inside, steps)
            places = [column(axis) for axis in zip(*self.found, strict=True)]
            yield [*places, *(column(numbers) for numbers in zip(*self.found.values(), strict=True))]
            following = FINEST >> (level + 2) // 2
            edge = _near(self.found, [(a * following, b * following) for a, b in (STRAIGHT if level % 2 else DIAGONAL)])

    def _evaluated(self, places: Sequence[Place]) -> list[Place]:
        """The places among these that count."""
        self.seen.update(places)
        inside = []
        for place, numbers in zip(places, zip(*self.values(places), strict=True), strict=True):
            height = to_float(numbers[0])
            if np.isfinite(height) and height > -self.drop:
                self.found[place] = numbers
                inside.append(place)
        return inside


def _near(places: Iterable[Place], steps: Sequence[Place]) -> list[Place]:
    return [(i + a, j + b) for i, j in places for a, b in steps]


def column(values: Iterable[Value]) -> Value:
    """Numbers of any engine as an array."""
    values = tuple(values)
    if isinstance(values[0], float):
        return np.array(values)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def scaled(engine: Engine, at: Iterable[int], unit: Value) -> Value:
    """Coordinates of positions, of which `FINEST` are one unit."""
    return column([engine.number(i) * unit / FINEST for i in at])
