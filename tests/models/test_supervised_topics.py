"""Supervised topics: its regression by hand, its limit without the response, and the magnitudes of masses."""

from pathlib import Path

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.special import gammaln

from cavi import models

VOCABULARY = (Path(models.__file__).parent / "data" / "masses_vocabulary.txt").read_text().split()


def fitted(hyper=None, **options):
    found = models.data("supervised_topics")
    return generated("supervised_topics").fit(found.data, {**found.hyper, **(hyper or {})}, found.sizes, **options)


def test_the_factors_have_the_families_of_the_textbook() -> None:
    derived = derived_model("supervised_topics")
    expected = {"theta": "Dirichlet", "beta": "Dirichlet", "z": "Categorical", "eta": "MultivariateNormal"}
    assert {n: derived.update(n).families[n] for n in expected} == expected


def test_the_weights_regress_the_response_on_the_shares() -> None:
    """Blei and McAuliffe (2007), section 2: E[Z'Z] has the variances of the shares on its diagonal."""
    found, data = fitted(seed=0, tol=1e-13, max_iter=5000), models.data("supervised_topics").data
    q, share, y = found.params["z"]["probs"], data["share"], data["y"]
    tau = found.params["tau"]["shape"] / found.params["tau"]["rate"]
    mean = share @ q
    spread = sum(s**2 * (np.diag(p) - np.outer(p, p)) for s, p in zip(share.max(axis=0), q, strict=True))
    second = mean.T @ mean + spread
    precision = 0.3 * np.eye(3) + tau * second
    eta = np.linalg.solve(precision, tau * mean.T @ y)
    np.testing.assert_allclose(found.params["eta"]["precision"], precision, rtol=1e-6)
    np.testing.assert_allclose(found.params["eta"]["mean"], eta, rtol=1e-5)
    squares = np.linalg.inv(precision) + np.outer(eta, eta)
    rate = 0.1 + 0.5 * (y @ y - 2 * y @ mean @ eta + np.trace(second @ squares))
    assert found.params["tau"]["rate"] == pytest.approx(rate, rel=1e-5)
    assert found.params["tau"]["shape"] == pytest.approx(1.0 + 29)


def test_without_weights_the_topics_are_those_of_lda() -> None:
    """Weights held at zero: the bound is that of lda plus the exact evidence of the response."""
    data = models.data("supervised_topics").data
    begin = np.random.default_rng(5).dirichlet(np.ones(3), size=len(data["w"]))
    options = {"init": {"z": {"probs": begin}}, "tol": 1e-12, "max_iter": 3000}
    found = fitted({"kappa_0": 1e12}, **options)
    words = {"w": data["w"], "doc": data["doc"], "count": np.ones(len(data["w"]))}
    topics = generated("lda").fit(words, {"alpha": 0.5, "eta": 0.2}, {"K": 3}, **options)
    y, a, b = data["y"], 1.0, 0.1
    shape, rate = a + len(y) / 2, b + y @ y / 2
    response = a * np.log(b) - gammaln(a) + gammaln(shape) - shape * np.log(rate) - len(y) / 2 * np.log(2 * np.pi)
    assert found.elbo == pytest.approx(topics.elbo + response, rel=1e-8)
    np.testing.assert_allclose(
        found.params["theta"]["concentration"], topics.params["theta"]["concentration"], rtol=1e-3
    )


def test_topics_tell_kilograms_from_energies() -> None:
    """A mass in kilograms is about 1e-27 and its energy in MeV about 1e3: the words tell which."""
    found, data = fitted(seed=0, tol=1e-9), models.data("supervised_topics").data
    eta, beta = found.params["eta"]["mean"], found.params["beta"]["concentration"]
    share = beta / beta.sum(axis=1, keepdims=True)
    heavy, light = eta.argmax(), eta.argmin()
    assert eta[light] < -1.5 < 0.5 < eta[heavy]
    for word in ("energy", "equivalent", "MeV"):
        assert share[heavy, VOCABULARY.index(word)] > 10 * share[light, VOCABULARY.index(word)]
    predicted = data["share"] @ found.params["z"]["probs"] @ eta
    assert 1 - ((data["y"] - predicted) ** 2).mean() > 0.9
