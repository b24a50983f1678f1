"""Chords that refute convexity or concavity, found by a deterministic search and proved at exact points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp

from cavi.derive.derivation import Step
from cavi.derive.identities import convexity_rules as rules
from cavi.derive.identities.sign import GIVES_UP

Expr = Any
_DIGITS = 30
_FAR = sp.Float("1e-20", _DIGITS)  # a difference below this part of the values is not taken as evidence


@dataclass(frozen=True)
class Chord:
    """The points t·x + (1 − t)·y of the segment from `x` to `y`; `value` is f there, `chord` that of the chord."""

    x: tuple[Expr, ...]
    y: tuple[Expr, ...]
    t: Expr
    value: Expr
    chord: Expr

    @property
    def point(self) -> tuple[Expr, ...]:
        """The point of the segment at which graph and chord are compared."""
        return tuple(self.t * a + (1 - self.t) * b for a, b in zip(self.x, self.y, strict=True))

    def step(self) -> Step[Any]:
        """Return the comparison of graph and chord as a step."""
        relation: Any = ">" if self.value > self.chord else "<"
        where = f"x = {_written(self.x)}, y = {_written(self.y)}, t = {self.t}"
        return Step(self.value, self.chord, rules.CHORD, (where,), relation=relation)


@dataclass(frozen=True)
class Counterexample:
    """`above`: the graph is above the chord, so not convex. `below`: the graph is below it, so not concave."""

    above: Chord | None
    below: Chord | None


def _written(point: tuple[Expr, ...]) -> str:
    return str(point[0]) if len(point) == 1 else str(point)


def certified(expr: Expr, symbols: tuple[Expr, ...], x: tuple[Expr, ...], y: tuple[Expr, ...], t: Expr) -> Chord | None:
    """Return the chord with its two values to 30 digits, or None if they cannot be told apart."""
    try:
        return _certified(expr, symbols, x, y, t)
    except GIVES_UP:
        return None


def _certified(
    expr: Expr, symbols: tuple[Expr, ...], x: tuple[Expr, ...], y: tuple[Expr, ...], t: Expr
) -> Chord | None:
    point = tuple(t * a + (1 - t) * b for a, b in zip(x, y, strict=True))
    values = [expr.subs(dict(zip(symbols, p, strict=True)), simultaneous=True) for p in (point, x, y)]
    chord = t * values[1] + (1 - t) * values[2]
    gap = sp.N(values[0] - chord, _DIGITS)
    value, level = sp.N(values[0], _DIGITS), sp.N(chord, _DIGITS)
    if not all(v.is_real and v.is_finite for v in (gap, value, level)):
        return None
    if abs(gap) <= _FAR * (1 + abs(value) + abs(level)) or value == level:
        return None
    return Chord(x, y, t, value, level)


def find(
    expr: Expr, symbols: tuple[Expr, ...], intervals: tuple[Expr, ...], special: tuple[Expr, ...] = ()
) -> Counterexample:
    """Search for a chord above and one below; `special` are points of a line near which to look closely."""
    function = _numeric(expr, symbols)
    above: list[tuple[float, float, Any]] = []
    below: list[tuple[float, float, Any]] = []
    for centre, arm in _segments(symbols, intervals, special):
        x = tuple(c - a for c, a in zip(centre, arm, strict=True))
        y = tuple(c + a for c, a in zip(centre, arm, strict=True))
        middle, left, right = function(centre), function(x), function(y)
        if middle is None or left is None or right is None:
            continue
        gap = middle - (left + right) / 2
        score = abs(gap) / (1e-300 + abs(middle) + abs(left) + abs(right))
        if score > 1e-12:
            size = abs(gap) / (1.0 + abs(middle) + abs(left) + abs(right))
            (above if gap > 0 else below).append((score, size, (x, y)))
    return Counterexample(_best(expr, symbols, above), _best(expr, symbols, below))


def _best(expr: Expr, symbols: tuple[Expr, ...], candidates: list[tuple[float, float, Any]]) -> Chord | None:
    by_size = sorted(candidates, key=lambda c: -c[1])[:4]  # certified chords are far apart in size, not in ratio
    for _, _, (x, y) in [*by_size, *sorted(candidates, key=lambda c: -c[0])[:4]]:
        chord = certified(expr, symbols, x, y, sp.Rational(1, 2))
        if chord is not None:
            return chord
    return None


def _numeric(expr: Expr, symbols: tuple[Expr, ...]) -> Callable[[tuple[Expr, ...]], float | None]:
    compiled = sp.lambdify(symbols, expr, modules="mpmath")

    def value(point: tuple[Expr, ...]) -> float | None:
        try:
            number = complex(compiled(*(float(p) for p in point)))
        except (ArithmeticError, ValueError, TypeError, NameError, NotImplementedError, AttributeError):
            return None  # no value here: the search goes on elsewhere
        finite = number.imag == 0 and abs(number.real) < 1e280
        return number.real if finite else None

    return value


def rational(value: Expr) -> Expr:
    """Return the number itself if it is rational, else a rational number within about 1e-20 of it."""
    return value if value.is_Rational else sp.Rational(str(sp.N(value, 20)))


def grid(interval: Expr, count: int) -> list[Expr]:
    """Return rational points strictly inside, denser where functions of the kind usually turn."""
    low, high = interval.start, interval.end
    if low.is_infinite and high.is_infinite:
        return [sp.Rational(k * abs(k), count) * 8 / count for k in range(-count, count + 1)]
    if high.is_infinite:
        base = sp.Rational(sp.floor(low * 1024) + (0 if (low * 1024).is_Integer else 1), 1024)
        near = [base + sp.Rational(k * k, count) * 8 / count for k in range(1, count + 1)]
        return near + [base + 8 * 2**k for k in range(1, 7)]  # a function may turn late: (log x/9)/x at 40
    if low.is_infinite:
        return [-p for p in grid(sp.Interval(-high, sp.oo), count)]
    left, right = rational(low), rational(high)
    return [left + (right - left) * sp.Rational(k, count + 1) for k in range(1, count + 1)]


def _segments(
    symbols: tuple[Expr, ...], intervals: tuple[Expr, ...], special: tuple[Expr, ...]
) -> Iterator[tuple[tuple[Expr, ...], tuple[Expr, ...]]]:
    if len(symbols) == 1:
        interval, centres = intervals[0], grid(intervals[0], 24)
        near = sorted({*special, interval.start, interval.end} - {sp.oo, -sp.oo}, key=sp.N)
        for point in special:
            gaps = [abs(point - other) for other in near if other != point] or [sp.S.One]
            gap = rational(min([sp.S.One, *gaps], key=sp.N))
            middle = rational(point)
            for part in (sp.Rational(1, 3), sp.Rational(1, 16), sp.Rational(1, 128)):
                for shift in (0, part / 4, -part / 4, part, -part):
                    yield (middle + shift * gap,), (part * gap / 2,)
        arms = [sp.Rational(1, 64), sp.Rational(1, 4), sp.S.One, sp.Integer(4)]
        for centre in centres:
            room = min(centre - interval.start, interval.end - centre, key=sp.N)
            for arm in arms if room.is_infinite else [a for a in arms if a < room] or [_below(room)]:
                yield (centre,), (arm,)
        return
    count = {2: 4, 3: 3}.get(len(symbols), 2)
    for centre in product(*(grid(interval, count) for interval in intervals)):
        for direction in product((-1, 0, 1), repeat=len(symbols)):
            if direction <= (0,) * len(symbols):
                continue
            rooms = [min(c - i.start, i.end - c, key=sp.N) for c, i in zip(centre, intervals, strict=True)]
            room = min([sp.S.One, *rooms], key=sp.N)
            for part in (sp.Rational(1, 4), sp.Rational(7, 8)):
                yield centre, tuple(part * _below(room) * d for d in direction)


def _below(room: Expr) -> Expr:
    return rational(room) * sp.Rational(7, 8)
