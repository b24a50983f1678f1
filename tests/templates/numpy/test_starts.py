"""Where runs start: in an order that the priors allow, and away from symmetries that they would never leave."""

import itertools

import numpy as np
import pytest
from generated import derived_model, run

from cavi import models
from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Derived,
    Dirichlet,
    Gamma,
    Model,
    MultivariateNormal,
    Normal,
    Poisson,
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
    assert [n for n, start in starts(derived).items() if start.gate] == ["s"]
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


def factorised_counts(size: int | str, vector: bool) -> Derived:
    """Counts as a product of two Gamma matrices, with so many components, and one prior shape or one for each."""
    m = Model("counts")
    u, i, k = m.index("u", "U"), m.index("i", "I"), m.index("k", size)
    shape = m.hyper("a", k)[k] if vector else m.hyper("a")
    theta, beta = m.latent("theta", Gamma(shape, 1), u, k), m.latent("beta", Gamma(1, 1), i, k)
    z = m.latent("z", Poisson(theta[u, k] * beta[i, k]), u, i, k)
    m.observed("y", Sum(z[u, i, k], k), u, i)
    return derive(m)


@pytest.mark.parametrize(("size", "vector"), [("K", False), (3, False), ("K", True)])
def test_components_differ_however_their_number_and_priors_are_given(size: int | str, vector: bool) -> None:
    """Equal shapes in an array for each component tell them apart as little as one shape for all does."""
    rng = np.random.default_rng(0)
    y = rng.poisson(rng.gamma(0.5, 1.0, (30, 3)) @ rng.gamma(0.5, 1.0, (3, 20))).astype(float)
    module = run(factorised_counts(size, vector).numpy())
    sizes = {"K": 3} if size == "K" else None
    theta = module.fit({"y": y}, {"a": np.ones(3) if vector else 1.0}, sizes, seed=0).params["theta"]
    means = theta["shape"] / theta["rate"]
    assert np.abs(means[:, :1] - means[:, 1:]).max(axis=0).min() > 0.5


def test_unequal_priors_are_left_as_they_are() -> None:
    module = run(factorised_counts("K", vector=True).numpy())
    data, hyper = {"y": np.ones((4, 3))}, {"a": [1.0, 2.0, 3.0]}
    first, second = (module.fit(data, hyper, {"K": 3}, seed=seed, max_iter=3).elbo for seed in (0, 1))
    assert first == second
    assert module.fit(data, {"a": [1.0, 2.0, 2.0]}, {"K": 3}, seed=0, max_iter=3).elbo_trace[0] > -np.inf


@pytest.mark.parametrize("binary", [True, False])
def test_a_binary_latent_that_selects_is_seeded_as_a_category_is(binary: bool) -> None:
    m = Model("halves")
    n, c = m.index("n", "N"), m.index("c", 2)
    p = m.latent("p", Beta(1, 1) if binary else Dirichlet(1, over=c))
    mu = m.latent("mu", Normal(0, 0.01), c)
    z = m.latent("z", Bernoulli(p) if binary else Categorical(p), n)
    m.observed("x", Normal(mu[z[n]], 1), n)
    derived = derive(m)
    assert kinds(derived) == {"p": "prior", "mu": "prior", "z": "assign"}
    x = np.random.default_rng(0).normal(np.repeat([-3.0, 3.0], 50), 1.0)
    mean = run(derived.numpy()).fit({"x": x}, {}, seed=0).params["mu"]["mean"]
    np.testing.assert_allclose(np.sort(mean), [-3.0, 3.0], atol=0.5)


