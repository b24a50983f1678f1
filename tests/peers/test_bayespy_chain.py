"""A linear state-space model against BayesPy: the same start, the same number of sweeps in the same order."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, derive, diag, dot

nodes = pytest.importorskip("bayespy.nodes", reason="BayesPy is not installed", exc_type=ImportError)
inference = pytest.importorskip("bayespy.inference", reason="BayesPy is not installed", exc_type=ImportError)
pytestmark = pytest.mark.peers
RTOL = 1e-8
K, D, T, SWEEPS = 2, 4, 50, 30
SCALES: dict[str, tuple[int, ...]] = {"alpha": (K,), "gamma": (K,), "tau": ()}


def state_space() -> Model:
    """Beal (2003), chapter 5, with noise of one precision and loadings independent of it."""
    m = Model("state_space")
    t, d, i, j = m.index("t", "T"), m.index("d", "D"), m.index("i", "K"), m.index("j", "K")
    a, b, p0 = m.hyper("a_0 b_0 P_0")
    alpha, gamma = m.latent("alpha", Gamma(a, b), j), m.latent("gamma", Gamma(a, b), j)
    tau = m.latent("tau", Gamma(a, b))
    dynamics = m.latent("A", MultivariateNormal(0, diag(alpha), over=j), i)
    loadings = m.latent("C", MultivariateNormal(0, diag(gamma), over=j), d)
    x = m.latent(
        "x",
        lambda x: MultivariateNormal(dynamics @ x[t - 1], 1, over=i),
        t,
        initial=MultivariateNormal(0, p0, over=i),
    )
    m.observed("y", Normal(dot(loadings[d], x[t]), tau), t, d)
    return m


def test_state_space() -> None:
    rng = np.random.default_rng(41)
    y = np.cumsum(rng.normal(size=(T, K)), axis=0) @ rng.normal(size=(K, D)) * 0.5 + 0.5 * rng.normal(size=(T, D))
    begin, moves = rng.normal(size=(D, K)), 0.8 * np.eye(K)
    alpha, gamma = nodes.Gamma(1.2, 0.7, plates=(K,)), nodes.Gamma(1.2, 0.7, plates=(K,))
    tau = nodes.Gamma(1.2, 0.7)
    a = nodes.GaussianARD(0, alpha, shape=(K,), plates=(K,))
    c = nodes.GaussianARD(0, gamma, shape=(K,), plates=(D, 1))
    x = nodes.GaussianMarkovChain(np.zeros(K), 0.5 * np.eye(K), a, np.ones(K), n=T)
    node = nodes.GaussianARD(nodes.SumMultiply("i,i", c, x), tau)
    node.observe(y.T)
    a.initialize_from_value(moves)
    c.initialize_from_value(begin[:, None, :])
    for name, scale in {"alpha": alpha, "gamma": gamma, "tau": tau}.items():
        scale.initialize_from_parameters(np.full(SCALES[name], 2.0), np.full(SCALES[name], 2.0))
    peer = inference.VB(node, x, a, c, alpha, gamma, tau)
    peer.update(x, a, c, alpha, gamma, tau, repeat=SWEEPS, tol=-1, verbose=False)

    module = run(derive(state_space(), [("A",), ("C",)]).numpy())
    state = module.State(*module.prepare({"y": y}, {"a_0": 1.2, "b_0": 0.7, "P_0": 0.5}, {"K": K}))
    known = 1e300 * np.eye(K)
    init = {name: {"shape": np.full(size, 2.0), "rate": np.full(size, 2.0)} for name, size in SCALES.items()}
    init["A"] = {"mean": moves, "precision": np.tile(known, (K, 1, 1))}
    init["C"] = {"mean": begin, "precision": np.tile(known, (D, 1, 1))}
    module.initialise(state, init, np.random.default_rng(0))
    for _ in range(SWEEPS):
        for name in ("x", "A", "C", "alpha", "gamma", "tau"):
            module.UPDATES[name](state)
    q = state.params
    first, second = x.get_moments()[:2]
    np.testing.assert_allclose(q["x"]["mean"], first, rtol=RTOL, atol=1e-10)
    covariance = second - first[:, :, None] * first[:, None, :]
    np.testing.assert_allclose(q["x"]["covariance"], covariance, rtol=RTOL, atol=1e-10)
    np.testing.assert_allclose(q["A"]["mean"], a.get_moments()[0], rtol=RTOL, atol=1e-10)
    np.testing.assert_allclose(q["C"]["mean"], c.get_moments()[0][:, 0], rtol=RTOL, atol=1e-10)
    for name, scale in {"alpha": alpha, "gamma": gamma, "tau": tau}.items():
        np.testing.assert_allclose(q[name]["shape"] / q[name]["rate"], scale.get_moments()[0], rtol=RTOL)
    assert module.elbo(state) == pytest.approx(float(peer.L[peer.iter - 1]), rel=RTOL)
