"""Factor models with relevance against BayesPy, whose bound has every constant."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, derive, dot

nodes = pytest.importorskip("bayespy.nodes", reason="BayesPy is not installed", exc_type=ImportError)
inference = pytest.importorskip("bayespy.inference", reason="BayesPy is not installed", exc_type=ImportError)
pytestmark = pytest.mark.peers
RTOL = 1e-8
HYPER = {"a_alpha": 1.3, "b_alpha": 0.8, "a_tau": 1.1, "b_tau": 0.6}


def bound(peer, *order, sweeps: int) -> float:
    """The peer's bound after so many sweeps in this order."""
    peer.update(*order, repeat=sweeps, tol=-1, verbose=False)
    return float(peer.L[peer.iter - 1])


def factors(separate: bool) -> Model:
    """Loadings with a precision for every column; noise of its own for every variable, or one for all."""
    m = Model("factors")
    n, d, q = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    a_alpha, b_alpha, a_tau, b_tau = m.hyper("a_alpha b_alpha a_tau b_tau")
    alpha = m.latent("alpha", Gamma(a_alpha, b_alpha), q)
    w = m.latent("W", Normal(0, alpha[q]), d, q)
    tau = m.latent("tau", Gamma(a_tau, b_tau), *((d,) if separate else ()))
    z = m.latent("z", MultivariateNormal(0, 1, over=q), n)
    m.observed("x", Normal(dot(w[d], z[n]), tau[d] if separate else tau), n, d)
    return m


@pytest.mark.parametrize("separate", [False, True])
def test_factors(separate: bool) -> None:
    """The same number of sweeps from the same start: relevance converges slowly."""
    rng = np.random.default_rng(31)
    x = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 5)) + 0.4 * rng.normal(size=(60, 5))
    begin = rng.normal(size=(5, 3))
    alpha = nodes.Gamma(1.3, 0.8, plates=(3,))
    w = nodes.GaussianARD(0, alpha, shape=(3,), plates=(5, 1))
    z = nodes.GaussianARD(0, 1, shape=(3,), plates=(1, 60))
    tau = nodes.Gamma(1.1, 0.6, plates=(5, 1) if separate else ())
    y = nodes.GaussianARD(nodes.SumMultiply("i,i", w, z), tau)
    y.observe(x.T)
    w.initialize_from_value(begin[:, None, :])
    alpha.initialize_from_parameters(1.0, np.ones(3))
    tau.initialize_from_parameters(2.0, np.full((5, 1), 2.0) if separate else 2.0)
    peer = inference.VB(y, w, z, tau, alpha)
    order = ("z", "W", "alpha", "tau")
    node = {"z": z, "W": w, "alpha": alpha, "tau": tau}
    value = bound(peer, *(node[name] for name in order), sweeps=40)
    module = run(derive(factors(separate), [("W",)]).numpy())
    state = module.State(*module.prepare({"x": x}, HYPER, {"Q": 3}))
    shape = {"shape": np.full(5, 2.0) if separate else 2.0, "rate": np.full(5, 2.0) if separate else 2.0}
    init = {
        "W": {"mean": begin, "precision": np.tile(1e300 * np.eye(3), (5, 1, 1))},
        "alpha": {"shape": np.ones(3), "rate": np.ones(3)}, "tau": shape,
    }  # fmt: skip
    module.initialise(state, init, np.random.default_rng(0))
    for _ in range(40):
        for name in order:
            module.UPDATES[name](state)
    q = state.params
    np.testing.assert_allclose(q["W"]["mean"], w.get_moments()[0][:, 0], rtol=RTOL, atol=1e-10)
    np.testing.assert_allclose(q["z"]["mean"], z.get_moments()[0][0], rtol=RTOL, atol=1e-10)
    np.testing.assert_allclose(q["alpha"]["shape"] / q["alpha"]["rate"], alpha.get_moments()[0], rtol=RTOL)
    np.testing.assert_allclose(q["tau"]["shape"] / q["tau"]["rate"], np.squeeze(tau.get_moments()[0]), rtol=RTOL)
    assert module.elbo(state) == pytest.approx(value, rel=RTOL)
