"""Bounds of log Γ(x + n) for a known count n: proved by induction, or refused; what they make conjugate."""

import numpy as np
import pytest
import sympy
from generated import run
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from cavi.derive import (
    Beta,
    BetaBinomial,
    Binomial,
    Bound,
    DirichletMultinomial,
    Gamma,
    Model,
    NegativeBinomial,
    NonConjugateError,
    RelaxationError,
    Sum,
    derive,
)
from cavi.derive.relaxations.bound import X
from cavi.derive.relaxations.catalogue import counted_bounds, curvature_bounds
from cavi.derive.relaxations.counted import CountedBound, N
from cavi.verify import verify

UP, DOWN = counted_bounds()
NUMBERS = st.floats(0.01, 100)
VALUES = {b: [sympy.lambdify((X, b.xi, N), e, "scipy") for e in (b.function, b.lower)] for b in (UP, DOWN)}


@pytest.mark.parametrize("bound", [UP, DOWN], ids=["number", "concentration"])
@given(x=NUMBERS, xi=NUMBERS, n=st.integers(0, 60))
def test_a_bound_is_never_above_the_function_and_touches_it(bound: CountedBound, x: float, xi: float, n: int) -> None:
    f, g = VALUES[bound]
    assert g(x, xi, n) <= f(x, xi, n) + 1e-9 * (1 + abs(f(x, xi, n)))
    assert g(x, x, n) == pytest.approx(f(x, x, n), rel=1e-12, abs=1e-12)


def test_the_bounds_are_those_of_minka() -> None:
    """Minka (2000), appendix C: Γ(x + n)/Γ(x) ≥ c x^a, a = ξ (ψ(ξ + n) - ψ(ξ)); and exp(-b x), b = ψ(ξ + n) - ψ(ξ)."""
    xi = UP.xi
    rise = sympy.digamma(xi + N) - sympy.digamma(xi)
    assert sympy.simplify(sympy.diff(UP.lower - UP.keep, X) - xi * rise / X) == 0
    assert sympy.simplify(sympy.diff(DOWN.lower - DOWN.keep, X) + rise) == 0
    assert UP.increment == sympy.log(X + N)
    assert [s.rule.name for s in UP.derivation][:2] == ["split off the convex part", "one count more"]


REFUSED = {
    "concave in x itself": (
        dict(function=sympy.loggamma(X + N), keep=sympy.loggamma(X), on="positive"),
        "needs log(n + t), which one more count adds, to be convex",
    ),
    "what is kept is not the start": (
        dict(function=sympy.loggamma(X + N), statistic=sympy.log(X), keep=X, on="positive"),
        "expected the function at n = 0",
    ),
    "another symbol": (dict(function=sympy.loggamma(X + sympy.Symbol("k")), on="positive"), "in x alone"),
}


@pytest.mark.parametrize("arguments,message", REFUSED.values(), ids=REFUSED)
def test_what_is_not_proved_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(RelaxationError) as error:
        _ = CountedBound("mine", **arguments).proof
    assert message in str(error.value)


def negative_binomial(point: bool = False) -> Model:
    m = Model("counts")
    n = m.index("n", "N")
    r = m.point("r") if point else m.latent("r", Gamma(2, 1))
    leaves = m.covariate("leaves", n)
    m.observed("y", NegativeBinomial(r, m.latent("p", Beta(1, 1))), n, weight=leaves[n])
    return m


def test_the_number_of_a_negative_binomial_has_a_gamma_factor() -> None:
    with pytest.raises(NonConjugateError, match=r"bounds=\{'y': 'minka'\}"):
        derive(negative_binomial())
    found = derive(negative_binomial(), relax="auto")
    assert [r.name for r in found.relaxations] == ["minka"]
    assert {u.factor.name: str(u.family) for u in found.updates if u.factor.name in "rp"} == {"r": "Gamma", "p": "Beta"}


def test_the_maximum_is_that_of_bliss_and_fisher() -> None:
    """Bliss and Fisher (1953), table 1: k = 1.02459 for the mites on apple leaves; with p its maximiser too."""
    y, leaves = np.arange(8.0), np.array([70, 38, 17, 10, 9, 3, 2, 1.0])
    m = Model("mites")
    n = m.index("n", "N")
    w = m.covariate("leaves", n)
    m.observed("y", NegativeBinomial(m.point("r"), m.point("p", Beta(1, 1))), n, weight=w[n])
    module = run(derive(m, bounds={"y": "minka"}).numpy())
    found = module.fit({"y": y, "leaves": leaves}, {}, tol=1e-14, max_iter=20000)
    assert found.params["r"]["value"] == pytest.approx(1.02459, abs=5e-6)
    # The bound touches at a point, so that what it reaches is the log likelihood.
    r, p = found.params["r"]["value"], found.params["p"]["value"]
    log_f = gammaln(y + r) - gammaln(r) - gammaln(y + 1) + r * np.log(p) + y * np.log1p(-p)
    assert found.elbo == pytest.approx(leaves @ log_f, rel=1e-12)


