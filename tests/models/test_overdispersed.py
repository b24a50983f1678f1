"""Counts and proportions that vary more than a Poisson's or a binomial's: their data, and what is known of them."""

import numpy as np
import pytest
from generated import generated, run

from cavi import models
from cavi.derive import derive
from cavi.models._files import table


def test_the_data_are_those_of_the_tables() -> None:
    """Bliss and Fisher (1953): 150 leaves, 172 mites. Gelman et al. (2013), 5.1: of the 70 earlier groups the mean of
    the proportions is 0.136 and their standard deviation 0.103; the last is 4 of 14."""
    mites, rats = table("red_mites"), table("rat_tumours")
    assert mites["leaves"].sum() == 150 and mites["leaves"] @ mites["mites"] == 172
    share = (rats["tumours"] / rats["rats"])[:-1]
    assert len(share) == 70 and (rats["tumours"][-1], rats["rats"][-1]) == (4, 14)
    assert (round(share.mean(), 3), round(share.std(ddof=1), 3)) == (0.136, 0.103)


def test_proportions_by_the_bound_lie_below_the_exact_block() -> None:
    """Of one block of two numbers by quadrature the bound is the log evidence."""
    found = models.data("beta_binomial")
    block = derive(models.load("beta_binomial"), factors=[("a", "b")], approximate={("a", "b"): "quadrature"})
    exact = run(block.numpy()).fit(found.data, found.hyper, found.sizes, max_iter=10)
    bounded = generated("beta_binomial").fit(found.data, found.hyper, found.sizes, tol=1e-10, max_iter=5000)
    assert 0 < exact.elbo - bounded.elbo < 3
    for name in "ab":
        shape, rate = (bounded.params[name][p] for p in ("shape", "rate"))
        mean, deviation = (exact.params[name][p] for p in ("mean", "deviation"))
        assert abs(shape / rate - mean) < deviation / 2
        assert np.sqrt(shape) / rate < deviation  # factors that are apart understate the spread


def test_mites_are_as_clumped_as_published() -> None:
    """Bliss and Fisher (1953): k = 1.02459; the prior is weak beside 150 leaves."""
    found = models.data("negative_binomial")
    fit = generated("negative_binomial").fit(found.data, found.hyper, found.sizes, tol=1e-10, max_iter=5000)
    r, p = fit.params["r"], fit.params["p"]
    assert r["shape"] / r["rate"] == pytest.approx(1.02459, rel=0.05)
    assert p["a"] / (p["a"] + p["b"]) == pytest.approx(1.02459 / (1.02459 + 172 / 150), rel=0.05)
