"""Laws that every generated module obeys, over the library and models that are not in it."""

import ast
import builtins

import numpy as np
import pytest
from generated import NAMES, derived_model, generated, inputs, run, state_of, world_of

from cavi import models
from cavi.derive import derive
from cavi.derive.cells import over_cells
from cavi.derive.result import ArrayOperation, Integral

SHAPES = [(0, 5, 2), (1, 4, 3), (2, 1, 1)]


def enough(name: str, large: int) -> int:
    """A maximum likelihood mixture has no maximum on a few observations: a component collapses on one."""
    return 60 if name == "gaussian_mixture_em" else large


@pytest.mark.parametrize("seed, large, small", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_formula_equals_brute_force(name: str, seed: int, large: int, small: int) -> None:
    derived, module = over_cells(derived_model(name))[0], generated(name)
    state = state_of(module, seed, enough(name, large), small)
    for update in derived.updates:
        before = world_of(derived, state)
        # What a guard may shorten is compared as it is proposed.
        proposed = getattr(module, f"propose_{update.factor.name.replace(',', '_')}", None)
        (proposed or module.UPDATES[update.factor.name])(state)
        after = world_of(derived, state)
        if not update.factor.sequential:
            before.parameters = after.parameters
            for f in update.formulas:
                if isinstance(f.value, Integral):
                    for at in np.ndindex(*(before.size(i.size) for i in f.indices)):
                        here = dict(zip(f.indices, at, strict=True))
                        claimed = before.integral(f.latent, f.value, update.factor.plates, here)
                        np.testing.assert_allclose(state.params[f.latent][f.name][at], claimed, rtol=1e-10)
                elif not isinstance(f.value, ArrayOperation):
                    claimed = before.array(f.value, f.indices)
                    np.testing.assert_allclose(state.params[f.latent][f.name], claimed, rtol=1e-10, atol=1e-10)
        for s in update.moment_specs:
            if s.value is not None and not _special(s.value):
                claimed = after.array(s.value, s.indices)
                got = after.moments[update.factor.name, s.key]
                assert got.shape == claimed.shape
                np.testing.assert_allclose(got, claimed, rtol=1e-10, atol=1e-10)
    if not any(_special(t.value) for t in derived.elbo.closed_terms):
        assert module.elbo(state) == pytest.approx(world_of(derived, state).value(derived.elbo.total), rel=1e-10)


def _special(p) -> bool:
    return any(
        getattr(a, "name", "").startswith(("log_bessel", "dlog_bessel", "truncated", "log_normal_interval"))
        for a in p.atoms()
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_bound_never_falls_and_runs_repeat(name: str) -> None:
    module = generated(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(3), enough(name, 6), 2)
    first = module.fit(data, hyper, sizes, seed=4, max_iter=25)
    assert np.isfinite(first.elbo_trace).all()
    assert (np.diff(first.elbo_trace) >= -1e-9 * (1 + np.abs(first.elbo))).all()
    again = module.fit(data, hyper, sizes, seed=4, max_iter=25)
    assert first.elbo == again.elbo
    for latent, values in first.params.items():
        for n, a in values.items():
            np.testing.assert_array_equal(a, again.params[latent][n])


@pytest.mark.parametrize("name", NAMES)
def test_a_given_start_is_continued_from(name: str) -> None:
    """From the parameters of a converged run the next sweep changes the bound by nothing."""
    module = generated(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(3), enough(name, 6), 2)
    done = module.fit(data, hyper, sizes, seed=4, max_iter=4000, tol=1e-13)
    more = module.fit(data, hyper, sizes, init=done.params, max_iter=1)
    assert more.elbo == pytest.approx(done.elbo, rel=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_module_stands_alone_and_reads_well(name: str) -> None:
    source = derived_model(name).numpy()
    tree = ast.parse(source)
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= {
        "__future__",
        "collections",
        "dataclasses",
        "functools",
        "typing",
        "numpy",
        "scipy",
        "argparse",
        "concurrent",
        "multiprocessing",
        "signal",
        "threading",
        "warnings",
        "sys",
    }
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    for factor in derived_model(name).factors:
        assert f"update_{factor.name.replace(',', '_')}" in functions
    assert {"fit", "elbo", "elbo_terms", "main"} <= set(functions)
    assert all(ast.get_docstring(n) for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_"))
    assert max(map(len, source.splitlines())) < 200


def test_mixture_equals_a_hand_written_reference() -> None:
    """Coordinate ascent for Bishop (2006), 10.2 in one dimension, written by hand, from the same start."""
    from scipy.special import digamma

    rng = np.random.default_rng(0)
    x, r = np.concatenate([rng.normal(-2, 1, 30), rng.normal(3, 0.5, 20)]), rng.dirichlet(np.ones(3), size=50)
    h = {"alpha_0": 0.7, "m_0": 0.2, "kappa_0": 0.3, "a_0": 1.4, "b_0": 0.8}
    module = generated("gaussian_mixture")
    found = module.fit({"x": x}, h, init={"z": {"probs": r}}, max_iter=40, tol=0.0)
    mean_tau, mu, mu2 = np.full(3, 1.4 / 0.8), np.full(3, 0.2), np.full(3, 0.04 + 1 / (0.3 * 1.4 / 0.8))
    for _ in range(40):
        counts = r.sum(axis=0)
        alpha = 0.7 + counts
        shape = 1.4 + (counts + 1) / 2
        squares = (r * (x[:, None] ** 2 - 2 * x[:, None] * mu + mu2)).sum(axis=0)
        rate = 0.8 + (squares + 0.3 * (mu2 - 2 * 0.2 * mu + 0.04)) / 2
        mean_tau, log_tau = shape / rate, digamma(shape) - np.log(rate)
        precision = mean_tau * (0.3 + counts)
        mu = (0.3 * 0.2 + r.T @ x) / (0.3 + counts)
        mu2 = mu**2 + 1 / precision
        logits = digamma(alpha) - digamma(alpha.sum()) + log_tau / 2
        logits = logits - mean_tau / 2 * (x[:, None] ** 2 - 2 * x[:, None] * mu + mu2)
        r = np.exp(logits - logits.max(axis=1, keepdims=True))
        r /= r.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.params["z"]["probs"], r, atol=1e-10)
    np.testing.assert_allclose(found.params["tau"]["rate"], rate, rtol=1e-10)
    np.testing.assert_allclose(found.params["mu"]["mean"], mu, rtol=1e-10)


def test_a_million_observations_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-300, 1, 500_000), rng.normal(300, 1e-3, 500_000)])
    hyper = {"alpha_0": 1.0, "m_0": 0.0, "kappa_0": 0.1, "a_0": 1.0, "b_0": 1.0}
    found = generated("gaussian_mixture").fit({"x": x}, hyper, {"K": 3}, seed=1, max_iter=3)
    assert np.isfinite(found.elbo)
    assert np.isfinite(found.params["z"]["probs"]).all()


def unknown_names(source: str) -> set[str]:
    """What a module reads by name and nothing in it binds."""
    tree = ast.walk(ast.parse(source))
    read, bound = set(), {*dir(builtins), "__name__", "__file__"}
    for node in tree:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add((other or name).partition(".")[0])
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
    return read - bound


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_known(name: str) -> None:
    assert not unknown_names(derived_model(name).numpy())


def test_a_vector_by_the_cvi_method_knows_its_names_and_climbs() -> None:
    """One factor of several elements, and nothing else that would ask for the module's tools."""
    name = "gaussian_process_classification"
    source = derive(models.load(name), models.info(name).factors, approximate={"f": "cvi"}).numpy()
    assert not unknown_names(source)
    known = models.data(name)
    found = run(source).fit(known.data, known.hyper, known.sizes, seed=0, max_iter=5)
    assert (np.diff(found.elbo_trace) >= 0).all()
