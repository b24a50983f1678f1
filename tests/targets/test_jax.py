"""The JAX module of every model does what the NumPy module does, from the same start, to rounding."""

import ast
import os
import sys
from functools import cache

import numpy as np
import pytest
from generated import derived_model, generated, inputs, run, state_of

from cavi import models
from cavi.derive import Bernoulli, CaviError, Gamma, Model, Normal, Sum, derive

pytestmark = pytest.mark.targets
# Hundreds of small programs are compiled here and run once: XLA need not spend time on making them fast.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


@cache
def compiled(name: str):
    """The JAX module of a model, made and compiled once in the test run."""
    return run(derived_model(name).jax())


def problem(name: str, large: int = 20, small: int = 3, seed: int = 3) -> tuple[dict, dict, dict]:
    """Random data that fit a model; a maximum likelihood mixture has no maximum on a few observations."""
    large = 60 if name == "gaussian_mixture_em" else large
    return inputs(generated(name), np.random.default_rng(seed), large, small)


def assert_same(found, expected, rtol: float = 1e-9) -> None:
    """Two runs with the same bounds and parameters."""
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=rtol)
    assert found.params.keys() == expected.params.keys()
    for latent, values in expected.params.items():
        assert found.params[latent].keys() == values.keys()
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=100 * rtol, atol=100 * rtol)


@pytest.mark.parametrize("name", models.names())
def test_a_run_is_that_of_the_numpy_module(name: str) -> None:
    given = problem(name)
    expected = generated(name).fit(*given, seed=4, max_iter=4, tol=0.0)
    found = compiled(name).fit(*given, seed=4, max_iter=4, tol=0.0)
    assert_same(found, expected)
    assert (found.n_iter, found.converged, found.sizes) == (expected.n_iter, expected.converged, expected.sizes)


@pytest.mark.parametrize("name", ["gaussian_matrix_factorisation", "supervised_topics"])
def test_what_elements_add_up_to_is_carried_by_their_loop(name: str) -> None:
    """Not made anew in each turn: the loop has no product that the sum is of; where nothing is added, bounds part."""
    text = derived_model(name).jax()
    loops = text.split("    def one(position, held):\n")[1:]
    assert loops and all("einsum" not in loop.partition("return {")[0] for loop in loops)
    adds = [line for line in text.splitlines() if line.strip().startswith("current_1 += ")]
    assert adds and 'current_1 = held["current_1"]' in text
    kept = "\n".join(line for line in text.splitlines() if line not in adds)
    given = problem(name)
    expected = generated(name).fit(*given, seed=4, max_iter=3, tol=-1.0)
    assert np.abs(run(kept).fit(*given, seed=4, max_iter=3, tol=-1.0).elbo_trace - expected.elbo_trace).max() > 1e-6


STARTS = [
    "gaussian_mixture",
    "linear_dynamical_system",
    "hmm_poisson",
    "gaussian_matrix_factorisation",
    "dynamic_level",
]


@pytest.mark.parametrize("name", STARTS)
def test_a_given_start_is_continued_from(name: str) -> None:
    given = problem(name)
    init = generated(name).fit(*given, seed=4, max_iter=2).params
    expected = generated(name).fit(*given, init=init, max_iter=3, tol=0.0)
    assert_same(compiled(name).fit(*given, init=init, max_iter=3, tol=0.0), expected)


