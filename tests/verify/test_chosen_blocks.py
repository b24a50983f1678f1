"""Normal factors that are chosen for several latents at once and for chains: steps, bounds and their best values."""

import copy
from functools import cache

import numpy as np
import pytest
from generated import run
from scipy import integrate, optimize, stats

from cavi import models
from cavi.derive import (
    ApproximationError,
    Bernoulli,
    Binomial,
    Derived,
    Gamma,
    Model,
    Normal,
    Poisson,
    derive,
    dot,
    exp,
    sigmoid,
)
from cavi.verify import verify


def joint() -> Model:
    """An intercept and weights."""
    m = Model("joint")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    s = m.hyper("s")
    b = m.latent("b", Normal(0, s))
    w = m.latent("w", Normal(0, s), d)
    m.observed("y", Bernoulli(sigmoid(b + dot(w, x[n]))), n)
    return m


def groups() -> Model:
    """An intercept and effects of groups, whose precision has a factor of its own."""
    m = Model("groups")
    n, g = m.index("n", "N"), m.index("g", "G")
    s = m.latent("s", Gamma(m.hyper("c"), m.hyper("f")))
    b = m.latent("b", Normal(0, m.hyper("v")))
    u = m.latent("u", Normal(0, s), g)
    group = m.observed_index("group", n, over=g)
    m.observed("y", Poisson(exp(b + u[group[n]])), n)
    return m


def counts() -> Model:
    """Counts around a random walk."""
    m = Model("counts")
    t = m.index("t", "T")
    tau = m.latent("tau", Gamma(m.hyper("a"), m.hyper("b")))
    x = m.latent("x", lambda x: Normal(x[t - 1], tau), t, initial=Normal(m.hyper("m_1"), m.hyper("p_1")))
    m.observed("y", Poisson(exp(x[t])), t)
    return m


def answers() -> Model:
    """A number of correct answers of three, by an ability that drifts."""
    m = Model("answers")
    t = m.index("t", "T")
    x = m.latent("x", lambda x: Normal(x[t - 1], m.hyper("p")), t, initial=Normal(m.hyper("m_1"), m.hyper("p_1")))
    m.observed("y", Binomial(3, sigmoid(x[t])), t)
    return m


MADE = {"joint": joint, "groups": groups, "counts": counts, "answers": answers}
BLOCKS = {"joint": ("b", "w"), "groups": ("b", "u")}


@cache
def derived(name: str, method: str = "cvi") -> Derived:
    block = BLOCKS.get(name)
    if block is None:
        return derive(MADE[name](), approximate={"x": method})
    return derive(MADE[name](), [block], approximate={block: method})


@pytest.mark.parametrize("method", ["cvi", "laplace", "delta"])
@pytest.mark.parametrize("name", MADE)
def test_steps_are_what_each_method_promises(name: str, method: str) -> None:
    report = verify(derived(name, method), digits=8, only="q(", code=False)
    said = {"cvi": "natural gradient of the bound", "delta": "of the approximated bound", "laplace": "is at a mode"}
    titles = [r.name for r in report.rows]
    assert report.ok and all(r.verdict == "checked" for r in report.rows), report
    assert any(said[method] in t for t in titles) and any("on the line between natural parameters" in t for t in titles)


@pytest.mark.parametrize("name", ["groups", "counts"])
def test_the_bound_and_the_code_are_verified(name: str) -> None:
    for only in ("ELBO", "log p(x) = L(q)", "update", "elbo", "fit makes"):
        report = verify(derived(name), digits=8, only=only)
        assert report.ok and report.rows and all(r.verdict == "checked" for r in report.rows), report


@pytest.mark.parametrize(
    "name, parameter, caught_by",
    [
        ("counts", "cross", "natural gradient"),
        ("groups", "natural_precision", "natural gradient"),
        ("groups", "cross_b", "natural gradient"),
        ("counts", "way_back linear", "shortened step"),
        ("counts", "way_back diagonal", "shortened step"),
        ("groups", "way_back natural_precision", "shortened step"),
    ],
)
def test_a_wrong_step_is_found(name: str, parameter: str, caught_by: str) -> None:
    plain = copy.deepcopy(derived(name).plain())
    factor = next(f for f in plain["factors"] if f.get("chosen"))
    where, _, parameter = parameter.rpartition(" ")
    formula = next(p for p in factor[where or "parameters"] if p["name"] == parameter)
    formula["value"] = ["mul", [["num", "8/7"], formula["value"]]]
    report = verify(plain, digits=8, only=caught_by, code=False)
    assert report.rows and not report.ok


