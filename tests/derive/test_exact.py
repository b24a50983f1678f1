"""The exact posterior and evidence of models with one factor, against closed forms written by hand."""

import numpy as np
import pytest
from generated import run, world_of
from scipy.special import betaln, gammaln, logsumexp, multigammaln
from scipy.stats import multivariate_normal

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    CaviError,
    Gamma,
    Model,
    MultivariateNormal,
    Normal,
    NormalWishart,
    Poisson,
    derive,
    dot,
)


def evidence(derived, data, hyper, sizes=None) -> float:
    """The claimed log evidence at the posterior of these data."""
    module = run(derived.numpy())
    state = module.State(*module.prepare(data, hyper, sizes))
    for factor in module.initialise(state, None, np.random.default_rng(0)):
        module.UPDATES[factor](state)
    value = world_of(derived, state).value(derived.exact.evidence)
    assert module.elbo(state) == pytest.approx(value, rel=1e-12)
    return value


def test_counts_with_a_gamma_rate() -> None:
    """Gelman et al. (2013), 2.6: the marginal of Poisson counts is a ratio of Gamma functions."""
    m = Model("rate")
    n = m.index("n", "N")
    a, b = m.hyper("a_0 b_0")
    rate = m.latent("rate", Gamma(a, b))
    m.observed("x", Poisson(rate), n)
    x = np.array([3, 0, 5, 2])
    expected = 1.5 * np.log(2.0) - gammaln(1.5) + gammaln(11.5) - 11.5 * np.log(6.0) - gammaln(x + 1).sum()
    assert evidence(derive(m), {"x": x}, {"a_0": 1.5, "b_0": 2.0}) == pytest.approx(expected, rel=1e-13)


def test_plates_that_do_not_touch_are_exact_together() -> None:
    m = Model("coins")
    n, k = m.index("n", "N"), m.index("k", "K")
    coin = m.observed_index("coin", n, over=k)
    p = m.latent("p", Beta(2, 3), k)
    m.observed("x", Bernoulli(p[coin[n]]), n)
    data = {"coin": [0, 0, 1, 1, 1], "x": [1, 0, 1, 1, 0]}
    expected = betaln(3, 4) + betaln(4, 4) - 2 * betaln(2, 3)
    assert evidence(derive(m), data, {}) == pytest.approx(expected, rel=1e-13)


def test_a_regression_in_one_block() -> None:
    """Bishop (2006), 3.86: the marginal likelihood of a linear regression."""
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 0.5), d)
    m.observed("y", Normal(dot(w, x[n]), 2), n)
    rng = np.random.default_rng(1)
    design, y = rng.normal(size=(7, 3)), rng.normal(size=7)
    covariance = design @ design.T / 0.5 + np.eye(7) / 2
    expected = multivariate_normal.logpdf(y, np.zeros(7), covariance)
    assert evidence(derive(m, ["w"]), {"X": design, "y": y}, {}) == pytest.approx(expected, rel=1e-12)


def test_a_mean_and_a_precision_matrix() -> None:
    """Murphy (2007), equation 266: the marginal likelihood under a Normal-Wishart prior."""
    m = Model("gaussian")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    m0, w0, kappa, nu = m.hyper("m_0", d), m.hyper("W_0", d, e), *m.hyper("kappa_0 nu_0")
    mu, precision = m.latent("mu Lambda", NormalWishart(m0, kappa, nu, w0, over=d))
    m.observed("x", MultivariateNormal(mu, precision), n)
    rng = np.random.default_rng(2)
    x, scale = rng.normal(size=(5, 2)), np.array([[2.0, 0.3], [0.3, 1.0]])
    centre = np.array([0.5, -1.0])
    found = evidence(derive(m), {"x": x}, {"m_0": centre, "W_0": scale, "kappa_0": 0.7, "nu_0": 4.5})
    scatter = (x - x.mean(0)).T @ (x - x.mean(0)) + 0.7 * 5 / 5.7 * np.outer(x.mean(0) - centre, x.mean(0) - centre)
    rate = np.linalg.inv(scale) + scatter
    expected = (
        -5 * np.log(np.pi)
        + multigammaln(9.5 / 2, 2)
        - multigammaln(4.5 / 2, 2)
        - 4.5 / 2 * np.linalg.slogdet(scale)[1]
        - 9.5 / 2 * np.linalg.slogdet(rate)[1]
        + np.log(0.7 / 5.7)
    )
    assert found == pytest.approx(expected, rel=1e-12)


def test_categories_alone_are_summed_out() -> None:
    m = Model("allocation")
    n, k = m.index("n", "N"), m.index("k", "K")
    rate, pi = m.hyper("lam", k), m.hyper("pi", k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Poisson(rate[z[n]]), n)
    x, lam, p = np.array([1, 4]), np.array([1.0, 3.0]), np.array([0.25, 0.75])
    logs = np.log(p) + x[:, None] * np.log(lam) - lam - gammaln(x + 1)[:, None]
    found = evidence(derive(m), {"x": x}, {"lam": lam, "pi": p})
    assert found == pytest.approx(logsumexp(logs, axis=1).sum(), rel=1e-13)


def _pair() -> Model:
    m = Model("pair")
    n = m.index("n", "N")
    tau = m.latent("tau", Gamma(1, 1))
    mu = m.latent("mu", Normal(0, tau))
    m.observed("x", Normal(mu, tau), n)
    return m


def test_an_approximation_is_not_called_exact() -> None:
    with pytest.raises(CaviError, match=r"2 factors .*factors=\[\('tau', 'mu'\)\]"):
        _ = derive(_pair()).exact
    assert derive(_pair(), [("mu", "tau")]).exact.posterior.family == "NormalGamma"


def test_coupled_elements_and_maximised_parameters_are_not_exact() -> None:
    m = Model("coupled")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Normal(dot(w, x[n]), 2), n)
    with pytest.raises(CaviError, match="depend on each other"):
        _ = derive(m).exact
    m = Model("maximised")
    n = m.index("n", "N")
    rate = m.point("rate")
    m.observed("x", Poisson(rate), n)
    with pytest.raises(CaviError, match="rate is maximised"):
        _ = derive(m).exact
