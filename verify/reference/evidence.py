"""log p(x) with its error: by quadrature in up to three coordinates, else by Bennett's ratio to a Normal.


    p(x) = ∫ exp f(u) du;   forward: u ~ Normal, annealed to the posterior;   backward: the other way round

Both directions give works l = Σ (β_k - β_{k-1}) (f - log Normal); log p(x) is the c with Σ σ(l_F - c) = Σ σ(c - l_B)
(Bennett 1976; Meng and Wong 1996; Neal 2001; Crooks 1999). Without steps between, this is bridge sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cavi.verify.reference.hmc import Gradient, iterate

Array = np.ndarray
CHUNK = 50_000
POINTS = {1: 4001, 2: 601, 3: 145}  # along each coordinate, odd
DROP = 45.0  # how far the log density has fallen at the borders
STEPS = (0, 8, 32, 128)  # between the Normal and the posterior, tried in this order
GOOD = 0.01  # a standard error with which no more steps are taken
LOG_TWO_PI = np.log(2.0 * np.pi)


@dataclass(frozen=True)
class Evidence:
    """log p(x).

    Attributes:
        value: the estimate.
        error: of quadrature the difference of two steps; else a standard error.
        method: in words.
    """

    value: float
    error: float
    method: str


@dataclass(frozen=True)
class Grid:
    """A tensor grid: nodes in rows, and the posterior probability of each."""

    nodes: Array
    weights: Array


def by_quadrature(density: Gradient, draws: Array) -> tuple[Evidence, Grid]:
    """A trapezoidal sum along the axes of the covariance of draws, with borders where nothing is left."""
    size = draws.shape[1]
    centre, root = draws.mean(axis=0), _root(draws)
    top = float(density(draws[:: max(1, len(draws) // 2000)])[0].max())
    lines = [_line(density, centre, root[:, j], top, POINTS[size]) for j in range(size)]
    shape = tuple(len(t) for t in lines)
    z = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, size)
    nodes = centre + z @ root.T
    logs = np.concatenate([density(part)[0] for part in np.array_split(nodes, len(nodes) // CHUNK + 1)])
    cell = float(sum(np.log(t[1] - t[0]) for t in lines) + np.log(np.abs(np.linalg.det(root))))
    fine = _log_sum(logs)
    coarse = _log_sum(logs.reshape(shape)[(slice(None, None, 2),) * size].ravel()) + size * np.log(2.0)
    evidence = Evidence(fine + cell, max(abs(fine - coarse), 1e-12), f"quadrature in {size}")
    return evidence, Grid(nodes, np.exp(logs - fine))


def _line(density: Gradient, centre: Array, direction: Array, top: float, points: int) -> Array:
    """Where the log density along an axis, whatever the others are, is above its top less a drop."""
    ends = []
    for sign in (-1.0, 1.0):
        reach = 7.0
        # The other coordinates are free, so that the fall along the axis through the centre is taken with a margin.
        while reach < 300.0 and float(density((centre + sign * reach * direction)[None])[0][0]) > top - DROP:
            reach *= 1.15
        ends.append(sign * reach * 1.1)
    return np.linspace(ends[0], ends[1], points)


def by_annealing(density: Gradient, draws: Array, step: float, rng: np.random.Generator) -> Evidence:
    """Bennett's ratio from the half of the draws of which the Normal is not made.

    The draws (rows) are nearly independent. Steps between are added until the standard error is small.
    """
    fitted, held = draws[::2], draws[1::2]
    normal = _Normal(fitted)
    best: Evidence | None = None
    for steps in STEPS:
        forward = _works(density, normal, normal.draw(len(held), rng), steps, step, rng, True)
        backward = _works(density, normal, held, steps, step, rng, False)
        value, error = bennett(forward, backward)
        words = f"bridge sampling, {steps} steps between" if steps else "bridge sampling"
        if best is None or error < best.error:
            best = Evidence(value, error, words)
        if error < GOOD:
            break
    assert best is not None
    return best


def bennett(forward: Array, backward: Array) -> tuple[float, float]:
    """The log ratio of normalisers from works of both directions, and its standard error."""
    forward = forward[np.isfinite(forward)] if np.isfinite(forward).any() else forward
    low, high = float(min(forward.min(), backward.min())) - 50.0, float(max(forward.max(), backward.max())) + 50.0
    shift = np.log(len(forward) / len(backward))
    for _ in range(200):
        middle = 0.5 * (low + high)
        excess = _logistic(forward - middle + shift).sum() - _logistic(middle - backward - shift).sum()
        low, high = (middle, high) if excess > 0 else (low, middle)
    value = 0.5 * (low + high)
    parts = (_logistic(forward - value + shift), _logistic(value - backward - shift))
    variance = sum(float(p.var() / max(p.mean() ** 2, 1e-300)) / len(p) for p in parts)
    return value, float(np.sqrt(variance))


def _works(
    density: Gradient, normal: _Normal, points: Array, steps: int, step: float, rng: np.random.Generator, up: bool
) -> Array:
    """Σ (β_k - β_{k-1}) (f - log Normal) along a path of each point, upward or downward in β."""
    betas = np.linspace(0.0, 1.0, steps + 2) ** 2 * (3.0 - 2.0 * np.linspace(0.0, 1.0, steps + 2))
    gaps = np.diff(betas)
    between = betas[1:-1]
    order = range(len(gaps)) if up else reversed(range(len(gaps)))
    found = np.zeros(len(points))
    for k in order:
        found = found + gaps[k] * (density(points)[0] - normal(points)[0])
        last = k == (len(gaps) - 1 if up else 0)
        if last:
            break
        beta = float(between[k] if up else between[k - 1])

        def mixed(u: Array, beta: float = beta) -> tuple[Array, Array]:
            (f, df), (g, dg) = density(u), normal(u)
            return beta * f + (1 - beta) * g, beta * df + (1 - beta) * dg

        value, slope = mixed(points)
        points = iterate(mixed, points, value, slope, normal.root, step, 4, rng)[0]
    return found


class _Normal:
    """The Normal with the mean and covariance of draws."""

    def __init__(self, draws: Array) -> None:
        self.mean, self.root = draws.mean(axis=0), _root(draws)
        self.inverse = np.linalg.inv(self.root)
        self.height = -np.log(np.abs(np.diag(self.root))).sum() - 0.5 * len(self.mean) * LOG_TWO_PI

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        return np.asarray(self.mean + rng.normal(size=(count, len(self.mean))) @ self.root.T)

    def __call__(self, u: Array) -> tuple[Array, Array]:
        z = (u - self.mean) @ self.inverse.T
        return self.height - 0.5 * (z**2).sum(axis=1), -z @ self.inverse


def _root(draws: Array) -> Array:
    covariance = np.atleast_2d(np.cov(draws.T))
    return np.linalg.cholesky(covariance + 1e-12 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))


def _log_sum(x: Array) -> float:
    top = float(x.max())
    return top + float(np.log(np.exp(x - top).sum()))


def _logistic(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))
