"""The Gaussian process: its posterior and evidence by dense formulas, and its limit as a linear regression."""

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.stats import multivariate_normal

from cavi import models


def fitted(data=None, hyper=None, **options):
    found = models.data("gaussian_process")
    given = {**found.data, **(data or {})}, {**found.hyper, **(hyper or {})}
    return generated("gaussian_process").fit(*given, tol=1e-12, **options)


def test_the_factors_have_the_families_of_the_textbook() -> None:
    derived = derived_model("gaussian_process")
    assert derived.update("f").families == {"f": "MultivariateNormal"}
    assert derived.update("tau").families == {"tau": "Gamma"}


def test_known_noise_gives_the_exact_evidence() -> None:
    """Rasmussen and Williams (2006), equation 2.30."""
    found, sure = models.data("gaussian_process"), 1e8
    fit = fitted(hyper={"a_0": sure, "b_0": 0.2 * sure})
    y, covariance = found.data["y"], found.hyper["K"] + 0.2 * np.eye(84)
    assert fit.elbo == pytest.approx(multivariate_normal.logpdf(y, np.zeros(84), covariance), abs=1e-4)


def test_the_function_has_the_mean_and_covariance_of_the_textbook() -> None:
    """Rasmussen and Williams (2006), equations 2.23 and 2.24, at the expected noise precision."""
    found, fit = models.data("gaussian_process"), fitted()
    kernel, y = found.hyper["K"], found.data["y"]
    noise = fit.params["tau"]["rate"] / fit.params["tau"]["shape"]
    gain = kernel @ np.linalg.inv(kernel + noise * np.eye(84))
    np.testing.assert_allclose(fit.params["f"]["mean"], gain @ y, atol=1e-5)
    covariance = kernel - gain @ kernel
    np.testing.assert_allclose(np.linalg.inv(fit.params["f"]["precision"]), covariance, atol=1e-5)
    rate = 0.1 + 0.5 * (((y - gain @ y) ** 2).sum() + np.trace(covariance))
    assert fit.params["tau"]["rate"] == pytest.approx(rate, rel=1e-5)


def test_a_linear_kernel_is_a_linear_regression() -> None:
    """Rasmussen and Williams (2006), section 2.1: weights of precision 1.3 give the kernel XX'/1.3."""
    regression = models.data("linear_regression_joint")
    x, y = regression.data["X"][:40], regression.data["y"][:40]
    kernel = x @ x.T / 1.3 + 1e-7 * np.eye(40)
    fit = fitted({"y": y}, {"K": kernel, "a_0": 0.9, "b_0": 0.7})
    plain = generated("linear_regression_joint").fit({"X": x, "y": y}, regression.hyper, tol=1e-12)
    assert regression.hyper == {"alpha_0": 1.3, "a_0": 0.9, "b_0": 0.7}
    assert fit.elbo == pytest.approx(plain.elbo, abs=1e-3)
    np.testing.assert_allclose(fit.params["f"]["mean"], x @ plain.params["w"]["mean"], atol=1e-4)


def test_carbon_dioxide_rises_and_breathes_once_a_year() -> None:
    """Keeling et al. (1976): a rise of 1 to 2 ppm a year, a cycle of about 6 ppm with its maximum in May."""
    mean = fitted().params["f"]["mean"].reshape(7, 12)
    yearly = mean.mean(axis=1)
    assert (np.diff(yearly) > 0).all() and 1 < np.diff(yearly).mean() < 2.5
    month = (mean - yearly[:, None]).mean(axis=0)
    assert month.argmax() == 4 and month.argmin() in (8, 9)
    assert 5 < month.max() - month.min() < 8
