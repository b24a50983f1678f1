"""E[f(u)] of a sum u over several factors, or several elements of one: an integral over one Normal number."""

import ast
import re

import numpy as np
import pytest
from generated import run
from scipy import special, stats

from cavi.derive import (
    Bernoulli,
    Binomial,
    Categorical,
    CaviError,
    Derived,
    Gamma,
    Model,
    NegativeBinomial,
    NonConjugateError,
    Normal,
    derive,
    dot,
    exp,
    probit,
    sigmoid,
    softmax,
)
from cavi.derive.derivatives import PLACEHOLDER, U, at, derivative
from cavi.derive.functions import UNDER_NORMAL, normal_mean
from cavi.derive.functions import exp as exponential
from cavi.derive.term import Function, from_atom, number

T = from_atom(UNDER_NORMAL)


def multilevel() -> Model:
    """Gelman and Hill (2007), chapter 14: a logistic regression with effects of groups under a common precision."""
    m = Model("multilevel")
    n, d, g = m.index("n", "N"), m.index("d", "D"), m.index("g", "G")
    x, group = m.covariate("X", n, d), m.observed_index("group", n, over=g)
    tau = m.latent("tau", Gamma(m.hyper("s"), m.hyper("t")))
    w, b = m.latent("w", Normal(0, 1), d), m.latent("b", Normal(0, tau), g)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]) + b[group[n]])), n)
    return m


def both(method: str) -> dict[str, str]:
    return {"w": method, "b": method}


def pairs() -> Model:
    """Comparisons of two elements of one factor, at positions that data tell."""
    m = Model("pairs")
    n, g = m.index("n", "N"), m.index("g", "G")
    first, second = m.observed_index("first", n, over=g), m.observed_index("second", n, over=g)
    b = m.latent("b", Normal(0, 1), g)
    m.observed("y", Bernoulli(sigmoid(b[first[n]] - b[second[n]])), n)
    return m


def world() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    return {
        "X": rng.normal(size=(40, 2)),
        "group": rng.integers(0, 3, 40),
        "y": rng.integers(0, 2, 40),
    }


def test_the_mean_of_an_exponential_is_closed_and_its_derivative_is_that_of_the_function() -> None:
    two = number(2)
    closed = normal_mean(exponential(T * two), U, number(3))
    assert closed == exponential(U * two + number(6))
    slope = derivative(from_atom(Function("normal_mean", (from_atom(Function("softplus", (T,))), U * two, number(3)))))
    assert slope is not None
    (m,) = slope.monomials
    ((mean, _),) = m.powers
    assert m.coefficient == 2 and isinstance(mean, Function) and mean.args[1:] == (U * two, number(3))
    assert at(U * U, number(3)) == number(9) and PLACEHOLDER not in at(U, T).atoms()


def test_the_bound_is_that_of_a_product_rule() -> None:
    """The expected log density of the observations against a grid over each factor, and against Monte Carlo."""
    source = run(derive(multilevel(), factors=[("w",)], approximate=both("cvi")).numpy())
    data = world()
    fit = source.fit(data, {"s": 2.0, "t": 1.0}, {"G": 3}, seed=0, max_iter=3)
    state = source.State(*source.prepare(data, {"s": 2.0, "t": 1.0}, {"G": 3}))
    source.initialise(state, fit.params, np.random.default_rng(0))
    (found,) = (value for label, value in source.elbo_terms(state).items() if label.startswith("E[log p(y"))
    w, b = fit.params["w"], fit.params["b"]
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    covariance = np.linalg.inv(w["precision"])
    total = 0.0
    for row, g, y in zip(data["X"], data["group"], data["y"], strict=True):
        along = row @ w["mean"] + np.sqrt(row @ covariance @ row) * nodes[:, None]
        u = along + b["mean"][g] + nodes[None, :] / np.sqrt(b["precision"][g])
        total += weights @ (y * u - np.logaddexp(0.0, u)) @ weights
    assert found == pytest.approx(total, rel=1e-10)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("method", ["cvi", "delta"])
