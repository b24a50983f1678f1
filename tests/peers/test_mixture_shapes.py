"""Diagonal, spherical and shared precisions and sticks against scikit-learn; docs/peers.md has the formulas.

scikit-learn takes the expected log precision and the normaliser of a D-dimensional Wishart matrix for the diagonal and
spherical types too, where the precisions are independent Gamma variables. `Separate` adds what is missing, the
slope of one function; with it everything agrees, and exact evidences show which of the two is right.
"""

import numpy as np
import pytest
from generated import run
from peers.exact import gamma_evidence, slope, surplus, wishart_evidence
from scipy.special import gammaln

from cavi import models
from cavi.derive import (
    Beta,
    Categorical,
    Dirichlet,
    Gamma,
    Model,
    MultivariateNormal,
    Normal,
    Wishart,
    derive,
    stick_breaking,
)

mixture = pytest.importorskip("sklearn.mixture", reason="scikit-learn is not installed")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]
RTOL = 1e-8
ALPHA, KAPPA = 0.7, 0.3


class Separate(mixture.BayesianGaussianMixture):
    """The peer with the expected log precision of independent Gamma variables."""

    def _estimate_log_prob(self, X, xp=None):
        return super()._estimate_log_prob(X) - slope(self.degrees_of_freedom_, X.shape[1], self.covariance_type)


def separate_mixture(kind: str) -> Model:
    """A precision for each component, and for each coordinate if the kind is diagonal."""
    m = Model(f"{kind}_mixture")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    alpha, kappa, a = m.hyper("alpha_0 kappa_0 a_0")
    m0 = m.hyper("m_0", d)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    z = m.latent("z", Categorical(pi), n)
    if kind == "diag":
        tau = m.latent("tau", Gamma(a, m.hyper("b_0", d)[d]), k, d)
        mu = m.latent("mu", Normal(m0[d], kappa * tau[k, d]), k, d)
        m.observed("x", Normal(mu[z[n], d], tau[z[n], d]), n, d)
    else:
        tau = m.latent("tau", Gamma(a, m.hyper("b_0")), k)
        mu = m.latent("mu", MultivariateNormal(m0, kappa * tau[k], over=d), k)
        m.observed("x", MultivariateNormal(mu[z[n]], tau[z[n]], over=d), n)
    return m


def stick_mixture() -> Model:
    """A Dirichlet process mixture whose last component stands for all that q does not use.

    `far` is zero but for the last component, and `y` is zero: so no element of x can belong to it.
    """
    m = Model("stick_mixture")
    n, k, d, e = m.index("n", "N"), m.index("k", "K"), m.index("d", "D"), m.index("e", "D")
    gamma, kappa, nu = m.hyper("gamma kappa_0 nu_0")
    m0, w0, far = m.hyper("m_0", d), m.hyper("W_0", d, e), m.hyper("far", k)
    v = m.latent("v", Beta(1, gamma), k)
    lam = m.latent("Lambda", Wishart(nu, w0, over=d), k)
    mu = m.latent("mu", MultivariateNormal(m0, kappa * lam[k], over=d), k)
    z = m.latent("z", Categorical(stick_breaking(v)), n)
    m.observed("x", MultivariateNormal(mu[z[n]], lam[z[n]]), n)
    m.observed("y", Normal(far[z[n]], 1), n)
    return m


