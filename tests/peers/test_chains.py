"""Hidden Markov models against hmmlearn: several sequences, started from the same posteriors."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Categorical, Dirichlet, Model, MultivariateNormal, NormalWishart, derive

peers = pytest.importorskip("hmmlearn.vhmm", reason="hmmlearn is not installed")
pytestmark = pytest.mark.peers
RTOL = 1e-8


def chain(kind: str) -> Model:
    """Beal (2003), chapter 3."""
    m = Model(f"chain_{kind}")
    t, j, k = m.index("t", "T"), m.index("j", "K"), m.index("k", "K")
    start = m.covariate("start", t)
    u_pi, u_a = m.hyper("u_pi u_A")
    pi = m.latent("pi", Dirichlet(u_pi, over=j))
    a = m.latent("A", Dirichlet(u_a, over=k), j)
    if kind == "gaussian":
        d, e = m.index("d", "D"), m.index("e", "D")
        beta, nu = m.hyper("beta_0 nu_0")
        m0, w0 = m.hyper("m_0", d), m.hyper("W_0", d, e)
        mu, lam = m.latent("mu Lambda", NormalWishart(m0, beta, nu, w0, over=d), j)
    else:
        v = m.index("v", "V")
        u_c = m.hyper("u_C")
        c = m.latent("C", Dirichlet(u_c, over=v), j)
    z = m.latent("z", lambda z: Categorical(a[z[t - 1]], over=j), t, initial=Categorical(pi), starts=start)
    emission = MultivariateNormal(mu[z[t]], lam[z[t]]) if kind == "gaussian" else Categorical(c[z[t]])
    m.observed("x", emission, t)
    return m


LENGTHS = [40, 25, 35]
START = np.isin(np.arange(100), np.cumsum([0, *LENGTHS[:-1]])).astype(float)


def test_gaussian_chain() -> None:
    rng = np.random.default_rng(2)
    state = (np.arange(100) // 8) % 2
    x = rng.normal(size=(100, 2)) + 2.5 * state[:, None]
    m0, inverse = x.mean(axis=0), 0.9 * np.eye(2)
    peer = peers.VariationalGaussianHMM(
        2, "full", startprob_prior=0.8, transmat_prior=0.9, means_prior=np.tile(m0, (2, 1)), beta_prior=np.full(2, 0.4),
        dof_prior=np.full(2, 3.5), scale_prior=np.tile(inverse, (2, 1, 1)), init_params="", tol=-1, n_iter=500,
    )  # fmt: skip
    a = np.array([[8.0, 2.0], [2.0, 8.0]])
    means = np.array([[0.0, 0.0], [2.5, 2.5]])
    peer.startprob_prior_, peer.transmat_prior_ = np.full(2, 0.8), np.full((2, 2), 0.9)
    peer.means_prior_, peer.beta_prior_ = np.tile(m0, (2, 1)), np.full(2, 0.4)
    peer.dof_prior_, peer.scale_prior_ = np.full(2, 3.5), np.tile(inverse, (2, 1, 1))
    peer.startprob_posterior_, peer.transmat_posterior_ = np.array([2.0, 2.0]), a.copy()
    peer.means_posterior_, peer.beta_posterior_ = means.copy(), np.full(2, 50.0)
    peer.dof_posterior_, peer.scale_posterior_ = np.full(2, 50.0), np.tile(50.0 * np.eye(2), (2, 1, 1))
    peer.fit(x, LENGTHS)
    init = {
        "pi": {"concentration": np.array([2.0, 2.0])},
        "A": {"concentration": a},
        "mu": {"mean": means, "precision": np.full(2, 50.0)},
        "Lambda": {"dof": np.full(2, 50.0), "scale": np.tile(np.eye(2) / 50, (2, 1, 1))},
    }
    hyper = {"u_pi": 0.8, "u_A": 0.9, "beta_0": 0.4, "nu_0": 3.5, "m_0": m0, "W_0": np.linalg.inv(inverse)}
    found = run(derive(chain("gaussian")).numpy()).fit({"x": x, "start": START}, hyper, init=init, tol=-1, max_iter=500)
    q = found.params
    np.testing.assert_allclose(q["pi"]["concentration"], peer.startprob_posterior_, rtol=RTOL)
    np.testing.assert_allclose(q["A"]["concentration"], peer.transmat_posterior_, rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["mean"], peer.means_posterior_, rtol=RTOL)
    np.testing.assert_allclose(q["Lambda"]["dof"], peer.dof_posterior_, rtol=RTOL)
    np.testing.assert_allclose(np.linalg.inv(q["Lambda"]["scale"]), peer.scale_posterior_, rtol=RTOL)
    missing = -0.5 * x.size * np.log(2 * np.pi)  # hmmlearn leaves this out of the density of x
    assert found.elbo == pytest.approx(peer.monitor_.history[-1] + missing, rel=RTOL)


def test_categorical_chain() -> None:
    rng = np.random.default_rng(3)
    state = (np.arange(100) // 10) % 2
    x = np.where(rng.random(100) < 0.8, 2 * state, rng.integers(0, 3, 100))
    peer = peers.VariationalCategoricalHMM(2, init_params="", tol=-1, n_iter=500, n_features=3)
    peer.startprob_prior_, peer.transmat_prior_ = np.full(2, 0.8), np.full((2, 2), 0.9)
    peer.emissionprob_prior_ = np.full((2, 3), 0.6)
    a, c = np.array([[8.0, 2.0], [2.0, 8.0]]), np.array([[8.0, 2.0, 1.0], [1.0, 2.0, 8.0]])
    peer.startprob_posterior_, peer.transmat_posterior_ = np.array([2.0, 2.0]), a.copy()
    peer.emissionprob_posterior_ = c.copy()
    peer.fit(x[:, None], LENGTHS)
    init = {n: {"concentration": v} for n, v in {"pi": np.array([2.0, 2.0]), "A": a, "C": c}.items()}
    hyper = {"u_pi": 0.8, "u_A": 0.9, "u_C": 0.6}
    found = run(derive(chain("categorical")).numpy()).fit(
        {"x": x, "start": START}, hyper, init=init, tol=-1, max_iter=500
    )
    q = found.params
    np.testing.assert_allclose(q["pi"]["concentration"], peer.startprob_posterior_, rtol=RTOL)
    np.testing.assert_allclose(q["A"]["concentration"], peer.transmat_posterior_, rtol=RTOL)
    np.testing.assert_allclose(q["C"]["concentration"], peer.emissionprob_posterior_, rtol=RTOL)
    assert found.elbo == pytest.approx(peer.monitor_.history[-1], rel=RTOL)
