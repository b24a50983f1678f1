"""A mixture of categories and topics against BayesPy, whose bound has every constant."""

import numpy as np
import pytest
from generated import run

from cavi import models
from cavi.derive import Categorical, Dirichlet, Model, derive

nodes = pytest.importorskip("bayespy.nodes", reason="BayesPy is not installed", exc_type=ImportError)
inference = pytest.importorskip("bayespy.inference", reason="BayesPy is not installed", exc_type=ImportError)
pytestmark = pytest.mark.peers
RTOL = 1e-8


def test_mixture_of_categories() -> None:
    rng = np.random.default_rng(51)
    group = np.repeat(np.arange(2), 40)
    answers = np.where(rng.random((80, 4)) < 0.7, 2 * group[:, None], rng.integers(0, 3, (80, 4)))
    r = 0.1 + 0.8 * np.eye(2)[group]
    pi = nodes.Dirichlet(np.full(2, 1.5))
    z = nodes.Categorical(pi, plates=(80, 1))
    theta = nodes.Dirichlet(np.full(3, 0.7), plates=(4, 2))
    y = nodes.Mixture(z, nodes.Categorical, theta)
    z.initialize_from_parameters(r[:, None, :])
    y.observe(answers)
    peer = inference.VB(y, z, theta, pi)
    peer.update(theta, pi, z, repeat=300, tol=-1, verbose=False)
    module = run(derive(models.load("latent_class")).numpy())
    hyper = {"alpha_0": 1.5, "beta_0": 0.7}
    found = module.fit({"y": answers}, hyper, {"V": 3}, init={"z": {"probs": r}}, tol=-1, max_iter=300)
    q = found.params
    np.testing.assert_allclose(q["z"]["probs"], z.get_moments()[0][:, 0], rtol=RTOL)
    np.testing.assert_allclose(q["pi"]["concentration"], concentration(pi), rtol=RTOL)
    np.testing.assert_allclose(q["theta"]["concentration"], np.swapaxes(concentration(theta), 0, 1), rtol=RTOL)
    assert found.elbo == pytest.approx(float(peer.L[peer.iter - 1]), rel=RTOL)


def concentration(node) -> np.ndarray:
    """The parameters of a Dirichlet node: what multiplies the logarithms of its elements."""
    return np.asarray(node.phi[0])


def topics() -> Model:
    """Blei, Ng and Jordan (2003), section 5.4, an element for each word that is read."""
    m = Model("topics")
    n, d, k, v = m.index("n", "N"), m.index("d", "D"), m.index("k", "K"), m.index("v", "V")
    alpha, eta = m.hyper("alpha eta")
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(alpha, over=k), d)
    beta = m.latent("beta", Dirichlet(eta, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    return m


def test_topics() -> None:
    rng = np.random.default_rng(52)
    first, second = np.array([6, 5, 4, 3, 1, 1]) / 20, np.array([1, 1, 3, 4, 5, 6]) / 20
    doc = np.repeat(np.arange(8), 25)
    of_first = rng.random(200) < doc / 7
    word = np.where(of_first, rng.choice(6, 200, p=first), rng.choice(6, 200, p=second))
    r = np.where(of_first[:, None], [0.7, 0.3], [0.3, 0.7])
    theta = nodes.Dirichlet(np.full(2, 0.6), plates=(8,))
    beta = nodes.Dirichlet(np.full(6, 0.4), plates=(2,))
    z = nodes.Categorical(nodes.Gate(doc, theta), plates=(200,))
    w = nodes.Categorical(nodes.Gate(z, beta))
    z.initialize_from_parameters(r)
    w.observe(word)
    peer = inference.VB(w, z, theta, beta)
    peer.update(theta, beta, z, repeat=1500, tol=-1, verbose=False)
    module = run(derive(topics()).numpy())
    found = module.fit(
        {"w": word, "doc": doc}, {"alpha": 0.6, "eta": 0.4}, {"K": 2, "V": 6}, init={"z": {"probs": r}}, tol=-1,
        max_iter=1500,
    )  # fmt: skip
    q = found.params
    np.testing.assert_allclose(q["z"]["probs"], z.get_moments()[0], rtol=RTOL)
    np.testing.assert_allclose(q["theta"]["concentration"], concentration(theta), rtol=RTOL)
    np.testing.assert_allclose(q["beta"]["concentration"], concentration(beta), rtol=RTOL)
    assert found.elbo == pytest.approx(float(peer.L[peer.iter - 1]), rel=RTOL)