def test_in_a_block_each_set_of_categories_is_seeded() -> None:
    """Authors are told apart by the documents, topics by nothing."""
    m = Model("authors")
    n, a, k = m.index("n", "N"), m.index("a", "A"), m.index("k", "K")
    v, d = m.index("v", "V"), m.index("d", "D")
    doc, who = m.observed_index("doc", n, over=d), m.covariate("who", d, a)
    theta, phi = m.latent("theta", Dirichlet(0.3, over=k), a), m.latent("phi", Dirichlet(0.1, over=v), k)
    x = m.latent("x", Categorical(who[doc[n]], over=a), n)
    z = m.latent("z", Categorical(theta[x[n]], over=k), n)
    m.observed("w", Categorical(phi[z[n]], over=v), n)
    derived = derive(m, factors=[("x", "z")])
    assert [(s.latent, s.told) for s in starts(derived)["x,z"].seeds] == [("x", True), ("z", False)]
    rng = np.random.default_rng(0)
    topics = np.kron(np.eye(2), np.full((1, 4), 0.25))
    docs = rng.integers(20, size=800)
    authors = np.where(np.arange(20)[:, None] % 2 == np.arange(2), 0.9, 0.1)
    words = np.array([rng.choice(8, p=topics[int(rng.random() < authors[i, 1])]) for i in docs])
    found = run(derived.numpy()).fit({"doc": docs, "who": authors, "w": words}, {}, {"K": 2, "V": 8}, seed=0)
    learned = found.params["phi"]["concentration"]
    assert (learned / learned.sum(axis=1, keepdims=True))[:, :4].sum(axis=1).round(1).tolist() in ([0, 1], [1, 0])


def lifetimes() -> Derived:
    """Animals that are alive or dead: a chain that leads one way, known by what its rows are expected to be."""
    m = Model("lifetimes")
    t, k, j = m.index("t", "T"), m.index("k", "K"), m.index("j", "K")
    start, prior, first = m.covariate("start", t), m.hyper("a", k, j), m.hyper("first", j)
    phi = m.latent("phi", Dirichlet(prior[k], over=j), k)
    seen = m.latent("seen", Beta(1, 1), k)
    z = m.latent("z", lambda z: Categorical(phi[z[t - 1]], over=j), t, initial=Categorical(first), starts=start)
    m.observed("y", Bernoulli(seen[z[t]]), t)
    return derive(m)


def sightings() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    alive = np.cumprod(np.concatenate([np.ones((60, 1)), rng.random((60, 7)) < 0.8], axis=1), axis=1)
    start = np.zeros((60, 8))
    start[:, 0] = 1.0
    return {"y": (alive * (rng.random((60, 8)) < 0.6)).ravel(), "start": start.ravel()}


ONE_WAY = {"a": np.array([[8.0, 2.0], [0.01, 50.0]]), "first": np.array([0.999, 0.001])}


@pytest.mark.parametrize("seed", range(3))
def test_categories_that_known_arrays_tell_apart_keep_their_names(seed: int) -> None:
    """Groups of the data do not know which of them is dead, and no sweep exchanges two categories."""
    found = run(lifetimes().numpy()).fit(sightings(), ONE_WAY, seed=seed).params["seen"]
    alive, dead = found["a"] / (found["a"] + found["b"])
    assert 0.5 < alive < 0.7
    assert dead < 0.05


def test_known_arrays_that_tell_nothing_apart_leave_the_seeds() -> None:
    """A chain that tends to stay where it is has equal states, whatever is on the diagonal of its prior."""
    module = run(lifetimes().numpy())
    state = module.State(*module.prepare(sightings(), {"a": 1 + 9 * np.eye(2), "first": np.full(2, 0.5)}))
    assert module._known_groups(state, np.random.default_rng(0)) == {}


def test_restarts_differ_from_a_start_that_is_known() -> None:
    module = run(lifetimes().numpy())
    state = module.State(*module.prepare(sightings(), ONE_WAY))
    first, second = np.random.SeedSequence(0).spawn(2)
    assert set(module._known_groups(state, np.random.default_rng(first))) == {"z"}
    assert module._known_groups(state, np.random.default_rng(second)) == {}


def test_a_category_with_next_to_no_rows_is_not_started_with() -> None:
    """Steps as wide as their prior would all belong to the wider of two regimes, and the other would stay empty."""
    module, known = run(derived_model("switching_level").numpy()), models.data("switching_level")
    state = module.State(*module.prepare(known.data, known.hyper, known.sizes))
    assert module._known_groups(state, np.random.default_rng(0)) == {}


