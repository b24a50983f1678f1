"""Quadrature rules in one dimension: nodes and weights that integrate against a density.

A support is mapped to the line (log, logit, sinh); there the log density *with its Jacobian* is located (mode,
curvature, the cut-offs where it has dropped far enough) and summed by the trapezoidal rule, which converges
geometrically for analytic integrands. Shrinking the step by √2 multiplies the digits by √2, so two levels that agree
to the digits asked for over √2 leave the finer one with all of them. The range comes from the drop of the integrand
with a margin for integrands that grow, so step and range are settled independently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float, to_mpf

MAX_LEVELS = 14


class QuadratureError(ValueError):
    """A density that could not be integrated: which, and what failed."""


class OutOfReachError(QuadratureError):
    """A density that more working digits do not help: its rule would have too many nodes at any precision."""


@dataclass(frozen=True)
class Rule:
    """Nodes with weights such that Σ weight · f(node) is the expectation of f; `log_density` at the nodes."""

    nodes: Value
    weights: Value
    log_density: Value


@dataclass(frozen=True)
class Map:
    """A map of the line onto a support: position and log of its derivative."""

    position: Callable[[Engine, Value], Value]
    log_slope: Callable[[Engine, Value], Value]


def real_line() -> Map:
    """The identity."""
    return Map(lambda e, t: t, lambda e, t: 0 * t)


def stretched_line() -> Map:
    """sinh(t): power tails become exponential ones."""
    return Map(lambda e, t: (e("exp", t) - e("exp", -t)) / 2, lambda e, t: e("log", (e("exp", t) + e("exp", -t)) / 2))


SIDES = 2000  # what tells the coordinates of one side of a crease from those of the other


def creased_line(at: Any = 0) -> Map:
    """at - exp(t + 2000) left of a crease of the density, at + exp(t - 2000) right of it: both sides are smooth."""

    def side(t: Value) -> Value:
        return np.where(np.array([x > 0 for x in np.ravel(t)]).reshape(np.shape(t)), 1, -1)

    return Map(
        lambda e, t: e.number(1) * at + side(t) * e("exp", t - side(t) * SIDES),
        lambda e, t: t - side(t) * SIDES,
    )


def half_line(lower: Any = 0, sign: int = 1) -> Map:
    """lower + exp(t), or lower - exp(t)."""
    return Map(lambda e, t: lower + sign * e("exp", t), lambda e, t: t)


def interval(lower: Any, upper: Any) -> Map:
    """lower + (upper - lower) logistic(t)."""

    def position(e: Engine, t: Value) -> Value:
        return lower + (upper - lower) / (1 + e("exp", -t))

    def log_slope(e: Engine, t: Value) -> Value:
        return e("log", e.number(1) * (upper - lower)) - t - 2 * e("log", 1 + e("exp", -t))

    return Map(position, log_slope)


def line_rule(engine: Engine, log_density: Callable[[Value], Value], onto: Map, digits: int, name: str) -> Rule:
    """A rule for a unimodal density on the support that `onto` reaches.

    Raises:
        QuadratureError: when no step within reach gives the digits asked for.
    """

    def integrand(t: Value) -> Value:
        return log_density(onto.position(engine, t)) + onto.log_slope(engine, t)

    drop = (digits + 8) * mpmath.log(10)
    shape = _locate(engine, integrand, float(drop))
    middle, scale = engine.number(shape.mode), engine.number(shape.scale)
    wide = max(-shape.left, shape.right) > 2 * (2 * float(drop)) ** 0.5
    left, right = (float(np.arcsinh(shape.left)), float(np.arcsinh(shape.right))) if wide else (shape.left, shape.right)

    def at(v: Value) -> tuple[Value, Value]:
        """Coordinate and log of the derivative at the stretched points."""
        if not wide:
            return middle + scale * v, engine("log", scale) + 0 * v
        up, down = engine("exp", v), engine("exp", -v)
        return middle + scale * (up - down) / 2, engine("log", scale * (up + down) / 2)

    step = (right - left) / 24
    previous: tuple[Any, ...] | None = None
    for _ in range(MAX_LEVELS):
        v = _column(engine, list(range(int(np.floor(left / step)), int(np.ceil(right / step)) + 1))) * engine.number(
            step
        )
        t, log_slope = at(v)
        logs = log_density(onto.position(engine, t))
        weights = engine("exp", logs + onto.log_slope(engine, t) + log_slope) * engine.number(step)
        scaled = (t - middle) / scale
        sums = tuple(to_mpf(x) for x in (weights.sum(), (weights * scaled).sum(), (weights * scaled * scaled).sum()))
        if previous is not None:
            apart = max(abs(a - b) / (1 + abs(a)) for a, b in zip(sums, previous, strict=True))
            if apart < mpmath.mpf(10) ** (-digits / 2**0.5 - 3):
                return Rule(onto.position(engine, t), weights, logs)
        previous = sums
        step /= 2**0.5
    raise QuadratureError(f"{name}: the trapezoidal rule did not settle to {digits} digits in {MAX_LEVELS} refinements")


def normalised_rule(
    engine: Engine, log_density: Callable[[Value], Value], onto: Map, digits: int, name: str
) -> tuple[Rule, Value]:
    """A rule for a unimodal density that is known up to its normaliser, and the logarithm of that.

    The height at the mode is taken off first: whether sums have settled is judged by numbers of order one.

    Raises:
        QuadratureError: as `line_rule`.
    """

    def integrand(t: Value) -> Value:
        return log_density(onto.position(engine, t)) + onto.log_slope(engine, t)

    shape = _locate(engine, integrand, 1.0)
    top = integrand(engine.number(shape.mode)) + engine("log", engine.number(shape.scale))
    rule = line_rule(engine, lambda x: log_density(x) - top, onto, digits, name)
    log_total = engine("log", rule.weights.sum())
    return Rule(rule.nodes, rule.weights / rule.weights.sum(), rule.log_density - log_total), top + log_total


@dataclass(frozen=True)
class _Shape:
    mode: float
    scale: float
    left: float
    right: float


def _locate(engine: Engine, integrand: Callable[[Value], Value], drop: float) -> _Shape:
    """Mode, scale and cut-offs (in scales) of a unimodal log integrand on the line."""

    def at(t: float) -> float:
        try:
            value = to_float(integrand(engine.number(t)))
        except (OverflowError, ZeroDivisionError, ValueError):
            return -np.inf
        return value if np.isfinite(value) else -np.inf

    grid = [float(t) for t in np.arange(-30, 30.5, 1.5)]
    best = max(grid, key=at)
    low, high = best - 2, best + 2
    golden = (5**0.5 - 1) / 2
    for _ in range(32):
        a, b = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, b) if at(a) > at(b) else (a, high)
    mode = (low + high) / 2
    top = at(mode)

    def reach(direction: int, fall: float) -> float:
        """Distance at which the integrand has fallen by that much."""
        far = 1e-6
        while at(mode + direction * far) > top - fall:
            far *= 1.6
            if far > 1e9:
                raise QuadratureError("the density does not vanish at the end of its support")
        near = far / 1.6
        for _ in range(12):
            middle = (near + far) / 2
            near, far = (middle, far) if at(mode + direction * middle) > top - fall else (near, middle)
        if engine.name != "float64" and at(mode + direction * far) == -np.inf:
            raise QuadratureError("the working precision is lost near an end of the support")
        return far

    scale = (reach(1, 0.5) + reach(-1, 0.5)) / 2
    # A third more than the drop of the density leaves room for integrands that grow.
    return _Shape(mode, scale, -reach(-1, 1.35 * drop) / scale, reach(1, 1.35 * drop) / scale)


def periodic_rule(engine: Engine, log_density: Callable[[Value], Value], digits: int, name: str) -> Rule:
    """A rule on the circle (-π, π]: equal steps converge geometrically."""
    pi = engine.constants("pi")
    count, previous = 16, None
    for _ in range(MAX_LEVELS):
        nodes = _column(engine, [2 * k - count + 1 for k in range(count)]) * (pi / count)
        logs = log_density(nodes)
        weights = engine("exp", logs) * (2 * pi / count)
        total = to_mpf((weights * engine("cos", nodes)).sum()) + to_mpf(weights.sum())
        if previous is not None and abs(total - previous) < mpmath.mpf(10) ** (-digits / 2 - 3):
            return Rule(nodes, weights, logs)
        previous, count = total, count * 2
    raise QuadratureError(f"{name}: the periodic rule did not settle to {digits} digits")


def counting_rule(engine: Engine, log_density: Callable[[Value], Value], digits: int, last: int | None) -> Rule:
    """All counts 0 … last, or so many that the rest is negligible: the tail falls at least geometrically."""
    goal = -(digits + 10) * float(mpmath.log(10))
    if last is None:
        last, top = 16, -np.inf
        while True:
            value = to_float(log_density(engine.number(last)))
            top = max(top, value)
            if value + 3 * np.log(last) < goal and value < to_float(log_density(engine.number(last - 1))) - 0.01:
                break
            last = int(last * 1.5)
            if last > 20000:
                raise QuadratureError("the probabilities of the counts do not vanish within 20000")
    nodes = _column(engine, list(range(last + 1)))
    logs = log_density(nodes)
    return Rule(nodes, engine("exp", logs), logs)


def compressed(engine: Engine, rule: Rule, log_density: Callable[[Value], Value], powers: range) -> Rule:
    """A rule on the half line with few nodes, equal to a given one for x^(j/2) and, for even j, x^(j/2) log x."""

    def basis(log_x: Any) -> list[Any]:
        root = mpmath.exp(log_x / 2)
        plain = [root**j for j in powers]
        return plain + [p * log_x for p, j in zip(plain, powers, strict=True) if j % 2 == 0]

    logs = [mpmath.log(to_mpf(x)) for x in rule.nodes]
    masses = [to_mpf(w) for w in rule.weights]
    small = 1e-6 * max(masses)
    inside = [t for t, w in zip(logs, masses, strict=True) if w > small]
    columns = [basis(t) for t in logs]
    count = len(columns[0])
    sums = [mpmath.fdot(masses, [c[i] for c in columns]) for i in range(count)]
    low, high = min(inside), max(inside)
    places = [low + (high - low) * k / (count - 1) for k in range(count)]
    system = mpmath.matrix(count, count)
    for j, t in enumerate(places):
        for i, value in enumerate(basis(t)):
            system[i, j] = value
    solved = mpmath.lu_solve(system, mpmath.matrix(sums))
    nodes = _from_mpf(engine, tuple(mpmath.exp(t) for t in places))
    return Rule(nodes, _from_mpf(engine, tuple(solved)), log_density(nodes))


def normal_rule(engine: Engine, order: int) -> tuple[Value, Value]:
    """Gauss-Hermite nodes and weights for a standard Normal: exact for polynomials of degree 2·order - 1."""
    nodes, weights = _hermite(order, mpmath.mp.prec)
    return _from_mpf(engine, nodes), _from_mpf(engine, weights)


@cache
def _hermite(order: int, precision: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Roots of the probabilists' Hermite polynomial He_n and weights n! / (n He_{n-1}(x))²."""

    def he(n: int, x: Any) -> Any:
        before, value = mpmath.mpf(0), mpmath.mpf(1)
        for k in range(n):
            before, value = value, x * value - k * before
        return value

    roots = []
    for start in np.polynomial.hermite_e.hermegauss(order)[0]:
        x = mpmath.mpf(float(start))
        for _ in range(8):
            x -= he(order, x) / (order * he(order - 1, x))
        roots.append(x)
    weights = [mpmath.factorial(order) / (order * he(order - 1, x)) ** 2 for x in roots]
    return tuple(roots), tuple(weights)


def _column(engine: Engine, values: list[Any]) -> Value:
    out = np.empty(len(values), dtype=object)
    out[:] = [engine.number(v) for v in values]
    return out


def _from_mpf(engine: Engine, values: tuple[Any, ...]) -> Value:
    out = np.empty(len(values), dtype=object)
    if engine.name == "arb":
        kind = type(engine.number(1))
        parts = [v._mpf_ for v in values]
        out[:] = [kind((-int(m) if s else int(m), int(x))) for s, m, x, _ in parts]
    else:
        out[:] = list(values)
    return out
