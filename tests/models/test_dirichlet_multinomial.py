"""Counts with Dirichlet probabilities: the exact posterior and evidence."""

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.integrate import trapezoid
from scipy.special import gammaln
from scipy.stats import beta

from cavi import models


def fitted(hyper=None):
    found = models.data("dirichlet_multinomial")
    return generated("dirichlet_multinomial").fit(found.data, {**found.hyper, **(hyper or {})})


def test_the_factor_has_the_family_of_the_textbook() -> None:
    assert derived_model("dirichlet_multinomial").update("theta").families == {"theta": "Dirichlet"}


@pytest.mark.parametrize("alpha", [np.ones(3), np.array([0.5, 2.0, 7.5])])
def test_the_bound_is_the_exact_evidence(alpha: np.ndarray) -> None:
    """Gelman et al. (2013), 3.4: the Dirichlet-multinomial probability of each row."""
    y = models.data("dirichlet_multinomial").data["y"]
    evidence = (gammaln(y.sum(axis=1) + 1) - gammaln(y + 1).sum(axis=1)).sum()
    evidence += 2 * (gammaln(alpha.sum()) - gammaln(alpha).sum())
    evidence += (gammaln(alpha + y).sum(axis=1) - gammaln(alpha.sum() + y.sum(axis=1))).sum()
    found = fitted({"alpha": alpha})
    assert found.elbo == pytest.approx(evidence, rel=1e-12)
    np.testing.assert_array_equal(found.params["theta"]["concentration"], alpha + y)


def test_the_debate_shifted_votes_with_probability_a_fifth() -> None:
    """Gelman et al. (2013), exercise 3.2: P(the share of Bush against Dukakis rose) is about 0.19."""
    before, after = fitted().params["theta"]["concentration"]
    grid = np.linspace(0.3, 0.7, 20001)
    rose = trapezoid(beta.pdf(grid, *before[:2]) * beta.sf(grid, *after[:2]), grid)
    assert rose == pytest.approx(0.19, abs=0.01)
