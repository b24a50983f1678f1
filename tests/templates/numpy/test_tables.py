"""Categories whose logits add up rows of tables: one pass over blocks gives what the updates give."""

import tracemalloc
import types

import numpy as np
import pytest
from generated import assert_a_run_is_its_updates, derived_model, generated, inputs, peak_of_a_sweep, run

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal, Poisson, derive, dot
from cavi.templates.numpy.starts import local_factors


def plates(name: str):
    m = Model(name)
    return m, m.index("n", "N"), m.index("d", "D"), m.index("k", "K"), m.index("v", "V")


def admixture() -> Model:
    """Proportions by document, one kind of word, no weights."""
    m, n, d, k, v = plates("admixture")
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(0.7, over=k), d)
    beta = m.latent("beta", Dirichlet(0.4, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    return m


def common() -> Model:
    """The same proportions for all: what does not depend on the row is a part of a table."""
    m, n, _, k, v = plates("common")
    pi = m.latent("pi", Dirichlet(0.7, over=k))
    beta = m.latent("beta", Dirichlet(0.4, over=v), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    return m


def three() -> Model:
    """Three tables, and a weight of the rows."""
    m, n, d, k, v = plates("three")
    count = m.covariate("count", n)
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(0.7, over=k), d)
    beta = m.latent("beta", Dirichlet(0.4, over=v), k)
    gamma = m.latent("gamma", Dirichlet(0.4, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n, weight=count[n])
    m.observed("w", Categorical(beta[z[n]]), n, weight=count[n])
    m.observed("u", Categorical(gamma[z[n]]), n, weight=count[n])
    return m


def measured() -> Model:
    """A table beside features of the row."""
    m, n, d, k, _ = plates("measured")
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(0.7, over=k), d)
    mu, tau = m.latent("mu", Normal(0.0, 0.3), k), m.latent("tau", Gamma(2.0, 1.0), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return m


def visited() -> Model:
    """Proportions and a rate by document: two factors of groups of rows."""
    m, n, d, k, v = plates("visited")
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(0.7, over=k), d)
    rate = m.latent("rate", Gamma(2.0, m.latent("level", Gamma(2.0, 1.0))), d)
    beta = m.latent("beta", Dirichlet(0.4, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    m.observed("visits", Poisson(rate[d]), d)
    return m


def neighbours() -> Model:
    """A weight for each document, and all of them in one observation: documents depend on each other."""
    m, n, d, k, v = plates("neighbours")
    j = m.index("j", "J")
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(0.7, over=k), d)
    weight = m.latent("weight", Normal(0.0, 1.0), d)
    beta = m.latent("beta", Dirichlet(0.4, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    m.observed("y", Normal(dot(weight, m.covariate("x", j, d)[j]), 1.0), j)
    return m


MODELS = {f.__name__: f for f in (admixture, common, three, measured)}
GROUPED = {f.__name__: f for f in (visited, neighbours)}
MODULES: dict[str, types.ModuleType] = {}


def module_of(name: str) -> types.ModuleType:
    if name == "lda":
        return generated("lda")
    if name not in MODULES:
        MODULES[name] = run(derive((MODELS | GROUPED)[name]()).numpy())
    return MODULES[name]


def states(module: types.ModuleType, seed: int, rows: int = 5000, small: int = 4):
    """Two equal states with random parameters, kept in no pass yet."""
    data, hyper, sizes = inputs(module, np.random.default_rng(seed), rows, small)
    found = []
    for _ in range(2):
        state = module.State(*module.prepare(data, hyper, sizes))
        module.initialise(state, None, np.random.default_rng(seed))
        for factor in module.UPDATES:
            module.UPDATES[factor](state)
        found.append(state)
    return found


def sums(module: types.ModuleType, state) -> dict[str, np.ndarray]:
    """All sums over rows that read q(z), and its entropy."""
    return {
        n: getattr(module, n)(state)
        for n in vars(module)
        if n == "entropy_z" or n == "sums_z" or (n.startswith("sum_n") and "E_z" in n)
    }


def agree(module: types.ModuleType, plain, passed) -> None:
    """update_z in one state and collect_z in the other: the same sums, bound and probabilities."""
    module.update_z(plain)
    module.collect_z(passed)
    assert "E_z" not in passed.moments
    kept = {n: passed.kept[n][1] for n in passed.kept}
    expected = sums(module, plain)
    assert len(expected) > 1
    for n, value in sums(module, passed).items():
        np.testing.assert_allclose(value, expected[n], rtol=1e-9, atol=1e-9, err_msg=n)
    assert {"entropy_z"} < set(kept)
    assert module.elbo(passed) == pytest.approx(module.elbo(plain), rel=1e-11)
    module.expand_z(passed)
    np.testing.assert_allclose(passed.params["z"]["probs"], plain.params["z"]["probs"], rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(passed.moments["E_z"], passed.params["z"]["probs"])


@pytest.mark.parametrize("name", ["lda", *MODELS])
@pytest.mark.parametrize("seed", range(3))
def test_collected_sums_are_those_of_the_update(name: str, seed: int) -> None:
    module = module_of(name)
    assert "z" in module.COLLECT
    agree(module, *states(module, seed))


@pytest.mark.parametrize("name", ["lda", *MODELS])
def test_a_run_is_its_updates(name: str) -> None:
    module = module_of(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 3000, 3)
    assert_a_run_is_its_updates(module, data, hyper, sizes)


@pytest.mark.parametrize("name", ["lda", "three", "measured"])
def test_products_too_small_for_a_number_are_taken_of_logarithms(name: str) -> None:
    """Tables that contradict one another in every category: each weight vanishes, their ratios do not."""
    module = module_of(name)
    plain, passed = states(module, 0, 300)
    rng = np.random.default_rng(1)
    for factor in ("theta", "beta", "mu"):
        if factor in plain.params:
            moment = {"mu": "E_mu_sq"}.get(factor, f"E_log_{factor}")
            far = rng.choice([0.0, -1500.0], size=plain.moments[moment].shape) + rng.normal(
                size=plain.moments[moment].shape
            )
            for state in (plain, passed):
                state.moments[moment] = -1e3 * far if factor == "mu" else far
    if name == "lda":
        heights = [module.columns_z(plain)[1][plain.data["w"]], module.lines_z(plain)[1][plain.data["doc"]]]
        assert (np.prod(heights, axis=0).sum(1) == 0).any()
    module.update_z(plain)
    module.collect_z(passed)
    expected = sums(module, plain)
    for n, value in sums(module, passed).items():
        np.testing.assert_allclose(value, expected[n], rtol=1e-8, atol=1e-7, err_msg=n)
    module.expand_z(passed)
    np.testing.assert_allclose(passed.params["z"]["probs"], plain.params["z"]["probs"], rtol=1e-9, atol=1e-14)


def test_weights_of_single_precision() -> None:
    module = module_of("lda")
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 5000, 3)
    double = module.fit(data, hyper, sizes, seed=0, max_iter=5, tol=0.0)
    single = module.fit(data, hyper, sizes, seed=0, max_iter=5, tol=0.0, dtype=np.float32)
    np.testing.assert_allclose(single.elbo_trace, double.elbo_trace, rtol=1e-6)
    for latent, values in double.params.items():
        for n, a in values.items():
            assert single.params[latent][n].dtype == a.dtype
            np.testing.assert_allclose(single.params[latent][n], a, rtol=1e-3, atol=1e-4)


def test_a_sweep_needs_the_memory_of_a_block() -> None:
    """Beyond the data and the tables; q(z) itself would need rows times groups."""
    module, rows, groups = module_of("lda"), 60_000, 20
    rng = np.random.default_rng(0)
    data = {"doc": rng.integers(50, size=rows), "w": rng.integers(40, size=rows), "count": rng.uniform(0.5, 2.0, rows)}
    state = module.State(*module.prepare(data, {"alpha": 0.1, "eta": 0.1}, {"K": groups}))
    order = module.initialise(state, None, rng)
    peak = peak_of_a_sweep(module, state, order)
    assert "E_z" not in state.moments
    assert peak < 4 * 8 * 2080 * groups + 10 * 8 * 90 * groups


def test_a_start_from_given_probabilities() -> None:
    """init with z given: the sweep begins with the others, and q(z) is in the result."""
    module = module_of("lda")
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 400, 3)
    probs = np.random.default_rng(0).dirichlet(np.ones(3), size=400)
    found = module.fit(data, hyper, sizes, init={"z": {"probs": probs}}, max_iter=3, tol=0.0)
    plain = module.fit(data, hyper, sizes, init={"z": {"probs": probs}}, max_iter=3, tol=0.0, callback=lambda *_: False)
    np.testing.assert_allclose(found.params["z"]["probs"], plain.params["z"]["probs"], rtol=1e-9)


def test_factors_of_rows_several_times_a_sweep() -> None:
    """`inner` updates the documents and their words before the topics, and is the order that a user would write."""
    module = module_of("lda")
    assert module.INNER == ("theta", "z")
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 400, 3)
    rng = np.random.default_rng(0)
    init = {
        "theta": {"concentration": rng.gamma(1.0, 1.0, (3, 3))},
        "beta": {"concentration": rng.gamma(1.0, 1.0, (3, 3))},
    }
    found = module.fit(data, hyper, sizes, init=init, max_iter=3, tol=0.0, inner=4)
    assert (np.diff(found.elbo_trace) >= 0).all()
    state = module.State(*module.prepare(data, hyper, sizes))
    module.initialise(state, init, rng)
    for sweep in range(3):
        for _ in range(4):
            module.update_z(state)
            module.update_theta(state)
        module.update_beta(state)
        assert found.elbo_trace[sweep] == pytest.approx(module.elbo(state), rel=1e-12)
    once = module.fit(data, hyper, sizes, init=init, max_iter=1, tol=0.0)
    assert once.elbo < found.elbo_trace[0]
    with pytest.raises(module.DataError, match="inner = 0"):
        module.fit(data, hyper, sizes, inner=0)


@pytest.mark.parametrize("name", ["lda", "admixture", "visited"])
@pytest.mark.parametrize("given", ["", "beta", "theta", "beta theta"])
def test_documents_are_repeated_batch_by_batch(name: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order a sweep goes, with products that vanish: as updates of all documents, so many times each."""
    module = module_of(name)
    monkeypatch.setattr(module, "GATHERED", 40)  # a few documents at a time, of several lengths and one of none
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 90, 12)
    sizes["K"], data["doc"] = 3, np.where(data["doc"] == 5, 4, data["doc"])
    rng = np.random.default_rng(0)
    shapes = {"theta": (12, 3), "beta": (3, 12)}
    init = {n: {"concentration": 10.0 ** rng.uniform(-4.0, 1.0, shapes[n])} for n in given.split()}
    runs = []
    for callback in (None, lambda *_: False):
        runs.append(
            module.fit(data, hyper, sizes, init=init or None, seed=1, max_iter=2, tol=0.0, inner=5, callback=callback)
        )
    np.testing.assert_allclose(runs[0].elbo_trace, runs[1].elbo_trace, rtol=1e-12)
    for latent, values in runs[1].params.items():
        for n, a in values.items():
            np.testing.assert_allclose(runs[0].params[latent][n], a, rtol=1e-9, atol=1e-14, err_msg=f"{latent}.{n}")


def test_what_depends_on_other_documents_is_not_repeated_by_batches() -> None:
    assert {n: list(module_of(n).REPEAT) for n in ("lda", *GROUPED)} == {
        "lda": ["z"],
        "visited": ["z"],
        "neighbours": [],
    }
    assert module_of("visited").INNER == ("theta", "rate", "z")


def test_only_factors_of_rows_are_inner() -> None:
    """A table of categories is no group of rows, and one factor of rows alone has nothing to wait for."""
    assert local_factors(derived_model("student_mixture")) == ("z", "u")
    for name in ("stochastic_block_model", "switching_mean", "gaussian_mixture_full", "poisson_matrix_factorisation"):
        assert local_factors(derived_model(name)) == ()


def test_pairs_that_occur_several_times_are_one() -> None:
    module = module_of("lda")
    column, line = np.array([1, 0, 1, 1]), np.array([2, 2, 2, 0])
    pairs = module.cells(column, line, np.array([1.0, 2.0, 4.0, 8.0]), (2, 4), 3)
    dense = np.zeros((4, 2))
    dense[pairs.lines] = pairs.counts.toarray()
    np.testing.assert_array_equal(dense, [[0, 8], [0, 0], [2, 5], [0, 0]])


def test_sums_over_pairs_are_made_when_they_are_asked_for() -> None:
    module = module_of("lda")
    _, state = states(module, 0, 300)
    module.collect_z(state)
    assert all(callable(state.kept[n][1]) for n in ("sum_n_count_E_z_by_doc", "sum_n_count_E_z_by_w", "entropy_z"))
    module.update_theta(state)
    assert not callable(state.kept["sum_n_count_E_z_by_doc"][1]) and callable(state.kept["sum_n_count_E_z_by_w"][1])


@pytest.mark.parametrize("name, paired", [("lda", True), ("admixture", True), ("three", False), ("measured", False)])
def test_two_tables_alone_are_a_bilinear_form(name: str, paired: bool) -> None:
    assert hasattr(module_of(name), "cells_z") is paired


def test_the_plan_is_in_the_docstring() -> None:
    words = " ".join(str(module_of("lda").__doc__).split())
    assert "added up of rows of tables at" in words and "during sweeps of fit q is not kept" in words


def test_a_run_from_given_topics_makes_no_more_than_its_result() -> None:
    """Start and sweeps keep no q(z); the probabilities of the result are the one array over rows and topics."""
    module, rows, groups = module_of("lda"), 40_000, 30
    rng = np.random.default_rng(0)
    data = {"doc": rng.integers(50, size=rows), "w": rng.integers(40, size=rows), "count": rng.uniform(0.5, 2.0, rows)}
    init = {
        n: {"concentration": rng.gamma(1.0, 1.0, s)} for n, s in {"theta": (50, groups), "beta": (groups, 40)}.items()
    }
    tracemalloc.start()
    found = module.fit(data, {"alpha": 0.1, "eta": 0.1}, init=init, max_iter=2, inner=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.params["z"]["probs"].nbytes < peak < 1.5 * found.params["z"]["probs"].nbytes
