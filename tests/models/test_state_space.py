"""The Gaussian chains: smoothers against dense matrices, variances and evidence against the literature."""

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.stats import multivariate_normal

from cavi import models
from cavi.models._files import table


def level(hyper=None, data=None, **options):
    found = models.data("dynamic_level")
    return generated("dynamic_level").fit({**found.data, **(data or {})}, {**found.hyper, **(hyper or {})}, **options)


def walk_precision(length: int, first: float, step: float) -> np.ndarray:
    """The precision matrix of a random walk: of its first element, and of its steps."""
    differences = np.diff(np.eye(length), axis=0)
    precision = step * differences.T @ differences
    precision[0, 0] += first
    return precision


def test_the_factors_have_the_families_of_the_textbook() -> None:
    derived = derived_model("dynamic_level")
    assert derived.update("alpha").families["alpha"] == "Normal"
    assert derived.update("h_eta").families["h_eta"] == "Gamma"
    derived = derived_model("linear_dynamical_system")
    assert derived.update("C").families == {"C": "MultivariateNormal", "rho": "Gamma"}
    assert derived.update("A").families["A"] == derived.update("x").families["x"] == "MultivariateNormal"


def test_known_variances_give_the_exact_evidence_and_the_kalman_smoother() -> None:
    """Durbin and Koopman (2012), sections 2.2-2.4 and 2.10: the variances 15099 and 1469.1 of the Nile."""
    y, sure = models.data("dynamic_level").data["y"], 1e8
    noise, step = 1.5099, 0.14691
    spikes = {"a_0": sure, "b_0": sure * noise, "c_0": sure, "d_0": sure * step}
    found = level(spikes, tol=1e-13)
    prior = np.linalg.inv(walk_precision(100, 0.01, 1 / step))
    covariance = prior + noise * np.eye(100)
    evidence = multivariate_normal.logpdf(y, np.full(100, 11.0), covariance)
    assert found.elbo == pytest.approx(evidence, abs=1e-4)
    smoothed = 11.0 + prior @ np.linalg.solve(covariance, y - 11.0)
    np.testing.assert_allclose(found.params["alpha"]["mean"], smoothed, atol=1e-4)
    variance = np.diag(prior - prior @ np.linalg.solve(covariance, prior))
    np.testing.assert_allclose(found.params["alpha"]["covariance"], variance, rtol=1e-4)


def test_the_nile_has_the_published_variances() -> None:
    """Durbin and Koopman (2012), section 2.10: maximum likelihood gives 15099 and 1469.1."""
    found = level(tol=1e-10)
    noise, step = (found.params[n]["rate"] / found.params[n]["shape"] for n in ("h_epsilon", "h_eta"))
    assert noise * 1e4 == pytest.approx(15099, rel=0.05)
    assert step * 1e4 == pytest.approx(1469.1, rel=0.2)
    mean = found.params["alpha"]["mean"]
    before, after = mean[:28].mean(), mean[28:].mean()
    assert before == pytest.approx(10.98, abs=0.2) and after == pytest.approx(8.50, abs=0.2)


def test_the_precisions_follow_from_the_smoothed_level() -> None:
    """Gamma posteriors of the squared errors and of the squared steps, by a dense smoother at the fitted precisions."""
    y, found = models.data("dynamic_level").data["y"], level(tol=1e-14, max_iter=5000)
    eps, eta = (found.params[n]["shape"] / found.params[n]["rate"] for n in ("h_epsilon", "h_eta"))
    precision = walk_precision(100, 0.01, eta) + eps * np.eye(100)
    covariance = np.linalg.inv(precision)
    linear = eps * y
    linear[0] += 0.01 * 11.0
    mean = covariance @ linear
    squares = covariance + np.outer(mean, mean)
    differences = np.diff(np.eye(100), axis=0)
    errors = ((y - mean) ** 2).sum() + np.trace(covariance)
    steps = np.trace(differences @ squares @ differences.T)
    np.testing.assert_allclose(found.params["h_epsilon"]["shape"], 1.0 + 50)
    np.testing.assert_allclose(found.params["h_eta"]["shape"], 1.0 + 49.5)
    np.testing.assert_allclose(found.params["h_epsilon"]["rate"], 1.0 + errors / 2, rtol=1e-6)
    np.testing.assert_allclose(found.params["h_eta"]["rate"], 0.1 + steps / 2, rtol=1e-6)


