"""The coordinates on which the evidence is eliminated: maps of latents from the line, their nodes and movable windows.

A scalar has one coordinate, a simplex of K parts K - 1 sticks (the logit of each broken-off share), a positive definite
matrix the elements of its Cholesky factor T, the logarithm of those on the diagonal: X = T Tᵀ, with the Jacobian
2^D Π_i t_ii^(D - i + 2). Every Jacobian is a product over the coordinates, so that each has weights of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float, to_mpf
from cavi.verify.averages import Infeasible
from cavi.verify.claim import Element
from cavi.verify.rules import SIDES, Map, interval, stretched_line

COMPACT, TAILS = 2 / 3, 2.0  # shares of the nodes: a matrix near a typical one; logits with long tails
LINES = ("line", "creased")
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Axis:
    """One coordinate: the log of its share of the Jacobian, and the window on the line (or whole counts).

    `share` is how many of the nodes that are asked for it takes: fewer where the density is known to be compact.
    """

    name: Key
    log_slope: Callable[[Engine, Value], Value]
    window: tuple[float, float]
    kind: str  # line, creased (two half lines with one window), circle or count
    share: float = 1.0

    def nodes(self, e: Engine, count: int) -> tuple[Value, Value]:
        """So many nodes on the line and their quadrature weights."""
        low, high = self.window
        count = round(count * self.share)
        if self.kind == "count":
            t = _array(e, range(int(high) + 1), 1)
            return t, t * 0 + e.number(1)
        lines = self.kind in LINES
        step = e.number((high - low) / count) if lines else 2 * e.constants("pi") / count
        start = round(low / to_float(step)) if lines else -(count // 2)
        t = _array(e, range(start, start + count + 1 - (self.kind == "circle")), step)
        if self.kind == "creased":
            t = np.concatenate([t - SIDES, t + SIDES])
        return t, e("exp", self.log_slope(e, t)) * step

    def widened(self, share: float) -> Axis:
        """The axis with a window wider by that share on both sides."""
        if self.kind not in LINES:
            return self
        low, high = self.window
        return replace(self, window=(low - share * (high - low), high + share * (high - low)))

    def narrowed(self, marginal: Value, count: int, negligible: float) -> Axis:
        """The axis with its window around the mass of a marginal, wider where the mass reaches an end."""
        if self.kind not in LINES:
            return self
        mass = np.array([float(x) for x in (to_mpf(m) for m in _scaled(marginal))])
        if self.kind == "creased":
            mass = mass.reshape(2, -1).max(axis=0)
        inside = np.flatnonzero(mass > negligible)
        if not len(inside):
            raise Infeasible(f"the marginal of {self.name} vanishes on its window")
        low, high = self.window
        step = (high - low) / round(count * self.share)
        first, last = int(inside[0]), int(inside[-1])
        left = low - 0.7 * (high - low) if first == 0 else low + (first - 1) * step
        right = high + 0.7 * (high - low) if last == len(mass) - 1 else low + (last + 1) * step
        return replace(self, window=(max(left, -400.0), min(right, 400.0)))


@dataclass(frozen=True)
class Coordinates:
    """The latents that share coordinates, as functions of the nodes of all of these.

    `recentred` gives better coordinates once a typical point is known, if there are any.
    """

    axes: tuple[Axis, ...]
    elements: tuple[Element, ...]
    values: Callable[[Engine, Sequence[Value]], dict[Element, Value]]
    recentred: Callable[[Engine, Sequence[float]], Coordinates] | None = None


def scalar(x: Element, onto: Map, window: tuple[float, float], kind: str) -> Coordinates:
    """One latent on the image of the line."""
    return Coordinates((Axis((x,), onto.log_slope, window, kind),), (x,), lambda e, t: {x: onto.position(e, t[0])})


def sticks(group: Sequence[Element]) -> Coordinates:
    """The parts of a simplex: x_k = v_k Π_{j<k} (1 - v_j) with v the logistic function of a coordinate."""
    count = len(group) - 1

    def slope(k: int) -> Callable[[Engine, Value], Value]:
        after = count - 1 - k  # later shares, each of which is measured by what this one leaves
        return lambda e, t: interval(0, 1).log_slope(e, t) - after * e("log", 1 + e("exp", t))

    def values(e: Engine, t: Sequence[Value]) -> dict[Element, Value]:
        rest: Value = e.number(1)
        found: dict[Element, Value] = {}
        for x, u in zip(group[:-1], t, strict=True):
            found[x] = rest / (1 + e("exp", -u))
            rest = rest / (1 + e("exp", u))
        return found | {group[-1]: rest}

    axes = tuple(Axis((group[0], k), slope(k), (-15.0, 15.0), "line", TAILS) for k in range(count))
    return Coordinates(axes, tuple(group), values)


def cholesky_coordinates(
    group: Sequence[Element], covariance: bool, reference: list[list[float]] | None = None
) -> Coordinates:
    """The elements, row by row, of a positive definite matrix X = (C T)(C T)ᵀ by those of its factor T.

    C is the factor of a typical matrix, so that T is near one and its elements nearly independent: of a precision
    t_ij themselves, of a covariance t_ij / (t_ii t_jj), by the decompositions of Wishart and inverse Wishart.
    """
    size = round(len(group) ** 0.5)
    places = [(i, j) for i in range(size) for j in range(i + 1)]
    c = reference or [[float(i == j) for j in range(size)] for i in range(size)]
    stretched = stretched_line()

    def diagonal(i: int) -> Callable[[Engine, Value], Value]:
        power = size - i + 1 + (size - 1) * covariance

        def log_slope(e: Engine, t: Value) -> Value:
            return e("log", e.number(2)) + (size + 1) * e("log", e.number(c[i][i])) + power * t

        return log_slope

    def factor(e: Engine, t: Sequence[Value]) -> list[list[Value]]:
        low: dict[tuple[int, int], Value] = {}
        for (i, j), u in zip(places, t, strict=True):
            low[i, j] = e("exp", u) if i == j else stretched.position(e, u)
        if covariance:
            low = {(i, j): x if i == j else x * low[i, i] * low[j, j] for (i, j), x in low.items()}
        return [
            [sum((e.number(c[i][k]) * low[k, j] for k in range(j, i + 1)), e.number(0)) for j in range(i + 1)]
            for i in range(size)
        ]

    def values(e: Engine, t: Sequence[Value]) -> dict[Element, Value]:
        b = factor(e, t)
        return {
            x: sum((b[n // size][k] * b[n % size][k] for k in range(min(divmod(n, size)) + 1)), e.number(0))
            for n, x in enumerate(group)
        }

    def recentred(e: Engine, t: Sequence[float]) -> Coordinates:
        rows = factor(e, [e.number(u) for u in t])
        return cholesky_coordinates(group, covariance, [[to_float(x) for x in row] for row in rows])

    wide, off = ((-14.0, 10.0), (-7.0, 7.0)) if reference is None else ((-4.0, 3.0), (-3.0, 3.0))
    axes = tuple(
        Axis((group[0], i, j), diagonal(i), wide, "line", COMPACT)
        if i == j
        else Axis((group[0], i, j), stretched.log_slope, off, "line", COMPACT)
        for i, j in places
    )
    return Coordinates(axes, tuple(group), values, recentred)


def _array(e: Engine, counts: range, step: Any) -> Value:
    out = e.zeros((len(counts),))
    out[:] = [e.number(k) * step for k in counts]
    return out


def typical(e: Engine, axis: Axis, marginal: Value, count: int) -> float:
    """The mean of a coordinate under its marginal."""
    mass = [to_float(m) for m in _scaled(marginal)]
    t = [to_float(x) for x in axis.nodes(e, count)[0]]
    return sum(m * u for m, u in zip(mass, t, strict=True)) / sum(mass)


def _scaled(marginal: Value) -> list[Any]:
    values = [to_mpf(m) for m in marginal]
    top = max(values)
    return [v / top for v in values]
