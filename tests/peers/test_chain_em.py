"""Hidden Markov chains by EM against hmmlearn: every parameter a point, the chain exact, the bound log p(x)."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Categorical, Model, MultivariateNormal, Normal, derive

hmm = pytest.importorskip("hmmlearn.hmm", reason="hmmlearn is not installed")
pytestmark = pytest.mark.peers
RTOL = 1e-8
LENGTHS = [40, 25, 35]
START = np.isin(np.arange(100), np.cumsum([0, *LENGTHS[:-1]])).astype(float)
FIRST, MOVES = np.array([0.6, 0.4]), np.array([[0.8, 0.2], [0.3, 0.7]])
SWEEPS = 200


def chain(kind: str) -> Model:
    """Baum and Welch; Bishop (2006), section 13.2.1."""
    m = Model(f"em_{kind}")
    t, j, k = m.index("t", "T"), m.index("j", "K"), m.index("k", "K")
    start = m.covariate("start", t)
    pi, a = m.point("pi", over=j), m.point("A", j, over=k)
    z = m.latent("z", lambda z: Categorical(a[z[t - 1]], over=j), t, initial=Categorical(pi), starts=start)
    if kind == "categorical":
        c = m.point("C", j, over=m.index("v", "V"))
        m.observed("x", Categorical(c[z[t]]), t)
        return m
    d, e = m.index("d", "D"), m.index("e", "D")
    mu = m.point("mu", j, d)
    if kind == "full":
        lam = m.point("Lambda", j, d, e, support="positive_definite")
        m.observed("x", MultivariateNormal(mu[z[t]], lam[z[t]], over=d), t)
    else:
        tau = m.point("tau", j, d, support="positive")
        m.observed("x", Normal(mu[z[t], d], tau[z[t], d]), t, d)
    return m


def start(peer) -> None:
    """The first and moving probabilities that both begin with."""
    peer.startprob_, peer.transmat_ = FIRST.copy(), MOVES.copy()


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_gaussian_chain(kind: str) -> None:
    rng = np.random.default_rng(21)
    x = rng.normal(size=(100, 2)) * [0.8, 1.3] + 2.2 * ((np.arange(100) // 8) % 2)[:, None]
    means = np.array([[0.0, 0.0], [2.2, 2.2]])
    peer = hmm.GaussianHMM(2, kind, covars_prior=0, covars_weight=0, init_params="", tol=-1, n_iter=SWEEPS)
    start(peer)
    peer.means_ = means.copy()
    peer.covars_ = np.tile(np.eye(2), (2, 1, 1)) if kind == "full" else np.ones((2, 2))
    peer.fit(x, LENGTHS)
    scale = {"Lambda": np.tile(np.eye(2), (2, 1, 1))} if kind == "full" else {"tau": np.ones((2, 2))}
    init = {name: {"value": v} for name, v in {"pi": FIRST, "A": MOVES, "mu": means, **scale}.items()}
    module = run(derive(chain(kind)).numpy())
    found = module.fit({"x": x, "start": START}, {}, init=init, tol=-1, max_iter=SWEEPS)
    q = found.params
    np.testing.assert_allclose(q["pi"]["value"], peer.startprob_, rtol=RTOL, atol=1e-12)
    np.testing.assert_allclose(q["A"]["value"], peer.transmat_, rtol=RTOL)
    np.testing.assert_allclose(q["mu"]["value"], peer.means_, rtol=RTOL)
    if kind == "full":
        np.testing.assert_allclose(np.linalg.inv(q["Lambda"]["value"]), peer.covars_, rtol=RTOL)
    else:
        np.testing.assert_allclose(1 / q["tau"]["value"], np.einsum("kdd->kd", peer.covars_), rtol=RTOL)
    assert found.elbo == pytest.approx(peer.score(x, LENGTHS), rel=RTOL)


def test_categorical_chain() -> None:
    rng = np.random.default_rng(21)
    state = ((np.arange(100) + 5) // 10) % 2
    x = np.where(rng.random(100) < 0.7, 2 * state, rng.integers(0, 3, 100))
    c = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    peer = hmm.CategoricalHMM(2, n_features=3, init_params="", tol=-1, n_iter=SWEEPS)
    start(peer)
    peer.emissionprob_ = c.copy()
    peer.fit(x[:, None], LENGTHS)
    init = {name: {"value": v} for name, v in {"pi": FIRST, "A": MOVES, "C": c}.items()}
    module = run(derive(chain("categorical")).numpy())
    found = module.fit({"x": x, "start": START}, {}, init=init, tol=-1, max_iter=SWEEPS)
    q = found.params
    np.testing.assert_allclose(q["pi"]["value"], peer.startprob_, rtol=RTOL)
    np.testing.assert_allclose(q["A"]["value"], peer.transmat_, rtol=RTOL)
    np.testing.assert_allclose(q["C"]["value"], peer.emissionprob_, rtol=RTOL)
    assert found.elbo == pytest.approx(peer.score(x[:, None], LENGTHS), rel=RTOL)
