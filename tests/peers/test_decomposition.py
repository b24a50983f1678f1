"""Factor analysis by maximum likelihood and topics against scikit-learn."""

import numpy as np
import pytest
from generated import run
from scipy.special import digamma
from scipy.stats import multivariate_normal

from cavi import models
from cavi.derive import Model, MultivariateNormal, Normal, derive, dot

config_context = pytest.importorskip("sklearn", reason="scikit-learn is not installed").config_context
decomposition = pytest.importorskip("sklearn.decomposition", reason="scikit-learn is not installed")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]
RTOL = 1e-8


def maximum_likelihood_factors() -> Model:
    """Bishop (2006), section 12.2.4; Rubin and Thayer (1982)."""
    m = Model("maximum_likelihood_factors")
    n, d, q = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    w, mu, psi = m.point("W", d, q), m.point("mu", d), m.point("psi", d, support="positive")
    z = m.latent("z", MultivariateNormal(0, 1, over=q), n)
    m.observed("x", Normal(dot(w[d], z[n]) + mu[d], psi[d]), n, d)
    return m


def test_factor_analysis() -> None:
    """The loadings are found up to a rotation, so W Wᵀ is compared; at the maximum the bound is log p(x)."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(150, 2)) @ rng.normal(size=(2, 6)) * 1.5 + rng.normal(size=(150, 6)) * np.linspace(0.5, 1, 6)
    x += np.arange(6)
    with config_context(skip_parameter_validation=True):  # for a tolerance that never stops
        peer = decomposition.FactorAnalysis(2, tol=-1, max_iter=3000).fit(x)
    init = {"W": {"value": rng.normal(size=(6, 2))}, "mu": {"value": x.mean(axis=0)}, "psi": {"value": np.ones(6)}}
    module = run(derive(maximum_likelihood_factors(), [("W",)]).numpy())
    found = module.fit({"x": x}, {}, {"Q": 2}, init=init, tol=-1, max_iter=3000)
    w, psi = found.params["W"]["value"], found.params["psi"]["value"]
    np.testing.assert_allclose(found.params["mu"]["value"], peer.mean_, rtol=RTOL)
    np.testing.assert_allclose(1 / psi, peer.noise_variance_, rtol=RTOL)
    np.testing.assert_allclose(w @ w.T, peer.components_.T @ peer.components_, rtol=RTOL)
    assert found.elbo == pytest.approx(peer.loglike_[-1], rel=RTOL)
    exact = multivariate_normal.logpdf(x, found.params["mu"]["value"], w @ w.T + np.diag(1 / psi)).sum()
    assert found.elbo == pytest.approx(exact, rel=RTOL)


@pytest.mark.parametrize("precise", [True, False])
def test_topics(precise: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer's digamma has an error of up to 2.5e-9; with SciPy's in its place (precise) only rounding is left."""
    if precise:
        replace_digamma(monkeypatch)
    rng = np.random.default_rng(9)
    first, second = np.array([6, 5, 4, 3, 1, 1]) / 20, np.array([1, 1, 3, 4, 5, 6]) / 20
    share = np.linspace(0, 1, 10)[:, None]
    counts = rng.multinomial(40, share * first + (1 - share) * second)
    peer = decomposition.LatentDirichletAllocation(
        2, doc_topic_prior=0.6, topic_word_prior=0.4, learning_method="batch", max_iter=400, evaluate_every=-1,
        max_doc_update_iter=1000, mean_change_tol=1e-13, random_state=1,
    )  # fmt: skip
    peer.fit(counts)
    documents, _ = peer._e_step(counts.astype(float), cal_sstats=False, random_init=False)
    bound = peer._approx_bound(counts.astype(float), documents, sub_sampling=False)
    doc, word = np.nonzero(counts)
    start = np.random.RandomState(1).gamma(100.0, 0.01, (2, 6))  # where the peer starts, by the same generator
    init = {"beta": {"concentration": start}, "theta": {"concentration": np.ones((10, 2))}}
    module = run(derive(models.load("lda")).numpy())
    data = {"w": word, "doc": doc, "count": counts[doc, word]}
    found = module.fit(data, {"alpha": 0.6, "eta": 0.4}, {"K": 2, "V": 6}, init=init, tol=-1, max_iter=2000)
    np.testing.assert_allclose(found.params["beta"]["concentration"], peer.components_, rtol=RTOL)
    np.testing.assert_allclose(found.params["theta"]["concentration"], documents, rtol=RTOL)
    assert found.elbo == pytest.approx(bound, rel=RTOL)


def replace_digamma(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's digamma in the two functions of the peer that take expectations of log probabilities."""
    from sklearn.decomposition import _lda

    def rows(array):
        return digamma(array) - digamma(array.sum(axis=1, keepdims=True))

    def row(array, prior, out):
        array += prior
        out[:] = np.exp(digamma(array) - digamma(array.sum()))

    monkeypatch.setattr(_lda, "_dirichlet_expectation_2d", rows)
    monkeypatch.setattr(_lda, "cy_dirichlet_expectation_1d", {"float": row, "double": row})
