"""Distributions of incomplete observations: counts with excess zeros, values known only to lie beyond a limit.

``event`` is known data: one where the value was seen, zero where it is the limit beyond which the value lies.
"""

from __future__ import annotations

from cavi.derive.distribution import Distribution, checked_call, one_of, scalars
from cavi.derive.expression import as_expr


@checked_call
def ZeroInflatedPoisson(rate: object, inflation: object) -> Distribution:
    """Zero with a probability of its own (the inflation), else Poisson by rate."""
    return scalars("ZeroInflatedPoisson", rate=as_expr(rate), inflation=as_expr(inflation))


@checked_call
def ZeroInflatedBinomial(total: object, prob: object, inflation: object) -> Distribution:
    """Zero with a probability of its own (the inflation), else Binomial of a known total."""
    return scalars("ZeroInflatedBinomial", total=as_expr(total), prob=as_expr(prob), inflation=as_expr(inflation))


@checked_call
def ZeroInflatedNegativeBinomial(number: object, prob: object, inflation: object) -> Distribution:
    """Zero with a probability of its own (the inflation), else negative binomial of a known number."""
    return scalars(
        "ZeroInflatedNegativeBinomial", number=as_expr(number), prob=as_expr(prob), inflation=as_expr(inflation)
    )


@checked_call
def RightCensoredExponential(rate: object, event: object) -> Distribution:
    """Exponential by rate, seen (event 1) or known to lie above the value (event 0)."""
    return scalars("RightCensoredExponential", rate=as_expr(rate), event=as_expr(event))


@checked_call
def RightCensoredWeibull(shape: object, rate: object, event: object) -> Distribution:
    """Weibull of known shape k, k λ x^(k-1) exp(-λ x^k), seen (event 1) or known to lie above the value (event 0)."""
    return scalars("RightCensoredWeibull", shape=as_expr(shape), rate=as_expr(rate), event=as_expr(event))


@checked_call
def RightCensoredLogNormal(mean: object, precision: object, event: object) -> Distribution:
    """Log-normal, seen (event 1) or known to lie above the value (event 0)."""
    return scalars("RightCensoredLogNormal", mean=as_expr(mean), precision=as_expr(precision), event=as_expr(event))


@checked_call
def RightCensoredNormal(
    mean: object, precision: object = None, event: object = 1, *, variance: object = None, std: object = None
) -> Distribution:
    """Normal, seen (event 1) or known to lie above the value (event 0)."""
    return _censored_normal("RightCensoredNormal", mean, precision, event, variance, std)


@checked_call
def LeftCensoredNormal(
    mean: object, precision: object = None, event: object = 1, *, variance: object = None, std: object = None
) -> Distribution:
    """Normal, seen (event 1) or known to lie below the value (event 0): the tobit model has the value zero there."""
    return _censored_normal("LeftCensoredNormal", mean, precision, event, variance, std)


def _censored_normal(
    family: str, mean: object, precision: object, event: object, variance: object, std: object
) -> Distribution:
    value = one_of(family, {"precision": precision, "variance": variance, "std": std})
    return scalars(family, mean=as_expr(mean), precision=value, event=as_expr(event))
