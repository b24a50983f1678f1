"""The catalogue of scalar exponential families: each one a density, its parameters and its source."""

from __future__ import annotations

from cavi.derive.families.base import ETA, Param, ScalarFamily
from cavi.derive.families.moments import POWER
from cavi.derive.families.special import (
    log_bessel_i,
    log_bessel_k,
    log_normal_interval,
    truncated_mean,
    truncated_second,
)
from sympy import Abs, Rational, Symbol, atan2, cos, exp, log, loggamma, oo, pi, sin, sqrt

HALF = Rational(1, 2)
MEAN = Param("mean", "real", "m")
PRECISION = Param("precision", "positive", r"\lambda")
PROB = Param("prob", "unit", "p")
E1, E2, E3 = ETA[:3]


def _log_normal_kernel(x, mean, precision):  # type: ignore[no-untyped-def]
    """½ log λ - ½ log 2π - ½ λ (x - m)², its square multiplied out."""
    square = x**2 - 2 * mean * x + mean**2
    return HALF * log(precision) - HALF * log(2 * pi) - HALF * precision * square
