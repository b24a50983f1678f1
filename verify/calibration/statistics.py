"""Ranks, autocorrelation and p-values.

The rank of a true value among L draws is uniform on 0 … L if truth and draws are exchangeable. Two tests of that are
combined: Pearson's chi-squared over bins, which sees a wrong spread, and the distance of the empirical distribution
function with Massart's constant (1990), P(sup |F_n - F| > e) <= 2 exp(-2 n e²), which sees a shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import numpy as np

Array = np.ndarray
LEAST_EXPECTED = 15
MOST_BINS = 10


@dataclass(frozen=True)
class Uniformity:
    """How uniform ranks are.

    Attributes:
        p: probability of ranks as uneven as these, or more, if they are uniform.
        distance: largest distance of their distribution function from the uniform one.
        outer: share of the ranks in the outer two tenths; 0.2 if uniform, more if the draws are too narrow.
        mean: mean of the ranks as a share of the largest; 0.5 if uniform.
    """

    p: float
    distance: float
    outer: float
    mean: float


def ranks(truth: Array, draws: Array, rng: np.random.Generator) -> Array:
    """The rank of each true value among its draws (first axis), ties broken at random."""
    below = (draws < truth).sum(axis=0)
    ties = (draws == truth).sum(axis=0)
    return np.asarray(below + rng.integers(0, ties + 1))


def uniformity(found: Array, largest: int) -> Uniformity:
    """How uniform whole numbers on 0 … largest are."""
    count = len(found)
    bins = int(min(MOST_BINS, largest + 1, max(2, count // LEAST_EXPECTED)))
    sizes = np.bincount(np.arange(largest + 1) * bins // (largest + 1), minlength=bins)
    expected = count * sizes / (largest + 1)
    observed = np.bincount(found * bins // (largest + 1), minlength=bins)
    pearson = float(((observed - expected) ** 2 / expected).sum())
    steps = np.cumsum(np.bincount(found, minlength=largest + 1)) / count
    distance = float(np.abs(steps - np.arange(1, largest + 2) / (largest + 1)).max())
    massart = min(1.0, 2.0 * float(np.exp(-2.0 * count * distance**2)))
    shares = (found + 0.5) / (largest + 1)
    outer = float(np.mean((shares < 0.1) | (shares > 0.9)))
    return Uniformity(
        min(1.0, 2.0 * min(chi_squared_tail(pearson, bins - 1), massart)), distance, outer, float(shares.mean())
    )


def band(count: int, tests: int, level: float) -> float:
    """Half the width of the band that the distribution functions of all tests leave with this probability at most."""
    return float(np.sqrt(np.log(2.0 * tests / level) / (2.0 * count)))


def chi_squared_tail(x: float, degrees: int) -> float:
    """P(chi-squared > x)."""
    return float(mpmath.gammainc(degrees / 2, x / 2, mpmath.inf, regularized=True))


def student_tails(t: float, degrees: int) -> float:
    """P(|T| > |t|) of Student's t."""
    if not np.isfinite(t):
        return 0.0
    return float(mpmath.betainc(degrees / 2, 0.5, 0, degrees / (degrees + t * t), regularized=True))


def autocorrelation_time(trace: Array) -> Array:
    """Sweeps that a nearly independent draw takes, for each column: 1 + 2 Σ of autocorrelations (Sokal's window)."""
    count = len(trace)
    centred = trace - trace.mean(axis=0)
    spectrum = np.fft.rfft(centred, 2 * count, axis=0)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), axis=0)[:count]
    variance = covariance[0]
    still = variance <= 1e-24 * np.maximum(1.0, np.abs(trace).max(axis=0)) ** 2
    rho = covariance / np.where(still, 1.0, variance)
    times = 2.0 * np.cumsum(rho, axis=0) - 1.0
    inside = np.arange(count)[:, None] >= 5.0 * times
    window = np.where(inside.any(axis=0), inside.argmax(axis=0), count - 1)
    found = np.maximum(1.0, times[window, np.arange(trace.shape[1])])
    return np.where(still, float(count), found)
