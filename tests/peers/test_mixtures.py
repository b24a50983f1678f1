"""Gaussian mixtures against scikit-learn: same priors, same start, converged parameters and bound."""

import numpy as np
import pytest
from generated import run
from scipy.special import gammaln

from cavi.derive import Categorical, Dirichlet, Model, MultivariateNormal, Normal, Wishart, derive

mixture = pytest.importorskip("sklearn.mixture", reason="scikit-learn is not installed")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]
RTOL = 1e-8


def normal_wishart_mixture() -> Model:
    """Bishop (2006), section 10.2."""
    m = Model("normal_wishart_mixture")
    n, k, d, e = m.index("n", "N"), m.index("k", "K"), m.index("d", "D"), m.index("e", "D")
    alpha, kappa, nu = m.hyper("alpha_0 kappa_0 nu_0")
    m0, w0 = m.hyper("m_0", d), m.hyper("W_0", d, e)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    lam = m.latent("Lambda", Wishart(nu, w0, over=d), k)
    mu = m.latent("mu", MultivariateNormal(m0, kappa * lam[k], over=d), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", MultivariateNormal(mu[z[n]], lam[z[n]]), n)
    return m


def maximum_likelihood_mixture(kind: str) -> Model:
    """Bishop (2006), section 9.2.2, with covariances of four shapes."""
    m = Model(f"{kind}_maximum_likelihood")
    n, k, d, e = m.index("n", "N"), m.index("k", "K"), m.index("d", "D"), m.index("e", "D")
    pi, mu = m.point("pi", over=k), m.point("mu", k, d)
    z = m.latent("z", Categorical(pi), n)
    match kind:
        case "full":
            lam = m.point("Lambda", k, d, e, support="positive_definite")
            m.observed("x", MultivariateNormal(mu[z[n]], lam[z[n]], over=d), n)
        case "tied":
            lam = m.point("Lambda", d, e, support="positive_definite")
            m.observed("x", MultivariateNormal(mu[z[n]], lam, over=d), n)
        case "diag":
            lam = m.point("Lambda", k, d, support="positive")
            m.observed("x", Normal(mu[z[n], d], lam[z[n], d]), n, d)
        case "spherical":
            lam = m.point("Lambda", k, support="positive")
            m.observed("x", Normal(mu[z[n], d], lam[z[n]]), n, d)
    return m


def data(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping groups, and responsibilities to start from."""
    rng = np.random.default_rng(4)
    centres = 2.5 * rng.normal(size=(3, width))
    centres[:, 0] += [-4.0, 0.0, 4.0]
    group = np.repeat(np.arange(3), 50)
    x = centres[group] + rng.normal(size=(150, width)) @ (np.eye(width) + 0.3 * np.tri(width, k=-1))
    return x, 0.1 / 3 + 0.9 * np.eye(3)[group]


def wishart_normaliser(nu: float, w: np.ndarray) -> float:
    """log B of Bishop (2006), B.79, without D(D-1)/4 log π, which cancels between prior and posterior."""
    d = len(w)
    logdet = np.linalg.slogdet(w)[1]
    return -0.5 * nu * (logdet + d * np.log(2)) - gammaln((nu - np.arange(d)) / 2).sum()


@pytest.mark.parametrize(("covariance", "width"), [("full", 3), ("full", 1), ("diag", 1), ("spherical", 1)])
def test_bayesian_mixture(covariance: str, width: int) -> None:
    """The diagonal and spherical types are the same model only in one dimension; see docs/peers.md."""
    x, r = data(width)
    n, k = r.shape
    alpha, kappa, nu, m0 = 0.7, 0.3, width + 1.5, x.mean(axis=0)
    inverse = 0.8 * np.eye(width)
    prior = {"full": inverse, "diag": np.diag(inverse), "spherical": 0.8}[covariance]
    peer = mixture.BayesianGaussianMixture(
        n_components=k, covariance_type=covariance, reg_covar=0, tol=0, max_iter=1000,
        weight_concentration_prior_type="dirichlet_distribution", weight_concentration_prior=alpha,
        mean_precision_prior=kappa, mean_prior=m0, degrees_of_freedom_prior=nu, covariance_prior=prior,
    )  # fmt: skip
    peer._initialize_parameters = lambda *args, **options: peer._initialize(x, r)
    peer.fit(x)
    hyper = {"alpha_0": alpha, "kappa_0": kappa, "nu_0": nu, "m_0": m0, "W_0": np.linalg.inv(inverse)}
    module = run(derive(normal_wishart_mixture(), [("mu", "Lambda")]).numpy())
    found = module.fit({"x": x}, hyper, init={"z": {"probs": r}}, max_iter=1000, tol=0)
    q = found.params
    np.testing.assert_allclose(q["pi"]["concentration"], peer.weight_concentration_, rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["mean"], peer.means_, rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["precision"], peer.mean_precision_, rtol=RTOL)
    np.testing.assert_allclose(q["Lambda"]["dof"], peer.degrees_of_freedom_, rtol=RTOL)
    precision = q["Lambda"]["dof"][:, None, None] * q["Lambda"]["scale"]
    np.testing.assert_allclose(precision, np.reshape(peer.precisions_, precision.shape), rtol=RTOL, atol=1e-10)
    missing = gammaln(k * alpha) - k * gammaln(alpha) + k * wishart_normaliser(nu, hyper["W_0"])
    missing += 0.5 * k * width * np.log(kappa) - 0.5 * n * width * np.log(2 * np.pi)
    assert found.elbo == pytest.approx(peer.lower_bound_ + missing, rel=RTOL)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_maximum_likelihood_mixture(kind: str) -> None:
    x, r = data(2)
    peer = mixture.GaussianMixture(n_components=3, covariance_type=kind, reg_covar=0, tol=0, max_iter=2000)
    peer._initialize_parameters = lambda *args, **options: peer._initialize(x, r)
    peer.fit(x)
    module = run(derive(maximum_likelihood_mixture(kind)).numpy())
    found = module.fit({"x": x}, {}, init={"z": {"probs": r}}, max_iter=2000, tol=-1)
    np.testing.assert_allclose(found.params["pi"]["value"], peer.weights_, rtol=RTOL)
    np.testing.assert_allclose(found.params["mu"]["value"], peer.means_, rtol=RTOL)
    np.testing.assert_allclose(found.params["Lambda"]["value"], peer.precisions_, rtol=RTOL, atol=1e-10)
    assert found.elbo == pytest.approx(peer.score(x) * len(x), rel=RTOL)
