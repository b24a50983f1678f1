"""Modules whose loops Numba compiles against the NumPy modules: the same functions, the same numbers."""

import ast
import builtins
import re
from pathlib import Path

import numpy as np
import pytest
from generated import derived_model, generated, inputs, run, state_of
from scipy import special
from typer.testing import CliRunner

from cavi import models
from cavi.cli.app import app
from cavi.derive import Model, MultivariateNormal, Normal, derive
from cavi.templates.numba.kernels import KERNELS
from cavi.verify.claim import Claim
from cavi.verify.generated import RUNS, check_generated

pytestmark = pytest.mark.targets
pytest.importorskip("numba")

COMPILED: dict[str, object] = {}


def compiled(name: str):
    """The compiled module of a model."""
    if name not in COMPILED:
        COMPILED[name] = run(derived_model(name).numba())
    return COMPILED[name]


LOOPS = re.compile(r"def (cells|forward_backward|scanned)\(")
STEPS = {"unsettled", "_settled", "in_step"}  # what carries out a recursion from Python
WITH_LOOPS = [n for n in models.names() if LOOPS.search(models.derived(n).numpy())]


@pytest.mark.parametrize("name", [*WITH_LOOPS, "beta_bernoulli", "gaussian_mixture_full", "normal_gamma"])
def test_runs_have_the_same_trace(name: str) -> None:
    plain, fast = generated(name), compiled(name)
    data, hyper, sizes = inputs(plain, np.random.default_rng(5), 25, 3)
    expected = plain.fit(data, hyper, sizes, seed=2, max_iter=6, tol=-1.0)
    found = fast.fit(data, hyper, sizes, seed=2, max_iter=6, tol=-1.0)
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-10)
    for latent, values in expected.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", models.names())
def test_the_functions_are_those_of_the_numpy_module(name: str) -> None:
    """Every function that is no helper and calls no loop has the same text; the module imports nothing of ours."""
    texts = []
    for source in (derived_model(name).numpy(), derived_model(name).numba()):
        tree = ast.parse(source)
        texts.append({n.name: ast.dump(n) for n in tree.body if isinstance(n, ast.FunctionDef)})
        assert "cavi" not in {
            (n.module or "").split(".")[0] if isinstance(n, ast.ImportFrom) else n.names[0].name.split(".")[0]
            for n in ast.walk(tree)
            if isinstance(n, ast.Import | ast.ImportFrom)
        }
    plain, fast = texts
    batches = {"line_sums", "sums_of_lines", "batches", "part_of", "join", "repeat_z"} if "repeat_z" in fast else set()
    shared = {n for n in plain if n not in KERNELS.sources and n not in batches}  # a document after another instead
    assert shared <= {*fast, *STEPS}
    for n in shared - STEPS:
        assert fast[n] == plain[n] or ("_along" in fast[n] and any(step in plain[n] for step in (*STEPS, "range")))


def test_models_with_tables_and_chains_are_compiled() -> None:
    assert {"lda", "hmm_gaussian", "hmm_categorical", "hmm_poisson", "linear_dynamical_system"} <= set(WITH_LOOPS)
    for name in WITH_LOOPS:
        assert "@numba.njit" in derived_model(name).numba() and "pip install numba" in derived_model(name).numba()


def test_a_module_without_loops_does_not_ask_for_numba() -> None:
    m = Model("level")
    n = m.index("n", "N")
    m.observed("x", Normal(m.latent("mu", Normal(0, 1)), 1), n)
    derived = derive(m)
    assert "numba" not in derived.numba() and derived.numba() == derived.numpy()


def test_without_numba_the_module_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *rest: object, **options: object):
        if name == "numba":
            raise ImportError(name)
        return found(name, *rest, **options)

    found = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match="pip install numba"):
        run(derived_model("lda").numba())


