"""Special functions of one number in mpmath, by the names of the expression grammar.

The Bessel functions in their order are integrals over the half line whose integrands vanish doubly
exponentially, where the trapezoidal rule converges geometrically (DLMF 10.32.9).
"""

from __future__ import annotations

from typing import Any

import mpmath
from mpmath import mpf

Number = Any
LARGEST_EXPONENT = 10**9


def log(x: Number) -> Number:
    """Natural logarithm; minus infinity at zero."""
    return mpmath.log(x) if x != 0 else -mpmath.inf


def exp(x: Number) -> Number:
    """e to the x.

    Raises:
        OverflowError: where the result would not fit into memory.
    """
    if x > LARGEST_EXPONENT:
        raise OverflowError(f"exp({mpmath.nstr(x, 5)}) is too large")
    return mpmath.exp(x)


def sqrt(x: Number) -> Number:
    """Principal square root."""
    return mpmath.sqrt(x)


def lgamma(x: Number) -> Number:
    """log Γ(x)."""
    return mpmath.loggamma(x)


def digamma(x: Number) -> Number:
    """ψ(x)."""
    return mpmath.psi(0, x)


def trigamma(x: Number) -> Number:
    """ψ'(x)."""
    return mpmath.psi(1, x)


def abs(x: Number) -> Number:
    """|x|."""
    return mpmath.fabs(x)


def cos(x: Number) -> Number:
    """Cosine."""
    return mpmath.cos(x)


def sin(x: Number) -> Number:
    """Sine."""
    return mpmath.sin(x)


def atan2(y: Number, x: Number) -> Number:
    """The angle of the point (x, y)."""
    return mpmath.atan2(y, x)


def pow(base: Number, exponent: Number) -> Number:
    """base to the exponent, by way of the guarded exponential."""
    return mpmath.power(base, exponent) if mpmath.fabs(exponent) < 10**6 else exp(exponent * mpmath.log(base))


def xlogx(x: Number) -> Number:
    """x log x, zero at zero."""
    return mpf(0) if x == 0 else x * mpmath.log(x)


def softplus(x: Number) -> Number:
    """log(1 + exp x)."""
    return mpmath.log1p(exp(x))


def tanhc(x: Number) -> Number:
    """tanh(x) / x, one at zero."""
    return mpf(1) if x == 0 else mpmath.tanh(x) / x


def log_polya_gamma(shape: Number, x: Number) -> Number:
    """The log density of PG(b, 0) at x > 0 by its alternating series (Polson, Scott and Windle 2013, equation 5).

        p(x) = 2^(b-1)/Γ(b) Σ_n (-1)^n Γ(n+b)/Γ(n+1) (2n+b)/√(2πx³) exp(-(2n+b)²/(8x))

    Large x costs digits: the density falls as exp(-π²x/2) while the terms do not. Where that is below 10^-200 of its
    mass it is continued by this slope.
    """
    last = 100 + 3 * mpf(shape)
    if x > last:
        return log_polya_gamma(shape, last) - mpmath.pi**2 / 2 * (x - last)
    lost = 10 + int(4 * x) + int(2 * shape)
    with mpmath.workdps(mpmath.mp.dps + lost):
        b, total, n = mpf(shape), mpf(0), 0
        weight, goal = mpmath.gamma(b), mpf(10) ** -(mpmath.mp.dps + 5)
        # exp(-((2n+b)² - b²)/(8x)) from term to term: it falls by exp(-(2n+1+b)/(2x)), which itself falls by exp(-1/x).
        kernel, fall, falls = mpf(1), mpmath.exp(-(1 + b) / (2 * x)), mpmath.exp(-1 / x)
        while True:
            term = weight * (2 * n + b) * kernel
            total += term if n % 2 == 0 else -term
            if n > 2 and term < goal * weight and term < goal * mpmath.fabs(total) + goal**2:
                break
            weight *= (n + b) / (n + 1)
            kernel, fall = kernel * fall, fall * falls
            n += 1
        value = mpmath.log(total) - b * b / (8 * x) + (b - 1) * mpmath.log(2) - mpmath.loggamma(b)
        value -= (mpmath.log(2 * mpmath.pi) + 3 * mpmath.log(x)) / 2
    return +value


