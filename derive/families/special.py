"""The special functions of the catalogue that SymPy lacks, with their derivatives and their LaTeX.

Each class has the name that the normal form gives the function. A derivative that the closed list of
functions cannot express raises `ArgumentIndexError`, which SymPy turns into an unevaluated derivative.
Source: NIST Digital Library of Mathematical Functions, 10.29 (Bessel), 7.2 (normal integral).
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.function import ArgumentIndexError
from sympy.printing.precedence import PRECEDENCE


class _Special(sympy.Function):
    """A function of real arguments that prints by a LaTeX pattern.

    The pattern has a slot for each argument, then one for each in brackets where a product needs them.
    """

    tex = ""

    def _eval_is_extended_real(self) -> bool:
        return True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        plain = [printer._print(a) for a in self.args]
        bracketed = [printer.parenthesize(a, PRECEDENCE["Mul"]) for a in self.args]
        body: str = self.tex.format(*plain, *bracketed)
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


class log_bessel_i(_Special):
    r"""log I_v(x), the modified Bessel function of the first kind, x > 0.

    Derivative: ∂/∂x = I_{v+1}(x)/I_v(x) + v/x (DLMF 10.29.2); that in the order is not in the list.
    """

    tex = r"\log I_{{{0}}}\left({1}\right)"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The partial derivative in one argument."""
        order, x = self.args
        if argindex != 2:
            raise ArgumentIndexError(self, argindex)
        return sympy.exp(log_bessel_i(order + 1, x) - self) + order / x


class log_bessel_k(_Special):
    r"""log K_v(x), the modified Bessel function of the second kind, x > 0; even in the order.

    Derivatives: ∂/∂v = `dlog_bessel_k`, ∂/∂x = -K_{v+1}(x)/K_v(x) + v/x (DLMF 10.29.2).
    """

    tex = r"\log K_{{{0}}}\left({1}\right)"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The partial derivative in one argument."""
        order, x = self.args
        if argindex == 1:
            return dlog_bessel_k(order, x)
        return order / x - sympy.exp(log_bessel_k(order + 1, x) - self)


class dlog_bessel_k(_Special):
    r"""∂/∂v log K_v(x): odd in the order. Its own derivatives are not in the list."""

    tex = r"\partial_\nu \log K_\nu\left({1}\right)\big|_{{\nu={0}}}"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Not in the closed list of functions."""
        raise ArgumentIndexError(self, argindex)


class log_normal_interval(_Special):
    r"""log(Φ(b) - Φ(a)) for -∞ ≤ a < b ≤ ∞.

    Derivatives: ∂/∂a = -φ(a)/(Φ(b) - Φ(a)), ∂/∂b = φ(b)/(Φ(b) - Φ(a)).
    """

    tex = r"\log\left(\Phi\left({1}\right)-\Phi\left({0}\right)\right)"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The partial derivative in one argument."""
        end = self.args[argindex - 1]
        density = sympy.exp(-(end**2) / 2 - self) / sympy.sqrt(2 * sympy.pi)
        return -density if argindex == 1 else density


class truncated_mean(_Special):
    r"""(φ(a) - φ(b)) / (Φ(b) - Φ(a)): the mean of a standard Normal restricted to (a, b)."""

    tex = r"\frac{{\phi\left({0}\right)-\phi\left({1}\right)}}{{\Phi\left({1}\right)-\Phi\left({0}\right)}}"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Not in the closed list: a²φ(a) would be ∞·0 for an infinite bound."""
        raise ArgumentIndexError(self, argindex)


class truncated_second(_Special):
    r"""(aφ(a) - bφ(b)) / (Φ(b) - Φ(a)): the second moment of a standard Normal in (a, b), less one."""

    tex = (
        r"\frac{{{2}\,\phi\left({0}\right)-{3}\,\phi\left({1}\right)}}"
        r"{{\Phi\left({1}\right)-\Phi\left({0}\right)}}"
    )

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Not in the closed list, as for `truncated_mean`."""
        raise ArgumentIndexError(self, argindex)


class log_normal_outside(_Special):
    r"""log(Φ(a) + 1 - Φ(b)) for a < b: what a standard Normal leaves outside of (a, b).

    Derivatives: ∂/∂a = φ(a)/(Φ(a) + 1 - Φ(b)), ∂/∂b = -φ(b)/(Φ(a) + 1 - Φ(b)).
    """

    tex = r"\log\left(1-\Phi\left({1}\right)+\Phi\left({0}\right)\right)"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The partial derivative in one argument."""
        end = self.args[argindex - 1]
        density = sympy.exp(-(end**2) / 2 - self) / sympy.sqrt(2 * sympy.pi)
        return density if argindex == 1 else -density


class outside_mean(_Special):
    r"""(φ(b) - φ(a)) / (Φ(a) + 1 - Φ(b)): the mean of a standard Normal restricted to what is outside of (a, b)."""

    tex = r"\frac{{\phi\left({1}\right)-\phi\left({0}\right)}}{{1-\Phi\left({1}\right)+\Phi\left({0}\right)}}"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Not in the closed list, as for `truncated_mean`."""
        raise ArgumentIndexError(self, argindex)


class outside_second(_Special):
    r"""(bφ(b) - aφ(a)) / (Φ(a) + 1 - Φ(b)): the second moment of a standard Normal outside of (a, b), less one."""

    tex = (
        r"\frac{{{3}\,\phi\left({1}\right)-{2}\,\phi\left({0}\right)}}"
        r"{{1-\Phi\left({1}\right)+\Phi\left({0}\right)}}"
    )

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Not in the closed list, as for `truncated_mean`."""
        raise ArgumentIndexError(self, argindex)


class softplus(_Special):
    r"""log(1 + exp(x)). Derivative: 1 / (1 + exp(-x)) = 1/2 + (x/4) tanhc(x/2)."""

    tex = r"\log\left(1+e^{{{0}}}\right)"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The derivative."""
        (x,) = self.args
        return sympy.Rational(1, 2) + x * tanhc(x / 2) / 4


class tanhc(_Special):
    r"""tanh(x)/x, one at zero: even, between zero and one."""

    tex = r"\frac{{\tanh {1}}}{{{0}}}"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The derivative: 1/x - x tanhc² - tanhc/x."""
        (x,) = self.args
        return 1 / x - x * self**2 - self / x


class log_polya_gamma(_Special):
    r"""The log density of a Pólya-Gamma PG(b, 0) at x > 0, an alternating series."""

    tex = r"\log p_{{\mathrm{{PG}}}}\left({1}\mid {0}\right)"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Not in the closed list of functions."""
        raise ArgumentIndexError(self, argindex)


class xlogx(_Special):
    r"""x log x for x ≥ 0, zero at zero. Derivative: log x + 1."""

    tex = r"{1}\log {1}"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The derivative."""
        return sympy.log(self.args[0]) + 1
