"""Normal vectors of regressions with fewer rows than elements: by rows and by elements the same numbers."""

import copy
import tracemalloc

import numpy as np
import pytest
from generated import generated, inputs, run

from cavi.derive import Gamma, Model, Normal, derive, dot
from cavi.models import derived

BRANCH = '< state.sizes["D"]'
NAMES = """
ard_regression linear_regression_joint horseshoe_regression probit_regression bayesian_lasso logistic_regression
student_regression quantile_regression robust_regression negative_binomial_regression ordinal_regression
""".split()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1, 7, 12, 13])
def test_a_run_by_rows_is_the_run_by_elements(name: str, rows: int) -> None:
    source = derived(name).numpy()
    assert source.count(BRANCH) >= 3  # update, start, and the sum of outer products
    module, by_elements = generated(name), run(source.replace(BRANCH, "< 0"))
    known = inputs(module, np.random.default_rng(rows), rows, 12)
    for accelerate in (False, True):
        found, expected = (
            m.fit(*known, seed=0, max_iter=6, tol=-1.0, accelerate=accelerate) for m in (module, by_elements)
        )
        np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-11)
        for latent, values in expected.params.items():
            assert set(found.params[latent]) == set(values)
            for n, a in values.items():
                np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-8, atol=1e-10 * np.abs(a).max())


def test_weights_of_rows_and_a_start_that_is_given() -> None:
    """Rows with a precision of their own; q(w) given with its matrix is read as it is."""
    m = Model("weighted")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    lam, tau = m.latent("lam", Gamma(2, 2), n), m.latent("tau", Gamma(1, 1))
    here = m.covariate("here", n)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Normal(dot(w, x[n]), tau * here[n]), n)
    m.observed("u", Normal(0, lam[n]), n)
    source = derive(m, [("w",)]).numpy()
    assert "Outer(X, here)" in source
    module, by_elements = run(source), run(source.replace(BRANCH, "< 0"))
    rng = np.random.default_rng(0)
    data = {"X": rng.normal(size=(5, 9)), "here": rng.uniform(size=5), "y": rng.normal(size=5), "u": np.ones(5)}
    root = rng.normal(size=(9, 9))
    init = {"w": {"mean": rng.normal(size=9), "precision": root @ root.T + np.eye(9)}}
    for start in (None, init):
        found, expected = (one.fit(data, {}, init=start, max_iter=4, tol=-1.0) for one in (module, by_elements))
        np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-11)
        again = module.fit(data, {}, init=found.params, max_iter=1, tol=-1.0)
        assert again.elbo >= found.elbo - 1e-9


def test_products_read_otherwise_keep_the_matrix() -> None:
    """Two sets of rows have two sums of outer products: nothing is left to the sizes of the data."""
    m = Model("two_sets")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    x, z = m.covariate("X", n, d), m.covariate("Z", k, d)
    w, tau = m.latent("w", Normal(0, 1), d), m.latent("tau", Gamma(1, 1))
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    m.observed("v", Normal(dot(w, z[k]), tau), k)
    assert "Narrow" not in derive(m, [("w",)]).numpy()


def test_parameters_that_are_stored_are_used() -> None:
    """Moments follow from what a user puts into a state, not from the form that was there."""
    module = generated("ard_regression")
    state = module.State(*module.prepare(*inputs(module, np.random.default_rng(0), 4, 6)))
    module.initialise(state, None, np.random.default_rng(0))
    module.update_w(state)
    before = copy.deepcopy(state)
    state.store("w", mean=np.arange(6.0))
    state.refresh("w")
    np.testing.assert_array_equal(state.moments["E_w"], np.arange(6.0))
    spread = np.asarray(before.moments["E_w_times_w"]) - np.outer(*[before.moments["E_w"]] * 2)
    np.testing.assert_allclose(state.moments["E_w_times_w"], spread + np.outer(*[np.arange(6.0)] * 2), atol=1e-12)
    assert np.isfinite(module.elbo(state))


def test_no_matrix_of_many_elements_is_made() -> None:
    module, size = generated("ard_regression"), 3000
    known = inputs(module, np.random.default_rng(0), 20, size)
    tracemalloc.start()
    found = module.fit(*known, max_iter=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * size * size / 8
    assert found.params["w"]["precision"].shape == (size, size)