def test_a_chain_starts_from_its_marginals() -> None:
    given, name = problem("hmm_poisson"), "hmm_poisson"
    init = {"c": {"probs": np.random.default_rng(0).dirichlet(np.ones(3), size=20)}}
    expected = generated(name).fit(*given, init=init, max_iter=3, tol=0.0)
    assert_same(compiled(name).fit(*given, init=init, max_iter=3, tol=0.0), expected)


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "gaussian_matrix_factorisation", "dynamic_level"])
def test_every_update_is_a_pure_function_of_a_state(name: str) -> None:
    import jax

    module, numpy_module = compiled(name), generated(name)
    old = state_of(numpy_module, 5, 12, 2)
    new = module.State(old.data, old.hyper, tuple(old.sizes.items()))
    for latent, values in old.params.items():
        new = new.store(latent, **values)
    new = new.expect(**old.moments)
    assert float(jax.jit(module.elbo)(new)) == pytest.approx(numpy_module.elbo(old), rel=1e-12)
    for factor, update in module.UPDATES.items():
        before = jax.tree.map(np.array, new.params)
        after = jax.jit(update)(new)
        jax.tree.map(np.testing.assert_array_equal, new.params, before)
        numpy_module.UPDATES[factor](old)
        for latent in factor.split(","):
            for n, a in old.params[latent].items():
                np.testing.assert_allclose(after.params[latent][n], a, rtol=1e-10, atol=1e-10)
        for n, a in after.moments.items():
            np.testing.assert_allclose(a, old.moments[n], rtol=1e-10, atol=1e-10)
        new = after
    after, bound = jax.jit(module.sweep)(new)
    for update in numpy_module.UPDATES.values():
        update(old)
    assert float(bound) == pytest.approx(numpy_module.elbo(old), rel=1e-12)
    assert float(jax.jit(module.elbo)(after)) == pytest.approx(float(bound), rel=1e-12)


def test_a_gate_waits_for_what_it_lets_act() -> None:
    m = Model("selection")
    n, d = m.index("n", "N"), m.index("d", "D")
    X = m.covariate("X", n, d)
    s, w = m.latent("s", Bernoulli(0.3), d), m.latent("w", Normal(0, 1), d)
    m.observed("y", Normal(Sum(s[d] * w[d] * X[n, d], d), 4), n)
    derived, rng = derive(m), np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    data = {"X": X, "y": X @ [1.0, -1.0, 0.0] + 0.5 * rng.normal(size=50)}
    expected = run(derived.numpy()).fit(data, {}, max_iter=4, tol=0.0)
    assert_same(run(derived.jax()).fit(data, {}, max_iter=4, tol=0.0), expected)


def needs(module, data: dict, hyper: dict, sizes: dict, collect: str = "scaled") -> dict[str, int]:
    """The bytes that XLA asks for, beside what it is given: to start, for sweeps, and for the result."""
    import jax

    known, hypers, found = module.prepare(data, hyper, sizes)
    state = module.State(known, hypers, tuple(found.items()))
    drawn = module.draw(state, np.random.default_rng(0))
    order = module.order_of({}, drawn)
    start = module._start.lower(state, {}, drawn, order, collect, False, (), ())
    shapes = jax.eval_shape(lambda: module._start(state, {}, drawn, order, collect, False, (), ()))
    facts, moving = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes)
    state = module.replace(state, facts=facts)
    sweeps = module._ASCEND.lower(state, moving, -np.inf, True, 3, 0.0, order, collect, False, ())
    shown = module._shown.lower(module._at(state, moving))
    asked = {
        part: lowered.compile().memory_analysis()
        for part, lowered in {"start": start, "sweeps": sweeps, "result": shown}.items()
    }
    return {part: m.temp_size_in_bytes + m.output_size_in_bytes for part, m in asked.items()}


REGRESSIONS = """
ard_regression linear_regression_joint horseshoe_regression probit_regression bayesian_lasso logistic_regression
student_regression quantile_regression robust_regression negative_binomial_regression ordinal_regression
""".split()


@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_vector_by_rows_is_that_by_elements(name: str) -> None:
    """Fewer rows than elements, as NumPy has it: from the prior, given, with leaps, several side by side."""
    module, known = compiled(name), problem(name, 7, 12)
    assert module.State({}, {}, (("N", 7), ("D", 12))).by_rows("w", "N", "D")
    for options in ({}, {"accelerate": True}, {"restarts": 2}):
        expected = generated(name).fit(*known, seed=4, max_iter=5, tol=0.0, **options)
        assert_same(module.fit(*known, seed=4, max_iter=5, tol=0.0, **options), expected)
    again = generated(name).fit(*known, init=expected.params, max_iter=2, tol=0.0)
    assert_same(module.fit(*known, init=expected.params, max_iter=2, tol=0.0), again)