@pytest.fixture(scope="module")
def system():
    """A short system that has converged, with the moments of its weights."""
    y = models.data("linear_dynamical_system").data["y"][:12]
    hyper = {"a_0": 2.0, "b_0": 1.0}
    return y, generated("linear_dynamical_system").fit({"y": y}, hyper, {"K": 2}, seed=0, tol=1e-14, max_iter=20000)


def dense_states(y: np.ndarray, params) -> tuple[np.ndarray, np.ndarray]:
    """Mean (T, K) and covariance (T, K, T, K) of the states, from the moments of A, C and rho."""
    a, c, rho = params["A"], params["C"], params["rho"]["shape"] / params["rho"]["rate"]
    length, states = len(y), a["mean"].shape[0]
    squares = np.linalg.inv(a["precision"]).sum(axis=0) + a["mean"].T @ a["mean"]
    loadings = np.linalg.inv(c["precision"]).sum(axis=0) + (rho[:, None] * c["mean"]).T @ c["mean"]
    precision = np.zeros((length, states, length, states))
    for t in range(length):
        precision[t, :, t] += np.eye(states) + loadings + (squares if t + 1 < length else 0)
        if t:
            precision[t, :, t - 1] -= a["mean"]
            precision[t - 1, :, t] -= a["mean"].T
    covariance = np.linalg.inv(precision.reshape(length * states, -1))
    mean = covariance @ (y @ (rho[:, None] * c["mean"])).ravel()
    return mean.reshape(length, states), covariance.reshape(precision.shape)


def test_the_smoother_is_the_inverse_of_the_dense_precision(system) -> None:
    """Beal (2003), 5.3.2-5.3.5: the states given the moments of the parameters."""
    y, found = system
    assert found.converged
    mean, covariance = dense_states(y, found.params)
    np.testing.assert_allclose(found.params["x"]["mean"], mean, atol=1e-6)
    own = covariance[np.arange(12), :, np.arange(12)]
    np.testing.assert_allclose(found.params["x"]["covariance"], own, atol=1e-6)


def test_the_weights_follow_from_the_moments_of_the_states(system) -> None:
    """Beal (2003), 5.3.1: regressions of the states on the states before, and of the data on the states."""
    y, found = system
    mean, covariance = dense_states(y, found.params)
    second = np.einsum("tiuj->tuij", covariance) + np.einsum("ti,uj->tuij", mean, mean)
    alpha, gamma = (found.params[n]["shape"] / found.params[n]["rate"] for n in ("alpha", "gamma"))
    here, steps = np.arange(12), np.arange(1, 12)
    before = second[here[:-1], here[:-1]].sum(axis=0)
    cross = second[steps, steps - 1].sum(axis=0)
    dynamics = np.linalg.inv(np.diag(alpha) + before)
    np.testing.assert_allclose(found.params["A"]["mean"], cross @ dynamics, atol=1e-5)
    precision = np.broadcast_to(np.diag(alpha) + before, (2, 2, 2))
    np.testing.assert_allclose(found.params["A"]["precision"], precision, rtol=1e-5)
    loadings = np.linalg.inv(np.diag(gamma) + second[here, here].sum(axis=0))
    np.testing.assert_allclose(found.params["C"]["mean"], y.T @ mean @ loadings, atol=1e-5)
    projected = y.T @ mean
    rate = 1.0 + 0.5 * ((y**2).sum(axis=0) - np.einsum("di,ij,dj->d", projected, loadings, projected))
    np.testing.assert_allclose(found.params["rho"]["rate"], rate, rtol=1e-5)
    np.testing.assert_allclose(found.params["rho"]["shape"], 2.0 + 6)


