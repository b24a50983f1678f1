"""Hidden Markov chains against hmmlearn: diagonal, spherical and shared precisions, and one state.

For diagonal and spherical precisions hmmlearn takes expectation and divergence of a D-dimensional Wishart matrix, as
scikit-learn does; `Separate` adds the slope of g (docs/peers.md), and then everything agrees.
"""

import numpy as np
import pytest
from generated import run
from peers.exact import gamma_evidence, slope, surplus, wishart_evidence

from cavi.derive import Categorical, Dirichlet, Gamma, Model, MultivariateNormal, Normal, Wishart, derive

vhmm = pytest.importorskip("hmmlearn.vhmm", reason="hmmlearn is not installed")
pytestmark = pytest.mark.peers
RTOL = 1e-8
LENGTHS = [40, 25, 35]
START = np.isin(np.arange(100), np.cumsum([0, *LENGTHS[:-1]])).astype(float)
BETA, NU = 0.4, 3.5
SHARED = np.array([[0.9, 0.2], [0.2, 0.7]])
PRIOR = {"diag": np.array([0.9, 0.6]), "spherical": 0.9, "tied": SHARED, "full": SHARED}


class Separate(vhmm.VariationalGaussianHMM):
    """The peer with the expected log precision of independent Gamma variables."""

    def _compute_subnorm_log_likelihood(self, X):
        usual = super()._compute_subnorm_log_likelihood(X)
        return usual - slope(self.dof_posterior_, X.shape[1], self.covariance_type)


def chain(kind: str) -> Model:
    """Normal emissions: a precision matrix (full), one for all states (tied), or independent precisions."""
    m = Model(f"{kind}_chain")
    t, j, k = m.index("t", "T"), m.index("j", "K"), m.index("k", "K")
    d, e = m.index("d", "D"), m.index("e", "D")
    start = m.covariate("start", t)
    u_pi, u_a, beta, m0 = m.hyper("u_pi"), m.hyper("u_A"), m.hyper("beta_0"), m.hyper("m_0", d)
    pi = m.latent("pi", Dirichlet(u_pi, over=j))
    a = m.latent("A", Dirichlet(u_a, over=k), j)
    z = m.latent("z", lambda z: Categorical(a[z[t - 1]], over=j), t, initial=Categorical(pi), starts=start)
    match kind:
        case "tied" | "full":
            plate = () if kind == "tied" else (j,)
            lam = m.latent("Lambda", Wishart(m.hyper("nu_0"), m.hyper("W_0", d, e), over=d), *plate)
            own = lam if kind == "tied" else lam[j]
            mu = m.latent("mu", MultivariateNormal(m0, beta * own, over=d), j)
            m.observed("x", MultivariateNormal(mu[z[t]], lam if kind == "tied" else lam[z[t]]), t)
        case "diag":
            tau = m.latent("Lambda", Gamma(m.hyper("a_0"), m.hyper("b_0", d)[d]), j, d)
            mu = m.latent("mu", Normal(m0[d], beta * tau[j, d]), j, d)
            m.observed("x", Normal(mu[z[t], d], tau[z[t], d]), t, d)
        case "spherical":
            tau = m.latent("Lambda", Gamma(m.hyper("a_0"), m.hyper("b_0")), j)
            mu = m.latent("mu", MultivariateNormal(m0, beta * tau[j], over=d), j)
            m.observed("x", MultivariateNormal(mu[z[t]], tau[z[t]], over=d), t)
    return m


