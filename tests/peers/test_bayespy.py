"""A Gaussian mixture with independent means and precisions against BayesPy, whose bound has every constant."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Categorical, Dirichlet, Model, MultivariateNormal, Wishart, derive

pytestmark = pytest.mark.peers
RTOL = 1e-8


def factorised_mixture() -> Model:
    """Means and precision matrices independent a priori, and under q."""
    m = Model("factorised_mixture")
    n, k, d, e = m.index("n", "N"), m.index("k", "K"), m.index("d", "D"), m.index("e", "D")
    alpha, nu = m.hyper("alpha_0 nu_0")
    m0, p0, w0 = m.hyper("m_0", d), m.hyper("P_0", d, e), m.hyper("W_0", d, e)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    mu = m.latent("mu", MultivariateNormal(m0, p0, over=d), k)
    lam = m.latent("Lambda", Wishart(nu, w0, over=d), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", MultivariateNormal(mu[z[n]], lam[z[n]]), n)
    return m


def test_gaussian_mixture() -> None:
    nodes = pytest.importorskip("bayespy.nodes", reason="BayesPy is not installed", exc_type=ImportError)
    from bayespy.inference import VB

    rng = np.random.default_rng(5)
    x = rng.normal(size=(90, 2)) + np.repeat([[-3.0, 0.0], [0.0, 2.0], [3.0, -1.0]], 30, axis=0)
    r = 0.1 / 3 + 0.9 * np.repeat(np.eye(3), 30, axis=0)
    p0, inverse, nu, alpha = 0.2 * np.eye(2), 1.3 * np.eye(2), 4.0, 0.7
    pi = nodes.Dirichlet(np.full(3, alpha))
    z = nodes.Categorical(pi, plates=(90,))
    mu = nodes.Gaussian(np.zeros(2), p0, plates=(3,))
    lam = nodes.Wishart(nu, inverse, plates=(3,))
    y = nodes.Mixture(z, nodes.Gaussian, mu, lam)
    z.initialize_from_parameters(r)
    y.observe(x)
    hyper = {"alpha_0": alpha, "nu_0": nu, "m_0": np.zeros(2), "P_0": p0, "W_0": np.linalg.inv(inverse)}
    module = run(derive(factorised_mixture()).numpy())
    found = module.fit({"x": x}, hyper, init={"z": {"probs": r}}, tol=-1, max_iter=400)
    q = VB(y, mu, lam, z, pi)
    q.update(mu, lam, pi, z, repeat=400, tol=-1, verbose=False)
    got = found.params
    np.testing.assert_allclose(got["mu"]["mean"], mu.get_moments()[0], rtol=RTOL)
    np.testing.assert_allclose(
        got["Lambda"]["dof"][:, None, None] * got["Lambda"]["scale"], lam.get_moments()[0], rtol=RTOL, atol=1e-10
    )
    np.testing.assert_allclose(got["z"]["probs"], z.get_moments()[0], rtol=RTOL, atol=1e-10)
    assert found.elbo == pytest.approx(q.L[q.iter - 1], rel=RTOL)
