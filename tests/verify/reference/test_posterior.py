"""The sampler, its diagnostics and the evidence, on posteriors and integrals that are known."""

from math import lgamma

import numpy as np
import pytest
from generated import derived_model, generated

from cavi import models
from cavi.verify.reference import ReferenceError, beside, reference_posterior
from cavi.verify.reference.diagnostics import bulk_size, split_r_hat, tail_size
from cavi.verify.reference.evidence import bennett, by_annealing, by_quadrature
from cavi.verify.reference.hmc import sample
from cavi.verify.reference.rows import Given, single_copies, thinned


def normal(mean: np.ndarray, root: np.ndarray, height: float):
    """exp of the height times a Normal density, by its log and gradient."""
    inverse = np.linalg.inv(root)

    def density(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = (u - mean) @ inverse.T
        constant = height - np.log(np.diag(root)).sum() - 0.5 * len(mean) * np.log(2 * np.pi)
        return constant - 0.5 * (z**2).sum(axis=1), -z @ inverse

    return density


def test_a_long_and_thin_normal() -> None:
    """Condition number 1e8: the metric finds it in its windows."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    cover = turn @ np.diag([1e4, 1.0, 1.0, 1e-2, 1e-4]) @ turn.T
    root, mean = np.linalg.cholesky(cover), np.arange(5.0)
    run = sample(normal(mean, root, 0.0), rng.normal(size=(24, 5)), 400, 400, rng)
    assert split_r_hat(run.draws).max() < 1.02 and bulk_size(run.draws).min() > 1000
    whitened = np.linalg.solve(root, (run.draws.reshape(-1, 5) - mean).T)
    np.testing.assert_allclose(np.cov(whitened), np.eye(5), atol=0.1)
    assert run.diverged == 0 and run.accepted > 0.6


def test_diagnostics_of_known_chains() -> None:
    rng = np.random.default_rng(1)
    independent = rng.normal(size=(8, 500, 2))
    assert split_r_hat(independent).max() < 1.01
    np.testing.assert_allclose(bulk_size(independent), 4000, rtol=0.15)
    apart = independent + np.arange(8)[:, None, None]
    assert split_r_hat(apart).min() > 1.5
    slow = np.zeros((8, 4000, 1))
    for t in range(1, 4000):
        slow[:, t] = 0.9 * slow[:, t - 1] + rng.normal(size=(8, 1))
    assert bulk_size(slow)[0] == pytest.approx(32_000 * (1 - 0.9) / (1 + 0.9), rel=0.2)
    assert split_r_hat(np.ones((4, 100, 1)))[0] == 1.0
    np.testing.assert_allclose(tail_size(independent), 4000, rtol=0.2)
    wider = independent * np.linspace(0.2, 2.0, 8)[:, None, None]  # one centre, several spreads
    assert split_r_hat(wider).min() > 1.1 and 10 * tail_size(wider).max() < bulk_size(wider).min()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_quadrature_of_a_normal(size: int) -> None:
    rng = np.random.default_rng(2)
    root = np.linalg.cholesky(np.cov(rng.normal(size=(size, 20))) * np.eye(size) + 0.3)
    density = normal(np.full(size, 3.0), root, -7.25)
    draws = np.full(size, 3.0) + rng.normal(size=(400, size)) @ root.T
    found, grid = by_quadrature(density, draws)
    assert found.value == pytest.approx(-7.25, abs=1e-8) and found.error < 1e-8
    np.testing.assert_allclose(grid.weights @ grid.nodes, np.full(size, 3.0), atol=1e-7)


def test_bridge_sampling_of_heavy_tails() -> None:
    """Six independent Student t of five degrees, whose normalisers are known: the Normal between is no good fit."""
    rng = np.random.default_rng(3)

    def density(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -3.0 * np.log1p(u**2 / 5.0).sum(axis=1), -6.0 * u / (5.0 + u**2)

    one = 0.5 * np.log(5.0 * np.pi) + lgamma(2.5) - lgamma(3.0)
    found = by_annealing(density, rng.standard_t(5, size=(4000, 6)), 0.5, rng)
    assert found.error < 0.05
    assert abs(found.value - 6 * one) < 5 * found.error


def test_bennett_needs_no_finite_work() -> None:
    rng = np.random.default_rng(4)
    shift, spread = 2.0, 0.5
    forward = rng.normal(shift - spread**2 / 2, spread, size=4000)
    backward = rng.normal(shift + spread**2 / 2, spread, size=4000)
    value, error = bennett(np.r_[forward, -np.inf], backward)
    assert abs(value - shift) < 5 * error and error < 0.02


@pytest.mark.parametrize("name", ["multivariate_regression", "dirichlet_multinomial"])
def test_bridge_sampling_of_conjugate_models(name: str) -> None:
    """One block is the posterior, so that the bound is the evidence: matrices with a Wishart, and probabilities."""
    own, module = models.data(name), generated(name)
    plain = derived_model(name).plain()
    given = thinned(plain["model"], Given(*module.prepare(own.data, own.hyper, own.sizes)), 8)
    found = reference_posterior(plain, given.data, given.hyper, given.sizes, chains=12, warmup=200, draws=150)
    fit = module.fit(given.data, given.hyper, own.sizes, seed=0, tol=1e-13)
    assert found.evidence.method.startswith("bridge") and found.evidence.error < 0.1
    assert abs(found.evidence.value - fit.elbo) < 5 * found.evidence.error


def test_the_evidence_of_an_exact_model() -> None:
    own, module = models.data("normal_gamma"), generated("normal_gamma")
    data, hyper, sizes = module.prepare(own.data, own.hyper, own.sizes)
    found = reference_posterior(
        derived_model("normal_gamma").plain(), data, hyper, sizes, chains=16, warmup=200, draws=200
    )
    fit = module.fit(own.data, own.hyper, own.sizes, seed=0)
    assert found.evidence.value == pytest.approx(fit.elbo, abs=1e-7)
    q = fit.params["tau"]
    assert found.mean["tau"] == pytest.approx(q["shape"] / q["rate"], rel=1e-6)
    assert found.sd["tau"] == pytest.approx(np.sqrt(q["shape"]) / q["rate"], rel=1e-6)


def test_a_row_beside_the_posterior() -> None:
    own, module = models.data("normal_gamma"), generated("normal_gamma")
    data, hyper, sizes = module.prepare(own.data, own.hyper, own.sizes)
    found = reference_posterior(
        derived_model("normal_gamma").plain(), data, hyper, sizes, chains=16, warmup=100, draws=100
    )
    moments = {n: (found.mean[n] + 2 * found.sd[n], 0.5 * found.sd[n]) for n in found.mean}
    row = beside(found, "shifted", found.evidence.value - 3.0, True, moments, True, 0.1)
    assert row.gap == pytest.approx(3.0)
    assert (row.shift, row.least, row.largest) == pytest.approx((2.0, 0.5, 0.5))
    empty = beside(found, "nothing", 0.0, False, {"other": (np.zeros(1), None)}, True, 0.1)
    assert empty.shift is None and empty.least is None


def test_rows_and_copies() -> None:
    own, module = models.data("item_response"), generated("item_response")
    model = derived_model("item_response").plain()["model"]
    whole = Given(*module.prepare(own.data, own.hyper, own.sizes))
    single = single_copies(model, whole)
    people = int(whole.data["count"].sum())
    assert single.sizes["N"] == people and (single.data["count"] == 1).all()
    np.testing.assert_allclose(
        single.data["y"].mean(axis=0), np.average(whole.data["y"], axis=0, weights=whole.data["count"])
    )
    few = thinned(model, single, 30)
    assert few.sizes == {**single.sizes, "N": 30} and few.data["y"].shape == (30, whole.sizes["J"])
    assert thinned(model, single, 10**6) is single
    with pytest.raises(ReferenceError, match="expected whole numbers of copies"):
        single_copies(model, Given({**whole.data, "count": whole.data["count"] + 0.5}, whole.hyper, whole.sizes))


def test_both_sides_of_a_kernel_are_thinned_and_chains_keep_their_start() -> None:
    own, module = models.data("gaussian_process_classification"), generated("gaussian_process_classification")
    model = derived_model("gaussian_process_classification").plain()["model"]
    whole = Given(*module.prepare(own.data, own.hyper, own.sizes))
    few = thinned(model, whole, 5)
    kept = np.linspace(0, whole.sizes["N"] - 1, 5).round().astype(int)
    np.testing.assert_array_equal(few.hyper["K"], whole.hyper["K"][np.ix_(kept, kept)])
    own, module = models.data("stochastic_volatility"), generated("stochastic_volatility")
    whole = Given(*module.prepare(own.data, own.hyper, own.sizes))
    few = thinned(derived_model("stochastic_volatility").plain()["model"], whole, 7)
    np.testing.assert_array_equal(few.data["y"], whole.data["y"][:7])
