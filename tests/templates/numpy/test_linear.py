"""Vectors that are one linear map of the data of their row: sums of them follow from sums of the data."""

import numpy as np
import pytest
from generated import assert_a_run_is_its_updates, generated, inputs, peak_of_a_sweep, run

from cavi.derive import Derived, Gamma, Model, MultivariateNormal, Normal, derive, dot
from cavi.templates.numpy.linear import linear_maps


def factors(by_row: bool = False) -> Derived:
    """Linear factors; with a precision for every row there is no map that all rows share."""
    m = Model("factors")
    i, j, k = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    w = m.latent("W", Normal(0, 1), j, k)
    tau = m.latent("tau", Gamma(1, 1), *([i] if by_row else []))
    z = m.latent("z", MultivariateNormal(0, 1, over=k), i)
    m.observed("x", Normal(dot(w[j], z[i]), tau[i] if by_row else tau), i, j)
    return derive(m, [("W",)])


@pytest.mark.parametrize("name", ["bayesian_pca", "factor_analysis"])
@pytest.mark.parametrize("rows", [2, 300])
def test_a_run_is_its_updates(name: str, rows: int) -> None:
    """Also with fewer rows than there are features, where the rows are made."""
    module = generated(name)
    (latent,) = module.COLLECT
    assert f"gram_{latent}" in module.__dict__
    data, hyper, sizes = inputs(module, np.random.default_rng(1), rows, 3)
    assert_a_run_is_its_updates(module, data, hyper, sizes)


def test_a_sweep_needs_nothing_in_the_number_of_rows() -> None:
    module, rows = run(factors().numpy()), 200_000
    rng = np.random.default_rng(0)
    state = module.State(*module.prepare({"x": rng.normal(size=(rows, 4))}, {}, {"Q": 2}))
    order = module.initialise(state, None, rng)
    for factor in order:  # the sums of the data are made in the first sweep
        {**module.UPDATES, **module.COLLECT}[factor](state)
    assert peak_of_a_sweep(module, state, order) < 100_000
    assert "E_z" not in state.moments and "mean" not in state.params["z"]


def test_rows_of_their_own_precision_have_no_map() -> None:
    assert set(linear_maps(factors())) == {"z"}
    assert linear_maps(factors(by_row=True)) == {}
    assert run(factors(by_row=True).numpy()).COLLECT == {}
