"""The functions of the grammar on arrays in double precision, with derivatives: an `Engine` whose numbers are nodes.

log Γ and the normal tail are the C library's, element by element; the digamma function is its asymptotic series after
a recurrence (Abramowitz and Stegun 6.3.18). All are compared with mpmath by the tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, doubles
from cavi.verify.reference.tape import Array, Node, Plain, apply

LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)
FAR = -30.0  # below, erfc is near the smallest number, and the asymptotic series of the tail is exact to all digits

_lgamma = np.frompyfunc(math.lgamma, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def lgamma(x: Any) -> Array:
    """log Γ(x) for x > 0; infinite at zero."""
    x = np.asarray(x, dtype=float)
    ordinary = (x > 0) & np.isfinite(x)
    found = np.asarray(_lgamma(np.where(ordinary, x, 1.0)), dtype=float)
    return np.where(ordinary, found, np.where(np.isnan(x), np.nan, np.inf))


def digamma(x: Any) -> Array:
    """ψ(x) for x > 0."""
    x = np.asarray(x, dtype=float)
    below = np.zeros_like(x)
    for _ in range(8):
        small = x < 8.0
        below = below - np.where(small, 1.0 / np.where(x == 0.0, np.nan, x), 0.0)
        x = np.where(small, x + 1.0, x)
    u = 1.0 / x**2
    series = u * (1 / 12 - u * (1 / 120 - u * (1 / 252 - u * (1 / 240 - u * (1 / 132 - u * (691 / 32760 - u / 12))))))
    return np.asarray(below + np.log(x) - 0.5 / x - series)


def log_tail(x: Any) -> Array:
    """log Φ(x)."""
    x = np.asarray(x, dtype=float)
    near = np.maximum(x, FAR)
    found = np.log(np.asarray(_erfc(-near / math.sqrt(2.0)), dtype=float) / 2.0)
    far = np.minimum(x, FAR)
    u = 1.0 / far**2
    with np.errstate(all="ignore"):
        series = -0.5 * far**2 - LOG_ROOT_TWO_PI - np.log(-far) + np.log1p(u * (-1 + u * (3 - u * (15 - 105 * u))))
    return np.where(x > FAR, found, np.where(x == -np.inf, -np.inf, series))


def log_normal_interval(a: Any, b: Any) -> Array:
    """log(Φ(b) - Φ(a)), of the lower tails, in which nothing cancels."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    flip = a > 0
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    upper, lower = log_tail(high), log_tail(low)
    with np.errstate(all="ignore"):
        return np.asarray(upper + np.log(-np.expm1(np.minimum(lower - upper, 0.0))))


def _interval_gradient(g: Array, r: Array, a: Any, b: Any) -> tuple[Array, Array]:
    def ratio(x: Any) -> Array:
        return np.asarray(np.exp(-0.5 * np.square(x) - LOG_ROOT_TWO_PI - r))

    return -g * ratio(a), g * ratio(b)


def _softplus(x: Any) -> Array:
    return np.asarray(np.logaddexp(0.0, x))


def _logistic(x: Any) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0.0, -np.asarray(x))))


def _xlogx(x: Any) -> Array:
    x = np.asarray(x, dtype=float)
    return np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, x)))


def _unary(forward: Callable[[Any], Any], slope: Callable[[Array, Array], Array]) -> Callable[[Plain], Plain]:
    """A function of one number, and its derivative of (result, argument)."""
    return lambda x: apply(forward, lambda g, r, a: (g * slope(r, a),), x)


def _of_what_is_known(name: str) -> Callable[..., Plain]:
    """A function without a derivative here: of numbers alone."""

    def call(*args: Plain) -> Plain:
        if any(isinstance(a, Node) for a in args):
            raise NotImplementedError(f"{name} of a latent has no derivative here")
        return doubles()(name, *args)

    return call


def _power_gradient(g: Array, r: Array, a: Any, b: Any) -> tuple[Array, Array]:
    return g * b * np.power(a, np.asarray(b) - 1.0), g * r * np.log(a)


TABLE: dict[str, Callable[..., Plain]] = {
    "log": _unary(np.log, lambda r, a: 1.0 / a),
    "exp": _unary(np.exp, lambda r, a: r),
    "sqrt": _unary(np.sqrt, lambda r, a: 0.5 / r),
    "abs": _unary(np.abs, lambda r, a: np.sign(a)),
    "cos": _unary(np.cos, lambda r, a: -np.sin(a)),
    "sin": _unary(np.sin, lambda r, a: np.cos(a)),
    "lgamma": _unary(lgamma, lambda r, a: digamma(a)),
    "softplus": _unary(_softplus, lambda r, a: _logistic(a)),
    "xlogx": _unary(_xlogx, lambda r, a: np.log(a) + 1.0),
    "pow": lambda a, b: apply(np.power, _power_gradient, a, b),
    "log_normal_interval": lambda a, b: apply(log_normal_interval, _interval_gradient, a, b),
    **{
        n: _of_what_is_known(n)
        for n in "digamma trigamma atan2 tanhc log_polya_gamma log_bessel_i log_bessel_k dlog_bessel_k".split()
    },
    **{n: _of_what_is_known(n) for n in ("truncated_mean", "truncated_second")},
}
_CONSTANTS = {"pi": math.pi, "infinity": math.inf, "minus_infinity": -math.inf}


def nodes() -> Engine:
    """An engine whose values are nodes of a tape, arrays and numbers."""
    return Engine("nodes", float, TABLE, _CONSTANTS.__getitem__)
