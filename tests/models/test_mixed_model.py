"""The linear mixed model: Henderson's equations, published estimates, and its limits."""

import numpy as np
import pytest
from generated import derived_model, generated, run

from cavi import models
from cavi.derive import derive


def fitted(hyper=None, **options):
    found = models.data("mixed_model")
    return generated("mixed_model").fit(found.data, {**found.hyper, **(hyper or {})}, tol=1e-13, **options)


def test_the_factors_have_the_families_of_the_textbook() -> None:
    derived = derived_model("mixed_model")
    assert derived.update("beta").families == {"beta": "MultivariateNormal", "b": "MultivariateNormal"}
    assert derived.update("Omega").families == {"Omega": "Wishart"}


def test_the_effects_solve_generalised_least_squares() -> None:
    """Laird and Ware (1982), section 3: common effects with the marginal covariance, then the groups' deviations."""
    data, found = models.data("mixed_model").data, fitted()
    x, y, group = data["X"], data["y"], data["group"]
    tau = found.params["tau"]["shape"] / found.params["tau"]["rate"]
    between = np.linalg.inv(found.params["Omega"]["dof"] * found.params["Omega"]["scale"])
    z = np.zeros((180, 36))
    for n in range(180):
        z[n, 2 * group[n] : 2 * group[n] + 2] = x[n]
    spread = np.kron(np.eye(18), between)
    marginal = np.linalg.inv(z @ spread @ z.T + np.eye(180) / tau)
    precision = x.T @ marginal @ x + 0.01 * np.eye(2)
    beta = np.linalg.solve(precision, x.T @ marginal @ y)
    np.testing.assert_allclose(found.params["beta"]["mean"], beta, rtol=1e-8)
    np.testing.assert_allclose(found.params["beta"]["precision"], precision, rtol=1e-8)
    deviations = (spread @ z.T @ marginal @ (y - x @ beta)).reshape(18, 2)
    np.testing.assert_allclose(found.params["b"]["mean"], deviations, atol=1e-8)


def test_sleepstudy_has_the_published_estimates() -> None:
    """Bates et al. (2015), sections 1.2 and 5: 251.4 + 10.47 a day, residual 25.59; deviations of subjects by lme4."""
    found = fitted()
    np.testing.assert_allclose(100 * found.params["beta"]["mean"], [251.405, 10.467], rtol=1e-3)
    noise = 100 * np.sqrt(found.params["tau"]["rate"] / found.params["tau"]["shape"])
    assert noise == pytest.approx(25.59, rel=0.02)
    deviations = 100 * found.params["b"]["mean"]
    np.testing.assert_allclose(deviations[[0, 1, 9], 1], [9.20, -8.62, 8.63], atol=0.5)
    np.testing.assert_allclose(deviations[[0, 1, 9], 0], [2.26, -40.40, 34.89], atol=4.0)


def test_without_differences_between_groups_it_is_a_regression() -> None:
    """A prior that holds the deviations at zero leaves linear_regression_joint."""
    data, sure = models.data("mixed_model").data, 1e6
    found = fitted({"nu_0": sure, "W_0": 1e4 * np.eye(2), "a_0": 1.0, "c_0": 0.5})
    plain = generated("linear_regression_joint").fit(
        {"X": data["X"], "y": data["y"]}, {"alpha_0": 0.01, "a_0": 1.0, "b_0": 0.5}, tol=1e-13
    )
    np.testing.assert_allclose(found.params["beta"]["mean"], plain.params["w"]["mean"], rtol=1e-5)
    np.testing.assert_allclose(found.params["tau"]["rate"], plain.params["tau"]["rate"], rtol=1e-5)
    assert found.elbo == pytest.approx(plain.elbo, abs=0.01)


def test_keeping_the_effects_together_tightens_the_bound() -> None:
    data = models.data("mixed_model")
    apart = run(derive(models.load("mixed_model")).numpy()).fit(data.data, data.hyper, max_iter=3000, tol=1e-10)
    joint = fitted()
    assert joint.elbo > apart.elbo + 1
    variance = np.linalg.inv(joint.params["beta"]["precision"])[0, 0]
    assert variance > 2 / apart.params["beta"]["precision"][0]
