"""Error rates of observers: an independent recursion, known rates, and the published classes."""

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.special import digamma

from cavi import models


def fitted(hyper=None, **options):
    found = models.data("dawid_skene")
    return generated("dawid_skene").fit(found.data, {**found.hyper, **(hyper or {})}, **options)


def counts() -> np.ndarray:
    """How often each observer gave each grade to each patient."""
    data = models.data("dawid_skene").data
    found = np.zeros((45, 5, 4))
    np.add.at(found, tuple(data[n].astype(int) for n in ("patient", "observer", "x")), 1)
    return found


def test_the_factors_have_the_families_of_the_textbook() -> None:
    derived = derived_model("dawid_skene")
    expected = {"p": "Dirichlet", "pi": "Dirichlet", "T": "Categorical"}
    assert {n: derived.update(n).families[n] for n in expected} == expected


def test_the_table_is_that_of_the_paper() -> None:
    """Dawid and Skene (1979), table 1: 45 patients, seven grades each, three of them by the first observer."""
    n = counts()
    assert (n.sum(axis=2) == [3, 1, 1, 1, 1]).all()
    assert (n[10].sum(axis=0) == [0, 0, 0, 7]).all()
    assert (n[2].sum(axis=0) == [3, 4, 0, 0]).all()


def test_the_fit_agrees_with_the_recursion_written_out() -> None:
    """Dawid and Skene (1979), 2.3-2.5, with digammas of Dirichlet posteriors in place of the estimates."""
    n, beta = counts(), models.data("dawid_skene").hyper["beta"]
    t = n.sum(axis=1) / 7
    for _ in range(500):
        p, pi = 1.0 + t.sum(axis=0), beta + np.einsum("ij,ikl->kjl", t, n)
        log_p = digamma(p) - digamma(p.sum())
        log_pi = digamma(pi) - digamma(pi.sum(axis=2, keepdims=True))
        log_t = log_p + np.einsum("ikl,kjl->ij", n, log_pi)
        t = np.exp(log_t - log_t.max(axis=1, keepdims=True))
        t /= t.sum(axis=1, keepdims=True)
    found = fitted(init={"T": {"probs": n.sum(axis=1) / 7}}, tol=1e-14, max_iter=2000)
    np.testing.assert_allclose(found.params["T"]["probs"], t, atol=1e-6)
    np.testing.assert_allclose(found.params["pi"]["concentration"], pi, rtol=1e-5)


def test_known_error_rates_give_the_exact_evidence() -> None:
    """Dawid and Skene (1979), 2.7: a product over patients of mixtures over classes."""
    rates, share, sure = 0.1 + 0.6 * np.eye(4), np.full(4, 0.25), 1e7
    found = fitted({"alpha": sure / 4, "beta": sure * rates}, tol=1e-12)
    likelihood = np.exp(np.einsum("ikl,jl->ij", counts(), np.log(rates))) @ share
    assert found.elbo == pytest.approx(np.log(likelihood).sum(), abs=1e-3)


def test_the_grades_have_the_published_shares_and_the_first_observer_is_reliable() -> None:
    """Dawid and Skene (1979), section 4: shares 0.40, 0.42, 0.11 and 0.07 by maximum likelihood."""
    found = fitted(tol=1e-10)
    shares = found.params["T"]["probs"].mean(axis=0)
    np.testing.assert_allclose(shares, [0.40, 0.42, 0.11, 0.07], atol=0.005)
    rates = found.params["pi"]["concentration"]
    rates = rates / rates.sum(axis=2, keepdims=True)
    right = np.einsum("kjj->kj", rates)
    assert (right[0, :2] > 0.85).all()
    assert right[1, 1] < right[0, 1] - 0.2
