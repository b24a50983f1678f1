"""Bounds of functions: proved by convexity, or refused; a declaration of the user's own is treated alike."""

import numpy as np
import pytest
import sympy

from cavi.derive import Bound, RelaxationError
from cavi.derive.evaluable import evaluable
from cavi.derive.families.special import softplus
from cavi.derive.relaxations import bounds
from cavi.derive.relaxations.bound import T, X

OWN = (
    Bound("tangent_exp", sympy.exp(X), source="first-order tangent"),
    Bound("tangent_minus_log", -sympy.log(X), on="positive"),
    Bound("root_of_square", -sympy.sqrt(1 + X**2), statistic=X**2),
)
ALL = pytest.mark.parametrize("bound", [*bounds(), *OWN], ids=lambda b: b.name)


def numeric(expr: sympy.Expr, *symbols: sympy.Symbol):
    return sympy.lambdify(symbols, evaluable(expr), "numpy")


@ALL
def test_a_bound_is_never_above_the_function_and_touches_it(bound: Bound) -> None:
    assert bound.proof.is_convex
    f, g = numeric(bound.function, X), numeric(bound.lower, X, bound.xi)
    rng = np.random.default_rng(0)
    x, xi = rng.normal(scale=4, size=(2, 500))
    if bound.on == "positive":
        x = abs(x)
    if bound.domain == "positive":
        xi = abs(xi)
    assert (f(x) - g(x, xi) >= -1e-12).all()
    touching = abs(x) if bound.domain == "positive" else x
    np.testing.assert_allclose(g(x, touching), f(x), rtol=1e-11, atol=1e-12)


@ALL
def test_the_best_tangent_is_at_the_expected_statistic(bound: Bound) -> None:
    """Under a random q with a few values, no other ξ gives a larger expected bound."""
    g, s = numeric(bound.lower, X, bound.xi), numeric(bound.statistic, X)
    rng = np.random.default_rng(1)
    x, p = abs(rng.normal(size=7)) + 0.1, rng.dirichlet(np.ones(7))
    mean = p @ np.broadcast_to(s(x), 7)
    best = np.sqrt(mean) if bound.statistic == X**2 else mean
    others = best * np.linspace(0.3, 3, 40)
    assert (p @ g(x, best) >= np.array([p @ g(x, o) for o in others]) - 1e-12).all()


def test_the_logistic_bound_is_that_of_the_textbook() -> None:
    """Bishop (2006), 10.144: σ(x) ≥ σ(ξ) exp((x - ξ)/2 - λ(ξ)(x² - ξ²)), λ(ξ) = (σ(ξ) - 1/2)/(2ξ)."""
    bound = next(b for b in bounds() if b.name == "jaakkola_jordan")
    ours = numeric(bound.lower, X, bound.xi)
    x, xi = np.array([-3.0, 0.2, 5.0]), np.array([0.7, 2.0, 4.0])
    sigma = 1 / (1 + np.exp(-xi))
    lam = (sigma - 0.5) / (2 * xi)
    # f is the logarithm of σ(-x).
    textbook = np.log(sigma) + (-x - xi) / 2 - lam * (x**2 - xi**2)
    np.testing.assert_allclose(ours(x, xi), textbook, rtol=1e-13)


REFUSED = {
    "not convex": (dict(function=sympy.log(1 + X**2), statistic=X**2), "to be convex"),
    "no function of the statistic": (dict(function=softplus(X), statistic=X**2), "it is not seen"),
    "concave": (dict(function=-sympy.exp(X)), "it needs -exp(t) to be convex"),
    "curvature too small": (dict(function=-softplus(X), keep=-(X**2) / 10), "convex"),
    "another function": (
        dict(function=-softplus(X), statistic=X**2, keep=-X / 2, convex=-sympy.log(sympy.cosh(sympy.sqrt(T) / 2))),
        "it is not seen",
    ),
    "statistic": (dict(function=-softplus(X), statistic=X**3), "expected x or x**2"),
    "part to keep": (dict(function=-softplus(X), keep=X**4), "degree two or less"),
    "symbols": (dict(function=sympy.Symbol("y") * X), "in x alone"),
    "no expression": (dict(function="exp(x)"), "expected a SymPy expression"),
    "domain": (dict(function=sympy.exp(X), on="unit"), "expected 'real' or 'positive'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused(name: str) -> None:
    given, message = REFUSED[name]
    with pytest.raises(RelaxationError, match=None) as found:
        _ = Bound("own", **given).proof
    assert message in str(found.value)
