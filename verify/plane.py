"""A quadrature rule of a density of two numbers that is known up to its normaliser.

Both numbers are mapped to the line. There the mode is found by Newton's method, and coordinates u are chosen in which
the curvature at the mode is the same in all directions, t = mode + L u with L Lᵀ the inverse of the negative Hessian.
The density is summed over the points of a square lattice in u: those that can be reached from the mode through points
where the density has not fallen too far, so that nothing is assumed of its shape. The trapezoidal rule converges
geometrically; a step shorter by √2 multiplies the digits by two in the plane as well as on the line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float, to_mpf
from cavi.verify.rules import MAX_LEVELS, Map, QuadratureError

LogDensity = Callable[[Value, Value], Value]
MOST_NODES = 60_000
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

    def above(u: Value, v: Value) -> Value:
        return integrand(*_placed(middle, sides, u, v)) - top

    def stretched(u: Value, v: Value) -> Value:
        """The same at sinh u and sinh v: tails that fall exponentially end soon."""
        return above(_sinh(e, u), _sinh(e, v)) + _log_cosh(e, u) + _log_cosh(e, v)

    step, previous = first_step, None
    # Of a Gaussian the points within √(2 drop) count; more than twice as many are tails that fall exponentially.
    wide = _lattice(e, above, 2 * step, drop, int(np.pi * drop / step**2)) is None
    for _ in range(MAX_LEVELS):
        found = _lattice(e, stretched if wide else above, step, drop, MOST_NODES)
        if found is None:
            raise QuadratureError(f"{name}: a rule in the plane needs more than {MOST_NODES} nodes")
        (u, v), logs = found
        weights = e("exp", logs) * e.number(step) * e.number(step) * area
        if wide:
            u, v = _sinh(e, u), _sinh(e, v)
        total = weights.sum()
        scaled = (total, *((weights * a * b).sum() for a, b in ((u, 1), (v, 1), (u, u), (u, v), (v, v))))
        sums = tuple(map(to_mpf, scaled))
        if previous is not None:
            apart = max(abs(a - b) / (1 + abs(a)) for a, b in zip(sums, previous, strict=True))
            if apart < mpmath.mpf(10) ** (-digits / 2**0.5 - 1):
                s, t = _placed(middle, sides, u, v)
                x = (onto[0].position(e, s), onto[1].position(e, t))
                log_total = top + e("log", total)
                return PlaneRule(x, weights / total, log_density(*x) - log_total, log_total)
        previous = sums
        step /= 2**0.5
    raise QuadratureError(f"{name}: the trapezoidal rule in the plane did not settle to {digits} digits")


def _placed(middle: Sequence[Value], sides: Sequence[Sequence[Value]], u: Value, v: Value) -> tuple[Value, Value]:
    """The coordinates at points of the lattice."""
    return middle[0] + sides[0][0] * u, middle[1] + sides[1][0] * u + sides[1][1] * v


def _sinh(e: Engine, x: Value) -> Value:
    return (e("exp", x) - e("exp", -x)) / 2


def _log_cosh(e: Engine, x: Value) -> Value:
    return e("log", (e("exp", x) + e("exp", -x)) / 2)


def _lattice(
    e: Engine, above: LogDensity, step: float, drop: float, most: int
) -> tuple[tuple[Value, Value], Value] | None:
    """The points of the lattice that count, and how the log density lies there above that at the mode.

    None where there are more than so many of them.
    """
    seen, kept, heights = {(0, 0)}, [], []
    edge = [(0, 0)]
    while edge:
        u, v = (_column(e, [p[axis] for p in edge]) * e.number(step) for axis in (0, 1))
        found = above(u, v)
        inside = []
        for point, height in zip(edge, found, strict=True):
            value = to_float(height)
            if np.isfinite(value) and value > -drop:
                inside.append(point)
                heights.append(height)
        kept += inside
        if len(kept) > most:
            return None
        near = ((i + a, j + b) for i, j in inside for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)))
        edge = [p for p in dict.fromkeys(near) if p not in seen]
        seen.update(edge)
    at = tuple(_column(e, [p[axis] for p in kept]) * e.number(step) for axis in (0, 1))
    logs = np.empty(len(heights), dtype=object)
    logs[:] = heights
    return (at[0], at[1]), logs if e.name != "float64" else logs.astype(float)


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


def _column(e: Engine, values: Sequence[int]) -> Value:
    out = np.empty(len(values), dtype=object)
    out[:] = [e.number(v) for v in values]
    return out
