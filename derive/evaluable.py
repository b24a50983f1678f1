"""The special functions of the catalogue in functions that SymPy can evaluate.

The normal form names log K_v(x) and log(Φ(b) - Φ(a)) as they are computed without overflow; outside of it, SymPy's
Bessel and error functions are the ones that a reader can differentiate and evaluate.
Source: NIST Digital Library of Mathematical Functions, 7.2 and 10.25.
"""

from __future__ import annotations

from typing import Any

import sympy

from cavi.derive.families import special

_PHI = sympy.Function("Phi", real=True)


class dlog_bessel_k(special.dlog_bessel_k):
    """∂/∂v log K_v(x), which can be evaluated: SymPy has no name for this derivative."""

    def _eval_evalf(self, prec: int) -> Any:
        """A central difference with half of the digits as its step: the error is the square of the step."""
        digits = prec // 3 + 10
        order, x = (a.evalf(3 * digits) for a in self.args)
        if not (order.is_Number and x.is_Number):
            return None
        step = sympy.Float(10, 3 * digits) ** (-digits)
        high, low = (sympy.log(sympy.besselk(order + s, x)).evalf(3 * digits) for s in (step, -step))
        return ((high - low) / (2 * step))._eval_evalf(prec)


def evaluable(expr: sympy.Expr) -> sympy.Expr:
    """The expression with every special function of the catalogue rewritten, and digamma(1) by Euler's constant."""
    return expr.replace(_is_ours, lambda f: _RULES[type(f)](*f.args))


def readable(expr: sympy.Expr) -> sympy.Expr:
    """The same for a reader: the normal integral by the name that it has in textbooks, Φ."""

    def interval(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        if b == sympy.oo:
            return sympy.log(_PHI(-a))
        return sympy.log(_PHI(b) if a == -sympy.oo else _PHI(b) - _PHI(a))

    return evaluable(expr.replace(special.log_normal_interval, interval))


def _is_ours(expr: sympy.Expr) -> bool:
    return type(expr) in _RULES


def _log_bessel_i(v: sympy.Expr, x: sympy.Expr) -> sympy.Expr:
    return sympy.log(sympy.besseli(v, x))


def _log_bessel_k(v: sympy.Expr, x: sympy.Expr) -> sympy.Expr:
    if abs(v) == sympy.S.Half:  # elementary (DLMF 10.39.2), and K is even in the order
        return sympy.log(sympy.pi / (2 * x)) / 2 - x
    return sympy.log(sympy.besselk(v, x))


def _dlog_bessel_k(v: sympy.Expr, x: sympy.Expr) -> sympy.Expr:
    return sympy.S.Zero if v == 0 else dlog_bessel_k(v, x)  # K is even in the order


def interval_probability(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """Φ(b) - Φ(a)."""
    root = sympy.sqrt(2)
    if a == -sympy.oo:
        return sympy.erfc(-b / root) / 2
    if b == sympy.oo:
        return sympy.erfc(a / root) / 2
    return (sympy.erf(b / root) - sympy.erf(a / root)) / 2


def _outside(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """Φ(a) + 1 - Φ(b)."""
    return interval_probability(-sympy.oo, a) + interval_probability(b, sympy.oo)


def _phi(a: sympy.Expr, power: int = 0) -> sympy.Expr:
    """a^power φ(a), zero at ±∞."""
    if a.is_infinite:
        return sympy.S.Zero
    return a**power * sympy.exp(-(a**2) / 2) / sympy.sqrt(2 * sympy.pi)


_RULES = {
    special.log_bessel_i: _log_bessel_i,
    special.log_bessel_k: _log_bessel_k,
    special.dlog_bessel_k: _dlog_bessel_k,
    special.log_normal_interval: lambda a, b: sympy.log(interval_probability(a, b)),
    special.truncated_mean: lambda a, b: (_phi(a) - _phi(b)) / interval_probability(a, b),
    special.truncated_second: lambda a, b: (_phi(a, 1) - _phi(b, 1)) / interval_probability(a, b),
    special.log_normal_outside: lambda a, b: sympy.log(_outside(a, b)),
    special.outside_mean: lambda a, b: (_phi(b) - _phi(a)) / _outside(a, b),
    special.outside_second: lambda a, b: (_phi(b, 1) - _phi(a, 1)) / _outside(a, b),
    special.xlogx: lambda p: p * sympy.log(p),
    special.softplus: lambda x: sympy.log(1 + sympy.exp(x)),
    special.tanhc: lambda x: sympy.tanh(x) / x,
    sympy.polygamma: sympy.polygamma,
}