def test_a_callback_sees_a_vector_by_rows() -> None:
    module, known, seen = compiled("ard_regression"), problem("ard_regression", 7, 12), []
    found = module.fit(*known, max_iter=3, tol=0.0, callback=lambda *now: seen.append(now) and False)
    for _, bound, state in seen:
        assert float(module.elbo(state)) == pytest.approx(bound, rel=1e-12)
    assert_same(found, module.fit(*known, max_iter=3, tol=0.0))


@pytest.mark.parametrize("name", ["ard_regression", "logistic_regression", "robust_regression"])
def test_few_rows_of_many_elements_need_no_matrix_of_elements(name: str) -> None:
    for part, found in needs(compiled(name), *problem(name, 20, 3000)).items():
        assert found < 8 * 3000 * 3000 / 8, part


BLOCKS = ["gaussian_mixture_full", "lda", "hmm_poisson", "robust_regression", "student_mixture", "latent_class"]


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_rows_count_every_row_once(name: str) -> None:
    """37 rows in blocks of 8: the last block reaches back over three rows."""
    module = run(derived_model(name).jax())
    module.BLOCK = 8
    given = problem(name, 37)
    assert_same(
        module.fit(*given, seed=4, max_iter=3, tol=0.0), generated(name).fit(*given, seed=4, max_iter=3, tol=0.0)
    )


@pytest.mark.parametrize("name", ["gaussian_mixture", "bayesian_pca", "lda"])
def test_sweeps_do_not_keep_an_array_over_rows_and_groups(name: str) -> None:
    rows_and_groups = 200_000 * 10 * 8
    assert needs(compiled(name), *problem(name, 200_000, 10))["sweeps"] < rows_and_groups / 8


CHAINS = ["hmm_gaussian", "hmm_categorical", "hmm_autoregression", "switching_level", "chains_laid_end_to_end"]


@pytest.mark.parametrize("collect", ["scaled", "in logarithms"])
@pytest.mark.parametrize("name", CHAINS)
def test_a_run_along_a_chain_has_no_array_over_positions_and_pairs(name: str, collect: str) -> None:
    """Neither its start, nor sweeps by either kind of passes, nor what is taken from the last of them."""
    positions_and_pairs = 20_000 * 24 * 24 * 8
    for part, found in needs(compiled(name), *problem(name, 20_000, 24), collect).items():
        assert found < positions_and_pairs / 2, part


@pytest.mark.parametrize("held", [(), ("x",)])
def test_a_loop_carries_what_is_read_again_and_the_result(held: tuple) -> None:
    """Of a Kalman chain the three arrays of matrices that a result has, in the place of steps and moments."""
    import jax

    module = compiled("linear_dynamical_system")
    known, hypers, found = module.prepare(*problem("linear_dynamical_system", 50, 4))
    state = module.State(known, hypers, tuple(found.items()))
    drawn = module.draw(state, np.random.default_rng(0))
    order = module.order_of({}, drawn)
    _, moving = jax.eval_shape(lambda: module._start(state, {}, drawn, order, "scaled", False, held, ()))
    shown = {("x", n) for n, s in module.PARAMETERS["x"].items() if s["role"] in ("standard", "marginal")}
    matrices = {
        tuple(p.key for p in path[1:]) for path, a in jax.tree_util.tree_leaves_with_path(moving) if a.size == 800
    }
    assert matrices <= shown and len(matrices) == 3
    _, everything = jax.eval_shape(lambda: module._start(state, {}, drawn, order, "", False, held, ()))
    assert sum(a.size == 800 for a in jax.tree.leaves(everything)) > 8


