"""How well chains have mixed: rank-normalised split R-hat, and effective numbers of draws in the bulk and in the tails.

Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), equations 3-15; autocorrelations are summed by Geyer's initial
monotone sequence.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

Array = np.ndarray
_inverse = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


def rank_normalised(draws: Array) -> Array:
    """Normal scores of the ranks among all draws (chains × draws × quantities), quantity by quantity."""
    chains, count, quantities = draws.shape
    flat = draws.reshape(-1, quantities)
    total = len(flat)
    scores = np.asarray(_inverse((np.arange(1, total + 1) - 0.375) / (total + 0.25)), dtype=float)
    found = np.empty_like(flat)
    for j in range(quantities):
        found[np.argsort(flat[:, j], kind="stable"), j] = scores
    return found.reshape(chains, count, quantities)


def split_r_hat(draws: Array) -> Array:
    """R-hat of each quantity from chains × draws × quantities, each chain cut in two; 1 where nothing varies.

    The larger one of the ranks and of the ranks of distances from the median, which sees chains that differ in spread.
    """
    distances = np.abs(draws - np.median(draws.reshape(-1, draws.shape[2]), axis=0))
    return np.asarray(np.maximum(_r_hat(draws), _r_hat(distances)))


def bulk_size(draws: Array) -> Array:
    """The number of independent draws that chains × draws × quantities are worth, for the centre of each quantity."""
    return _effective(_halves(rank_normalised(draws)))


def tail_size(draws: Array) -> Array:
    """The number of independent draws they are worth for the quantiles at 5 and at 95 %: the smaller of the two."""
    flat = draws.reshape(-1, draws.shape[2])
    ends = np.quantile(flat, (0.05, 0.95), axis=0)
    low, high = (_effective(_halves((draws <= end).astype(float))) for end in ends)
    return np.asarray(np.minimum(low, high))


def _r_hat(draws: Array) -> Array:
    halves = _halves(rank_normalised(draws))
    count = halves.shape[1]
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    still = np.ptp(draws.reshape(-1, draws.shape[2]), axis=0) == 0
    ratio = ((count - 1) / count * within + between) / np.where(within > 0, within, 1.0)
    return np.where(still, 1.0, np.sqrt(ratio))


def _effective(halves: Array) -> Array:
    """The number of independent draws of half chains (chains × draws × quantities), for their means."""
    chains, count, quantities = halves.shape
    centred = halves - halves.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * count, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :count] / count
    within = (covariance[:, 0] * count / (count - 1)).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    whole = within * (count - 1) / count + between
    whole = np.where(whole > 0, whole, 1.0)
    rho = 1.0 - (within - covariance.mean(axis=0)) / whole
    pairs = rho[: count // 2 * 2].reshape(-1, 2, quantities).sum(axis=1)
    pairs = np.minimum.accumulate(pairs, axis=0)
    first = np.cumprod(pairs > 0, axis=0)
    time = np.maximum(-1.0 + 2.0 * (pairs * first).sum(axis=0), 1.0 / np.log10(chains * count))
    return np.asarray(chains * count / time)


def _halves(draws: Array) -> Array:
    """Each chain as two of half the length."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]], axis=0)