def data() -> np.ndarray:
    """Two states that persist."""
    rng = np.random.default_rng(12)
    return rng.normal(size=(100, 2)) * [0.8, 1.3] + 2.2 * ((np.arange(100) // 8) % 2)[:, None]


def given(kind: str, m0: np.ndarray) -> dict:
    """Our hyperparameters."""
    hyper = {"u_pi": 0.8, "u_A": 0.9, "beta_0": BETA, "m_0": m0}
    if kind in ("tied", "full"):
        return hyper | {"nu_0": NU, "W_0": np.linalg.inv(SHARED)}
    factor = 1 if kind == "diag" else len(m0)
    return hyper | {"a_0": factor * NU / 2, "b_0": factor * PRIOR[kind] / 2}


def fitted(peer, kind: str, x: np.ndarray, posterior: dict):
    """The peer with these priors, fitted from this posterior of π, A, means and precisions."""
    k, m0 = peer.n_components, x.mean(axis=0)
    peer.startprob_prior_, peer.transmat_prior_ = np.full(k, 0.8), np.full((k, k), 0.9)
    peer.means_prior_, peer.beta_prior_ = np.tile(m0, (k, 1)), np.full(k, BETA)
    peer.dof_prior_ = NU if kind == "tied" else np.full(k, NU)
    shape = () if kind == "tied" else (k,)
    peer.scale_prior_ = np.broadcast_to(PRIOR[kind], shape + np.shape(PRIOR[kind])).copy()
    for name, value in posterior.items():
        setattr(peer, name, value)
    return peer.fit(x, LENGTHS)


def beginning(kind: str, k: int) -> tuple[dict, dict]:
    """The same start for the peer and for us: means on a line, 50 pseudo-observations of unit variance."""
    a, means = 2.0 + 6.0 * np.eye(k), np.tile(2.2 * np.arange(k)[:, None], (1, 2))
    one = {"full": np.eye(2), "tied": np.eye(2), "diag": np.ones(2), "spherical": np.array(1.0)}[kind]
    whole = one if kind == "tied" else np.broadcast_to(one, (k, *one.shape))
    peer = {
        "startprob_posterior_": np.full(k, 2.0), "transmat_posterior_": a.copy(), "means_posterior_": means.copy(),
        "beta_posterior_": np.full(k, 50.0), "dof_posterior_": 50.0 if kind == "tied" else np.full(k, 50.0),
        "scale_posterior_": 50.0 * whole,
    }  # fmt: skip
    dof = 50.0 if kind == "tied" else np.full(k, 50.0)
    if kind in ("tied", "full"):
        lam = {"dof": dof, "scale": whole / 50.0}
        precision = np.full(k, 50.0)
    else:
        shape = 25.0 * whole * (1 if kind == "diag" else 2)
        lam = {"shape": shape, "rate": shape.copy()}
        precision = np.full((k, 2), 50.0) if kind == "diag" else np.tile(50.0 * np.eye(2), (k, 1, 1))
    ours = {
        "pi": {"concentration": np.full(k, 2.0)}, "A": {"concentration": a},
        "mu": {"mean": means, "precision": precision}, "Lambda": lam,
    }  # fmt: skip
    return peer, ours


@pytest.mark.parametrize("kind", ["tied", "diag", "spherical"])
def test_shapes_of_precisions(kind: str) -> None:
    x, m0 = data(), data().mean(axis=0)
    theirs, ours = beginning(kind, 2)
    form = vhmm.VariationalGaussianHMM if kind == "tied" else Separate
    peer = fitted(form(2, kind, init_params="", tol=-1, n_iter=400), kind, x, theirs)
    module = run(derive(chain(kind), [("mu", "Lambda")]).numpy())
    found = module.fit({"x": x, "start": START}, given(kind, m0), init=ours, tol=-1, max_iter=400)
    q = found.params
    np.testing.assert_allclose(q["pi"]["concentration"], peer.startprob_posterior_, rtol=RTOL)
    np.testing.assert_allclose(q["A"]["concentration"], peer.transmat_posterior_, rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["mean"], peer.means_posterior_, rtol=RTOL)
    bound = peer.monitor_.history[-1] - 0.5 * x.size * np.log(2 * np.pi)
    nu = peer.dof_posterior_
    if kind == "tied":
        np.testing.assert_allclose(q["Lambda"]["dof"], nu, rtol=RTOL)
        np.testing.assert_allclose(np.linalg.inv(q["Lambda"]["scale"]), peer.scale_posterior_, rtol=RTOL)
    else:
        factor = 1 if kind == "diag" else 2
        np.testing.assert_allclose(2 * q["Lambda"]["rate"] / factor, peer.scale_posterior_, rtol=RTOL)
        np.testing.assert_allclose(2 * q["Lambda"]["shape"].reshape(2, -1)[:, 0] / factor, nu, rtol=RTOL)
        bound += divergence_surplus(nu, kind).sum()
    assert found.elbo == pytest.approx(bound, rel=RTOL)


def divergence_surplus(nu: np.ndarray, kind: str) -> np.ndarray:
    """What the divergence of the Wishart matrices exceeds that of the Gamma variables by."""
    return surplus(np.array(NU), 2, kind) - surplus(nu, 2, kind) + (nu - NU) * slope(nu, 2, kind)


@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
def test_one_state_has_the_exact_evidence(kind: str) -> None:
    """One state: log p(x) is known, so are the constant that hmmlearn leaves out, and g(ν)."""
    x, m0 = data(), data().mean(axis=0)
    theirs, ours = beginning(kind, 1)
    peer = fitted(vhmm.VariationalGaussianHMM(1, kind, init_params="", tol=-1, n_iter=5), kind, x, theirs)
    hyper = given(kind, m0)
    module = run(derive(chain(kind), [("mu", "Lambda")]).numpy())
    found = module.fit({"x": x, "start": START}, hyper, init=ours, tol=-1, max_iter=5)
    if kind == "full":
        exact = wishart_evidence(x, [0] * 100, m0, BETA, NU, SHARED)
    else:
        exact = gamma_evidence(x, kind, m0, BETA, hyper["a_0"], hyper["b_0"])
    assert found.elbo == pytest.approx(exact, rel=1e-12)
    missed = peer.monitor_.history[-1] - 0.5 * x.size * np.log(2 * np.pi) - exact
    if kind == "full":
        assert missed == pytest.approx(0.0, abs=1e-9 * abs(exact))
    else:
        nu = peer.dof_posterior_[0]
        assert missed == pytest.approx(float(surplus(nu, 2, kind) - surplus(np.array(NU), 2, kind)), rel=RTOL)
        assert missed < -1.0
