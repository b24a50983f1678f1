"""Which points data may say nothing of: seen from the signs of their coefficients, and said where they are."""

from collections.abc import Callable

import pytest
from point_models import UNTOLD, matrix, with_beta_prior, with_dirichlet_prior

from cavi import models
from cavi.derive import Bernoulli, Derived, Model, Normal, Poisson, derive


@pytest.mark.parametrize("name", UNTOLD)
def test_a_point_that_may_have_no_data_names_its_coefficients(name: str) -> None:
    derived = UNTOLD[name].declare()
    for point in UNTOLD[name].points:
        update = derived.update(point)
        assert update.told_by and set(update.told_by) <= {f.name for f in update.formulas}
        assert "stays as it is where" in str(update)


def test_a_point_that_always_has_data_says_nothing_of_it() -> None:
    m = Model("always")
    n = m.index("n", "N")
    p, r = m.point("p"), m.point("r")
    mu = m.point("mu", Normal(0, m.hyper("kappa")))
    m.observed("x", Bernoulli(p), n)
    m.observed("y", Poisson(r), n)
    m.observed("w", Normal(mu, 1), n)
    derived = derive(m)
    assert [u.told_by for u in derived.updates] == [(), (), ()]
    assert matrix().update("L").told_by == ()
    assert "stays as it is" not in str(derived)


def test_weights_of_a_mixture_add_up_to_the_observations() -> None:
    """Σ_k E[z_n = k] is one, so that the weights always have data; a component may have none."""
    derived = models.derived("gaussian_mixture_em")
    assert derived.update("pi").told_by == ()
    assert derived.update("mu").told_by == derived.update("tau").told_by == ("eta_1", "eta_2")


def test_a_prior_may_be_flat() -> None:
    """Beta(1, 1) and Dirichlet(1) have no mode of their own: with weights of zero nothing would be known."""
    assert with_beta_prior().update("p").told_by == ("eta_1", "eta_2")
    assert with_dirichlet_prior().update("p").told_by == ("counts",)


@pytest.mark.parametrize("declare", [with_beta_prior, with_dirichlet_prior])
def test_a_point_with_an_end_does_not_start_at_the_mode_of_its_prior(declare: Callable[[], Derived]) -> None:
    """That of Beta(1/2, 1/2) has no value between zero and one."""
    assert declare().update("p").initial == ()