def test_a_state_without_use_is_switched_off() -> None:
    """Beal (2003), 5.4.1: the loadings of states that the data do not need go to zero."""
    rng = np.random.default_rng(0)
    x = np.zeros(200)
    for t in range(1, 200):
        x[t] = 0.9 * x[t - 1] + rng.normal()
    y = np.outer(x, [1.0, -0.5, 0.8, 0.3]) + 0.5 * rng.normal(size=(200, 4))
    fit = generated("linear_dynamical_system").fit({"y": y}, {"a_0": 0.01, "b_0": 0.01}, {"K": 3}, seed=0)
    used = np.sort(np.linalg.norm(fit.params["C"]["mean"], axis=0))
    assert used[1] < 1e-2 < 1 < used[2]
    slowest = np.abs(np.linalg.eigvals(fit.params["A"]["mean"])).max()
    assert slowest == pytest.approx(0.9, abs=3 * np.sqrt((1 - 0.9**2) / 200))  # the error of a first-order regression


def switching(hyper=None, sizes=None, **options):
    found = models.data("switching_level")
    return generated("switching_level").fit(found.data, {**found.hyper, **(hyper or {})}, sizes, **options)


def test_one_regime_of_steps_is_the_dynamic_level() -> None:
    """With one regime the bound is that of dynamic_level on the same data."""
    y = models.data("switching_level").data["y"]
    one = {"d_0": np.array([0.3]), "v_0": np.ones(1), "u_0": np.ones((1, 1))}
    shared = {"a_0": 2.0, "b_0": 0.1, "c_0": 2.0, "d_0": 0.3, "a_1": 0.5, "P_1": 1.0}
    found, plain = switching(one, tol=1e-14, max_iter=3000), level(shared, {"y": y}, tol=1e-14, max_iter=3000)
    assert found.elbo == pytest.approx(plain.elbo, rel=1e-10)
    # Both stop where the bound is flat to rounding, 1e-14 of its 184: that fixes a mean to about the root, 1e-6.
    np.testing.assert_allclose(found.params["mu"]["mean"], plain.params["alpha"]["mean"], rtol=1e-5)


def test_the_level_is_smoothed_with_the_expected_precision_of_each_step() -> None:
    """Ghahramani and Hinton (2000), section 4: each chain with the other's expectations in its weights."""
    y, found = models.data("switching_level").data["y"], switching(seed=0, tol=1e-14, max_iter=3000)
    tau, h = (found.params[n]["shape"] / found.params[n]["rate"] for n in ("tau", "h"))
    r, length = found.params["s"]["probs"], len(y)
    differences = np.diff(np.eye(length), axis=0)
    precision = differences.T @ np.diag((r @ tau)[1:]) @ differences + h * np.eye(length)
    precision[0, 0] += 1.0
    covariance = np.linalg.inv(precision)
    mean = covariance @ (h * y + 0.5 * (np.arange(length) == 0))
    np.testing.assert_allclose(found.params["mu"]["mean"], mean, atol=1e-6)
    steps = np.diag(differences @ (covariance + np.outer(mean, mean)) @ differences.T)
    np.testing.assert_allclose(found.params["tau"]["shape"], 2.0 + r[1:].sum(axis=0) / 2, rtol=1e-6)
    np.testing.assert_allclose(found.params["tau"]["rate"], [0.01, 1.0] + r[1:].T @ steps / 2, rtol=1e-5)


def test_inflation_moves_fast_in_the_crisis_of_2008() -> None:
    """Consumer prices fell in the last quarter of 2008 after rising fast in the first half."""
    found = switching(seed=0, tol=1e-9)
    fast = found.params["s"]["probs"][:, 1]
    variance = found.params["tau"]["rate"] / found.params["tau"]["shape"]
    assert variance[1] > 10 * variance[0]
    columns = table("macro")
    year, quarter = columns["year"][1:], columns["quarter"][1:]
    assert fast[(year == 2008) & (quarter == 4)].item() > 0.9
    assert fast[year < 2005].max() < 0.5
