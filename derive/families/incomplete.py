r"""Observations that are not always what they count: excess zeros, and values known only to lie beyond a limit.

    zero inflation    p(x) = π [x = 0] + (1 - π) f(x)
    censoring         log p(x) = d log f(x) + (1 - d) log P(beyond x),      d = 1 where x was seen, 0 for a limit
    intervals         log p(x) = log P(between x and x + h),                h > 0 the known width
    truncation        p(x) = f(x) / (1 - f(0)),                             x = 1, 2, …; the zeros are not recorded
                      p(x) = f(x) / P(beyond l),                            x > l, the rest is not recorded
                      p(x) = f(x) / (P(beyond l) - P(beyond u)),            l < x < u, likewise
    hurdles           p(x) = (1 - π) [x = 0] + π f(x) / (1 - f(0)) [x > 0]

Each is made from a family of the catalogue and, where it takes more than f, the log probability of what lies there.
With 0^x, which is one at zero and zero for every other count, zero inflation is

    log p(x) = log(1 - π) + log f(x) + 0^x log(1 + π / ((1 - π) f(0))).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy import Pow, exp, log, oo, sqrt

from cavi.derive.families.base import Param, ScalarFamily
from cavi.derive.families.mixed import MIXED_FAMILIES, MixedFamily, RecordFamily
from cavi.derive.families.scalar import CATALOGUE
from cavi.derive.families.special import log_normal_interval, softplus

INFLATION = Param("inflation", "unit", r"\pi")
EVENT = Param("event", "binary", "d", known=True)
LOWER = Param("lower", "nonnegative", r"\ell", known=True, default=sympy.S.Zero)
MINIMUM = Param("minimum", "positive", "c", known=True)
UPPER = Param("upper", "positive", "u", known=True)
CROSSING = Param("crossing", "unit", r"\pi")
WIDTH = Param("width", "positive", "h", known=True)


TRUNCATION = "Klein and Moeschberger (2003), Survival Analysis, section 3.4"
SURVIVAL = "Klein and Moeschberger (2003), Survival Analysis, section 3.5"
LogDensity = Callable[..., sympy.Expr]


def _made(
    prefix: str, base: ScalarFamily, extra: Param, log_density: LogDensity, source: str, kind: type[MixedFamily]
) -> MixedFamily:
    """A family with one parameter more; `log_density` takes `X`, that parameter and those of the base."""

    def density(x: Any, *args: Any) -> sympy.Expr:
        *own, last = args
        return log_density(x, last, *own)

    return kind(f"{prefix}{base.name}", (*base.parameters, extra), base.support, density, source, base.aliases)


def zero_inflated(base: ScalarFamily) -> MixedFamily:
    """A count that is zero with a probability of its own, beside the zeros of its family."""

    def density(x: Any, inflation: Any, *own: Any) -> sympy.Expr:
        at_zero = base.declared_density(sympy.S.Zero, *own)
        odds = log(inflation) - log(1 - inflation) - at_zero
        return log(1 - inflation) + base.declared_density(x, *own) + Pow(0, x) * softplus(odds)

    return _made(
        "ZeroInflated", base, INFLATION, density, "Lambert (1992), Technometrics 34, 1-14, section 1", MixedFamily
    )


def zero_truncated(base: ScalarFamily) -> MixedFamily:
    """A count of which zeros are not recorded."""

    def density(x: Any, *own: Any) -> sympy.Expr:
        return base.declared_density(x, *own) - _log_above_zero(base, own)

    source = "Johnson, Kemp and Kotz (2005), chapter 4"
    return MixedFamily(f"ZeroTruncated{base.name}", base.parameters, "natural", density, source)


def hurdle(base: ScalarFamily) -> MixedFamily:
    """A count that is above zero with a probability of its own, and then is of its family without the zero."""

    def density(x: Any, *args: Any) -> sympy.Expr:
        *own, crossing = args
        at_zero = base.declared_density(sympy.S.Zero, *own)
        above = log(crossing) + base.declared_density(x, *own) - Pow(0, x) * at_zero
        # Where x is zero the density of the family is that of a zero, and what is left is log(1 - crossing).
        return above + Pow(0, x) * (log(1 - crossing) - log(crossing)) - (1 - Pow(0, x)) * _log_above_zero(base, own)

    source = "Mullahy (1986), Journal of Econometrics 33, 341-365"
    return MixedFamily(f"Hurdle{base.name}", (*base.parameters, CROSSING), base.support, density, source)


def _log_above_zero(base: ScalarFamily, parameters: Any) -> sympy.Expr:
    """log(1 - f(0))."""
    return log(1 - exp(base.declared_density(sympy.S.Zero, *parameters)))


def truncated(base: ScalarFamily, log_beyond: LogDensity) -> MixedFamily:
    """A positive value that is recorded only between two limits; `log_beyond` takes one of them and the parameters."""

    def density(x: Any, *args: Any) -> sympy.Expr:
        *own, lower, upper = args
        above = log_beyond(lower, *own)
        return base.declared_density(x, *own) - above - log(1 - exp(log_beyond(upper, *own) - above))

    return MixedFamily(f"Truncated{base.name}", (*base.parameters, LOWER, UPPER), "interval", density, TRUNCATION)


def left_truncated(base: ScalarFamily, log_beyond: LogDensity) -> MixedFamily:
    """A positive value that is recorded only where it is above a limit."""

    def density(x: Any, *args: Any) -> sympy.Expr:
        *own, minimum = args
        return base.declared_density(x, *own) - log_beyond(minimum, *own)

    return MixedFamily(f"LeftTruncated{base.name}", (*base.parameters, MINIMUM), "above", density, TRUNCATION)


def censored(side: str, base: ScalarFamily, log_beyond: LogDensity) -> MixedFamily:
    """A value, or where it is censored the limit beyond which it lies; `log_beyond` takes `X` and the parameters."""

    def density(x: Any, event: Any, *own: Any) -> sympy.Expr:
        return event * base.declared_density(x, *own) + (1 - event) * log_beyond(x, *own)

    return _made(f"{side}Censored", base, EVENT, density, SURVIVAL, RecordFamily)


def interval_censored(base: ScalarFamily, log_between: LogDensity) -> MixedFamily:
    """The lower end of a known interval; `log_between` takes both ends and the parameters."""

    def density(x: Any, width: Any, *own: Any) -> sympy.Expr:
        return log_between(x, x + width, *own)

    source = f"{SURVIVAL}; Albert and Chib (1993), section 4"
    return _made("IntervalCensored", base, WIDTH, density, source, RecordFamily)


def _standard(x: Any, mean: Any, precision: Any) -> sympy.Expr:
    return sqrt(precision) * (x - mean)


def _log_phi(x: Any) -> sympy.Expr:
    return log_normal_interval(-oo, x)


def _log_survival(x: Any, shape: Any, rate: Any) -> sympy.Expr:
    """log P(beyond x) of a Weibull; of an Exponential with the shape one."""
    return -rate * x**shape


def _log_before(x: Any, shape: Any, rate: Any) -> sympy.Expr:
    """log P(before x)."""
    return log(1 - exp(_log_survival(x, shape, rate)))


def _log_within(low: Any, high: Any, shape: Any, rate: Any) -> sympy.Expr:
    """log(P(beyond low) - P(beyond high))."""
    beyond = _log_survival(low, shape, rate)
    return beyond + log(1 - exp(sympy.expand(_log_survival(high, shape, rate) - beyond)))


_INFLATED = ("Poisson", "Binomial", "NegativeBinomial")
_BEYOND: tuple[tuple[str, str, LogDensity], ...] = (
    ("Right", "Exponential", lambda x, rate: _log_survival(x, 1, rate)),
    ("Right", "Weibull", _log_survival),
    ("Right", "LogNormal", lambda x, mean, precision: _log_phi(-_standard(log(x), mean, precision))),
    ("Right", "Normal", lambda x, mean, precision: _log_phi(-_standard(x, mean, precision))),
    ("Left", "Exponential", lambda x, rate: _log_before(x, 1, rate)),
    ("Left", "Weibull", _log_before),
    ("Left", "LogNormal", lambda x, mean, precision: _log_phi(_standard(log(x), mean, precision))),
    ("Left", "Normal", lambda x, mean, precision: _log_phi(_standard(x, mean, precision))),
)
_BETWEEN: tuple[tuple[str, LogDensity], ...] = (
    ("Exponential", lambda a, b, rate: _log_within(a, b, 1, rate)),
    ("Weibull", _log_within),
    ("Normal", lambda a, b, m, p: log_normal_interval(_standard(a, m, p), _standard(b, m, p))),
)
INCOMPLETE: tuple[MixedFamily, ...] = (
    *(make(CATALOGUE[n]) for make in (zero_inflated, hurdle) for n in _INFLATED),
    *(zero_truncated(CATALOGUE[n]) for n in _INFLATED),
    *(censored(side, CATALOGUE[n], beyond) for side, n, beyond in _BEYOND),
    *(interval_censored(CATALOGUE[n], between) for n, between in _BETWEEN),
    truncated(CATALOGUE["Weibull"], _log_survival),
    left_truncated(CATALOGUE["Exponential"], lambda x, rate: _log_survival(x, 1, rate)),
    left_truncated(CATALOGUE["Weibull"], _log_survival),
)
MIXED_FAMILIES.update((f.name, f) for f in INCOMPLETE)
