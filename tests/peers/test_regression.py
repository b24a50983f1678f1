"""Evidence maximisation against scikit-learn: point precisions, joint Normal weights."""

import numpy as np
import pytest
from generated import run
from scipy.stats import gamma, multivariate_normal

from cavi.derive import Gamma, Model, Normal, derive, dot

linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
pytestmark = pytest.mark.peers
RTOL = 1e-8


def evidence_regression(relevance: bool = False) -> Model:
    """Bishop (2006), section 3.5.2; with a precision for each weight (relevance), section 7.2.1."""
    m = Model("evidence_regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    lam = m.point("lam", *((d,) if relevance else ()), support="positive")
    tau = m.point("tau", support="positive")
    w = m.latent("w", Normal(0, lam[d] if relevance else lam), d)
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    return m


def test_bayesian_ridge() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 4))
    y = x @ np.array([1.0, -2.0, 0.5, 0.3]) + 0.7 * rng.normal(size=60)
    peer = linear.BayesianRidge(
        alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0, fit_intercept=False, tol=1e-15, max_iter=5000, compute_score=True
    ).fit(x, y)
    found = run(derive(evidence_regression(), [("w",)]).numpy()).fit({"X": x, "y": y}, {}, seed=0, tol=0, max_iter=5000)
    assert found.params["lam"]["value"] == pytest.approx(peer.lambda_, rel=RTOL)
    assert found.params["tau"]["value"] == pytest.approx(peer.alpha_, rel=RTOL)
    np.testing.assert_allclose(found.params["w"]["mean"], peer.coef_, rtol=RTOL)
    assert found.elbo == pytest.approx(peer.scores_[-1], rel=RTOL)


def test_relevance() -> None:
    """Fixed points of EM and of the peer's faster iteration are the same; its score has no N/2 log 2π."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(80, 4)) + 0.3 * rng.normal(size=(80, 1))
    y = x @ np.array([1.0, -2.0, 0.5, 0.8]) + 0.7 * rng.normal(size=80)
    peer = linear.ARDRegression(
        alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0, fit_intercept=False, tol=1e-15, max_iter=5000, compute_score=True
    ).fit(x, y)
    module = run(derive(evidence_regression(relevance=True), [("w",)]).numpy())
    found = module.fit({"X": x, "y": y}, {}, seed=0, tol=-1, max_iter=5000)
    np.testing.assert_allclose(found.params["lam"]["value"], peer.lambda_, rtol=RTOL)
    assert found.params["tau"]["value"] == pytest.approx(peer.alpha_, rel=RTOL)
    np.testing.assert_allclose(found.params["w"]["mean"], peer.coef_, rtol=RTOL)
    np.testing.assert_allclose(np.linalg.inv(found.params["w"]["precision"]), peer.sigma_, rtol=RTOL, atol=1e-12)
    assert found.elbo == pytest.approx(peer.scores_[-1] - 0.5 * len(y) * np.log(2 * np.pi), rel=RTOL)
    # The bound is the evidence: y is Normal with a covariance that can be written down
    covariance = np.eye(len(y)) / peer.alpha_ + x / peer.lambda_ @ x.T
    assert found.elbo == pytest.approx(multivariate_normal.logpdf(y, cov=covariance), rel=RTOL)


def penalised_regression() -> Model:
    """The same with Gamma priors of the precisions, which are still points."""
    m = Model("penalised_regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, b, c, e = m.hyper("a b c e")
    x = m.covariate("X", n, d)
    lam, tau = m.point("lam", Gamma(c, e), d), m.point("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, lam[d]), d)
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    return m


def test_relevance_with_priors() -> None:
    """The peer maximises λ^λ₁ exp(-λ₂ λ), a Gamma density of shape λ₁ + 1 without its normaliser."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(50, 3))
    y = x @ np.array([1.0, 0.0, -0.4]) + 0.6 * rng.normal(size=50)
    peer = linear.ARDRegression(
        alpha_1=0.3, alpha_2=0.2, lambda_1=0.4, lambda_2=0.1, fit_intercept=False, tol=1e-15, max_iter=5000,
        compute_score=True,
    ).fit(x, y)  # fmt: skip
    module = run(derive(penalised_regression(), [("w",)]).numpy())
    found = module.fit({"X": x, "y": y}, {"a": 1.3, "b": 0.2, "c": 1.4, "e": 0.1}, seed=0, tol=-1, max_iter=5000)
    np.testing.assert_allclose(found.params["lam"]["value"], peer.lambda_, rtol=RTOL)
    assert found.params["tau"]["value"] == pytest.approx(peer.alpha_, rel=RTOL)
    np.testing.assert_allclose(found.params["w"]["mean"], peer.coef_, rtol=RTOL)
    normalisers = gamma.logpdf(1.0, 1.3, scale=1 / 0.2) + 0.2 + 3 * (gamma.logpdf(1.0, 1.4, scale=1 / 0.1) + 0.1)
    assert found.elbo == pytest.approx(peer.scores_[-1] + normalisers - 25 * np.log(2 * np.pi), rel=RTOL)