def proportions() -> Model:
    m = Model("proportions")
    n = m.index("n", "N")
    total = m.covariate("T", n)
    a, b = m.latent("a", Gamma(2, 1)), m.latent("b", Gamma(2, 1))
    m.observed("y", BetaBinomial(total[n], a, b), n)
    return m


def counts_over_categories() -> Model:
    m = Model("categories")
    n, k = m.index("n", "N"), m.index("k", "K")
    total = m.covariate("T", n)
    m.observed("y", DirichletMultinomial(total[n], m.latent("a", Gamma(2, 1), k)), n)
    return m


@pytest.mark.parametrize("model", [negative_binomial, proportions, counts_over_categories])
def test_each_is_verified(model) -> None:
    report = verify(derive(model(), bounds={"y": "minka"}))
    assert report.ok and not [r for r in report.rows if r.verdict == "undecided"], str(report)


def test_a_concentration_that_stands_alone_leaves_a_factor_by_quadrature() -> None:
    """Of Beta(a, b) with both latent, log Γ(a + b) has a tangent; -log Γ(a) stays for the factor of a."""
    m = Model("hierarchy")
    n = m.index("n", "N")
    total = m.covariate("T", n)
    a, b = m.latent("a", Gamma(2, 1)), m.latent("b", Gamma(2, 1))
    theta = m.latent("theta", Beta(a, b), n)
    m.observed("y", Binomial(total[n], theta[n]), n)
    found = derive(m, relax="auto")
    assert [(r.node, r.name) for r in found.relaxations] == [("theta", "tangent")]
    assert [str(u.family) for u in found.updates][:3] == ["Numeric", "Numeric", "Beta"]


def test_log_gamma_has_a_bound_of_its_own() -> None:
    (bound,) = curvature_bounds()
    assert bound.proof.is_convex
    f, g = (sympy.lambdify((X, bound.xi), e, "scipy") for e in (bound.function, bound.lower))
    x, xi = np.meshgrid(np.geomspace(1e-3, 50, 60), np.geomspace(1e-3, 50, 60))
    assert (f(x, xi) >= g(x, xi) - 1e-9 * (1 + abs(f(x, xi)))).all()
    with pytest.raises(RelaxationError, match="to be convex"):
        _ = Bound("narrow", bound.function, keep=sympy.log(X) - X**2 / 2, on="positive").proof


def test_the_bound_of_log_gamma_lies_below_the_factor_by_quadrature() -> None:
    m = Model("times")
    n = m.index("n", "N")
    m.observed("x", Gamma(m.latent("a", Gamma(2, 1)), 1), n)
    exact = derive(m, approximate={"a": "quadrature"})
    bounded = derive(m, bounds={"x": "log_gamma"}, approximate={"a": "quadrature"})
    assert verify(bounded).ok
    x = np.random.default_rng(0).gamma(2.0, size=12)
    top, low = (run(d.numpy()).fit({"x": x}, {}, max_iter=500).elbo for d in (exact, bounded))
    assert top - 0.5 < low < top


def test_a_function_of_a_sum_of_maximised_elements_is_refused_by_its_own_name() -> None:
    m = Model("sum")
    n, k = m.index("n", "N"), m.index("k", "K")
    m.observed("x", Gamma(Sum(m.point("a", Gamma(2, 1), k)[k], k), 1), n)
    with pytest.raises(NonConjugateError, match=r"log Γ\(Σ_k a\[k\]\)"):
        derive(m)


SHAPES = {
    "a sum": (lambda m: Sum(m.latent("a", Gamma(2, 1), k := m.index("k", "K"))[k], k), "log_gamma, jensen"),
    "a product": (lambda m: m.latent("a", Gamma(2, 1)) * m.latent("b", Gamma(2, 1)), "log_gamma"),
}


@pytest.mark.parametrize(("shape", "rules"), SHAPES.values(), ids=SHAPES)
def test_a_shape_of_several_latents_is_parted_by_the_bound_of_log_gamma(shape, rules: str) -> None:
    m = Model("shape")
    n = m.index("n", "N")
    m.observed("x", Gamma(shape(m), 1), n)
    found = derive(m, relax="auto")
    assert [r.name for r in found.relaxations] == [rules]
    report = verify(found, only="bound")
    assert report.ok and report.rows
