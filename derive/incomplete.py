"""Distributions of incomplete observations: excess zeros, zeros that are not recorded or have a process of their own,
values known only to lie beyond a limit or in an interval.

``event`` is known data: one where the value was seen, zero where it is the limit beyond which the value lies. ``width``
is that of the interval above the value in which a response lies: a category of an ordered answer, or what was rounded.
"""

from __future__ import annotations

from cavi.derive.distribution import Distribution, checked_call, one_of, scalars
from cavi.derive.errors import DeclarationError
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
def ZeroTruncatedPoisson(rate: object) -> Distribution:
    """Poisson by rate, of which zeros are not recorded."""
    return scalars("ZeroTruncatedPoisson", rate=as_expr(rate))


@checked_call
def ZeroTruncatedBinomial(total: object, prob: object) -> Distribution:
    """Binomial of a known total, of which zeros are not recorded."""
    return scalars("ZeroTruncatedBinomial", total=as_expr(total), prob=as_expr(prob))


@checked_call
def ZeroTruncatedNegativeBinomial(number: object, prob: object) -> Distribution:
    """Negative binomial of a known number, of which zeros are not recorded."""
    return scalars("ZeroTruncatedNegativeBinomial", number=as_expr(number), prob=as_expr(prob))


@checked_call
def TruncatedExponential(rate: object, upper: object, lower: object = 0) -> Distribution:
    """Exponential by rate, recorded only where it is below a known limit, and above another where that is given."""
    return scalars("TruncatedExponential", rate=as_expr(rate), lower=as_expr(lower), upper=as_expr(upper))


@checked_call
def TruncatedWeibull(shape: object, rate: object, upper: object, lower: object = 0) -> Distribution:
    """Weibull of known shape, recorded only below a known limit, and above another where that is given."""
    return scalars(
        "TruncatedWeibull", shape=as_expr(shape), rate=as_expr(rate), lower=as_expr(lower), upper=as_expr(upper)
    )


@checked_call
def LeftTruncatedExponential(rate: object, minimum: object) -> Distribution:
    """Exponential by rate, recorded only where it is above a known limit (delayed entry)."""
    return scalars("LeftTruncatedExponential", rate=as_expr(rate), minimum=as_expr(minimum))


@checked_call
def LeftTruncatedWeibull(shape: object, rate: object, minimum: object) -> Distribution:
    """Weibull of known shape, recorded only where it is above a known limit (delayed entry)."""
    return scalars("LeftTruncatedWeibull", shape=as_expr(shape), rate=as_expr(rate), minimum=as_expr(minimum))


@checked_call
def HurdlePoisson(rate: object, crossing: object) -> Distribution:
    """Above zero with a probability of its own (the crossing), and then Poisson by rate without its zero."""
    return scalars("HurdlePoisson", rate=as_expr(rate), crossing=as_expr(crossing))


@checked_call
def HurdleBinomial(total: object, prob: object, crossing: object) -> Distribution:
    """Above zero with a probability of its own (the crossing), and then Binomial of a known total without its zero."""
    return scalars("HurdleBinomial", total=as_expr(total), prob=as_expr(prob), crossing=as_expr(crossing))


@checked_call
def HurdleNegativeBinomial(number: object, prob: object, crossing: object) -> Distribution:
    """Above zero with a probability of its own (the crossing), and then negative binomial without its zero."""
    return scalars("HurdleNegativeBinomial", number=as_expr(number), prob=as_expr(prob), crossing=as_expr(crossing))


@checked_call
def RightCensoredExponential(rate: object, event: object) -> Distribution:
    """Exponential by rate, seen (event 1) or known to lie above the value (event 0)."""
    return scalars("RightCensoredExponential", rate=as_expr(rate), event=as_expr(event))


@checked_call
def RightCensoredWeibull(shape: object, rate: object, event: object) -> Distribution:
    """Weibull of known shape k, k λ x^(k-1) exp(-λ x^k), seen (event 1) or known to lie above the value (event 0)."""
    return scalars("RightCensoredWeibull", shape=as_expr(shape), rate=as_expr(rate), event=as_expr(event))


@checked_call
def LeftCensoredExponential(rate: object, event: object) -> Distribution:
    """Exponential by rate, seen (event 1) or known to lie below the value (event 0)."""
    return scalars("LeftCensoredExponential", rate=as_expr(rate), event=as_expr(event))


@checked_call
def LeftCensoredWeibull(shape: object, rate: object, event: object) -> Distribution:
    """Weibull of known shape, seen (event 1) or known to lie below the value (event 0)."""
    return scalars("LeftCensoredWeibull", shape=as_expr(shape), rate=as_expr(rate), event=as_expr(event))


@checked_call
def LeftCensoredLogNormal(mean: object, precision: object, event: object) -> Distribution:
    """Log-normal, seen (event 1) or known to lie below the value (event 0)."""
    return scalars("LeftCensoredLogNormal", mean=as_expr(mean), precision=as_expr(precision), event=as_expr(event))


@checked_call
def IntervalCensoredExponential(rate: object, width: object) -> Distribution:
    """Exponential by rate, known to lie between the value and the value plus the width, as between two inspections."""
    return scalars("IntervalCensoredExponential", rate=as_expr(rate), width=as_expr(width))


@checked_call
def IntervalCensoredWeibull(shape: object, rate: object, width: object) -> Distribution:
    """Weibull of known shape, known to lie between the value and the value plus the width."""
    return scalars("IntervalCensoredWeibull", shape=as_expr(shape), rate=as_expr(rate), width=as_expr(width))


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


@checked_call
def IntervalCensoredNormal(
    mean: object, precision: object = None, width: object = None, *, variance: object = None, std: object = None
) -> Distribution:
    """Normal, known to lie between the value and the value plus the width: Φ((x + h - m)/s) - Φ((x - m)/s).

    With the interval of the category of each answer this is ordered probit regression. An open end is a limit that is
    far away, such as forty standard deviations: the probability beyond it is zero in double precision.

    Raises:
        DeclarationError: without a width, and unless exactly one of precision, variance, std is given.
    """
    if width is None:
        raise DeclarationError(
            "IntervalCensoredNormal: expected width=, that of the interval above the value; found none"
        )
    value = one_of("IntervalCensoredNormal", {"precision": precision, "variance": variance, "std": std})
    return scalars("IntervalCensoredNormal", mean=as_expr(mean), precision=value, width=as_expr(width))


def _censored_normal(
    family: str, mean: object, precision: object, event: object, variance: object, std: object
) -> Distribution:
    value = one_of(family, {"precision": precision, "variance": variance, "std": std})
    return scalars(family, mean=as_expr(mean), precision=value, event=as_expr(event))
