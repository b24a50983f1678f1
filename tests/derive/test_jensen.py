"""Jensen's inequality for functions and distributions: direction, closed sides, gap."""

import pytest
import sympy

from cavi.derive import (
    Beta,
    CaviError,
    Exponential,
    Gamma,
    Geometric,
    InverseGamma,
    LogNormal,
    Normal,
    Pareto,
    Poisson,
    jensen,
)

x = sympy.Symbol("x")
half = sympy.Rational(1, 2)

CASES = {
    "log Gamma": (sympy.log(x), Gamma(3, 2), "≤"),
    "square Normal": (x**2, Normal(1, 2), "≥"),
    "exp Exponential": (sympy.exp(x), Exponential(3), "≥"),
    "1/x Beta": (1 / x, Beta(3, 2), "≥"),
    "1/x InverseGamma": (1 / x, InverseGamma(3, 2), "≥"),
    "x log x Pareto": (x * sympy.log(x), Pareto(3, 2), "≥"),
    "root LogNormal": (sympy.sqrt(x), LogNormal(half, 3), "≤"),
    "log LogNormal": (sympy.log(x), LogNormal(half, 3), "≤"),
    "square Poisson": (x**2, Poisson(3), "≥"),
    "affine": (2 * x + 1, Poisson(3), "="),
}


@pytest.mark.parametrize("name", CASES)
def test_the_gap_has_the_sign_of_the_curvature(name: str) -> None:
    f, q, relation = CASES[name]
    found = jensen(f, q)
    assert found.relation == relation
    assert found.gap is not None
    assert sympy.simplify(found.expected - found.at_mean - found.gap) == 0
    value = sympy.N(found.gap, 20)
    assert {"≥": value > 0, "≤": value < 0, "=": value == 0}[relation]
    assert found.convexity.derivation.steps or relation == "="


def test_a_side_without_closed_form_is_left_open() -> None:
    found = jensen(sympy.log(1 + sympy.exp(x)), Normal(0, 1))
    assert (found.expected, found.gap, found.relation) == (None, None, "≥")
    assert found.at_mean == sympy.log(2)
    assert jensen(sympy.sqrt(x), Geometric(sympy.Rational(1, 3))).at_mean == sympy.sqrt(2)


def test_symbols_stay_the_users() -> None:
    """E[log x] against log E[x] under a Gamma: ψ(a) - log b ≤ log a - log b."""
    a, b = sympy.symbols("a b", positive=True)
    found = jensen(sympy.log(x), Gamma(a, b), x)
    assert sympy.simplify(found.gap - (sympy.digamma(a) - sympy.log(a))) == 0
    assert "is concave" in str(found)


@pytest.mark.parametrize(
    ("f", "q", "message"),
    [
        (sympy.sin(x), Normal(0, 1), r"sin\(x\) is neither on Interval\(-oo, oo\)"),
        (x**3, Normal(0, 1), r"is neither"),
        ("x**2", Normal(0, 1), r"found str 'x\*\*2'"),
        (x * sympy.Symbol("y"), Normal(0, 1), r"say which one is the variable"),
        (sympy.log(x), Normal(0, 1), r"not real"),
    ],
)
def test_refusals(f: object, q: object, message: str) -> None:
    with pytest.raises(CaviError, match=message):
        jensen(f, q)
