"""Sums over rows of second moments whose covariance is the same for all rows."""

import tracemalloc

import numpy as np
import pytest
from generated import derived_model, generated, inputs, state_of, world_of

MODELS = {"bayesian_pca": ("z", "sum_n_E_z_times_z"), "factor_analysis": ("x", "sum_n_E_x_times_x")}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("each", [False, True])
def test_the_sum_is_that_of_the_rows(name: str, each: bool) -> None:
    """Also where every row has been given its own precision."""
    latent, total = MODELS[name]
    module, state = generated(name), state_of(generated(name), 0, 7, 3)
    if each:
        roots = np.random.default_rng(1).normal(size=state.params[latent]["precision"].shape)
        state.store(latent, precision=roots @ np.swapaxes(roots, 1, 2) + 2.0 * np.eye(roots.shape[-1]))
        module.FOLLOWS[latent](state)
        state.refresh(latent)
    assert total.replace("sum_n_", "") not in state.moments
    moments = world_of(derived_model(name), state).moments
    expected = next(a for (factor, key), a in moments.items() if factor == latent and key == f"{latent}*{latent}")
    np.testing.assert_allclose(getattr(module, total)(state), expected.sum(axis=0), rtol=1e-12, atol=1e-12)


def test_row_sum() -> None:
    row_sum = generated("bayesian_pca").row_sum
    rng = np.random.default_rng(0)
    for shape in [(5, 2, 2), (1, 2, 2)]:
        array = rng.normal(size=shape)
        np.testing.assert_allclose(row_sum(array), array.sum(axis=0), rtol=1e-14)
        repeated = np.broadcast_to(array[0], shape)
        np.testing.assert_allclose(row_sum(repeated), repeated.sum(axis=0), rtol=1e-14)


def test_a_sweep_has_no_matrix_for_each_row() -> None:
    module, rows, side = generated("bayesian_pca"), 4000, 12
    data, hyper, sizes = inputs(module, np.random.default_rng(0), rows, side)
    state = module.State(*module.prepare(data, hyper, sizes))
    order = module.initialise(state, None, np.random.default_rng(0))
    for factor in order:
        module.UPDATES[factor](state)
    tracemalloc.start()
    for factor in order:
        module.UPDATES[factor](state)
    module.elbo(state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows * side * side * 8 / 2