def test_a_chain_from_independent_elements_is_kept_without_its_kernel() -> None:
    import jax

    module, rng = compiled("chains_laid_end_to_end"), np.random.default_rng(1)
    known, hypers, found = module.prepare(*problem("chains_laid_end_to_end"))
    state = module.State(known, hypers, tuple(found.items())).store("z", probs=rng.dirichlet(np.ones(3), size=20))
    whole, kept = module.FROM_MARGINALS["z"](state).refresh("z"), module.APART["z"](state)
    made = {n: make() for n, make in module.LEFT_OUT["z"](kept).items()}
    np.testing.assert_allclose(made["kernel"], whole.params["z"]["kernel"], rtol=1e-14)
    kept_sums = {n for n in module.SUMS if n in kept.sums}
    assert len(kept_sums) == 2
    for n in kept_sums:
        np.testing.assert_allclose(jax.jit(module.SUMS[n])(kept), jax.jit(module.SUMS[n])(whole), rtol=1e-12)


@pytest.mark.parametrize("name", ["hmm_categorical", "chains_laid_end_to_end"])
def test_passes_over_a_long_chain_equal_the_recursion(name: str) -> None:
    given = problem(name, 300)
    passes = compiled(name).fit(*given, seed=0, max_iter=3, tol=0.0)
    assert_same(passes, generated(name).fit(*given, seed=0, max_iter=3, tol=0.0, callback=lambda *_: False))


