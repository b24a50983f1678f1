"""Special functions: derivatives against numerical ones, values outside the list refused, LaTeX."""

import mpmath
import pytest
import sympy
from mpmath import mp, mpf

from cavi.derive.families.special import (
    dlog_bessel_k,
    log_bessel_i,
    log_bessel_k,
    log_normal_interval,
    softplus,
    tanhc,
    truncated_mean,
    truncated_second,
    xlogx,
)

a, b = sympy.symbols("a b", real=True)
AT = {a: mpf(3) / 7, b: mpf(11) / 5}

NUMERICAL = {
    "log_bessel_i": lambda v, x: mpmath.log(mpmath.besseli(v, x)),
    "log_bessel_k": lambda v, x: mpmath.log(mpmath.besselk(v, x)),
    "dlog_bessel_k": lambda v, x: mpmath.diff(lambda u: mpmath.log(mpmath.besselk(u, x)), v),
    "log_normal_interval": lambda low, high: mpmath.log(mpmath.ncdf(high) - mpmath.ncdf(low)),
    "xlogx": lambda x: x * mpmath.log(x),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "tanhc": lambda x: mpmath.tanh(x) / x,
}


@pytest.mark.parametrize(
    ("expr", "symbol"),
    [
        (log_bessel_i(a, b), b),
        (log_bessel_k(a, b), a),
        (log_bessel_k(a, b), b),
        (log_bessel_k(a, a * b), a),
        (log_normal_interval(a, b), a),
        (log_normal_interval(a, b), b),
        (xlogx(a), a),
        (softplus(a), a),
        (tanhc(a), a),
    ],
    ids=str,
)
def test_derivative(expr, symbol):
    with mp.workdps(30):
        symbols = (a, b)
        value = sympy.lambdify(symbols, expr, modules=[NUMERICAL, "mpmath"])
        slope = sympy.lambdify(symbols, expr.diff(symbol), modules=[NUMERICAL, "mpmath"])
        point = [AT[s] for s in symbols]
        place = symbols.index(symbol)

        def along(t):
            return value(*(t if k == place else p for k, p in enumerate(point)))

        assert abs(mpmath.diff(along, point[place]) - slope(*point)) < mpf(10) ** -12


@pytest.mark.parametrize(
    ("expr", "symbol"),
    [
        (log_bessel_i(a, b), a),
        (dlog_bessel_k(a, b), a),
        (dlog_bessel_k(a, b), b),
        (truncated_mean(a, b), a),
        (truncated_second(a, b), b),
    ],
    ids=str,
)
def test_derivative_outside_the_list_stays_a_derivative(expr, symbol):
    assert expr.diff(symbol).has(sympy.Derivative, sympy.Subs)


@pytest.mark.parametrize(
    ("expr", "tex"),
    [
        (log_bessel_i(0, a), r"\log I_{0}\left(a\right)"),
        (log_bessel_k(a, b), r"\log K_{a}\left(b\right)"),
        (dlog_bessel_k(a, b), r"\partial_\nu \log K_\nu\left(b\right)\big|_{\nu=a}"),
        (log_normal_interval(a, b), r"\log\left(\Phi\left(b\right)-\Phi\left(a\right)\right)"),
        (xlogx(a), r"a\log a"),
        (xlogx(a + b), r"\left(a + b\right)\log \left(a + b\right)"),
        (log_bessel_i(0, a) ** 2, r"\left(\log I_{0}\left(a\right)\right)^{2}"),
    ],
    ids=str,
)
def test_latex(expr, tex):
    assert sympy.latex(expr) == tex


@pytest.mark.parametrize("function", (truncated_mean, truncated_second))
def test_latex_of_truncated_moments_is_a_fraction_with_balanced_braces(function):
    tex = sympy.latex(function(a, b))
    assert tex.startswith(r"\frac{") and tex.count("{") == tex.count("}")
    assert r"\left(a + 1\right)\,\phi" in sympy.latex(truncated_second(a + 1, b))
    assert tex.endswith(r"{\Phi\left(b\right)-\Phi\left(a\right)}")
