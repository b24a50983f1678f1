"""Accelerated runs of JAX modules: leaps inside the compiled loop are those of the NumPy module."""

import os
from functools import cache

import numpy as np
import pytest
from generated import derived_model, generated, run, spread

from cavi import models

pytestmark = pytest.mark.targets
pytest.importorskip("jax")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

FIRST = ("linear_regression", "bayesian_pca", "linear_dynamical_system", "hmm_categorical", "poisson_mixture")
OTHERS = [n for n in models.names() if n not in FIRST]


@cache
def compiled(name: str):
    return run(derived_model(name).jax())


def fitted(module, name: str, **options):
    known = models.data(name)
    return module.fit(known.data, known.hyper, known.sizes, seed=0, accelerate=True, **options)


@pytest.mark.parametrize("name", [*FIRST, *spread(OTHERS, one_in=20)])
def test_the_trace_is_that_of_numpy(name: str) -> None:
    expected, found = (fitted(m, name, max_iter=40, tol=1e-7) for m in (generated(name), compiled(name)))
    assert (found.n_iter, found.converged) == (expected.n_iter, expected.converged)
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-8)
    assert (np.diff(found.elbo_trace) >= -1e-9 * abs(found.elbo)).all()


def test_restarts_side_by_side_leap_each_on_its_own() -> None:
    """Some are refused where others are not; each is the run that it would be alone."""
    module, expected = compiled("bayesian_pca"), generated("bayesian_pca")
    found = fitted(module, "bayesian_pca", max_iter=30, restarts=3)
    alone = fitted(expected, "bayesian_pca", max_iter=30, restarts=3)
    np.testing.assert_allclose(found.elbo_trace, alone.elbo_trace, rtol=1e-9)


def test_it_takes_fewer_sweeps_and_never_falls() -> None:
    known, module = models.data("factor_analysis"), compiled("factor_analysis")
    plain = module.fit(known.data, known.hyper, known.sizes, seed=0, max_iter=200, tol=0.0)
    found = fitted(module, "factor_analysis", max_iter=60, tol=0.0)
    assert found.elbo > plain.elbo and (np.diff(found.elbo_trace) >= 0).all()
    again = module.fit(known.data, known.hyper, known.sizes, init=found.params, max_iter=1)
    assert again.elbo >= found.elbo - 1e-9 * abs(found.elbo)  # what is returned is a state that the bound is of


def test_refused_leaps_leave_an_ordinary_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaps to nonsense: each is refused, does not count as a sweep, and the run goes on from where it was."""
    traces = []
    for nonsense in (True, False):
        module = run(derived_model("linear_regression").jax())
        ahead = module._ahead

        def changed(found, bound, ahead=ahead, nonsense=nonsense):
            point, leaps, limit = ahead(found, bound)
            allowed = (found["past"] > 1) & (found["wait"] == 0) & nonsense
            return found["end"] + 3.0, allowed, limit

        monkeypatch.setattr(module, "_ahead", changed)
        traces.append(fitted(module, "linear_regression", max_iter=30, tol=0.0).elbo_trace)
    known, module = models.data("linear_regression"), compiled("linear_regression")
    plain = module.fit(known.data, known.hyper, known.sizes, seed=0, max_iter=30, tol=0.0)
    np.testing.assert_allclose(traces[0], traces[1], rtol=1e-12)
    assert len(traces[0]) == 30 and plain.n_iter == 30


def test_a_callback_sees_every_sweep_that_counts() -> None:
    seen = []
    found = fitted(
        compiled("poisson_mixture"), "poisson_mixture", max_iter=25, callback=lambda n, b, _: seen.append((n, b))
    )
    expected = fitted(generated("poisson_mixture"), "poisson_mixture", max_iter=25)
    assert [b for _, b in seen] == pytest.approx(list(found.elbo_trace))
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-9)


@pytest.mark.parametrize("name", ["gaussian_mixture_full"])
def test_coordinates_are_those_of_numpy(name: str) -> None:
    ours, theirs = compiled(name), generated(name)
    rng = np.random.default_rng(0)
    root = rng.normal(size=(2, 3, 3))
    for spec, array in (
        ({"domain": "positive"}, np.array([1e-8, 0.3, 2e9])),
        ({"domain": "unit"}, np.array([1e-9, 0.5, 0.99])),
        ({"domain": "simplex"}, np.array([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]])),
        ({"domain": "real"}, np.array([-3.0, 0.0, 1e5])),
        ({"domain": "positive_definite", "side": 1}, root @ root.swapaxes(1, 2) + np.eye(3)),
        ({"domain": "positive_definite", "side": 2}, (np.eye(6) + 0.1).reshape(2, 3, 2, 3)),
    ):
        free = theirs._free(array, spec)
        np.testing.assert_allclose(ours._free(array, spec), free, rtol=1e-12)
        moved = free + rng.normal(size=free.shape)
        np.testing.assert_allclose(
            ours._limited(moved, spec, array.shape), theirs._limited(moved, spec, array.shape), rtol=1e-11
        )


def test_where_a_sweep_is_enough_there_is_nothing_to_accelerate() -> None:
    assert "_leapt" not in derived_model("normal_gamma").jax()
    assert fitted(compiled("normal_gamma"), "normal_gamma").n_iter == 2
