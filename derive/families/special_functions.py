"""Special functions that SymPy lacks, with the derivatives that the log-normalisers need.

Names are those of the normal form, so that they pass through every renderer and into the evidence.
"""

from __future__ import annotations

import sympy


class log_bessel_i(sympy.Function):
    """log I_ν(x): modified Bessel function of the first kind (DLMF 10.25)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """d/dx log I_ν = I_{ν+1}/I_ν + ν/x (DLMF 10.29.2)."""
        order, x = self.args
        if argindex == 1:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return sympy.exp(log_bessel_i(order + 1, x) - self) + order / x


class log_bessel_k(sympy.Function):
    """log K_ν(x): modified Bessel function of the second kind (DLMF 10.25)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """d/dx log K_ν = -K_{ν+1}/K_ν + ν/x (DLMF 10.29.2)."""
        order, x = self.args
        if argindex == 1:
            return dlog_bessel_k(order, x)
        return -sympy.exp(log_bessel_k(order + 1, x) - self) + order / x


class dlog_bessel_k(sympy.Function):
    """∂ log K_ν(x) / ∂ν."""

    nargs = 2


class log_normal_interval(sympy.Function):
    """log(Φ(b) - Φ(a)): the log probability that a standard Normal falls between a and b."""

    nargs = 2


class truncated_mean(sympy.Function):
    """(φ(a) - φ(b)) / (Φ(b) - Φ(a)): the mean of a standard Normal restricted to (a, b)."""

    nargs = 2


class truncated_second(sympy.Function):
    """(aφ(a) - bφ(b)) / (Φ(b) - Φ(a)): its second moment less one."""

    nargs = 2


class xlogx(sympy.Function):
    """x log x, zero at zero."""

    nargs = 1
