"""Normal factors that are chosen: steps are natural gradients, modes are modes, and what is approximated is said so."""

import copy
from functools import cache

import numpy as np
import pytest
from generated import run
from scipy import integrate, stats

from cavi import models
from cavi.derive import (
    ApproximationError,
    Bernoulli,
    CaviError,
    Derived,
    Gamma,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    derive,
    dot,
    exp,
    sigmoid,
)
from cavi.verify import verify

METHODS = ["cvi", "laplace", "delta"]


def logistic() -> Model:
    m = Model("logistic")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, m.hyper("alpha")), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return m


def grouped() -> Model:
    """Rates of groups under a common precision, where observed integers say which group it is."""
    m = Model("grouped")
    n, g = m.index("n", "N"), m.index("g", "G")
    tau = m.latent("tau", Gamma(m.hyper("s"), m.hyper("t")))
    eta = m.latent("eta", Normal(0, tau), g)
    group = m.observed_index("group", n, over=g)
    m.observed("y", Poisson(exp(eta[group[n]])), n)
    return m


@cache
def derived(name: str, method: str) -> Derived:
    if name == "grouped":
        return derive(grouped(), approximate={"eta": method})
    return derive(logistic(), [("w",)], approximate={"w": method})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name, only", [("grouped", "families"), ("grouped", "identity"), ("grouped", "update_eta")])
def test_every_factor_is_verified(name: str, only: str, method: str) -> None:
    report = verify(derived(name, method), digits=10, only=only)
    assert report.ok and all(r.verdict == "checked" for r in report.rows), report


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["grouped", "logistic"])
def test_steps_are_what_each_method_promises(name: str, method: str) -> None:
    report = verify(derived(name, method), digits=10, only="optimality")
    said = {"cvi": "natural gradient of the bound", "delta": "of the approximated bound", "laplace": "is at a mode"}
    assert report.ok and any(said[method] in r.name for r in report.rows)
    # The evidence is compared to a bound, and where there is none it is not.
    rows = [r.name for r in verify(derived(name, method), digits=10, only="identity", code=False).rows]
    assert any(r.startswith("log p(x) = L(q)") for r in rows) == (method == "cvi")
    assert not any("the optimum is the posterior" in r for r in rows)


@pytest.mark.parametrize("method, parameter", [("cvi", "precision"), ("delta", "eta_1"), ("laplace", "eta_1")])
def test_a_wrong_step_is_found(method: str, parameter: str) -> None:
    plain = copy.deepcopy(derived("grouped", method).plain())
    factor = next(f for f in plain["factors"] if f["name"] == "eta")
    formula = next(p for p in factor["parameters"] if p["name"] == parameter)
    assert formula["value"][0] == "add"
    formula["value"][1].append(["num", "1/7"])
    assert not verify(plain, digits=8, only="q(eta) is", code=False).ok


def test_a_start_far_away_and_data_out_of_range_still_rise() -> None:
    found = models.data("poisson_regression")
    module = run(models.derived("poisson_regression").numpy())
    near = module.fit(found.data, found.hyper)
    far = module.fit(found.data, found.hyper, init={"w": {"mean": [-4.0, 9.0], "precision": 0.2 * np.eye(2)}})
    wide = module.fit(found.data, {"alpha_0": 1e-4})
    for fit in (near, far, wide):
        assert fit.converged and (np.diff(fit.elbo_trace) >= -1e-10 * abs(fit.elbo)).all()
    assert far.elbo == pytest.approx(near.elbo, abs=1e-7)


def test_the_bound_by_an_integral_along_the_argument() -> None:
    """E_q[log p] + H[q] of the fit, the expectations by SciPy in one dimension."""
    rng = np.random.default_rng(0)
    x, y, alpha = rng.normal(size=(5, 2)), np.array([1, 0, 1, 1, 0]), 0.7
    fit = run(derived("logistic", "cvi").numpy()).fit({"X": x, "y": y}, {"alpha": alpha})
    mean, cov = fit.params["w"]["mean"], np.linalg.inv(fit.params["w"]["precision"])
    bound = stats.multivariate_normal(mean, cov).entropy()
    bound += np.log(alpha / (2 * np.pi)) - 0.5 * alpha * (np.trace(cov) + mean @ mean)
    for row, one in zip(x, y, strict=True):
        u = stats.norm(row @ mean, np.sqrt(row @ cov @ row))
        bound += (
            one * u.mean() - integrate.quad(lambda t, u=u: u.pdf(t) * np.logaddexp(0, t), *u.interval(1 - 1e-15))[0]
        )
    assert fit.elbo == pytest.approx(bound, abs=1e-10)