def test_a_block_is_the_vector_that_it_is() -> None:
    """An intercept beside the weights, or a column of ones: one posterior, and one best Normal."""
    m = Model("whole")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, m.hyper("s")), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    whole = run(derive(m, [("w",)], approximate={"w": "cvi"}).numpy())
    rng = np.random.default_rng(1)
    design, y, hyper = rng.normal(size=(30, 2)), rng.integers(0, 2, 30), {"s": 0.5}
    block = run(derived("joint").numpy()).fit({"X": design, "y": y}, hyper, tol=1e-13)
    vector = whole.fit({"X": np.column_stack([np.ones(30), design]), "y": y}, hyper, tol=1e-13)
    assert block.elbo == pytest.approx(vector.elbo, abs=1e-9)
    mean = np.concatenate([[block.params["b"]["mean"]], block.params["w"]["mean"]])
    assert mean == pytest.approx(vector.params["w"]["mean"], abs=1e-5)


Y = np.array([0, 2, 3, 1, 3])
KNOWN = {"p": 2.0, "m_1": -0.3, "p_1": 0.7}


def dense(params: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the covariance of a chain from q(x_T) Π q(x_t | x_{t+1}), as a vector."""
    size = len(params["offset"])
    pull = np.eye(size) - np.diag(params["gain"][:-1], 1)
    inverse = np.linalg.inv(pull)
    return inverse @ params["offset"], inverse @ np.diag(1 / params["precision"]) @ inverse.T


def bound(mean: np.ndarray, covariance: np.ndarray) -> float:
    """E_q[log p] + H[q] of the drifting ability, every expectation by SciPy."""
    size = len(mean)
    steps = np.eye(size) - np.diag(np.ones(size - 1), -1)
    precision = steps.T @ np.diag([KNOWN["p_1"], *[KNOWN["p"]] * (size - 1)]) @ steps
    away = mean - KNOWN["m_1"]
    value = 0.5 * np.linalg.slogdet(precision / (2 * np.pi))[1]
    value -= 0.5 * (np.trace(precision @ covariance) + away @ precision @ away)
    for m, v, y in zip(mean, np.diag(covariance), Y, strict=True):
        u = stats.norm(m, np.sqrt(v))
        ends = u.interval(1 - 1e-15)
        value += y * m + np.log([1, 3, 3, 1])[y]
        value -= 3 * integrate.quad(lambda s, u=u: u.pdf(s) * np.logaddexp(0, s), *ends, epsabs=1e-12)[0]
    return float(value + stats.multivariate_normal(mean, covariance).entropy())


def test_the_bound_of_a_chain_is_stationary_among_all_normals() -> None:
    """No Normal vector is better than the best chain: the bound is flat in means and in every covariance."""
    fit = run(derived("answers").numpy()).fit({"y": Y}, KNOWN, tol=1e-14)
    mean, covariance = dense(fit.params["x"])
    assert fit.elbo == pytest.approx(bound(mean, covariance), abs=1e-9)
    assert fit.params["x"]["mean"] == pytest.approx(mean, abs=1e-12)
    lower, rows = np.linalg.cholesky(covariance), np.tril_indices(len(Y))

    def at(free: np.ndarray) -> float:
        root = np.zeros((len(Y), len(Y)))
        root[rows] = free[len(Y) :]
        return bound(free[: len(Y)], root @ root.T)

    best = np.concatenate([mean, lower[rows]])
    slopes = optimize.approx_fprime(best, at, 1e-5)
    opposite = optimize.approx_fprime(best, at, -1e-5)
    assert np.abs(slopes + opposite).max() / 2 < 2e-6


def test_a_chain_from_far_away_still_rises() -> None:
    found = models.data("poisson_state_space")
    module = run(models.derived("poisson_state_space").numpy())
    near = module.fit(found.data, found.hyper, tol=1e-11)
    ends = {"mean": np.full(112, 9.0), "covariance": np.full(112, 4.0)}
    far = module.fit(found.data, found.hyper, init={"theta": ends}, tol=1e-11)
    for fit in (near, far):
        assert fit.converged and (np.diff(fit.elbo_trace) >= -1e-10 * abs(fit.elbo)).all()
    assert far.elbo == pytest.approx(near.elbo, abs=1e-5)
    rate = np.exp(near.params["theta"]["mean"] + near.params["theta"]["covariance"] / 2)
    assert rate[:30].min() > 2 > 1.5 > rate[60:].max()  # disasters became rarer about 1890


def test_what_is_no_normal_is_refused_with_the_reason() -> None:
    m = Model("scaled")
    n = m.index("n", "N")
    a, b = m.latent("a", Normal(0, 1)), m.latent("b", Gamma(1, 1))
    m.observed("y", Poisson(exp(a * b)), n)
    with pytest.raises(ApproximationError, match="b has the support positive; expected real numbers"):
        derive(m, [("a", "b")], approximate={("a", "b"): "cvi"})
