"""Points that nothing depends on stay where they start, and those at an end of their support have finite bounds."""

import re

import numpy as np
import pytest
from generated import run
from point_models import UNTOLD, rates, shares, with_beta_prior, with_dirichlet_prior
from scipy.special import gammaln, xlogy

from cavi import models


@pytest.mark.parametrize("name", UNTOLD)
def test_what_nothing_depends_on_stays_at_its_start(name: str) -> None:
    case = UNTOLD[name]
    module = run(case.declare().numpy())
    found = module.fit(case.data, case.hyper, case.sizes)
    assert found.converged and np.isfinite(found.elbo)
    for point, (places, plain, _) in case.points.items():
        value = found.params[point]["value"]
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value[places], np.broadcast_to(plain, value[places].shape))


@pytest.mark.parametrize("name", UNTOLD)
def test_a_start_that_is_given_stays_too_and_does_not_count(name: str) -> None:
    case = UNTOLD[name]
    module = run(case.declare().numpy())
    first = module.fit(case.data, case.hyper, case.sizes)
    init = {}
    for point, (places, plain, other) in case.points.items():
        value = np.array(np.broadcast_to(plain, first.params[point]["value"].shape))
        value[places] = other
        init[point] = {"value": value}
    found = module.fit(case.data, case.hyper, case.sizes, init=init)
    assert np.isclose(found.elbo, first.elbo, rtol=1e-6)
    for point, (places, _, _) in case.points.items():
        value = found.params[point]["value"]
        told = np.setdiff1d(np.arange(len(value)), places)
        np.testing.assert_array_equal(value[places], init[point]["value"][places])
        np.testing.assert_allclose(value[told], first.params[point]["value"][told], rtol=1e-2)


def test_rates_and_probabilities_may_be_zero_and_one() -> None:
    of = np.array([0, 0, 1, 1, 2])
    found = run(rates().numpy()).fit({"x": [0, 0, 3, 1, 0], "of": of}, {}, {"G": 3})
    np.testing.assert_array_equal(found.params["r"]["value"], [0, 2, 0])
    assert np.isclose(found.elbo, xlogy([3, 1], 2).sum() - 4 - gammaln([4, 2]).sum())
    found = run(shares().numpy()).fit({"x": [0, 0, 1, 1, 1], "of": of}, {}, {"G": 3})
    np.testing.assert_array_equal(found.params["p"]["value"], [0, 1, 1])
    assert found.elbo == 0


@pytest.mark.parametrize("declare", [with_beta_prior, with_dirichlet_prior])
def test_a_density_that_grows_without_bound_has_no_maximum(declare) -> None:
    """A prior that is infinite at an end, where data do not hold against it."""
    derived = declare()
    hyper = {n: 0.5 for n in "ab" if n in {v.name for v in derived.model.variables}}
    sizes = {s: 2 for s in derived.model.sizes if s == "K"}
    module = run(derived.numpy())
    with pytest.raises(ArithmeticError, match="the bound is nan"):
        module.fit({"x": [0, 0, 0]}, hyper, sizes)
    flat = module.fit({"x": [0, 0, 0]}, dict.fromkeys(hyper, 1.0), sizes)
    assert np.isfinite(flat.elbo)
    assert np.ravel(flat.params["p"]["value"])[0] in (0, 1)


def test_a_component_of_a_mixture_without_members() -> None:
    """Nobody is near the third mean: its responsibilities are zero to all digits."""
    module = run(models.derived("gaussian_mixture_em").numpy())
    x = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.3])
    init = {
        "pi": {"value": np.full(3, 1 / 3)},
        "mu": {"value": np.array([0.1, 5.0, 1e3])},
        "tau": {"value": np.ones(3)},
    }
    found = module.fit({"x": x}, {}, {"K": 3}, init=init)
    assert np.isfinite(found.elbo)
    assert found.params["mu"]["value"][2] == 1e3
    assert found.params["tau"]["value"][2] == 1
    assert found.params["pi"]["value"][2] == 0


def test_a_module_whose_points_always_have_data_says_nothing_of_it() -> None:
    text = models.derived("gaussian_mixture_em").numpy()
    assert not re.search(r"pi_value = stays", text) and re.search(r"mu_value = stays", text)
