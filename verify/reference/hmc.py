"""Hamiltonian Monte Carlo on unconstrained coordinates, many chains in step.

Each iteration draws a length of the path, the same for all chains; the metric is the covariance of all chains
together, found again in each window of the warm-up; the step is adapted by dual averaging to the mean acceptance
(Neal 2011; Hoffman and Gelman 2014, section 3.2; Hoffman, Radul and Sountsov 2021 for chains in step).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Gradient = Callable[[Array], tuple[Array, Array]]
Count = Callable[[], None]

TARGET = 0.85
LONGEST = 48  # steps of a path
LENGTH = 0.75 * np.pi  # of the longest path, in standard deviations
# Shares of the warm-up. In the first every chain has a step of its own, until all have come in from where they began;
# the metric is found again at the end of each but the last.
WINDOWS = (0.15, 0.1, 0.2, 0.3, 0.25)
DIVERGED = 1000.0
MANY = 300  # coordinates from which the metric is diagonal


@dataclass(frozen=True)
class Chains:
    """What was drawn.

    Attributes:
        draws: chains × draws × coordinates.
        accepted: mean probability of acceptance.
        diverged: share of iterations whose energy got lost.
        step: length of a leapfrog step, in standard deviations.
        root: matrix whose product with its transpose is the metric's inverse.
    """

    draws: Array
    accepted: float
    diverged: float
    step: float
    root: Array


def sample(
    density: Gradient, start: Array, warmup: int, draws: int, rng: np.random.Generator, count: Count | None = None
) -> Chains:
    """Run chains from given points.

    Args:
        density: log density and gradient of points (chains × coordinates).
        start: where each chain begins.
        warmup: iterations that adapt and are thrown away.
        draws: iterations that are kept.
        rng: of all random numbers.
        count: called after each iteration.
    """
    points = np.array(start)
    value, slope = density(points)
    root = np.eye(points.shape[1])
    kept = np.empty((draws, *points.shape))
    adapted = _Step(np.full((len(points), 1), 0.1))
    accepted, diverged = [], []
    ends = np.cumsum([round(warmup * w) for w in WINDOWS])
    window: list[Array] = []
    for i in range(warmup + draws):
        warm = i < warmup
        step = adapted.now if warm else adapted.final * rng.uniform(0.8, 1.0)
        path = int(np.clip(np.ceil(rng.uniform() * LENGTH / np.median(step)), 1, LONGEST))
        points, value, slope, chance, lost = iterate(density, points, value, slope, root, step, path, rng)
        if warm:
            adapted.learn(chance[:, None] if i < ends[0] else chance.mean())
            window.append(points)
            if i + 1 in ends[:-1]:
                root = metric(np.concatenate(window[len(window) // 3 :]), root)
                window, adapted = [], _Step(adapted.now if i + 1 > ends[0] else np.asarray(0.5))
        else:
            kept[i - warmup] = points
            accepted.append(chance.mean())
            diverged.append(lost.mean())
        if count is not None:
            count()
    return Chains(
        kept.swapaxes(0, 1), float(np.mean(accepted)), float(np.mean(diverged)), float(np.median(adapted.final)), root
    )


def iterate(
    density: Gradient,
    points: Array,
    value: Array,
    slope: Array,
    root: Array,
    step: Array | float,
    path: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array, Array, Array]:
    """One iteration of all chains: points, log densities, gradients, probabilities of acceptance, what diverged."""
    momentum = rng.normal(size=points.shape)
    energy = value - 0.5 * (momentum**2).sum(axis=1)
    x, v, g, p = points, value, slope, momentum
    for _ in range(path):
        p = p + 0.5 * step * (g @ root)
        x = x + step * (p @ root.T)
        v, g = density(x)
        p = p + 0.5 * step * (g @ root)
    with np.errstate(all="ignore"):
        gain = v - 0.5 * (p**2).sum(axis=1) - energy
    gain = np.where(np.isfinite(gain), gain, -np.inf)
    chance = np.exp(np.minimum(gain, 0.0))
    take = rng.uniform(size=len(points)) < chance
    return (
        np.where(take[:, None], x, points),
        np.where(take, v, value),
        np.where(take[:, None], g, slope),
        chance,
        gain < -DIVERGED,
    )


def metric(points: Array, root: Array) -> Array:
    """A triangular root of the covariance of points.

    It is drawn a little to the metric that they were found with: in its coordinates the covariance is nearer to one in
    each window, however long and thin the posterior is.
    """
    count, size = points.shape
    if size > MANY:
        return np.diag(np.sqrt(np.maximum(points.var(axis=0), 1e-12)))
    z = np.linalg.solve(root, (points - points.mean(axis=0)).T)
    shrink = min(0.5, 0.2 * size / count + 1e-3)
    whitened = (1 - shrink) * (z @ z.T / count) + shrink * np.eye(size)
    return np.asarray(root @ np.linalg.cholesky(whitened))


class _Step:
    """Dual averaging of the lengths of steps (Hoffman and Gelman 2014, equation 6)."""

    def __init__(self, first: Array) -> None:
        self.centre, self.sum, self.count = np.log(10.0 * first), np.zeros_like(first), 0
        self.log, self.mean = np.log(first), np.zeros_like(first)

    def learn(self, chance: Array) -> None:
        """From probabilities of acceptance."""
        self.count += 1
        self.sum = self.sum + TARGET - chance
        self.log = self.centre - np.sqrt(self.count) / 0.05 * self.sum / (self.count + 10.0)
        share = self.count**-0.75
        self.mean = share * self.log + (1 - share) * self.mean

    @property
    def now(self) -> Array:
        """The steps to try."""
        return np.asarray(np.exp(np.clip(self.log, -9.0, 1.0)))

    @property
    def final(self) -> Array:
        """The steps to keep."""
        return np.asarray(np.exp(np.clip(self.mean, -9.0, 1.0)))