def test_what_passes_cannot_represent_is_done_in_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that has no weight in floating point: the bound of the passes is not a number, that of the run is."""
    import jax

    module, name = compiled("hmm_poisson"), "hmm_poisson"
    logits, transition = np.array([[0.0, -2000.0], [-2000.0, 0.0]]), np.array([[0.0, -2000.0], [-2000.0, 0.0]])
    assert np.isnan(jax.jit(module.forward_backward)(logits, transition)[2])
    known = {"x": np.repeat([0.0, 1000.0], 10)}, {n: 1.0 for n, s in module.KNOWN.items() if s["where"] == "hyper"}
    init = {
        "delta": {"concentration": np.ones(2)},
        "Gamma": {"concentration": np.array([[1.0, 1e-4], [1e-4, 1.0]])},
        "lam": {"shape": np.array([1.0, 1000.0]), "rate": np.ones(2)},
    }
    tried, climb = [], module._climb
    monkeypatch.setattr(module, "_climb", lambda *a: tried.append(a[3]) or climb(*a))
    found = module.fit(*known, init=init, max_iter=3, tol=0.0)
    assert tried == ["scaled", "in logarithms"]
    assert_same(found, generated(name).fit(*known, init=init, max_iter=3, tol=0.0))


@pytest.mark.parametrize("name", ["gaussian_mixture", "hmm_poisson", "poisson_matrix_factorisation"])
def test_restarts_side_by_side_are_runs_of_their_own(name: str) -> None:
    """As the NumPy module runs them, one after another; each stops where it has converged."""
    given = problem(name)
    expected = generated(name).fit(*given, seed=1, restarts=3, max_iter=200, tol=1e-5)
    found = compiled(name).fit(*given, seed=1, restarts=3, max_iter=200, tol=1e-5)
    assert_same(found, expected, rtol=1e-8)
    assert (found.converged, found.n_iter) == (expected.converged, expected.n_iter)


def test_restarts_of_a_start_without_a_random_part() -> None:
    """Nothing is drawn, so that nothing has an axis over restarts: one run stands for all."""
    m = Model("nothing_drawn")
    n = m.index("n", "N")
    mu, tau = m.latent("mu", Normal(0, 1)), m.latent("tau", Gamma(1, 1))
    m.observed("x", Normal(mu, tau), n)
    module, given = run(derive(m).jax()), ({"x": np.array([1.0, 2.0, 4.0])}, {})
    found = module.fit(*given, seed=1, restarts=3)
    assert_same(found, run(derive(m).numpy()).fit(*given, seed=1, restarts=3))


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "hmm_poisson", "lda"])
def test_blocks_in_single_precision(name: str) -> None:
    """Six digits of the bound, and parameters to 1e-3."""
    given = problem(name)
    exact = generated(name).fit(*given, seed=4, max_iter=4, tol=0.0)
    single = compiled(name).fit(*given, seed=4, max_iter=4, tol=0.0, dtype=np.float32)
    np.testing.assert_allclose(single.elbo_trace, exact.elbo_trace, rtol=1e-6)
    for latent, values in exact.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(single.params[latent][n], a, rtol=1e-3, atol=1e-3)
            assert single.params[latent][n].dtype == np.float64


def test_factors_of_rows_several_times_a_sweep() -> None:
    given = problem("lda")
    expected = generated("lda").fit(*given, seed=4, max_iter=3, tol=0.0, inner=3)
    assert_same(compiled("lda").fit(*given, seed=4, max_iter=3, tol=0.0, inner=3), expected)


def test_more_sweeps_than_one_call_has() -> None:
    given, name = problem("gaussian_mixture", 60, 4), "gaussian_mixture"
    found = compiled(name).fit(*given, seed=2, max_iter=150, tol=0.0)
    assert found.n_iter == 150 > compiled(name).SWEEPS
    np.testing.assert_allclose(found.elbo_trace, generated(name).fit(*given, seed=2, max_iter=150, tol=0.0).elbo_trace)


def test_a_callback_sees_every_factor_and_may_end_the_run() -> None:
    given, name = problem("gaussian_mixture"), "gaussian_mixture"
    seen = []

    def look(sweep: int, bound: float, state) -> bool:
        seen.append((sweep, bound, state))
        return sweep == 3

    found = compiled(name).fit(*given, seed=4, max_iter=50, callback=look)
    assert [sweep for sweep, _, _ in seen] == [1, 2, 3] and not found.converged
    assert [bound for _, bound, _ in seen] == found.elbo_trace.tolist()
    for _, bound, state in seen:  # states of sweeps that have passed are still whole
        assert state.params["z"]["probs"].shape == (20, 3)
        assert float(compiled(name).elbo(state)) == pytest.approx(bound, rel=1e-12)


def test_what_is_wrong_is_told_as_in_the_numpy_module() -> None:
    name = "gaussian_mixture"
    module, (data, hyper, sizes) = compiled(name), problem("gaussian_mixture")
    with pytest.raises(module.DataError, match=r"x: found 1 NaN"):
        module.fit({"x": np.append(data["x"], np.nan)}, hyper, sizes)
    with pytest.raises(module.DataError, match=r"init: z probs: found shape \(4, 3\)"):
        module.fit(data, hyper, sizes, init={"z": {"probs": np.ones((4, 3)) / 3}})
    with pytest.raises(module.DataError, match="restarts = 0"):
        module.fit(data, hyper, sizes, restarts=0)
    collapse = {"x": np.array([0.0, 0.0, 0.0, 5.0])}
    em = compiled("gaussian_mixture_em")
    with pytest.raises(ArithmeticError, match=r"the bound is .* after sweep"):
        em.fit(collapse, {}, {"K": 2}, seed=0, tol=0.0)


def test_a_function_that_jax_lacks_is_named_with_the_factor() -> None:
    with pytest.raises(CaviError, match=r"von_mises_mean: q\(mu\) needs .*\(log_bessel_i\), which JAX lacks"):
        derived_model("von_mises_mean").jax()


def test_without_jax_the_module_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r'pip install jax \(for NVIDIA GPUs: pip install "jax\[cuda12\]"\)'):
        run(derived_model("normal").jax())


@pytest.mark.parametrize("name", models.names())
def test_the_module_stands_alone_and_reads_well(name: str) -> None:
    source = derived_model(name).jax()
    tree = ast.parse(source)
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    standard = {"__future__", "collections", "dataclasses", "functools", "typing", "argparse", "sys"}
    assert imported <= {*standard, "jax", "numpy"}
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert {f"update_{f.name.replace(',', '_')}" for f in derived_model(name).factors} <= set(functions)
    assert {"fit", "sweep", "elbo", "elbo_terms", "main"} <= set(functions)
    assert all(ast.get_docstring(n) for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_"))
    assert max(map(len, source.splitlines())) < 200 and " \n" not in source