@pytest.mark.parametrize("name", ["lda", "hmm_categorical", "linear_dynamical_system"])
def test_updates_and_bounds_are_those_of_the_independent_evaluator(name: str) -> None:
    derived = derived_model(name)
    first, *rows = check_generated(Claim(derived.plain()), derived.numba, 0)
    assert first.name == RUNS and first.detail == "imports numba"
    assert len(rows) > 5
    assert [r.name for r in rows if r.verdict != "checked"] == []


def test_the_command_line_writes_it(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["derive", "lda", "--target", "numba", "--no-verify", "-o", str(tmp_path)])
    assert found.exit_code == 0
    assert (tmp_path / "lda_numba.py").read_text(encoding="utf-8") == derived_model("lda").numba()


@pytest.mark.parametrize("groups", [1, 3, 50])
def test_sums_over_pairs_are_those_of_numpy(groups: int) -> None:
    plain, fast = generated("lda"), compiled("lda")
    rng = np.random.default_rng(groups)
    column, line, weight = rng.integers(30, size=900), rng.integers(40, size=900), rng.uniform(0.2, 3.0, 900)
    line[line == 7] = 8  # nothing stands there
    tables = [rng.normal(size=(size, groups)) * 3.0 for size in (30, 40)]
    tables[1][::5] = rng.choice([0.0, -1500.0], size=tables[1][::5].shape)  # products that vanish
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 2e-6)):
        results = []
        for module in (plain, fast):
            pairs = module.cells(column, line, weight, (30, 40), groups)
            columns, lines = (module.raised(t) for t in tables)
            found = [make() for make in module.bilinear(pairs, columns, lines, np.dtype(dtype))]
            results.append(found)
        for got, expected in zip(results[1], results[0], strict=True):
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(results[1][0].sum(), weight.sum(), rtol=tolerance)


@pytest.mark.parametrize("length", [1, 2, 7, 400])
@pytest.mark.parametrize("sequences", [False, True])
def test_passes_over_chains_are_those_of_numpy(length: int, sequences: bool) -> None:
    plain, fast = generated("hmm_gaussian"), compiled("hmm_gaussian")
    rng = np.random.default_rng(length)
    logits, transition = 5.0 * rng.normal(size=(length, 3)) - 50.0, 3.0 * rng.normal(size=(3, 3))
    starts = (rng.random(length) < 0.2) * 1.0 if sequences else None
    if starts is not None:
        starts[0] = 1.0
    expected, found = (m.forward_backward(logits.copy(), transition, starts) for m in (plain, fast))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        fast.kernels(found[3], transition, starts),
        plain.kernels(expected[3], transition, starts),
        rtol=1e-11,
        atol=1e-13,
    )
    hopeless = np.array([[0.0, -2000.0], [-2000.0, 0.0]])
    assert fast.forward_backward(hopeless, hopeless) is None


@pytest.mark.parametrize("kind", ["forgets", "late", "never", "some steps are impossible", "blocks begin sequences"])
@pytest.mark.parametrize("length", [3001, 30_002])
def test_blocks_in_step_are_the_chain(kind: str, length: int) -> None:
    """Blocks are gone through in step where what is beside them tells all; else positions one after another."""
    plain, fast = generated("hmm_gaussian"), compiled("hmm_gaussian")
    rng = np.random.default_rng(length)
    logits, transition = 3.0 * rng.normal(size=(length, 3)) - 50.0, rng.normal(size=(3, 3))
    starts = None
    if kind in ("late", "never"):
        logits *= 1e-6
        memory = 0.95 if kind == "late" else 1.0 - 1e-9
        transition = np.log((1.0 - memory) / 3.0 + memory * np.eye(3))
    if kind == "some steps are impossible":
        transition[0, 1] = transition[2, 0] = -1e4
    if kind == "blocks begin sequences":
        starts, steps = np.zeros(length), -(-length // fast.LANES)
        starts[[0, 1, steps - 1, steps, steps + 1, 2 * steps, 3 * steps - 2, length - 1]] = 1.0
        transition = np.log(1e-9 / 3.0 + (1.0 - 1e-9) * np.eye(3))
    asked: list[bool] = []
    edges = fast._edges
    try:
        fast._edges = lambda *known: asked.append((found := edges(*known)) is not None) or found
        found = fast.forward_backward(logits.copy(), transition, starts)
    finally:
        fast._edges = edges
    far = {"late", "blocks begin sequences"}  # what is beside must be longer, and so the chain
    assert asked == [kind in ("forgets", "some steps are impossible") or (kind in far and length > 3001)]
    expected = plain.forward_backward(logits.copy(), transition, starts)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["linear_dynamical_system", "dynamic_level"])
