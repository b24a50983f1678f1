"""Draws from the factors of a fit have the moments that the factors have."""

import numpy as np
import pytest
from generated import NAMES, derived_model, generated, inputs, run

from cavi import models
from cavi.derive import CaviError
from cavi.derive.cells import latents_at_cells
from cavi.templates.results import posterior as posterior_module
from cavi.templates.results import render_posterior

DRAWS = 400


def fitted(name: str):
    """A fit of a few sweeps to random data, and what it was given."""
    module = generated(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 9, 3)
    return module.fit(data, hyper, sizes, seed=0, max_iter=3, tol=0.0), data, hyper


def expected(family: str, q: dict) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and variance of a family in its standard parameters, written down here."""
    match family:
        case "Normal" if set(q) == {"mean", "precision"}:
            return q["mean"], np.broadcast_to(1 / q["precision"], q["mean"].shape)
        case "MultivariateNormal" if set(q) == {"mean", "precision"} and q["precision"].ndim == q["mean"].ndim + 1:
            return q["mean"], np.diagonal(np.linalg.inv(q["precision"]), axis1=-2, axis2=-1)
        case "Gamma":
            return q["shape"] / q["rate"], q["shape"] / q["rate"] ** 2
        case "Beta":
            total = q["a"] + q["b"]
            return q["a"] / total, q["a"] * q["b"] / total**2 / (total + 1)
        case "Dirichlet":
            total = q["concentration"].sum(axis=-1, keepdims=True)
            mean = q["concentration"] / total
            return mean, mean * (1 - mean) / (total + 1)
        case "Bernoulli":
            return q["prob"], q["prob"] * (1 - q["prob"])
        case "Wishart":
            v, d = q["scale"], np.diagonal(q["scale"], axis1=-2, axis2=-1)
            dof = np.asarray(q["dof"])[..., None, None]
            return dof * v, dof * (v**2 + d[..., :, None] * d[..., None, :])
    return None


@pytest.mark.parametrize("name", NAMES)
def test_draws_have_the_moments_of_the_factors(name: str) -> None:
    derived = derived_model(name)
    fit, data, hyper = fitted(name)
    module = run(render_posterior(derived))
    found = module.draw(fit.params, fit.sizes, data=data, hyper=hyper, draws=DRAWS, seed=1).values
    hidden = latents_at_cells(derived) | {n for r in derived.relaxations for n in r.variables}
    assert set(found) == {n for f in derived.factors for n in f.latents} - hidden
    for latent, values in found.items():
        v = derived.model.variable(latent)
        assert values.shape == (DRAWS, *(fit.sizes.get(i.size) or int(i.size) for i in v.indices))
        update = derived.update(latent)
        q = fit.params[latent]
        if "probs" in q and str(update.families[latent]) == "Categorical" and q["probs"].ndim == v_axes(v) + 1:
            one = np.eye(q["probs"].shape[-1])[values]
            assert np.abs(one.mean(axis=0) - q["probs"]).max() < 6 * 0.5 / DRAWS**0.5
        elif len(update.factor.latents) == 1 and not update.factor.point:
            moments = expected(str(update.families[latent]), q)
            if moments is not None and all(np.shape(m) == values.shape[1:] for m in moments):
                mean, variance = moments
                assert np.all(np.abs(values.mean(axis=0) - mean) < 6 * np.sqrt(variance / DRAWS) + 1e-12)
        if update.numeric:
            assert np.all(np.abs(values.mean(axis=0) - q["mean"]) < 6 * q["deviation"] / DRAWS**0.5)
            assert np.all(np.abs(values.std(axis=0) / q["deviation"] - 1) < 12 / DRAWS**0.5)


def test_draws_of_two_numbers_go_together() -> None:
    fit, _, _ = fitted("gamma_shape_rate")
    found = (
        run(render_posterior(derived_model("gamma_shape_rate"))).draw(fit.params, fit.sizes, draws=400, seed=1).values
    )
    assert abs(np.corrcoef(found["a"], found["b"])[0, 1] - fit.params["a"]["correlation"]) < 5 / 400**0.5


def v_axes(v) -> int:
    return len(v.indices)


def test_the_spread_of_draws() -> None:
    given = models.data("gaussian_mixture_full")
    fit = generated("gaussian_mixture_full").fit(given.data, given.hyper, given.sizes, seed=0, max_iter=30)
    module = run(render_posterior(derived_model("gaussian_mixture_full")))
    found = module.draw(fit.params, fit.sizes, draws=4000, seed=2).values
    q, precision = fit.params["mu"], fit.params["Lambda"]
    # mu given Lambda is Normal with precision kappa Lambda: its covariance is E[inverse(Lambda)] / kappa.
    d = q["mean"].shape[-1]
    inverse = np.linalg.inv(precision["scale"]) / (np.asarray(precision["dof"]) - d - 1)[..., None, None]
    wanted = inverse / np.asarray(q["precision"])[..., None, None]
    got = np.array([np.cov(found["mu"][:, k].T) for k in range(len(wanted))])
    scale = np.sqrt(np.einsum("kd,ke->kde", *[np.diagonal(wanted, axis1=1, axis2=2)] * 2))
    assert np.all(np.abs(got - wanted) < 0.15 * scale)


def test_what_is_maximised_over_repeats() -> None:
    fit, data, hyper = fitted("gaussian_mixture_em")
    found = run(render_posterior(derived_model("gaussian_mixture_em"))).draw(fit.params, fit.sizes, draws=3).values
    np.testing.assert_array_equal(found["mu"], np.broadcast_to(fit.params["mu"]["value"], (3, 3)))


def test_data_that_a_draw_reads() -> None:
    fit, data, _ = fitted("poisson_matrix_factorisation")
    module = run(render_posterior(derived_model("poisson_matrix_factorisation")))
    assert module.READS == ("x",)
    with pytest.raises(ValueError, match=r"missing \['x'\]"):
        module.draw(fit.params, fit.sizes, draws=3)
    found = module.draw(fit.params, fit.sizes, data=data, draws=3).values
    np.testing.assert_array_equal(found["s"].sum(axis=-1), np.broadcast_to(data["x"], (3, 9)))


def test_a_family_that_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {k: v for k, v in posterior_module.draws.DRAWS.items() if k != "Gamma"}
    monkeypatch.setattr(posterior_module.draws, "DRAWS", kept)
    with pytest.raises(CaviError, match=r"q\(tau\) is Gamma, which is not drawn"):
        render_posterior(derived_model("linear_regression"))


@pytest.mark.parametrize(
    "name", ["linear_regression_joint", "gaussian_mixture", "gaussian_mixture_em", "hmm_categorical"]
)
def test_the_bound_is_the_mean_of_log_p_less_log_q(name: str) -> None:
    """E_q[log p] by draws is the bound less the entropy."""
    fit, data, hyper = fitted(name)
    module = generated(name)
    state = module.State(*module.prepare(data, hyper, fit.sizes))
    module.initialise(state, fit.params, np.random.default_rng(0))
    energy = sum(value for label, value in module.elbo_terms(state).items() if label.startswith("E"))
    drawn = run(render_posterior(derived_model(name))).draw(
        fit.params, fit.sizes, data=data, hyper=hyper, draws=1000, seed=3
    )
    error = drawn.log_joint.std() / 1000**0.5
    assert error > 0
    assert abs(drawn.log_joint.mean() - energy) < 5 * error