def data(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping groups, and responsibilities to start from."""
    rng = np.random.default_rng(14)
    group = np.repeat(np.arange(3), 40)
    x = rng.normal(size=(120, width)) + 2.5 * rng.normal(size=(3, width))[group] * np.linspace(0.5, 1.5, width)
    return x, 0.1 / 3 + 0.9 * np.eye(3)[group]


def start(peer, x: np.ndarray, r: np.ndarray):
    """The peer, fitted from these responsibilities."""
    peer._initialize_parameters = lambda *args, **options: peer._initialize(x, r)
    return peer.fit(x)


def options(kind: str, x: np.ndarray, prior: object, nu: float) -> dict:
    """What the peer is told in all of these comparisons."""
    return {
        "covariance_type": kind, "reg_covar": 0, "tol": 0, "max_iter": 1500, "weight_concentration_prior": ALPHA,
        "weight_concentration_prior_type": "dirichlet_distribution", "mean_precision_prior": KAPPA,
        "mean_prior": x.mean(axis=0), "degrees_of_freedom_prior": nu, "covariance_prior": prior,
    }  # fmt: skip


def gamma_prior(kind: str, width: int, nu: float, prior: object) -> tuple[float, np.ndarray, float]:
    """Shape, rate, and the log normalisers of a component's precisions."""
    a = nu / 2 if kind == "diag" else width * nu / 2
    b = np.asarray(prior) / 2 if kind == "diag" else np.asarray(width * prior / 2)
    return a, b, float((a * np.log(b) - gammaln(a)).sum())


PRIORS = {"diag": np.array([0.8, 0.5, 1.1]), "spherical": 0.8}


@pytest.mark.parametrize("kind", ["diag", "spherical"])
def test_separate_precisions(kind: str) -> None:
    x, r = data(3)
    (n, k), width, nu = r.shape, 3, 4.5
    peer = start(Separate(n_components=k, **options(kind, x, PRIORS[kind], nu)), x, r)
    a, b, normaliser = gamma_prior(kind, width, nu, PRIORS[kind])
    hyper = {"alpha_0": ALPHA, "kappa_0": KAPPA, "m_0": x.mean(axis=0), "a_0": a, "b_0": b}
    module = run(derive(separate_mixture(kind), [("mu", "tau")]).numpy())
    found = module.fit({"x": x}, hyper, init={"z": {"probs": r}}, max_iter=1500, tol=-1)
    q = found.params
    np.testing.assert_allclose(q["pi"]["concentration"], peer.weight_concentration_, rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["mean"], peer.means_, rtol=RTOL)
    np.testing.assert_allclose(q["tau"]["shape"] / q["tau"]["rate"], peer.precisions_, rtol=RTOL)
    shape = peer.degrees_of_freedom_ * a / nu
    np.testing.assert_allclose(q["tau"]["shape"].T, np.broadcast_to(shape, q["tau"]["shape"].T.shape), rtol=RTOL)
    missing = gammaln(k * ALPHA) - k * gammaln(ALPHA) + k * normaliser
    missing += 0.5 * k * width * np.log(KAPPA) - 0.5 * n * width * np.log(2 * np.pi)
    missing -= surplus(peer.degrees_of_freedom_, width, kind).sum()
    assert found.elbo == pytest.approx(peer.lower_bound_ + missing, rel=RTOL)


@pytest.mark.parametrize("kind", ["diag", "spherical"])
def test_one_component_has_the_exact_evidence(kind: str) -> None:
    """One component: the bound is log p(x). The peer's misses it by g(ν₀) - g(ν), with its own prior normaliser."""
    x, _ = data(3)
    width, nu, one = 3, 4.5, np.ones((len(x), 1))
    a, b, normaliser = gamma_prior(kind, width, nu, PRIORS[kind])
    hyper = {"alpha_0": ALPHA, "kappa_0": KAPPA, "m_0": x.mean(axis=0), "a_0": a, "b_0": b}
    found = run(derive(separate_mixture(kind), [("mu", "tau")]).numpy()).fit(
        {"x": x}, hyper, {"K": 1}, init={"z": {"probs": one}}
    )
    exact = gamma_evidence(x, kind, x.mean(axis=0), KAPPA, a, b)
    assert found.elbo == pytest.approx(exact, rel=1e-12)
    peer = start(mixture.BayesianGaussianMixture(n_components=1, **options(kind, x, PRIORS[kind], nu)), x, one)
    own = normaliser - surplus(np.array(nu), width, kind)
    constants = own + 0.5 * width * np.log(KAPPA) - 0.5 * x.size * np.log(2 * np.pi)
    # the Dirichlet posterior of one component has no normaliser, and neither has its prior
    missed = peer.lower_bound_ + constants - exact
    expected = surplus(peer.degrees_of_freedom_, width, kind)[0] - surplus(np.array(nu), width, kind)
    assert missed == pytest.approx(expected, rel=RTOL)
    assert missed < -1.0


def test_shared_precision() -> None:
    """The peer divides counts and scatter by K; with the prior divided by K too it finds the same means and weights."""
    x, r = data(2)
    (n, k), width, nu, inverse = r.shape, 2, 9.0, np.array([[0.8, 0.1], [0.1, 0.6]])
    peer = start(mixture.BayesianGaussianMixture(n_components=k, **options("tied", x, inverse / k, nu / k)), x, r)
    hyper = {"alpha_0": ALPHA, "beta_0": KAPPA, "nu_0": nu, "m_0": x.mean(axis=0), "W_0": np.linalg.inv(inverse)}
    module = run(derive(models.load("gaussian_mixture_shared"), [("mu", "Lambda")]).numpy())
    found = module.fit({"x": x}, hyper, init={"z": {"probs": r}}, max_iter=1500, tol=-1)
    q = found.params
    np.testing.assert_allclose(q["pi"]["concentration"], peer.weight_concentration_, rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["mean"], peer.means_, rtol=RTOL)
    np.testing.assert_allclose(q["Lambda"]["dof"], k * peer.degrees_of_freedom_, rtol=RTOL)
    np.testing.assert_allclose(q["Lambda"]["dof"] * q["Lambda"]["scale"], peer.precisions_, rtol=RTOL)
    missing = gammaln(k * ALPHA) - k * gammaln(ALPHA) + wishart_normaliser(nu, inverse)
    missing += 0.5 * k * width * np.log(KAPPA) - 0.5 * n * width * np.log(2 * np.pi)
    dof = peer.degrees_of_freedom_
    missing += k * wishart_normaliser(dof, dof * peer.covariances_)
    missing -= wishart_normaliser(k * dof, k * dof * peer.covariances_)
    assert found.elbo == pytest.approx(peer.lower_bound_.item() + missing, rel=RTOL)


def test_shared_precision_of_groups_far_apart() -> None:
    """Nothing to doubt about z: the bound is log p(x, z), computed here row by row. The peer's is another number."""
    rng = np.random.default_rng(15)
    group = np.arange(20) % 2
    x = rng.normal(size=(20, 2)) + 1e3 * group[:, None]
    r, m0, nu, inverse = np.eye(2)[group], x.mean(axis=0), 4.5, np.array([[0.8, 0.1], [0.1, 0.6]])
    hyper = {"alpha_0": ALPHA, "beta_0": 1e-6, "nu_0": nu, "m_0": m0, "W_0": np.linalg.inv(inverse)}
    module = run(derive(models.load("gaussian_mixture_shared"), [("mu", "Lambda")]).numpy())
    found = module.fit({"x": x}, hyper, init={"z": {"probs": r}})
    dirichlet = gammaln(2 * ALPHA) - 2 * gammaln(ALPHA) + 2 * gammaln(ALPHA + 10) - gammaln(2 * ALPHA + 20)
    exact = dirichlet + wishart_evidence(x, group, m0, 1e-6, nu, inverse)
    assert found.elbo == pytest.approx(exact, rel=1e-9)
    told = options("tied", x, inverse, nu) | {"mean_precision_prior": 1e-6}
    peer = start(mixture.BayesianGaussianMixture(n_components=2, **told), x, r)
    own = gammaln(2 * ALPHA) - 2 * gammaln(ALPHA) + 2 * np.log(1e-6) - 20 * np.log(2 * np.pi)
    for copies in (1, 2):  # the normaliser of the prior, counted once or as often as the peer counts the posterior's
        assert abs(peer.lower_bound_.item() + own + copies * wishart_normaliser(nu, inverse) - exact) > 0.1


def wishart_normaliser(nu: float, inverse: np.ndarray) -> float:
    """log B of Bishop (2006), B.79, from the inverse scale, without the powers of π, which cancel."""
    d = len(inverse)
    return 0.5 * nu * (np.linalg.slogdet(inverse)[1] - d * np.log(2)) - gammaln((nu - np.arange(d)) / 2).sum()


def test_sticks() -> None:
    x, r = data(2)
    (n, k), width, nu, inverse, gamma = r.shape, 2, 3.5, np.array([[0.8, 0.1], [0.1, 0.6]]), 1.4
    told = options("full", x, inverse, nu) | {
        "weight_concentration_prior": gamma, "weight_concentration_prior_type": "dirichlet_process",
    }  # fmt: skip
    peer = start(mixture.BayesianGaussianMixture(n_components=k, **told), x, r)
    hyper = {"gamma": gamma, "kappa_0": KAPPA, "nu_0": nu, "m_0": x.mean(axis=0), "W_0": np.linalg.inv(inverse)}
    hyper["far"] = np.array([0.0] * k + [40.0])
    module = run(derive(stick_mixture(), [("mu", "Lambda")]).numpy())
    unused = np.hstack([r, np.zeros((n, 1))])
    found = module.fit({"x": x, "y": np.zeros(n)}, hyper, init={"z": {"probs": unused}}, max_iter=1500, tol=-1)
    q = found.params
    np.testing.assert_allclose(q["v"]["a"][:k], peer.weight_concentration_[0], rtol=RTOL)
    np.testing.assert_allclose(q["v"]["b"][:k], peer.weight_concentration_[1], rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["mean"][:k], peer.means_, rtol=RTOL)
    np.testing.assert_allclose(q["Lambda"]["dof"][:k], peer.degrees_of_freedom_, rtol=RTOL)
    precision = (q["Lambda"]["dof"][:, None, None] * q["Lambda"]["scale"])[:k]
    np.testing.assert_allclose(precision, peer.precisions_, rtol=RTOL)
    missing = k * np.log(gamma) + k * wishart_normaliser(nu, inverse) + 0.5 * k * width * np.log(KAPPA)
    missing -= 0.5 * n * (width + 1) * np.log(2 * np.pi)  # one more for y
    assert found.elbo == pytest.approx(peer.lower_bound_ + missing, rel=RTOL)
