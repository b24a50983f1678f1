"""Exact evidences of Gaussian data, one predictive density after the other: no posterior, no bound, no expectation.

And the function g by which two peers confuse independent precisions with a Wishart matrix; see docs/peers.md.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import digamma, gammaln, multigammaln


def wishart_evidence(
    x: np.ndarray, label: Sequence[int], m0: np.ndarray, kappa: float, nu: float, inverse: np.ndarray
) -> float:
    """log p(x given the labels): a mean for each label, one precision matrix for all.

    Λ ~ Wishart(ν, `inverse`⁻¹) and μ_k ~ Normal(m₀, (κ Λ)⁻¹); each row x_n, given those before it, has the density
    π^(-D/2) Γ_D((ν+1)/2) / Γ_D(ν/2) (κ / (κ+1))^(D/2) |S|^(ν/2) / |S + κ/(κ+1) δδᵀ|^((ν+1)/2), δ = x_n - m_k.
    Source: Bishop (2006), 2.3.6, by the ratio of two normalisers.
    """
    mean = np.tile(m0.astype(float), (max(label) + 1, 1))
    weight, scatter, total, d = np.full(len(mean), float(kappa)), inverse.astype(float), 0.0, x.shape[1]
    for row, k in zip(x, label, strict=True):
        share = weight[k] / (weight[k] + 1)
        grown = scatter + share * np.outer(row - mean[k], row - mean[k])
        total += multigammaln((nu + 1) / 2, d) - multigammaln(nu / 2, d) + 0.5 * d * np.log(share / np.pi)
        total += 0.5 * nu * np.linalg.slogdet(scatter)[1] - 0.5 * (nu + 1) * np.linalg.slogdet(grown)[1]
        mean[k] = share * mean[k] + row / (weight[k] + 1)
        weight[k], nu, scatter = weight[k] + 1, nu + 1, grown
    return float(total)


def gamma_evidence(x: np.ndarray, kind: str, m0: np.ndarray, kappa: float, a: float, b: np.ndarray) -> float:
    """log p(x) of one mean and Gamma(a, b) precisions, one for each coordinate (diag) or for all (spherical)."""
    m, rate, total, d = m0.astype(float), np.array(b, dtype=float), 0.0, x.shape[1]
    more = 0.5 if kind == "diag" else 0.5 * d
    for row in x:
        share = kappa / (kappa + 1)
        spread = share * (row - m) ** 2 / 2
        grown = rate + (spread if kind == "diag" else spread.sum())
        terms = gammaln(a + more) - gammaln(a) + a * np.log(rate) - (a + more) * np.log(grown)
        total += float(terms.sum()) + 0.5 * d * np.log(share / (2 * np.pi))
        m, kappa, a, rate = share * m + row / (kappa + 1), kappa + 1, a + more, grown
    return total


def surplus(nu: np.ndarray, width: int, kind: str) -> np.ndarray:
    """g(ν): log normaliser of the Wishart matrix less that of the Gamma precisions that it stands for."""
    wishart = multigammaln(nu / 2, width) - width * (width - 1) / 4 * np.log(np.pi)
    if kind == "diag":
        return wishart - width * gammaln(nu / 2)
    return wishart - gammaln(width * nu / 2) + 0.5 * width * nu * np.log(width)


def slope(nu: np.ndarray, width: int, kind: str) -> np.ndarray:
    """The derivative of g: half of the expected log determinant under the Wishart less that under the Gammas."""
    wishart = sum(digamma((nu - i) / 2) for i in range(width))
    if kind == "diag":
        return 0.5 * (wishart - width * digamma(nu / 2))
    return 0.5 * (wishart - width * digamma(width * nu / 2) + width * np.log(width))