def test_recursions_are_those_of_numpy(name: str) -> None:
    plain, fast, rng = generated(name), compiled(name), np.random.default_rng(0)
    for tail in ((), (3,)):
        steps, values = 0.7 * rng.normal(size=(200, *tail, *tail)), rng.normal(size=(200, *tail))
        for reverse in (False, True):
            found, expected = (m.scanned(steps, values, reverse) for m in (fast, plain))
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * np.abs(expected).max())


def test_kalman_chains_of_several_sequences_are_loops() -> None:
    """Marks of where sequences start are read in the loops; covariances of all positions are those of NumPy."""
    m = Model("series")
    t, i, j = m.index("t", "T"), m.index("i", "K"), m.index("j", "K")
    start, a = m.covariate("start", t), m.latent("A", Normal(0, 1), i, j)
    first = MultivariateNormal(0, 1, over=i)
    x = m.latent("x", lambda x: MultivariateNormal(a @ x[t - 1], 1, over=i), t, initial=first, starts=start)
    m.observed("y", Normal(x[t, i], 4), t, i)
    derived = derive(m, [("A",)])
    plain, fast = run(derived.numpy()), run(derived.numba())
    assert "in_step" in derived.numpy() and "in_step" not in derived.numba()
    rng = np.random.default_rng(0)
    starts = np.concatenate([np.eye(n)[0] for n in (5, 1, 8, 8)])
    known = {"y": rng.normal(size=(22, 3)), "start": starts}, {}
    found, expected = (one.fit(*known, seed=0, max_iter=5, tol=-1.0) for one in (fast, plain))
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-12)
    for n, values in expected.params["x"].items():
        np.testing.assert_allclose(found.params["x"][n], values, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("side", [1, 2, 7])
def test_matrices_in_loops(side: int) -> None:
    module, rng = compiled("linear_dynamical_system"), np.random.default_rng(side)
    root = rng.normal(size=(side, side))
    matrix, out = root @ root.T + np.eye(side), np.empty((side, side))
    module._inverse_of(matrix, out)
    np.testing.assert_allclose(out, np.linalg.inv(matrix), rtol=1e-10, atol=1e-12)
    assert module._logdet_of(matrix) == pytest.approx(np.linalg.slogdet(matrix)[1])
    with pytest.raises(np.linalg.LinAlgError):
        module._inverse_of(-matrix, out)


def test_special_functions_have_their_digits() -> None:
    module = compiled("lda")
    x = np.concatenate([np.exp(np.random.default_rng(0).uniform(-30, 60, 4000)), [1e-8, 1.0, 1.4616321449683622, 2.0]])
    for name in ("digamma", "gammaln"):
        got, expected = getattr(module, name)(x), getattr(special, name)(x)
        assert np.max(np.abs(got - expected) / np.maximum(1.0, np.abs(expected))) < 1e-14
        assert getattr(module, name)(x[:6].reshape(2, 3)).shape == (2, 3)
        assert np.ndim(getattr(module, name)(3.0)) == 0


@pytest.mark.parametrize("name", WITH_LOOPS)
def test_updates_and_bound_of_a_state(name: str) -> None:
    """Every update on its own, from the same state."""
    plain, fast = state_of(generated(name), 0, 30, 3), state_of(compiled(name), 0, 30, 3)
    assert compiled(name).elbo(fast) == pytest.approx(generated(name).elbo(plain), rel=1e-11)
    for latent, values in plain.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(fast.params[latent][n], a, rtol=1e-8, atol=1e-10)