def test_the_methods_beside_the_exact_posterior() -> None:
    """Poisson regression with two weights: trapezoidal sums on a whitened grid."""
    found = models.data("poisson_regression")
    design, y = found.data["X"], found.data["y"]
    fits = {
        m: run(derive(models.load("poisson_regression"), [("w",)], approximate={"w": m}).numpy()).fit(
            found.data, found.hyper
        )
        for m in METHODS
    }
    q = fits["cvi"].params["w"]
    root = np.linalg.cholesky(np.linalg.inv(q["precision"]))
    z = np.linspace(-9, 9, 241)
    w = q["mean"] + np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1) @ root.T
    logs = stats.poisson(np.exp(w @ design.T)).logpmf(y).sum(-1) + stats.norm(0, 0.1**-0.5).logpdf(w).sum(-1)
    weights = np.exp(logs - logs.max())
    evidence = logs.max() + np.log(weights.sum() * (z[1] - z[0]) ** 2 * np.linalg.det(root))
    weights /= weights.sum()
    mean = np.einsum("ab,abd->d", weights, w)
    deviation = np.sqrt(np.einsum("ab,abd->d", weights, (w - mean) ** 2))
    assert 0 < evidence - fits["cvi"].elbo < 0.004  # a bound
    assert fits["delta"].elbo > evidence  # none
    for method, near in (("cvi", 1e-3), ("delta", 1e-3), ("laplace", 0.1)):
        q = fits[method].params["w"]
        assert (abs(q["mean"] - mean) < near * deviation).all()
        np.testing.assert_allclose(np.sqrt(np.diag(np.linalg.inv(q["precision"]))), deviation, rtol=0.01)


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(NonConjugateError, match=r"approximate=\{'w': 'cvi'\}\)"):
        derive(logistic(), [("w",)])
    with pytest.raises(ApproximationError, match="tau has the support positive; expected real numbers"):
        derive(grouped(), approximate={"tau": "cvi", "eta": "cvi"})
    m = Model("normal")
    n = m.index("n", "N")
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", Normal(mu, 1), n)
    with pytest.raises(ApproximationError, match="its optimum is Normal; leave the approximation out"):
        derive(m, approximate={"mu": "laplace"})
    m = Model("shape")
    n = m.index("n", "N")
    m.observed("x", Gamma(exp(m.latent("s", Normal(0, 1))), 1), n)
    assert derive(m, approximate={"s": "cvi"}).update("s").chosen == "cvi"
    with pytest.raises(ApproximationError, match=r"no derivative of .*trigamma.* is known, and the method takes 3"):
        derive(m, approximate={"s": "delta"})
    for refused in ("exact", "gibbs"):
        with pytest.raises(CaviError, match="chosen"):
            value = getattr(derived("logistic", "cvi"), refused)
            value()


def test_what_is_approximated_is_said_so() -> None:
    assert "ELBO, approximated (no lower bound" in str(derived("grouped", "delta"))
    assert "approximates the bound and is none" in derived("grouped", "laplace").latex()
    text = derived("grouped", "cvi").latex()
    assert "another factor would make it larger" in text and "approximates the bound" not in text


def test_an_approximated_bound_may_fall() -> None:
    """Under Laplace's method a mode moves to where the other factors have gone, whatever the bound makes of it."""
    module = run(derived("grouped", "laplace").numpy())
    group, y = np.repeat(np.arange(3), 5), np.array([0, 1, 0, 2, 0, 9, 7, 8, 11, 5, 1, 0, 0, 0, 1])
    fit = module.fit({"group": group, "y": y}, {"s": 0.3, "t": 4.0}, seed=4)
    assert fit.converged and np.diff(fit.elbo_trace).min() < -1e-4