def test_features_of_rows_are_found() -> None:
    """Σ_k z[n,k] A[k,d] with binary z: beside features that all rows have in half there is no other."""
    m = Model("features")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    share = m.latent("share", Beta(1, 1), k)
    z, A = m.latent("z", Bernoulli(share[k]), n, k), m.latent("A", Normal(0, 0.5), k, d)
    m.observed("x", Normal(Sum(z[n, k] * A[k, d], k), m.latent("tau", Gamma(1, 1))), n, d)
    derived = derive(m, factors=[("A",)])
    assert {name for name, kind in kinds(derived).items() if kind != "prior"} == {"z"}
    rng = np.random.default_rng(0)
    truth = (rng.random((100, 3)) < 0.5).astype(float)
    x = truth @ rng.normal(0.0, 2.0, (3, 12)) + 0.5 * rng.normal(size=(100, 12))
    module = run(derived.numpy())
    known = module.fit({"x": x}, {}, {"K": 3}, init={"z": {"prob": 0.02 + 0.96 * truth}})
    found = module.fit({"x": x}, {}, {"K": 3}, seed=0, restarts=4)
    assert found.elbo > known.elbo - 1e-3 * abs(known.elbo)


@pytest.mark.parametrize("seed", range(3))
def test_a_gate_of_a_group_waits_for_what_it_lets_act(seed: int) -> None:
    m = Model("groups")
    n, d, g = m.index("n", "N"), m.index("d", "D"), m.index("g", "G")
    X, group = m.covariate("X", n, d), m.observed_index("group", d, over=g)
    s, w = m.latent("s", Bernoulli(m.latent("share", Beta(1, 1))), g), m.latent("w", Normal(0, 1), d)
    m.observed("y", Normal(Sum(s[group[d]] * w[d] * X[n, d], d), m.latent("tau", Gamma(1, 1))), n)
    derived = derive(m)
    assert [name for name, start in starts(derived).items() if start.gate] == ["s"]
    rng = np.random.default_rng(seed)
    X, groups = rng.normal(size=(200, 9)), np.repeat([0, 1, 2], 3)
    y = X @ np.where(groups == 1, 0.0, rng.normal(0.0, 1.5, 9)) + 0.5 * rng.normal(size=200)
    found = run(derived.numpy()).fit({"X": X, "group": groups, "y": y}, {}, seed=seed)
    np.testing.assert_allclose(found.params["s"]["prob"], [1, 0, 1], atol=0.01)


def test_a_gate_that_has_to_be_disturbed_waits_too() -> None:
    """Columns of the loadings of a sparse factor analysis can be exchanged; one is judged once it is learned."""
    m = Model("sparse_loadings")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    s, w = m.latent("s", Bernoulli(0.5), d, k), m.latent("W", Normal(0, 1), d, k)
    f = m.latent("f", Normal(0, 1), n, k)
    m.observed("y", Normal(Sum(s[d, k] * w[d, k] * f[n, k], k), 4), n, d)
    found = starts(derive(m, factors=[("f",)]))
    assert found["s"].gate and found["s"].kind == "disturb"


def test_a_run_goes_on_from_where_it_ended_though_binary_latents_are_decided() -> None:
    m = Model("decided")
    n, c = m.index("n", "N"), m.index("c", 2)
    mu = m.latent("mu", Normal(0, 0.01), c)
    z = m.latent("z", Bernoulli(0.5), n)
    m.observed("x", Normal(mu[z[n]], 100), n)
    module = run(derive(m).numpy())
    x = [-9.0, -9.1, 9.0, 9.1]
    found = module.fit({"x": x}, {}, seed=0)
    assert {0.0, 1.0} == set(found.params["z"]["prob"])
    assert module.fit({"x": x}, {}, init=found.params).elbo == pytest.approx(found.elbo, rel=1e-9)
    with pytest.raises(module.DataError, match=r"init: z prob: found 1\.5; expected numbers from 0 to 1"):
        module.fit({"x": x}, {}, init={**found.params, "z": {"prob": [0.0, 1.0, 1.5, 0.0]}})
