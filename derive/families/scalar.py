"""The catalogue of scalar exponential families: each a density, its parameters and its source.

Logs are fully expanded, and squares multiplied out, so that statistics can be read off term by term.
A mode is declared only where it is inside the support: for counts, and at a boundary, there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy import Abs, Rational, atan2, cos, exp, log, loggamma, oo, pi, sin, sqrt

from cavi.derive.families.base import ETA, Param, ScalarFamily
from cavi.derive.families.moments import POWER
from cavi.derive.families.special import (
    log_bessel_i,
    log_bessel_k,
    log_normal_interval,
    log_normal_outside,
    log_polya_gamma,
    outside_mean,
    outside_second,
    softplus,
    tanhc,
    truncated_mean,
    truncated_second,
    xlogx,
)

E1, E2, E3 = ETA[:3]
HALF = Rational(1, 2)
LOG_2PI = log(2 * pi)

MEAN = Param("mean", "real", "m")
PRECISION = Param("precision", "positive", r"\lambda")
PROB = Param("prob", "unit", "p")
RATE = Param("rate", "positive", r"\lambda")

Alias = tuple[str, Callable[[sympy.Symbol], sympy.Expr]]
SPREAD: dict[str, Alias] = {
    "variance": ("precision", lambda variance: 1 / variance),
    "std": ("precision", lambda std: std**-2),
}


def _log_normal(x: sympy.Expr, mean: sympy.Expr, precision: sympy.Expr) -> sympy.Expr:
    """½ log λ - ½ log 2π - ½ λ (x² - 2 m x + m²)."""
    return HALF * (log(precision) - LOG_2PI - precision * (x**2 - 2 * mean * x + mean**2))


def _standard_bounds(mean: Any, precision: Any, lower: Any, upper: Any) -> tuple[sympy.Expr, sympy.Expr]:
    """The bounds of a truncated Normal in standard deviations from its mean."""
    return sqrt(precision) * (lower - mean), sqrt(precision) * (upper - mean)


def _truncated_moments(x: Any, mean: Any, precision: Any, lower: Any, upper: Any) -> dict[sympy.Expr, sympy.Expr]:
    bounds = _standard_bounds(mean, precision, lower, upper)
    first = truncated_mean(*bounds) / sqrt(precision)
    second = (1 + truncated_second(*bounds)) / precision
    return {x: mean + first, x**2: mean**2 + 2 * mean * first + second}


def _outside_moments(x: Any, mean: Any, precision: Any, lower: Any, upper: Any) -> dict[sympy.Expr, sympy.Expr]:
    bounds = _standard_bounds(mean, precision, lower, upper)
    first = outside_mean(*bounds) / sqrt(precision)
    second = (1 + outside_second(*bounds)) / precision
    return {x: mean + first, x**2: mean**2 + 2 * mean * first + second}


def _mean_between(rate: Any, lower: Any, width: Any) -> sympy.Expr:
    """l + w (½ + (1 - (y/2)/tanh(y/2))/y), y = w rate: the middle less what the slope takes."""
    y = rate * width
    return lower + width * (HALF + (1 - 1 / tanhc(y / 2)) / y)


_FAMILIES = (
    ScalarFamily(
        "Normal",
        (MEAN, PRECISION),
        "real",
        _log_normal,
        "Bishop (2006), 1.46",
        aliases=SPREAD,
        declared_mode=lambda mean, precision: -E1 / (2 * E2),
    ),
    ScalarFamily(
        "Gamma",
        (Param("shape", "positive", "a"), Param("rate", "positive", "b")),
        "positive",
        lambda x, shape, rate: shape * log(rate) - loggamma(shape) + (shape - 1) * log(x) - rate * x,
        "Bishop (2006), 2.146",
        aliases={"scale": ("rate", lambda scale: 1 / scale)},
        declared_mode=lambda shape, rate: -E1 / E2,
    ),
    ScalarFamily(
        "InverseGamma",
        (Param("shape", "positive", "a"), Param("scale", "positive", "b")),
        "positive",
        lambda x, shape, scale: shape * log(scale) - loggamma(shape) - (shape + 1) * log(x) - scale / x,
        "Gelman et al. (2013), table A.1",
        declared_mode=lambda shape, scale: E2 / E1,
    ),
    # The square root of an inverse Gamma: a standard deviation whose variance is one.
    ScalarFamily(
        "InverseNakagami",
        (Param("shape", "positive", "a"), Param("scale", "positive", "b")),
        "positive",
        lambda x, shape, scale: log(2) + shape * log(scale) - loggamma(shape) - (2 * shape + 1) * log(x) - scale / x**2,
        "Gelman et al. (2013), table A.1, of the square of x",
        declared_moments_of=lambda x, shape, scale: {
            x**POWER: exp(loggamma(shape - POWER / 2) - loggamma(shape)) * scale ** (POWER / 2)
        },
        declared_mode=lambda shape, scale: sqrt(2 * E2 / E1),
    ),
    ScalarFamily(
        "Beta",
        (Param("a", "positive", "a"), Param("b", "positive", "b")),
        "unit",
        lambda x, a, b: loggamma(a + b) - loggamma(a) - loggamma(b) + (a - 1) * log(x) + (b - 1) * log(1 - x),
        "Bishop (2006), 2.13",
        declared_mode=lambda a, b: E1 / (E1 + E2),
    ),
    ScalarFamily(
        "Bernoulli",
        (PROB,),
        "binary",
        lambda x, prob: x * log(prob) + (1 - x) * log(1 - prob),
        "Bishop (2006), 2.2",
        declared_inverse=lambda prob: (("prob", 1 / (1 + exp(-E1))),),
        declared_entropy=lambda prob: -xlogx(prob) - xlogx(1 - prob),
    ),
    ScalarFamily(
        "Binomial",
        (Param("total", "count", "n", known=True), PROB),
        "bounded_count",
        lambda x, total, prob: (
            loggamma(total + 1)
            - loggamma(x + 1)
            - loggamma(total - x + 1)
            + x * log(prob)
            + (total - x) * log(1 - prob)
        ),
        "Bishop (2006), 2.9",
        declared_inverse=lambda total, prob: (("prob", 1 / (1 + exp(-E1))),),
        declared_entropy=lambda total, prob: -total * (xlogx(prob) + xlogx(1 - prob)) - loggamma(total + 1),
    ),
    ScalarFamily(
        "Poisson",
        (RATE,),
        "count",
        lambda x, rate: x * log(rate) - rate - loggamma(x + 1),
        "Gelman et al. (2013), table A.2",
    ),
    ScalarFamily(
        "Exponential",
        (RATE,),
        "positive",
        lambda x, rate: log(rate) - rate * x,
        "Gelman et al. (2013), table A.1",
        declared_moments_of=lambda x, rate: {x: 1 / rate, x**POWER: exp(loggamma(POWER + 1)) * rate**-POWER},
    ),
    # The number of failures before the first success: 0, 1, 2, …
    ScalarFamily(
        "Geometric",
        (PROB,),
        "count",
        lambda x, prob: log(prob) + x * log(1 - prob),
        "Johnson, Kemp and Kotz (2005), chapter 5",
        declared_entropy=lambda prob: -(xlogx(prob) + xlogx(1 - prob)) / prob,
    ),
    # The number of failures before the number-th success; the number need not be whole.
    ScalarFamily(
        "NegativeBinomial",
        (Param("number", "positive", "r", known=True, free=True), PROB),
        "count",
        lambda x, number, prob: (
            loggamma(x + number) - loggamma(number) - loggamma(x + 1) + number * log(prob) + x * log(1 - prob)
        ),
        "Johnson, Kemp and Kotz (2005), chapter 5",
    ),
    ScalarFamily(
        "LogNormal",
        (MEAN, PRECISION),
        "positive",
        lambda x, mean, precision: _log_normal(log(x), mean, precision) - log(x),
        "Johnson, Kotz and Balakrishnan (1994), chapter 14",
        aliases=SPREAD,
        declared_base=lambda x, mean, precision: -log(x),
        declared_mode=lambda mean, precision: exp((1 - E1) / (2 * E2)),
    ),
    ScalarFamily(
        "Pareto",
        (Param("shape", "positive", "a"), Param("minimum", "positive", "c", known=True)),
        "above",
        lambda x, shape, minimum: log(shape) + shape * log(minimum) - (shape + 1) * log(x),
        "Johnson, Kotz and Balakrishnan (1994), chapter 20",
    ),
    ScalarFamily(
        "Weibull",
        (Param("shape", "positive", "k", known=True), RATE),
        "positive",
        lambda x, shape, rate: log(shape) + log(rate) + (shape - 1) * log(x) - rate * x**shape,
        "Johnson, Kotz and Balakrishnan (1994), chapter 21",
        declared_moments_of=lambda x, shape, rate: {
            x**shape: 1 / rate,
            x**POWER: exp(loggamma(1 + POWER / shape)) * rate ** (-POWER / shape),
        },
    ),
    ScalarFamily(
        "Laplace",
        (Param("location", "real", "m", known=True, free=True), Param("scale", "positive", "b")),
        "real",
        lambda x, location, scale: -log(2) - log(scale) - Abs(x - location) / scale,
        "Johnson, Kotz and Balakrishnan (1995), chapter 24",
        aliases={"rate": ("scale", lambda rate: 1 / rate)},
        declared_moments_of=lambda x, location, scale: {x: location, x**2: location**2 + 2 * scale**2},
        declared_mode=lambda location, scale: location,
    ),
    ScalarFamily(
        "HalfNormal",
        (PRECISION,),
        "positive",
        lambda x, precision: HALF * (log(precision) - log(pi / 2) - precision * x**2),
        "Johnson, Kotz and Balakrishnan (1994), chapter 13",
        aliases=SPREAD,
        declared_moments_of=lambda x, precision: {
            x**2: 1 / precision,
            x**POWER: (exp(loggamma((POWER + 1) / 2)) / sqrt(pi) * 2 ** (POWER / 2) * precision ** (-POWER / 2)),
        },
    ),
    ScalarFamily(
        "TruncatedNormal",
        (
            MEAN,
            PRECISION,
            Param("lower", "real", r"\ell", known=True, default=-oo),
            Param("upper", "real", "u", known=True, default=oo),
        ),
        "interval",
        lambda x, mean, precision, lower, upper: (
            _log_normal(x, mean, precision) - log_normal_interval(*_standard_bounds(mean, precision, lower, upper))
        ),
        "Johnson, Kotz and Balakrishnan (1994), chapter 13",
        aliases=SPREAD,
        declared_moments_of=_truncated_moments,
    ),
    # Exponential, or its mirror image, where it is between two ends.
    ScalarFamily(
        "TruncatedExponential",
        (
            RATE,
            Param("lower", "nonnegative", r"\ell", known=True, default=sympy.S.Zero),
            Param("upper", "positive", "u", known=True),
        ),
        "interval",
        lambda x, rate, lower, upper: log(rate) - rate * x + rate * lower - log(1 - exp(-rate * upper + rate * lower)),
        "Klein and Moeschberger (2003), Survival Analysis, section 3.4",
        declared_moments_of=lambda x, rate, lower, upper: {x: _mean_between(rate, lower, upper - lower)},
    ),
    # A Normal where it is below the one bound or above the other, such as a draw that was rejected.
    ScalarFamily(
        "OutsideNormal",
        (
            MEAN,
            PRECISION,
            Param("lower", "real", r"\ell", known=True),
            Param("upper", "real", "u", known=True),
        ),
        "outside",
        lambda x, mean, precision, lower, upper: (
            _log_normal(x, mean, precision) - log_normal_outside(*_standard_bounds(mean, precision, lower, upper))
        ),
        "Johnson, Kotz and Balakrishnan (1994), chapter 13",
        aliases=SPREAD,
        declared_moments_of=_outside_moments,
    ),
    # Density proportional to x^(p-1) exp(-(a x + b/x)/2).
    ScalarFamily(
        "GeneralisedInverseGaussian",
        (Param("p", "real", "p"), Param("a", "positive", "a"), Param("b", "positive", "b")),
        "positive",
        lambda x, p, a, b: (
            p / 2 * (log(a) - log(b))
            - log(2)
            - log_bessel_k(p, sqrt(a) * sqrt(b))
            + (p - 1) * log(x)
            - a * x / 2
            - b / (2 * x)
        ),
        "Jørgensen (1982), chapter 1",
        declared_mode=lambda p, a, b: -(E1 + sqrt(E1**2 + 4 * E2 * E3)) / (2 * E2),
    ),
    # A tilted base: exp(-c² x/2) cosh(c/2)^b times the density at c = 0, which has no closed form and never needs one.
    ScalarFamily(
        "PolyaGamma",
        (Param("shape", "positive", "b", known=True), Param("tilt", "positive", "c")),
        "positive",
        lambda x, shape, tilt: (
            shape * (softplus(tilt) - tilt / 2 - log(2)) - tilt**2 * x / 2 + log_polya_gamma(shape, x)
        ),
        "Polson, Scott and Windle (2013), JASA 108, 1339-1349, equations 3-5",
        declared_base=lambda x, shape, tilt: log_polya_gamma(shape, x),
        declared_moments_of=lambda x, shape, tilt: {x: shape * tanhc(tilt / 2) / 4},
        declared_inverse=lambda shape, tilt: (("tilt", sqrt(-2 * E1)),),
        declared_entropy=lambda shape, tilt: (
            shape * (tilt**2 * tanhc(tilt / 2) / 8 - softplus(tilt) + tilt / 2 + log(2))
        ),
    ),
    # cos(x - m) is expanded, so that the density is linear in statistics of x and of m alike.
    ScalarFamily(
        "VonMises",
        (Param("mean", "angle", "m"), Param("concentration", "positive", r"\kappa")),
        "angle",
        lambda x, mean, concentration: (
            concentration * (cos(x) * cos(mean) + sin(x) * sin(mean)) - LOG_2PI - log_bessel_i(0, concentration)
        ),
        "Bishop (2006), 2.179",
        declared_inverse=lambda mean, concentration: (
            ("concentration", sqrt(E1**2 + E2**2)),
            ("mean", atan2(E2, E1)),
        ),
        declared_mode=lambda mean, concentration: atan2(E2, E1),
    ),
)

CATALOGUE: dict[str, ScalarFamily] = {f.name: f for f in _FAMILIES}
