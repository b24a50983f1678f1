"""exp(a + b) = exp(a) exp(b) across factors of q: rates with several Normal effects on a logarithmic scale."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Derived, Gamma, Model, NonConjugateError, Normal, Poisson, derive, dot, exp
from cavi.verify import verify

CHOSEN = {"a": "cvi", "b": "cvi", "u": "cvi"}


def regression() -> Model:
    """Gelman and Hill (2007), chapter 15: an overdispersed Poisson regression with exposures and effects of groups."""
    m = Model("stops")
    n, g = m.index("n", "N"), m.index("g", "G")
    x, exposure = m.covariate("X", n), m.covariate("exposure", n)
    group = m.observed_index("group", n, over=g)
    tau = m.latent("tau", Gamma(m.hyper("s"), m.hyper("t")))
    a, b, u = m.latent("a", Normal(0, 1)), m.latent("b", Normal(0, 1)), m.latent("u", Normal(0, tau), g)
    m.observed("y", Poisson(exposure[n] * exp(a + b * x[n] + u[group[n]])), n)
    return m


def derived() -> Derived:
    return derive(regression(), approximate=CHOSEN)


def test_every_effect_has_an_expectation_of_its_own() -> None:
    found = {(u.factor.name, s.key) for u in derived().updates for s in u.moment_specs}
    assert {("a", "exp(a)"), ("b", "exp(X*b)"), ("u", "exp(u)")} <= found


def test_the_parts_are_the_whole() -> None:
    report = verify(derived(), digits=15, only="identity", code=False)
    assert report.ok and any(r.name.startswith("log p(x) = L(q)") for r in report.rows)


def test_effects_are_found() -> None:
    rng = np.random.default_rng(3)
    n, g = 3000, 8
    u, x, group = 0.6 * rng.normal(size=g), rng.normal(size=n), rng.integers(0, g, n)
    exposure = rng.uniform(0.5, 3.0, n)
    y = rng.poisson(exposure * np.exp(0.4 + 0.7 * x + u[group]))
    data = {"X": x, "exposure": exposure, "group": group, "y": y}
    fit = run(derived().numpy()).fit(data, {"s": 2.0, "t": 1.0}, {"G": g}, seed=0, accelerate=True)
    assert fit.params["b"]["mean"] == pytest.approx(0.7, abs=0.05)
    np.testing.assert_allclose(fit.params["a"]["mean"] + fit.params["u"]["mean"], 0.4 + u, atol=0.12)
    assert (np.diff(fit.elbo_trace) > -1e-8).all()


def test_a_product_of_factors_is_not_split() -> None:
    m = Model("product")
    n = m.index("n", "N")
    a, b = m.latent("a", Normal(0, 1)), m.latent("b", Normal(0, 1))
    m.observed("y", Poisson(exp(a * b)), n)
    with pytest.raises(NonConjugateError):
        derive(m, approximate={"a": "cvi", "b": "cvi"})


def test_a_sum_over_elements_is_one_number() -> None:
    m = Model("many")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    a, w = m.latent("a", Normal(0, 1)), m.latent("w", Normal(0, 1), d)
    m.observed("y", Poisson(exp(a + dot(w, x[n]))), n)
    assert derive(m, factors=[("w",)], approximate={"a": "cvi", "w": "cvi"}).update("a").chosen == "cvi"
    each = derive(m, factors=[w.split(d)], approximate={"a": "cvi", "w": "cvi"})
    assert each.update("w").factor.sequential == (d,)
