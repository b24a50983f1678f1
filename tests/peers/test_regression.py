"""Evidence maximisation against scikit-learn: point precisions, joint Normal weights."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Model, Normal, derive, dot

linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
pytestmark = pytest.mark.peers
RTOL = 1e-8


def evidence_regression() -> Model:
    """Bishop (2006), section 3.5.2."""
    m = Model("evidence_regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    lam, tau = m.point("lam", support="positive"), m.point("tau", support="positive")
    w = m.latent("w", Normal(0, lam), d)
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
