"""Mixtures, regressions and factor models with vectors and matrices: textbook equations, limits and exact evidence."""

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.special import digamma, multigammaln

from cavi import models

FAMILIES = {
    "gaussian_mixture_full": {"mu": "MultivariateNormal", "Lambda": "Wishart", "z": "Categorical"},
    "gaussian_mixture_shared": {"mu": "MultivariateNormal", "Lambda": "Wishart"},
    "gaussian_mixture_infinite": {"v": "Beta", "alpha": "Gamma", "z": "Categorical"},
    "multivariate_regression": {"W": "MatrixNormal", "Lambda": "Wishart"},
    "bayesian_pca": {"W": "MultivariateNormal", "z": "MultivariateNormal", "alpha": "Gamma"},
    "factor_analysis": {"Lambda": "MultivariateNormal", "psi": "Gamma"},
    "mixture_of_factor_analysers": {"Lambda": "MultivariateNormal", "s": "Categorical", "x": "MultivariateNormal"},
    "mixture_of_linear_regressions": {"w": "MultivariateNormal", "z": "Categorical"},
    "student_mixture": {"u": "Gamma", "mu": "MultivariateNormal", "Lambda": "Wishart"},
}


def fitted(name, hyper=None, sizes=None, **options):
    found = models.data(name)
    settings = {"seed": 0, "tol": 1e-12, "max_iter": 5000, **options}
    return generated(name).fit(found.data, {**found.hyper, **(hyper or {})}, sizes or found.sizes, **settings)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_factors_have_the_families_of_the_textbook(name: str) -> None:
    found = {}
    for update in derived_model(name).updates:
        found |= {latent: family.name for latent, family in update.families.items()}
    assert FAMILIES[name].items() <= found.items()


def test_the_clusters_follow_bishop() -> None:
    """Bishop (2006), 10.51-10.53 and 10.58-10.63, from the responsibilities alone."""
    found, given = fitted("gaussian_mixture_full", tol=1e-14), models.data("gaussian_mixture_full")
    x, r, h = given.data["x"], found.params["z"]["probs"], given.hyper
    counts = r.sum(axis=0)
    means = r.T @ x / counts[:, None]
    beta = h["beta_0"] + counts
    np.testing.assert_allclose(found.params["pi"]["concentration"], h["alpha_0"] + counts, rtol=1e-5)
    np.testing.assert_allclose(found.params["mu"]["mean"], counts[:, None] * means / beta[:, None], atol=1e-5)
    np.testing.assert_allclose(found.params["Lambda"]["dof"], h["nu_0"] + counts, rtol=1e-5)
    for k, n in enumerate(counts):
        d = x - means[k]
        inverse = np.linalg.inv(h["W_0"]) + (r[:, k, None] * d).T @ d
        inverse += h["beta_0"] * n / beta[k] * np.outer(means[k], means[k])
        np.testing.assert_allclose(np.linalg.inv(found.params["Lambda"]["scale"][k]), inverse, rtol=1e-4, atol=1e-4)


def test_one_cluster_has_the_exact_evidence_above_the_factorised_bound() -> None:
    """The joint factor of one cluster gives the exact evidence; apart, its mean and precision give a lower bound."""
    full = fitted("gaussian_mixture_full", sizes={"K": 1})
    shared = fitted("gaussian_mixture_shared", sizes={"K": 1})
    x, h = models.data("gaussian_mixture_full").data["x"], models.data("gaussian_mixture_full").hyper
    n, beta, nu = len(x), h["beta_0"] + len(x), h["nu_0"] + len(x)
    inverse = np.linalg.inv(h["W_0"]) + x.T @ x - np.outer(x.sum(0), x.sum(0)) / beta
    evidence = -2 * n * np.log(np.pi) + 2 * np.log(h["beta_0"] / beta)
    evidence += multigammaln(nu / 2, 4) - multigammaln(h["nu_0"] / 2, 4)
    evidence -= nu / 2 * np.linalg.slogdet(inverse)[1] + h["nu_0"] / 2 * np.linalg.slogdet(h["W_0"])[1]
    assert full.elbo == pytest.approx(evidence, rel=1e-10)
    assert shared.elbo < full.elbo


def test_the_sticks_follow_blei_and_jordan() -> None:
    """Blei and Jordan (2006), equations 18-19, with the prior of their appendix on the concentration."""
    found, h = fitted("gaussian_mixture_infinite", tol=1e-14), models.data("gaussian_mixture_infinite").hyper
    counts = found.params["z"]["probs"].sum(axis=0)
    later = counts[::-1].cumsum()[::-1] - counts
    alpha = found.params["alpha"]["shape"] / found.params["alpha"]["rate"]
    a, b = found.params["v"]["a"], found.params["v"]["b"]
    np.testing.assert_allclose(a[:-1], 1 + counts[:-1], rtol=1e-4)
    np.testing.assert_allclose(b[:-1], alpha + later[:-1], rtol=1e-4)
    rate = h["s_2"] - (digamma(b) - digamma(a + b)).sum()
    np.testing.assert_allclose(found.params["alpha"]["rate"], rate, rtol=1e-4)


def test_the_bound_of_the_matrix_regression_is_the_exact_evidence() -> None:
    """Minka (2000): the matrix T density of the responses."""
    found, given = fitted("multivariate_regression"), models.data("multivariate_regression")
    x, y, h = given.data["X"], given.data["y"], given.hyper
    n, d, p, nu = *y.shape, x.shape[1], h["nu_0"]
    precision = x.T @ x + h["alpha_0"] * np.eye(p)
    w = np.linalg.solve(precision, x.T @ y)
    inverse = np.linalg.inv(h["V_0"]) + y.T @ y - w.T @ precision @ w
    evidence = -n * d / 2 * np.log(np.pi) + d / 2 * (p * np.log(h["alpha_0"]) - np.linalg.slogdet(precision)[1])
    evidence += multigammaln((nu + n) / 2, d) - multigammaln(nu / 2, d)
    evidence -= nu / 2 * np.linalg.slogdet(h["V_0"])[1] + (nu + n) / 2 * np.linalg.slogdet(inverse)[1]
    assert found.elbo == pytest.approx(evidence, rel=1e-10)
    np.testing.assert_allclose(found.params["W"]["mean"], w.T, atol=1e-10)


def test_the_principal_subspace_is_that_of_the_singular_vectors() -> None:
    """Tipping and Bishop (1999): the loadings span the first principal directions."""
    found, x = fitted("bayesian_pca", sizes={"Q": 2}), models.data("bayesian_pca").data["x"]
    directions = np.linalg.svd(x - x.mean(axis=0))[2][:2].T
    loadings = np.linalg.qr(found.params["W"]["mean"])[0]
    assert np.linalg.svd(directions.T @ loadings)[1].min() > 0.98


def test_many_degrees_of_freedom_give_the_gaussian_mixture() -> None:
    """A Student t of very many degrees of freedom is a Normal."""
    student = fitted("student_mixture", {"nu": 1e5}, {"K": 1}, tol=1e-9)
    assert student.elbo == pytest.approx(fitted("gaussian_mixture_full", sizes={"K": 1}).elbo, abs=0.05)


def test_the_setosas_are_a_cluster_of_their_own() -> None:
    """Fisher (1936): Iris setosa is apart from the other two."""
    labels = fitted("gaussian_mixture_shared").params["z"]["probs"].argmax(axis=1)
    assert len(set(labels[:50])) == 1 and labels[0] not in labels[50:]
