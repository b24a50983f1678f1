"""A quadrature rule of a density of two numbers that is known up to its normaliser.

Both numbers are mapped to the line. There the mode is found by Newton's method, and coordinates u are chosen in which
the curvature at the mode is the same in all directions, t = mode + L u with L Lᵀ the inverse of the negative Hessian.
The density is summed over the points of a square lattice in u: those that can be reached from the mode through points
where the density has not fallen too far, so that nothing is assumed of its shape. The trapezoidal rule converges
geometrically; a step shorter by √2 multiplies the digits by two in the plane as well as on the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float, to_mpf
from cavi.verify.lattice import Axis, Place, column, reached
from cavi.verify.rules import MAX_LEVELS, Map, OutOfReachError, QuadratureError

LogDensity = Callable[[Value, Value], Value]
Points = dict[Place, tuple[Value, ...]]
MOST_NODES = 250_000
NUDGE = 1e-4  # of a difference quotient, where only the shape of the density is asked for


@dataclass(frozen=True)
class PlaneRule:
    """Nodes of both numbers with weights that add up to one; `log_density` is normalised too."""

    nodes: tuple[Value, Value]
    weights: Value
    log_density: Value
    log_normaliser: Value


def plane_rule(
    engine: Engine, log_density: LogDensity, onto: Sequence[Map], digits: int, name: str, first_step: float = 1.0
) -> PlaneRule:
    """A rule for a unimodal density on the supports that `onto` reaches.

    Raises:
        QuadratureError: when no step within reach gives the digits asked for.
    """
    e = engine

    def integrand(s: Value, t: Value) -> Value:
        value = log_density(onto[0].position(e, s), onto[1].position(e, t))
        return value + onto[0].log_slope(e, s) + onto[1].log_slope(e, t)

    mode, root = _shape(e, integrand, name)
    middle, sides = [e.number(x) for x in mode], [[e.number(x) for x in line] for line in root]
    top, area = integrand(*middle), sides[0][0] * sides[1][1]
    drop = 1.35 * float((digits + 8) * mpmath.log(10))  # a third more than the density leaves room for what grows

    def lattice(step: float, wide: bool, most: int, start: Iterable[Place] = ((0, 0),)) -> Points | None:
        """The lattice in u; where tails are `wide` in sinh⁻¹ u, so that those that fall exponentially end soon."""

        def first(at: Sequence[int]) -> Sequence[Value]:
            u, slope = _stretched(e, column(map(e.number, at)) * e.number(step), wide)
            s = middle[0] + sides[0][0] * u
            return u, onto[0].position(e, s), onto[0].log_slope(e, s) + slope - top, middle[1] + sides[1][0] * u

        def second(at: Sequence[int]) -> Sequence[Value]:
            v, slope = _stretched(e, column(map(e.number, at)) * e.number(step), wide)
            return v, slope, sides[1][1] * v

        axes = Axis(first), Axis(second)

        def values(places: Sequence[Place]) -> Sequence[Value]:
            u, x, slope_x, base = axes[0].columns([p[0] for p in places])
            v, slope_y, further = axes[1].columns([p[1] for p in places])
            t = base + further
            y = onto[1].position(e, t)
            logs = log_density(x, y)
            return logs + slope_x + slope_y + onto[1].log_slope(e, t), logs, u, v, x, y

        return reached(values, drop, most, start)

    # Of a Gaussian the points within √(2 drop) count; more than twice as many are tails that fall exponentially.
    wide = lattice(2 * first_step, False, int(np.pi * drop / first_step**2)) is None
    step, previous = first_step, None
    start: list[Place] = [(0, 0)]
    for _ in range(MAX_LEVELS):
        found = lattice(step, wide, MOST_NODES, start)
        if found is None:
            raise OutOfReachError(f"{name}: a rule in the plane needs more than {MOST_NODES} nodes")
        heights, logs, u, v, x, y = (column(numbers) for numbers in zip(*found.values(), strict=True))
        weights = e("exp", heights) * e.number(step) * e.number(step) * area
        total = weights.sum()
        moments = (total, *((weights * a * b).sum() for a, b in ((u, 1), (v, 1), (u, u), (u, v), (v, v))))
        sums = tuple(map(to_mpf, moments))
        if previous is not None:
            apart = max(abs(a - b) / (1 + abs(a)) for a, b in zip(sums, previous, strict=True))
            if apart < mpmath.mpf(10) ** (-digits / 2**0.5 - 1):
                log_total = top + e("log", total)
                return PlaneRule((x, y), weights / total, logs - log_total, log_total)
        previous = sums
        step /= 2**0.5
        # Where the points of this lattice lie, those of the next are found at once.
        start = [(0, 0), *((round(i * 2**0.5), round(j * 2**0.5)) for i, j in found)]
    raise QuadratureError(f"{name}: the trapezoidal rule in the plane did not settle to {digits} digits")


def _stretched(e: Engine, x: Value, wide: bool) -> tuple[Value, Value]:
    """Coordinates and the logs of their derivatives: sinh x where tails are wide, else x."""
    if not wide:
        return x, 0 * x
    up, down = e("exp", x), e("exp", -x)
    return (up - down) / 2, e("log", (up + down) / 2)


def _shape(e: Engine, integrand: LogDensity, name: str) -> tuple[list[float], list[list[float]]]:
    """The mode, and the lower triangle L with L Lᵀ the inverse of the negative Hessian there."""

    def at(s: float, t: float) -> float:
        try:
            value = to_float(integrand(e.number(s), e.number(t)))
        except (OverflowError, ZeroDivisionError, ValueError):
            return -np.inf
        return value if np.isfinite(value) else -np.inf

    grid = [float(x) for x in np.arange(-30, 31, 3)]
    best = max(((s, t) for s in grid for t in grid), key=lambda p: at(*p))
    here, height = np.array(best), at(*best)
    reach = 4.0
    for _ in range(200):
        slope, bend = _derivatives(at, here)
        values, axes = np.linalg.eigh(bend)
        along = axes.T @ slope
        # Uphill by Newton's method in the directions that are concave, by a bounded step in the others.
        move = np.where(values < 0, -along / np.where(values < 0, values, -1.0), np.sign(along) * reach)
        step = axes @ np.clip(move, -reach, reach)
        share = 1.0
        while share > 1e-6 and at(*(here + share * step)) <= height:
            share /= 2
        after = at(*(here + share * step))
        if after <= height or np.abs(share * step).max() < 1e-7:
            break
        here, height = here + share * step, after
    _, bend = _derivatives(at, here)
    if not np.isfinite(bend).all() or np.linalg.eigvalsh(bend).max() >= 0:
        raise QuadratureError(f"{name}: the density has no mode inside its support")
    root = np.linalg.cholesky(np.linalg.inv(-bend))
    return [float(x) for x in here], [[float(x) for x in row] for row in root]


def _derivatives(at: Callable[[float, float], float], here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian by differences."""
    d = NUDGE
    f = {(i, j): at(here[0] + i * d, here[1] + j * d) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    slope = np.array([f[1, 0] - f[-1, 0], f[0, 1] - f[0, -1]]) / (2 * d)
    cross = (f[1, 1] - f[1, -1] - f[-1, 1] + f[-1, -1]) / (4 * d * d)
    own = [(f[1, 0] - 2 * f[0, 0] + f[-1, 0]) / (d * d), (f[0, 1] - 2 * f[0, 0] + f[0, -1]) / (d * d)]
    return slope, np.array([[own[0], cross], [cross, own[1]]])
