"""The two divergences on one example, with numbers that are computed: a Normal times a probit function.

The target is N(h | 0, v) Φ(h) up to its mass. The forward projection has its mean and variance, in closed form; the
reverse one solves mean = v E_q[r(h)] and 1/variance = 1/v - E_q[r'(h)] with r = φ/Φ, the slope of log Φ: there the
derivatives of KL(q ‖ target) in the mean and in the variance of q are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy
from scipy.special import log_ndtr

from cavi.derive.evaluable import evaluable
from cavi.derive.propagation.tilted import M, V, interval_normaliser


@dataclass(frozen=True)
class Projections:
    """Mean and standard deviation of the two projections of N(h | 0, v) Φ(h)."""

    variance: int
    forward: tuple[float, float]
    reverse: tuple[float, float]


def projections(variance: int = 9) -> Projections:
    """Both projections of the target."""
    parts = interval_normaliser(sympy.S.One, None, sympy.S.Zero)
    _, slope, curvature = (float(evaluable(e).subs({M: 0, V: variance})) for e in parts)
    spread = variance + variance**2 * curvature
    return Projections(variance, (variance * slope, spread**0.5), _reverse(variance))


def _reverse(variance: float) -> tuple[float, float]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    mean, spread = 0.0, 1.0
    for _ in range(500):
        h = mean + np.sqrt(spread) * nodes
        ratio = np.exp(-0.5 * h**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(h))
        slope = -ratio * (h + ratio)
        new = float(variance * (weights @ ratio)), float(1.0 / (1.0 / variance - weights @ slope))
        mean, spread = 0.5 * (mean + new[0]), 0.5 * (spread + new[1])
    return mean, spread**0.5
