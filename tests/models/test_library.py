"""Every model of the library is complete, and fits agree with what is known about them."""

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.special import betaln, gammaln

from cavi import models
from cavi.derive import CaviError

EXPECTED = {
    "normal": {"mu": "Normal", "tau": "Gamma"},
    "normal_gamma": {"tau,mu": "Normal", "mu": "Normal"},
    "gaussian_mixture": {"pi": "Dirichlet", "z": "Categorical", "mu": "Normal", "tau": "Gamma"},
    "linear_regression_joint": {"w": "MultivariateNormal"},
    "bernoulli_mixture": {"p": "Beta"},
    "lda": {"theta": "Dirichlet", "beta": "Dirichlet", "z": "Categorical"},
    "poisson_matrix_factorisation": {"s": "Multinomial", "u": "Gamma"},
    "naive_bayes": {"z": "Categorical", "theta": "Dirichlet"},
}


def fitted(name: str, **options):
    found = models.data(name)
    return generated(name).fit(found.data, found.hyper, found.sizes, seed=0, **options)


def test_the_library_is_the_folder_listing() -> None:
    assert len(models.names()) >= 22
    assert {"gaussian_mixture", "lda", "eight_schools"} <= set(models.names())


def test_an_unknown_name_gets_near_ones() -> None:
    with pytest.raises(CaviError, match="gaussian_mixture"):
        models.load("gausian_mixture")


@pytest.mark.parametrize("name", models.names())
def test_every_model_is_documented_and_its_data_fit(name: str) -> None:
    info, model, data = models.info(name), models.load(name), models.data(name)
    assert info.title and info.description and info.data
    assert any(c.isdigit() for c in info.source)
    assert model.name == name
    assert {v.name for v in model.with_role("hyper")} == set(data.hyper)
    assert {v.name for v in model.with_role("observed", "covariate", "observed_index")} == set(data.data)
    for v in model.with_role("observed", "covariate", "observed_index"):
        assert np.ndim(data.data[v.name]) == len(v.indices)
    generated(name).prepare(data.data, data.hyper, data.sizes)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_factors_have_the_families_of_the_textbook(name: str) -> None:
    derived = derived_model(name)
    for factor, family in EXPECTED[name].items():
        latent = factor.split(",")[-1]
        assert derived.update(factor).families[latent] == family


@pytest.mark.parametrize("name", models.names())
def test_real_data_converge(name: str) -> None:
    found = fitted(name, max_iter=1500, tol=1e-7)
    assert found.converged
    assert (np.diff(found.elbo_trace) > -1e-8 * abs(found.elbo)).all()


def test_beta_bernoulli_bound_is_the_exact_evidence() -> None:
    """Gelman et al. (2013), 5.3: a product of Beta functions."""
    data = models.data("beta_bernoulli")
    hits = np.bincount(np.asarray(data.data["player"], int), weights=data.data["x"])
    a, b = data.hyper["a_0"], data.hyper["b_0"]
    evidence = (betaln(a + hits, b + 45 - hits) - betaln(a, b)).sum()
    assert fitted("beta_bernoulli").elbo == pytest.approx(evidence, rel=1e-12)


def test_normal_gamma_bound_is_the_exact_evidence_and_bounds_the_factorised_one() -> None:
    """Murphy (2007), Conjugate Bayesian analysis of the Gaussian distribution, equation 95."""
    data = models.data("normal_gamma")
    x, h = data.data["x"], data.hyper
    n, kappa = len(x), h["kappa_0"] + len(x)
    shape = h["a_0"] + n / 2
    rate = h["b_0"] + ((x - x.mean()) ** 2).sum() / 2 + h["kappa_0"] * n * (x.mean() - h["m_0"]) ** 2 / (2 * kappa)
    evidence = gammaln(shape) - gammaln(h["a_0"]) + h["a_0"] * np.log(h["b_0"]) - shape * np.log(rate)
    evidence += 0.5 * np.log(h["kappa_0"] / kappa) - n / 2 * np.log(2 * np.pi)
    exact = fitted("normal_gamma").elbo
    assert exact == pytest.approx(evidence, rel=1e-12)
    assert fitted("normal").elbo < exact


def test_joint_weights_bound_the_factorised_ones() -> None:
    assert fitted("linear_regression_joint").elbo > fitted("linear_regression", max_iter=3000).elbo


def test_eight_schools_shrinks_towards_the_mean() -> None:
    """Gelman et al. (2013), table 5.3: posterior means between 5 and 13 under strong pooling."""
    found = fitted("eight_schools", tol=1e-12)
    theta = found.params["theta"]["mean"]
    assert theta.argmax() in (0, 6) and theta.argmin() == 4
    assert 2 < theta.min() < theta.max() < 16


def test_em_is_a_fixed_point_of_the_textbook_recursion() -> None:
    """Bishop (2006), 9.23-9.28."""
    found = fitted("gaussian_mixture_em", tol=1e-14, max_iter=5000)
    x = models.data("gaussian_mixture_em").data["x"]
    pi, mu, tau = (found.params[n]["value"] for n in ("pi", "mu", "tau"))
    density = pi * np.sqrt(tau / (2 * np.pi)) * np.exp(-tau / 2 * (x[:, None] - mu) ** 2)
    r = density / density.sum(axis=1, keepdims=True)
    counts = r.sum(axis=0)
    np.testing.assert_allclose(mu, r.T @ x / counts, rtol=1e-5)
    np.testing.assert_allclose(pi, counts / len(x), rtol=1e-5)
    assert found.elbo == pytest.approx(np.log(density.sum(axis=1)).sum(), rel=1e-9)


def test_naive_bayes_recovers_the_missing_labels() -> None:
    found = fitted("naive_bayes")
    from cavi.models._files import table

    truth = table("digits")["digit"][30:]
    assert (found.params["z"]["probs"].argmax(axis=1) == truth).mean() > 0.85
