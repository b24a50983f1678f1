"""The catalogue of scalar families. To add one, add one declaration.

Sources: Bishop (2006), appendix B; Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*
(1994) and *Univariate Discrete Distributions* (2005); Mardia and Jupp, *Directional Statistics* (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import sympy
from sympy import Rational, cos, exp, log, loggamma, sin, sqrt

from cavi.derive.families.exponential import ETA, Param, ScalarFamily, X
from cavi.derive.families.special_functions import (
    dlog_bessel_k,
    log_bessel_i,
    log_bessel_k,
    log_normal_interval,
    truncated_mean,
    truncated_second,
    xlogx,
)

HALF = Rational(1, 2)
LOG_2PI = log(2 * sympy.pi)
E1, E2, E3, _ = ETA

MEAN = Param("mean", "real", "m")
PRECISION = Param("precision", "positive", r"\lambda")
SHAPE = Param("shape", "positive", "a")
RATE = Param("rate", "positive", "b")
SCALE = Param("scale", "positive", "b")
PROB = Param("prob", "unit", "p")
m, lam, a, b, s, p = (x.symbol for x in (MEAN, PRECISION, SHAPE, RATE, SCALE, PROB))


def _normal() -> ScalarFamily:
    return ScalarFamily(
        "Normal",
        (MEAN, PRECISION),
        "real",
        HALF * log(lam) - HALF * LOG_2PI - HALF * lam * (X - m) ** 2,
        (X, X**2),
        (("precision", -2 * E2), ("mean", E1 / lam)),
        "Bishop (2006), B.28",
        maximiser=-E1 / (2 * E2),
    )


def _gamma() -> ScalarFamily:
    return ScalarFamily(
        "Gamma",
        (SHAPE, RATE),
        "positive",
        a * log(b) - loggamma(a) + (a - 1) * log(X) - b * X,
        (log(X), X),
        (("shape", E1 + 1), ("rate", -E2)),
        "Bishop (2006), B.26",
        maximiser=-E1 / E2,
    )


def _inverse_gamma() -> ScalarFamily:
    return ScalarFamily(
        "InverseGamma",
        (SHAPE, SCALE),
        "positive",
        a * log(s) - loggamma(a) - (a + 1) * log(X) - s / X,
        (log(X), 1 / X),
        (("shape", -E1 - 1), ("scale", -E2)),
        "Johnson, Kotz and Balakrishnan (1994), chapter 17.8",
        maximiser=E2 / E1,
    )


def _beta() -> ScalarFamily:
    first, second = Param("a", "positive", "a"), Param("b", "positive", "b")
    u, v = first.symbol, second.symbol
    return ScalarFamily(
        "Beta",
        (first, second),
        "unit",
        loggamma(u + v) - loggamma(u) - loggamma(v) + (u - 1) * log(X) + (v - 1) * log(1 - X),
        (log(X), log(1 - X)),
        (("a", E1 + 1), ("b", E2 + 1)),
        "Bishop (2006), B.6",
        maximiser=E1 / (E1 + E2),
    )


def _exponential() -> ScalarFamily:
    return ScalarFamily(
        "Exponential",
        (RATE,),
        "positive",
        log(b) - b * X,
        (X,),
        (("rate", -E1),),
        "Johnson, Kotz and Balakrishnan (1994), 19.1",
    )


def _log_normal() -> ScalarFamily:
    return ScalarFamily(
        "LogNormal",
        (MEAN, PRECISION),
        "positive",
        HALF * log(lam) - HALF * LOG_2PI - log(X) - HALF * lam * (log(X) - m) ** 2,
        (log(X), log(X) ** 2),
        (("precision", -2 * E2), ("mean", (E1 + 1) / lam)),
        "Johnson, Kotz and Balakrishnan (1994), 14.2",
        maximiser=exp(-E1 / (2 * E2)),
    )


def _half_normal() -> ScalarFamily:
    return ScalarFamily(
        "HalfNormal",
        (PRECISION,),
        "positive",
        HALF * log(lam) + HALF * log(2 / sympy.pi) - HALF * lam * X**2,
        (X**2,),
        (("precision", -2 * E1),),
        "Johnson, Kotz and Balakrishnan (1994), 13.10.1",
        declared_moments={X: sqrt(2 / sympy.pi) / sqrt(lam)},
    )


def _truncated_normal() -> ScalarFamily:
    lower, upper = Param("lower", "real", "l", known=True), Param("upper", "real", "u", known=True)
    low, high = sqrt(lam) * (lower.symbol - m), sqrt(lam) * (upper.symbol - m)
    mean = m + truncated_mean(low, high) / sqrt(lam)
    return ScalarFamily(
        "TruncatedNormal",
        (MEAN, PRECISION, lower, upper),
        "interval",
        HALF * log(lam) - HALF * LOG_2PI - HALF * lam * (X - m) ** 2 - log_normal_interval(low, high),
        (X, X**2),
        (("precision", -2 * E2), ("mean", E1 / lam)),
        "Johnson, Kotz and Balakrishnan (1994), 13.10.1",
        declared_moments={
            X: mean,
            X**2: m**2 + 2 * m * truncated_mean(low, high) / sqrt(lam) + (1 + truncated_second(low, high)) / lam,
        },
    )


def _generalised_inverse_gaussian() -> ScalarFamily:
    order, first, second = Param("p", "real", "p"), Param("a", "positive", "a"), Param("b", "positive", "b")
    q, u, v = order.symbol, first.symbol, second.symbol
    root = sqrt(u) * sqrt(v)
    here = log_bessel_k(q, root)
    return ScalarFamily(
        "GeneralisedInverseGaussian",
        (order, first, second),
        "positive",
        HALF * q * (log(u) - log(v)) - log(2) - here + (q - 1) * log(X) - HALF * u * X - HALF * v / X,
        (log(X), X, 1 / X),
        (("p", E1 + 1), ("a", -2 * E2), ("b", -2 * E3)),
        "Johnson, Kotz and Balakrishnan (1994), 15.9.1",
        maximiser=(E1 + sqrt(E1**2 + 4 * E2 * E3)) / (-2 * E2),
        declared_moments={
            X: sqrt(v) / sqrt(u) * exp(log_bessel_k(q + 1, root) - here),
            1 / X: sqrt(u) / sqrt(v) * exp(log_bessel_k(q - 1, root) - here),
            log(X): HALF * (log(v) - log(u)) + dlog_bessel_k(q, root),
        },
    )


def _weibull() -> ScalarFamily:
    shape = Param("shape", "positive", "k", known=True)
    k = shape.symbol
    return ScalarFamily(
        "Weibull",
        (shape, RATE),
        "positive",
        log(k) + log(b) + (k - 1) * log(X) - b * X**k,
        (X**k,),
        (("rate", -E1),),
        "Johnson, Kotz and Balakrishnan (1994), 21.1",
    )


def _pareto() -> ScalarFamily:
    minimum = Param("minimum", "positive", r"x_{\min}", known=True)
    return ScalarFamily(
        "Pareto",
        (SHAPE, minimum),
        "above",
        log(a) + a * log(minimum.symbol) - (a + 1) * log(X),
        (log(X),),
        (("shape", -E1 - 1),),
        "Johnson, Kotz and Balakrishnan (1994), 20.1",
    )


def _laplace() -> ScalarFamily:
    location = Param("location", "real", "m", known=True)
    return ScalarFamily(
        "Laplace",
        (location, SCALE),
        "real",
        -log(2) - log(s) - sympy.Abs(X - location.symbol) / s,
        (sympy.Abs(X - location.symbol),),
        (("scale", -1 / E1),),
        "Johnson, Kotz and Balakrishnan (1995), 24.1",
        maximiser=location.symbol,
    )


def _von_mises() -> ScalarFamily:
    mean, concentration = Param("mean", "angle", "m"), Param("concentration", "positive", r"\kappa")
    angle, kappa = mean.symbol, concentration.symbol
    ratio = exp(log_bessel_i(1, kappa) - log_bessel_i(0, kappa))
    return ScalarFamily(
        "VonMises",
        (mean, concentration),
        "angle",
        kappa * cos(angle) * cos(X) + kappa * sin(angle) * sin(X) - LOG_2PI - log_bessel_i(0, kappa),
        (cos(X), sin(X)),
        (("concentration", sqrt(E1**2 + E2**2)), ("mean", sympy.atan2(E2, E1))),
        "Mardia and Jupp (2000), 3.5.17; Bishop (2006), 2.179",
        maximiser=sympy.atan2(E2, E1),
        declared_moments={cos(X): ratio * cos(angle), sin(X): ratio * sin(angle)},
    )


def _poisson() -> ScalarFamily:
    rate = Param("rate", "positive", r"\lambda")
    return ScalarFamily(
        "Poisson",
        (rate,),
        "count",
        X * log(rate.symbol) - rate.symbol - loggamma(X + 1),
        (X,),
        (("rate", exp(E1)),),
        "Johnson, Kemp and Kotz (2005), 4.1",
    )


def _bernoulli() -> ScalarFamily:
    return ScalarFamily(
        "Bernoulli",
        (PROB,),
        "binary",
        X * (log(p) - log(1 - p)) + log(1 - p),
        (X,),
        (("prob", 1 / (1 + exp(-E1))),),
        "Bishop (2006), B.1",
        declared_moments={X: p},
        declared_entropy=-xlogx(p) - xlogx(1 - p),
    )


def _binomial() -> ScalarFamily:
    total = Param("total", "count", "n", known=True)
    n = total.symbol
    return ScalarFamily(
        "Binomial",
        (total, PROB),
        "bounded_count",
        loggamma(n + 1) - loggamma(X + 1) - loggamma(n - X + 1) + X * (log(p) - log(1 - p)) + n * log(1 - p),
        (X,),
        (("prob", 1 / (1 + exp(-E1))),),
        "Bishop (2006), B.10",
        declared_moments={X: n * p, X**2: n * p * (1 - p) + n**2 * p**2},
        declared_entropy=-n * xlogx(p) - n * xlogx(1 - p) - loggamma(n + 1),
    )


def _geometric() -> ScalarFamily:
    return ScalarFamily(
        "Geometric",
        (PROB,),
        "count",
        log(p) + X * log(1 - p),
        (X,),
        (("prob", 1 - exp(E1)),),
        "Johnson, Kemp and Kotz (2005), 5.2",
        declared_moments={X: 1 / p - 1, X**2: (1 - p) * (2 - p) / p**2},
    )


def _negative_binomial() -> ScalarFamily:
    number = Param("number", "positive", "r", known=True)
    r = number.symbol
    return ScalarFamily(
        "NegativeBinomial",
        (number, PROB),
        "count",
        loggamma(X + r) - loggamma(X + 1) - loggamma(r) + r * log(p) + X * log(1 - p),
        (X,),
        (("prob", 1 - exp(E1)),),
        "Johnson, Kemp and Kotz (2005), 5.1",
        declared_moments={X: r / p - r, X**2: r * (1 - p) * (1 + r * (1 - p)) / p**2},
    )


BUILDERS: Mapping[str, Callable[[], ScalarFamily]] = {
    "Normal": _normal,
    "Gamma": _gamma,
    "InverseGamma": _inverse_gamma,
    "Beta": _beta,
    "Exponential": _exponential,
    "LogNormal": _log_normal,
    "HalfNormal": _half_normal,
    "TruncatedNormal": _truncated_normal,
    "GeneralisedInverseGaussian": _generalised_inverse_gaussian,
    "Weibull": _weibull,
    "Pareto": _pareto,
    "Laplace": _laplace,
    "VonMises": _von_mises,
    "Poisson": _poisson,
    "Bernoulli": _bernoulli,
    "Binomial": _binomial,
    "Geometric": _geometric,
    "NegativeBinomial": _negative_binomial,
}


@cache
def scalar_family(name: str) -> ScalarFamily:
    """The scalar family of that name; built when it is first asked for, so that importing stays quick.

    Raises:
        KeyError: when the catalogue has none.
    """
    return BUILDERS[name]()
