"""Where runs start: in an order that the priors allow, and away from symmetries that they would never leave."""

import itertools

import numpy as np
import pytest
from generated import derived_model, run

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Dirichlet,
    Gamma,
    Model,
    MultivariateNormal,
    Normal,
    Sum,
    derive,
    dot,
    sigmoid,
)
from cavi.templates.numpy.starts import start_order, starts


def kinds(derived) -> dict[str, str]:
    return {name: start.kind for name, start in starts(derived).items()}


def test_a_block_that_stands_before_what_its_prior_needs() -> None:
    m = Model("late")
    n, k = m.index("n", "N"), m.index("k", "K")
    w = m.latent("w", Normal(0, 1))
    s = m.latent("s", Dirichlet(1, over=k))
    z = m.latent("z", Categorical(s))
    mu = m.hyper("mu", k)
    m.observed("x", Normal(mu[z] + w, 1), n)
    derived = derive(m, factors=[("w", "z")])
    assert start_order(derived) == (("s", "w,z"), frozenset())
    assert np.isfinite(run(derived.numpy()).fit({"x": [1.0, 2.0]}, {"mu": [0.0, 3.0]}).elbo)


def test_two_blocks_that_need_each_other() -> None:
    m = Model("around")
    n = m.index("n", "N")
    a = m.latent("a", Normal(0, 1))
    b = m.latent("b", Normal(a, 1))
    c = m.latent("c", Normal(b, 1))
    d = m.latent("d", Normal(c, 1))
    m.observed("x", Normal(d + a, 1), n)
    derived = derive(m, factors=[("a", "c"), ("b", "d")])
    assert set(start_order(derived)[0]) == {"a,c", "b,d"}
    assert run(derived.numpy()).fit({"x": [1.0, 2.0]}, {}).converged


def test_a_product_that_does_not_change_when_both_signs_do() -> None:
    """The zero of Σ (y_ij - u_i v_j)² is a saddle, where every mean-field update would stay."""
    m = Model("rank_one")
    i, j = m.index("i", "I"), m.index("j", "J")
    u, v = m.latent("u", Normal(0, 1), i), m.latent("v", Normal(0, 1), j)
    tau = m.latent("tau", Gamma(1, 1))
    m.observed("y", Normal(u[i] * v[j], tau), i, j)
    derived = derive(m)
    assert kinds(derived) == {"tau": "prior", "u": "disturb", "v": "disturb"}
    left, right = np.array([1.0, -2.0, 0.5, 1.5]), np.array([2.0, -1.0, 1.0, 0.5, -1.5])
    noise = 0.05 * np.random.default_rng(0).normal(size=(4, 5))
    found = run(derived.numpy()).fit({"y": np.outer(left, right) + noise}, {}, max_iter=5000)
    fitted = np.outer(found.params["u"]["mean"], found.params["v"]["mean"])
    truth = np.outer(left, right)
    assert np.abs(fitted - truth).mean() < 0.1 * np.abs(truth).mean()  # the prior pulls the product towards zero


def test_a_sum_is_not_a_product() -> None:
    m = Model("additive")
    i, j = m.index("i", "I"), m.index("j", "J")
    u, v = m.latent("u", Normal(0, 1), i), m.latent("v", Normal(0, 1), j)
    m.observed("y", Normal(u[i] + v[j], 1), i, j)
    assert set(kinds(derive(m)).values()) == {"prior"}


def test_a_prior_mean_that_may_be_zero_is_no_help() -> None:
    m = Model("factorisation")
    n, i, j, k = m.index("n", "N"), m.index("i", "I"), m.index("j", "J"), m.index("k", "K")
    centre, w0 = m.hyper("m_0", k), m.hyper("c")
    row, column = m.observed_index("row", n, over=i), m.observed_index("column", n, over=j)
    u = m.latent("u", MultivariateNormal(centre, 1, over=k), i)
    v = m.latent("v", MultivariateNormal(0, w0, over=k), j)
    m.observed("y", Normal(dot(u[row[n]], v[column[n]]), 1), n)
    assert kinds(derive(m)) == {"u": "disturb", "v": "disturb"}


@pytest.mark.parametrize("seed", range(3))
def test_products_of_three_do_not_collapse(seed: int) -> None:
    """Near zero the pull of the data on a factor is a product of the two others: weaker than any prior."""
    m = Model("three")
    i, j, l, k = m.index("i", "I"), m.index("j", "J"), m.index("l", "L"), m.index("k", "K")
    u, v, w = (m.latent(name, Normal(0, 1), p, k) for name, p in (("u", i), ("v", j), ("w", l)))
    m.observed("y", Normal(Sum(u[i, k] * v[j, k] * w[l, k], k), 100), i, j, l)
    rng = np.random.default_rng(1)
    parts = [rng.normal(size=(size, 1)) for size in (6, 5, 4)]
    y = np.einsum("ik,jk,lk->ijl", *parts)
    found = run(derive(m).numpy()).fit({"y": y}, {}, {"K": 2}, seed=seed).params
    fitted = np.einsum("ik,jk,lk->ijl", *(found[name]["mean"] for name in "uvw"))
    assert np.abs(fitted - y).mean() < 0.2 * np.abs(y).mean()