def test_no_sweep_lowers_the_bound_and_factors_agree(method: str, split: bool) -> None:
    d = derive(multilevel(), None if split else [("w",)], approximate=both(method))
    assert bool(d.update("w").factor.sequential) == split
    fit = run(d.numpy()).fit(world(), {"s": 2.0, "t": 1.0}, {"G": 3}, seed=0, max_iter=60)
    assert (np.diff(fit.elbo_trace) > -1e-9).all()
    joint = run(derive(multilevel(), [("w",)], approximate=both("cvi")).numpy())
    other = joint.fit(world(), {"s": 2.0, "t": 1.0}, {"G": 3}, seed=0, max_iter=60)
    np.testing.assert_allclose(fit.params["w"]["mean"], other.params["w"]["mean"], atol=0.05)


def test_effects_are_found() -> None:
    rng = np.random.default_rng(5)
    n, g, truth = 3000, 8, np.array([0.9, -0.6])
    x, group, b = rng.normal(size=(n, 2)), rng.integers(0, g, n), 0.8 * rng.normal(size=g)
    y = (rng.random(n) < special.expit(x @ truth + b[group])).astype(int)
    d = derive(multilevel(), [("w",)], approximate=both("cvi"))
    fit = run(d.numpy()).fit({"X": x, "group": group, "y": y}, {"s": 2.0, "t": 1.0}, {"G": g}, seed=0, max_iter=40)
    np.testing.assert_allclose(fit.params["w"]["mean"], truth, atol=0.15)
    np.testing.assert_allclose(fit.params["b"]["mean"], b, atol=0.35)


def test_an_element_stands_on_both_sides_of_a_difference() -> None:
    d = derive(pairs(), approximate={"b": "cvi"})
    assert [i.name for i in d.update("b").factor.sequential] == ["g"]
    data = {"first": np.array([0, 0, 1, 2, 2]), "second": np.array([1, 2, 2, 0, 1]), "y": np.array([1, 1, 1, 0, 0])}
    fit = run(d.numpy()).fit(data, {}, {"G": 3}, seed=0, max_iter=80)
    assert (np.diff(fit.elbo_trace) > -1e-9).all()
    best = fit.params["b"]["mean"]
    assert best[0] > best[1] > best[2]
    # The bound at the end is a stationary one: another mean or precision gives less.
    nodes, weights = stats.norm.ppf((np.arange(4000) + 0.5) / 4000), np.full(4000, 1 / 4000)

    def bound(mean: np.ndarray, precision: np.ndarray) -> float:
        total = float(np.sum(-0.5 * (mean**2 + 1 / precision) - 0.5 * np.log(precision) + 0.5))
        for i, j, y in zip(data["first"], data["second"], data["y"], strict=True):
            u = mean[i] - mean[j] + nodes * np.sqrt(1 / precision[i] + 1 / precision[j])
            total += weights @ (y * u - np.logaddexp(0.0, u))
        return total

    precision = fit.params["b"]["precision"]
    top = bound(best, precision)
    assert top == pytest.approx(fit.elbo, abs=1e-3)
    for k in range(3):
        for step in (0.1, -0.1):
            moved = np.eye(3)[k] * step
            assert bound(best + moved, precision) < top and bound(best, precision * (1 + moved)) < top


LIKELIHOODS = {
    "binomial": lambda m, n, u: m.observed("y", Binomial(5, sigmoid(u)), n),
    "negative binomial": lambda m, n, u: m.observed("y", NegativeBinomial(3, sigmoid(u)), n),
    "probit": lambda m, n, u: m.observed("y", Bernoulli(probit(u)), n),
    "precision": lambda m, n, u: m.observed("y", Normal(0, exp(u)), n),
}


def crossed(likelihood: str) -> Model:
    m = Model("crossed")
    n, g, h = m.index("n", "N"), m.index("g", "G"), m.index("h", "H")
    row, column = m.observed_index("row", n, over=g), m.observed_index("column", n, over=h)
    x = m.covariate("X", n)
    a, b, c = m.latent("a", Normal(0, 1)), m.latent("b", Normal(0, 1), g), m.latent("c", Normal(0, 1), h)
    LIKELIHOODS[likelihood](m, n, a * x[n] + b[row[n]] + c[column[n]])
    return m


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_any_number_of_crossed_effects(likelihood: str) -> None:
    d = derive(crossed(likelihood), approximate={"a": "cvi", "b": "cvi", "c": "cvi"})
    assert {u.chosen for u in d.updates} == {"cvi"}


