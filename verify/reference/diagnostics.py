"""How well chains have mixed: rank-normalised split R-hat and effective numbers of draws.

Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), equations 3-14, of bulk quantities; autocorrelations are summed
by Geyer's initial monotone sequence.
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
    """R-hat of each quantity from chains × draws × quantities, each chain cut in two; 1 where nothing varies."""
    halves = _halves(rank_normalised(draws))
    count = halves.shape[1]
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    still = np.ptp(draws.reshape(-1, draws.shape[2]), axis=0) == 0
    ratio = ((count - 1) / count * within + between) / np.where(within > 0, within, 1.0)
    return np.where(still, 1.0, np.sqrt(ratio))


def effective_size(draws: Array) -> Array:
    """The number of independent draws that chains × draws × quantities are worth, for each quantity."""
    halves = _halves(rank_normalised(draws))
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
