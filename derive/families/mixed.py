r"""Families that are no exponential families in their parameters: declared by the log density alone.

Nothing is conjugate to them as they stand. They are what a user writes down; each is a mixture over an auxiliary, and
the relaxations act on the terms of its log density. They are never the family of a factor.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Rational, log, loggamma, pi

from cavi.derive.families.base import DeclaredDensity, Param
from cavi.derive.families.scalar import MEAN, PRECISION, SPREAD

HALF = Rational(1, 2)


class MixedFamily(DeclaredDensity):
    """A density that is no exponential family in its parameters."""


class RecordFamily(MixedFamily):
    """The law of what is recorded of a value, such as a limit beyond which it lies: no density of the value itself."""


def _student(x: Any, mean: Any, precision: Any, dof: Any) -> sympy.Expr:
    constant = loggamma((dof + 1) / 2) - loggamma(dof / 2) + HALF * (log(precision) - log(dof) - log(pi))
    return constant - (dof + 1) / 2 * log(1 + precision * (x - mean) ** 2 / dof)


def _asymmetric_laplace(x: Any, mean: Any, scale: Any, quantile: Any) -> sympy.Expr:
    """The check function ρ(u) = u (q - [u < 0]) is |u|/2 + (q - ½) u."""
    check = Abs(x - mean) / 2 + (quantile - HALF) * (x - mean)
    return log(quantile) + log(1 - quantile) - log(scale) - check / scale


def _beta_binomial(x: Any, total: Any, a: Any, b: Any) -> sympy.Expr:
    choose = loggamma(total + 1) - loggamma(x + 1) - loggamma(total - x + 1)
    normaliser = loggamma(a + b) - loggamma(a) - loggamma(b)
    return choose + normaliser + loggamma(a + x) + loggamma(b + total - x) - loggamma(a + b + total)


MIXED_FAMILIES: dict[str, MixedFamily] = {
    f.name: f
    for f in (
        MixedFamily(
            "StudentT",
            (MEAN, PRECISION, Param("dof", "positive", r"\nu", known=True)),
            "real",
            _student,
            "Bishop (2006), 2.159",
            aliases=SPREAD,
        ),
        MixedFamily(
            "AsymmetricLaplace",
            (MEAN, Param("scale", "positive", "s"), Param("quantile", "unit", "q", known=True)),
            "real",
            _asymmetric_laplace,
            "Yu and Moyeed (2001), Statistics and Probability Letters 54, 437-447, equation 3",
        ),
        MixedFamily(
            "BetaBinomial",
            (Param("total", "count", "n", known=True), Param("a", "positive", "a"), Param("b", "positive", "b")),
            "bounded_count",
            _beta_binomial,
            "Johnson, Kemp and Kotz (2005), 6.2.2; Gelman et al. (2013), table A.2",
        ),
        MixedFamily(
            "HalfCauchy",
            (Param("scale", "positive", "s"),),
            "positive",
            lambda x, scale: log(2) - log(pi) - log(scale) - log(1 + x**2 / scale**2),
            "Gelman (2006), Bayesian Analysis 1, 515-534, section 3.2",
        ),
    )
}