def proposed(error: str) -> list[dict[str, dict[str, str]]]:
    """The arguments of `derive` that an error proposes."""
    calls = re.findall(r"(?:approximate|bounds|augment)=\{[^}]*\}", error)
    return [{k: ast.literal_eval(v)} for k, v in (c.split("=", 1) for c in calls)]


@pytest.mark.parametrize(
    "model, factors, asked",
    [
        pytest.param(multilevel(), None, {}, marks=pytest.mark.slow),
        (multilevel(), [("w",)], {"w": "cvi"}),
        pytest.param(crossed("probit"), None, {}, marks=pytest.mark.slow),
        (pairs(), None, {}),
    ],
    ids=["multilevel", "half", "probit", "pairs"],
)
def test_every_remedy_that_is_named_works(model: Model, factors: list[object] | None, asked: dict[str, str]) -> None:
    with pytest.raises(NonConjugateError) as raised:
        derive(model, factors, approximate=asked)
    ways = proposed(str(raised.value))
    assert any(dict.fromkeys(w.get("approximate", {"": ""}).values()) == {"cvi": None} for w in ways)
    for way in ways:
        derive(model, factors, **way)  # type: ignore[arg-type]


def test_a_product_of_latents_is_refused_and_says_why() -> None:
    m = Model("two_parameters")
    n, j = m.index("n", "N"), m.index("j", "J")
    theta, a, b = m.latent("theta", Normal(0, 1), n), m.latent("a", Normal(0, 1), j), m.latent("b", Normal(0, 1), j)
    m.observed("y", Bernoulli(sigmoid(a[j] * theta[n] - b[j])), n, j)
    with pytest.raises(NonConjugateError, match="not a function of one sum of them, as a product is not") as raised:
        derive(m, approximate={"theta": "cvi", "a": "cvi", "b": "cvi"})
    for way in proposed(str(raised.value)):
        assert derive(m, **way)  # type: ignore[arg-type]


def softmax_of_groups() -> Model:
    m = Model("softmax_of_groups")
    n, k, g = m.index("n", "N"), m.index("k", "K"), m.index("g", "G")
    group = m.observed_index("group", n, over=g)
    a, b = m.latent("a", Normal(0, 1), k), m.latent("b", Normal(0, 1), g, k)
    m.observed("y", Categorical(softmax(a[k] + b[group[n], k], over=k)), n)
    return m


SOFTMAX: dict[str, dict[str, str]] = {
    "boehning": {},
    "bouchard": {},
    "knowles_minka": {"a": "cvi", "b": "cvi"},
    "tangent": {"a": "cvi", "b": "cvi"},
}


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("bound", SOFTMAX)
def test_bounds_of_a_softmax_have_their_scores_in_several_factors(bound: str, joint: bool) -> None:
    factors = [("a",), ("b",)] if joint else None
    d = derive(softmax_of_groups(), factors, bounds={"y": bound}, approximate=SOFTMAX[bound])
    assert isinstance(d, Derived) and bound in d.relaxations[0].name


@pytest.mark.parametrize(
    "rule", [{"bounds": {"y": r}} for r in ("jaakkola_jordan", "boehning")] + [{"augment": {"y": "polya_gamma"}}]
)
def test_rules_of_the_logistic_function_hold_across_factors(rule: dict[str, dict[str, str]]) -> None:
    d = derive(multilevel(), [("w",)], **rule)  # type: ignore[arg-type]
    assert str(d.update("b").family) == "Normal" and str(d.update("w").family) == "MultivariateNormal"


def test_what_else_depends_on_the_factors_is_refused() -> None:
    m = Model("weighted")
    n = m.index("n", "N")
    a, b = m.latent("a", Normal(0, 1)), m.latent("b", Normal(0, 1))
    m.observed("y", Bernoulli(sigmoid(a + b)), n)
    m.observed("z", Normal(a * b, 1), n)  # polynomials of both are no obstacle
    assert derive(m, approximate={"a": "cvi", "b": "cvi"})
    with pytest.raises(CaviError):
        derive(m, approximate={"a": "quadrature", "b": "cvi"})