def log_bessel_i(order: Number, x: Number) -> Number:
    """log I_order(x)."""
    return mpmath.log(mpmath.besseli(order, x))


def _bessel_k_integral(order: Number, x: Number, derivative: bool) -> Number:
    """∫ e^(-x cosh t) cosh(p t) dt over t > 0, or the same with t sinh(p t), halving the step until it settles."""
    goal = mpf(10) ** (-mpmath.mp.dps)
    drop = mpmath.mp.dps * mpmath.log(10) + 10
    last = mpmath.acosh(1 + (drop + mpmath.fabs(order) * 12) / x) + 1

    def term(t: Number) -> Number:
        weight = t * mpmath.sinh(order * t) if derivative else mpmath.cosh(order * t)
        return mpmath.exp(-x * (mpmath.cosh(t) - 1)) * weight

    step = last / 16
    total = term(mpf(0)) / 2 + mpmath.fsum(term(k * step) for k in range(1, 17))
    value = total * step
    for level in range(12):
        count = 16 * 2**level
        total += mpmath.fsum(term((k + mpf(1) / 2) * step) for k in range(count))
        step /= 2
        before, value = value, total * step
        if level > 1 and mpmath.fabs(before - value) <= mpmath.sqrt(goal) * mpmath.fabs(value) * mpf("1e-6"):
            total += mpmath.fsum(term((k + mpf(1) / 2) * step) for k in range(2 * count))
            return total * step / 2
    return value


def log_bessel_k(order: Number, x: Number) -> Number:
    """log K_order(x)."""
    return mpmath.log(_bessel_k_integral(mpf(order), mpf(x), False)) - x


def dlog_bessel_k(order: Number, x: Number) -> Number:
    """d log K_p(x) / dp."""
    p, y = mpf(order), mpf(x)
    return _bessel_k_integral(p, y, True) / _bessel_k_integral(p, y, False)


def _normal_mass(a: Number, b: Number) -> Number:
    """Φ(b) - Φ(a), from the tail that does not cancel."""
    root = mpmath.sqrt(2)
    if a > 0:
        return (mpmath.erfc(a / root) - mpmath.erfc(b / root)) / 2
    return (mpmath.erfc(-b / root) - mpmath.erfc(-a / root)) / 2


def _normal_density(x: Number) -> Number:
    return mpf(0) if mpmath.isinf(x) else mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def log_normal_interval(a: Number, b: Number) -> Number:
    """log(Φ(b) - Φ(a))."""
    return mpmath.log(_normal_mass(a, b))


def truncated_mean(a: Number, b: Number) -> Number:
    """(φ(a) - φ(b)) / (Φ(b) - Φ(a))."""
    return (_normal_density(a) - _normal_density(b)) / _normal_mass(a, b)


def truncated_second(a: Number, b: Number) -> Number:
    """(a φ(a) - b φ(b)) / (Φ(b) - Φ(a))."""
    left = mpf(0) if mpmath.isinf(a) else a * _normal_density(a)
    right = mpf(0) if mpmath.isinf(b) else b * _normal_density(b)
    return (left - right) / _normal_mass(a, b)


def _normal_rest(a: Number, b: Number) -> Number:
    """Φ(a) + 1 - Φ(b), the sum of two tails."""
    root = mpmath.sqrt(2)
    return (mpmath.erfc(-a / root) + mpmath.erfc(b / root)) / 2


def log_normal_outside(a: Number, b: Number) -> Number:
    """log(Φ(a) + 1 - Φ(b))."""
    return mpmath.log(_normal_rest(a, b))


def outside_mean(a: Number, b: Number) -> Number:
    """(φ(b) - φ(a)) / (Φ(a) + 1 - Φ(b))."""
    return (_normal_density(b) - _normal_density(a)) / _normal_rest(a, b)


def outside_second(a: Number, b: Number) -> Number:
    """(b φ(b) - a φ(a)) / (Φ(a) + 1 - Φ(b))."""
    return (b * _normal_density(b) - a * _normal_density(a)) / _normal_rest(a, b)