def test_library_models_with_sign_symmetry() -> None:
    assert kinds(derived_model("linear_dynamical_system"))["x"] == "disturb"
    assert kinds(derived_model("linear_regression"))["w"] == "prior"


def selection(binary: bool) -> Model:
    """A regression that selects its variables."""
    m = Model("selection")
    n, d = m.index("n", "N"), m.index("d", "D")
    X = m.covariate("X", n, d)
    share, tau = m.latent("share", Beta(1, 1)), m.latent("tau", Gamma(2, 1))
    s, w = m.latent("s", Bernoulli(share), d), m.latent("w", Normal(0, 0.5), d)
    score = Sum(s[d] * w[d] * X[n, d], d)
    m.observed("y", Bernoulli(sigmoid(score)) if binary else Normal(score, tau), n)
    if binary:
        m.observed("t", Normal(0, tau), n)
    return m


@pytest.mark.parametrize("binary", [False, True])
def test_a_gate_waits_for_what_it_lets_act(binary: bool) -> None:
    """Judged by weights as wide as their prior, every variable would be left out for good."""
    derived = derive(selection(binary), bounds={"y": "jaakkola_jordan"} if binary else {})
    assert {n: k for n, k in kinds(derived).items() if k != "prior"} == {"s": "gate"}
    rng = np.random.default_rng(16)
    X = rng.normal(size=(400, 6))
    weights = np.array([2.0, -1.5, 0.0, 0.0, 1.0, 0.0])
    score = X @ weights
    y = rng.random(400) < 1 / (1 + np.exp(-score)) if binary else score + 0.5 * rng.normal(size=400)
    data = {"X": X, "y": y, "t": rng.normal(size=400)} if binary else {"X": X, "y": y}
    module = run(derived.numpy())
    found = module.fit(data, {}, seed=0)
    assert (found.params["s"]["prob"][[0, 1, 4]] > 0.99).all()
    np.testing.assert_allclose(found.params["s"]["prob"] * found.params["w"]["mean"], weights, atol=0.5)
    start = {"s": {"prob": np.full(6, 1e-9)}}
    assert found.elbo > module.fit(data, {}, init=start).elbo + 50


def crowd() -> Model:
    """Answers of as many kinds as there are classes, of observers about whom nothing is known."""
    m = Model("crowd")
    n, i, a = m.index("n", "N"), m.index("i", "I"), m.index("a", "A")
    k, l = m.index("k", "K"), m.index("l", "K")
    item, who = m.observed_index("item", n, over=i), m.observed_index("who", n, over=a)
    share, habits = m.latent("share", Dirichlet(1, over=k)), m.latent("habits", Dirichlet(1, over=l), a, k)
    z = m.latent("z", Categorical(share), i)
    m.observed("y", Categorical(habits[who[n], z[item[n]]], over=l), n)
    return m


def test_answers_of_as_many_kinds_as_classes_are_no_labels() -> None:
    derived = derive(crowd())
    assert kinds(derived)["z"] == "assign"
    rng = np.random.default_rng(44)
    truth, item, who = rng.integers(0, 3, 60), rng.integers(0, 60, 900), rng.integers(0, 5, 900)
    y = np.where(rng.random(900) < 0.8, truth[item], rng.integers(0, 3, 900))
    data, sizes = {"y": y, "item": item, "who": who}, {"K": 3, "I": 60, "A": 5}
    found = run(derived.numpy()).fit(data, {}, sizes, seed=0).params["z"]["probs"].argmax(axis=1)
    assert max(np.mean(np.array(p)[found] == truth) for p in itertools.permutations(range(3))) > 0.95


def test_labels_of_some_rows_are_labels() -> None:
    m = Model("some_labels")
    n, i, k = m.index("n", "N"), m.index("i", "I"), m.index("k", "K")
    share, mu = m.latent("share", Dirichlet(1, over=k)), m.latent("mu", Normal(0, 1), k)
    z = m.latent("z", Categorical(share), n)
    m.observed("x", Normal(mu[z[n]], 1), n)
    y = m.observed("y", Categorical(share), i)
    m.observed("u", Normal(mu[y[i]], 1), i)
    assert kinds(derive(m))["z"] == "prior"
    assert kinds(derived_model("dawid_skene"))["T"] == "prior"


def test_an_auxiliary_that_explains_zeros_is_no_gate() -> None:
    assert "gate" not in kinds(derived_model("zero_inflated_poisson")).values()
