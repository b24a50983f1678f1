"""Points that nothing depends on stay where they start in JAX modules and over shards too."""

import numpy as np
import pytest
from generated import run
from point_models import UNTOLD, Untold

pytestmark = pytest.mark.targets


def assert_same(found, case: Untold) -> None:
    expected = run(case.declare().numpy()).fit(case.data, case.hyper, case.sizes)
    assert np.isclose(float(found.elbo), expected.elbo, rtol=1e-9)
    for latent, values in expected.params.items():
        for name, value in values.items():
            np.testing.assert_allclose(found.params[latent][name], value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", UNTOLD)
def test_a_run_is_that_of_the_numpy_module(name: str) -> None:
    case = UNTOLD[name]
    assert_same(run(case.declare().jax()).fit(case.data, case.hyper, case.sizes), case)


@pytest.mark.parametrize("name", sorted(set(UNTOLD) - {"precisions", "variances"}))
def test_shards_have_the_points_of_the_whole(name: str) -> None:
    """The first shard has one of the groups only; where elements or factors alternate a run may take another way."""
    case = UNTOLD[name]
    rows = len(case.data.get("x", case.data.get("y")))
    parts = [{n: a[some] for n, a in case.data.items()} for some in np.array_split(np.arange(rows), 3)]
    assert_same(run(case.declare().streaming()).fit_chunks(parts, case.hyper, case.sizes), case)
