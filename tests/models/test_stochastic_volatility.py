"""Stochastic volatility: the mixture is that of a log square, and the spells of the data are found."""

import numpy as np
import pytest
from generated import generated
from scipy.stats import chi2, norm

from cavi import models
from cavi.models.stochastic_volatility import dataset


def test_the_mixture_is_the_log_of_a_squared_standard_normal() -> None:
    """Kim, Shephard and Chib (1998), table 4, against the distribution itself, which it was fitted to."""
    hyper = dataset().hyper
    q, m, v = hyper["q"], hyper["m"], hyper["v"]
    assert q.sum() == pytest.approx(1.0, abs=1e-12)
    mean = q @ m
    assert mean == pytest.approx(-1.2703628, abs=2e-3)  # ψ(1/2) + log 2
    assert q @ (v + m**2) - mean**2 == pytest.approx(np.pi**2 / 2, abs=5e-3)
    at = np.linspace(-8, 3, 23)
    below = norm.cdf((at[:, None] - m) / np.sqrt(v)) @ q
    np.testing.assert_allclose(below, chi2.cdf(np.exp(at), 1), atol=5e-3)  # seven Normals come so near, half a percent


def test_spells_of_volatility() -> None:
    """Inflation moved more in the 1970s and in 2008-2009 than in the 1990s."""
    found = models.data("stochastic_volatility")
    fit = generated("stochastic_volatility").fit(found.data, found.hyper, tol=1e-9)
    h = fit.params["h"]["mean"]
    year = 1959.5 + np.arange(len(h)) / 4
    nineties, seventies = h[(year >= 1992) & (year < 1999)].mean(), h[(year >= 1973) & (year < 1981)].mean()
    assert fit.converged and h[-6:].mean() > nineties + 1 and seventies > nineties + 0.5


def test_a_simulated_path_is_followed() -> None:
    rng = np.random.default_rng(7)
    path = np.cumsum(0.15 * rng.normal(size=2000))
    returns = np.exp(path / 2) * rng.normal(size=2000)
    hyper = models.data("stochastic_volatility").hyper
    fit = generated("stochastic_volatility").fit({"y": np.log(returns**2)}, {**hyper, "a_1": 0.0})
    assert np.corrcoef(fit.params["h"]["mean"], path)[0, 1] > 0.95
