"""Models with logistic likelihoods: what is known about their data, and about their bounds."""

import numpy as np
import pytest
from generated import generated, run

from cavi import models
from cavi.derive import Gamma, Model, Poisson, Sum, derive
from cavi.models._files import table


def fitted(name: str, **options):
    found = models.data(name)
    return generated(name).fit(found.data, found.hyper, found.sizes, seed=0, tol=1e-11, max_iter=5000, **options)


def test_teams_are_ordered_by_their_wins() -> None:
    """Every team has played every other as often, so that strengths and wins have one order (Agresti 2002, 10.6)."""
    t = table("american_league")
    wins = np.zeros(7)
    np.add.at(wins, t["first"].astype(int), t["wins"])
    np.add.at(wins, t["second"].astype(int), t["games"] - t["wins"])
    strength = fitted("bradley_terry").params["s"]["mean"]
    assert (np.argsort(strength) == np.argsort(wins)).all()


def test_items_are_ordered_by_their_right_answers() -> None:
    found, data = fitted("item_response").params, models.data("item_response").data
    right = data["count"] @ data["y"] / data["count"].sum()
    assert (np.argsort(found["b"]["mean"]) == np.argsort(-right)).all()
    # The score that tells of the ability weighs an answer by the slope of its item (Birnbaum 1968).
    score = data["y"] @ found["a"]["mean"]
    assert np.corrcoef(found["theta"]["mean"], score)[0, 1] > 0.99


def test_negative_binomial_weights_are_near_the_exact_posterior() -> None:
    """The posterior of two weights on a grid; the bound lies below the exact evidence."""
    found, data = fitted("negative_binomial_regression"), models.data("negative_binomial_regression")
    x, y, alpha, r = data.data["X"], data.data["y"], data.hyper["alpha_0"], data.hyper["r"]
    from scipy.special import gammaln

    line = np.linspace(-4, 6, 501)
    w = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    score = w @ x.T
    logs = gammaln(y + r) - gammaln(r) - gammaln(y + 1) - r * np.logaddexp(0, score) - y * np.logaddexp(0, -score)
    logs = logs.sum(axis=1) + np.log(alpha / (2 * np.pi)) - alpha / 2 * (w**2).sum(axis=1)
    weights = np.exp(logs - logs.max())
    evidence = np.log(weights.sum() * (line[1] - line[0]) ** 2) + logs.max()
    weights /= weights.sum()
    mean = weights @ w
    sd = np.sqrt(weights @ (w - mean) ** 2)
    assert 0 < evidence - found.elbo < 0.5
    assert (abs(found.params["w"]["mean"] - mean) < 0.15 * sd).all()


def test_distress_is_likelier_in_the_cold() -> None:
    found = fitted("gaussian_process_classification").params["f"]["mean"]
    order = np.argsort(table("challenger")["temperature"])
    assert (np.diff(found[order]) < 1e-6).mean() > 0.9


def test_a_binary_matrix_is_reproduced() -> None:
    q, d = fitted("logistic_matrix_factorisation").params, models.data("logistic_matrix_factorisation").data
    score = q["b"]["mean"][d["column"]] + (q["u"]["mean"][d["row"]] * q["v"]["mean"][d["column"]]).sum(axis=1)
    assert ((score > 0) == d["y"]).mean() > 0.85


def test_species_are_told_apart() -> None:
    w, data = (
        fitted("multinomial_logistic_regression").params["w"]["mean"],
        models.data("multinomial_logistic_regression").data,
    )
    assert ((data["X"] @ w.T).argmax(axis=1) == data["y"]).mean() > 0.9


def test_large_scores_neither_overflow_nor_divide() -> None:
    found = models.data("multinomial_logistic_regression")
    data = {**found.data, "X": 1e3 * np.asarray(found.data["X"])}
    fit = generated("multinomial_logistic_regression").fit(data, {"alpha_0": 1e-6}, {"K": 3}, seed=0, max_iter=50)
    assert np.isfinite(fit.elbo_trace).all() and (np.diff(fit.elbo_trace) > -1e-8 * abs(fit.elbo)).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_bound_of_a_sum_of_rates_is_that_with_auxiliary_counts(seed: int) -> None:
    """Cemgil (2009): the weights of the tangent are the shares of the auxiliary counts."""

    def sums(auxiliary: bool) -> Model:
        m = Model("sums")
        i, j, k = m.index("i", "I"), m.index("j", "J"), m.index("k", "K")
        u, v = m.latent("u", Gamma(1, 1), i, k), m.latent("v", Gamma(1, 1), j, k)
        if auxiliary:
            s = m.latent("s", Poisson(u[i, k] * v[j, k]), i, j, k)
            m.observed("x", Sum(s[i, j, k], k), i, j)
        else:
            m.observed("x", Poisson(Sum(u[i, k] * v[j, k], k)), i, j)
        return m

    rng = np.random.default_rng(seed)
    data = {"x": rng.poisson(3, size=(6, 5))}
    init = {"u": {"shape": 1 + rng.random((6, 2)), "rate": np.ones((6, 2))}}
    init["v"] = {"shape": 1 + rng.random((5, 2)), "rate": np.ones((5, 2))}
    derived = derive(sums(True)), derive(sums(False), bounds={"x": "jensen"})
    fits = [run(d.numpy()).fit(data, {}, {"K": 2}, init=init, tol=1e-13, max_iter=20_000) for d in derived]
    assert fits[0].elbo == pytest.approx(fits[1].elbo, rel=1e-9)


def test_effects_of_plates_are_as_published() -> None:
    """Breslow and Clayton (1993), table 2: -0.548 (0.167), 0.097 (0.278), 1.337 (0.237), -0.810 (0.385), σ = 0.313."""
    found = fitted("random_effects_logistic_regression").params
    mean, published = found["w"]["mean"], np.array([-0.548, 0.097, 1.337, -0.810])
    error = np.array([0.167, 0.278, 0.237, 0.385])
    assert (abs(mean - published) < 0.2 * error).all()
    assert 0.2 < (found["tau"]["rate"] / found["tau"]["shape"]) ** 0.5 < 0.4
    seeds = table("seeds")
    assert (seeds["seeds"].sum(), seeds["germinated"].sum(), len(seeds["seeds"])) == (831, 424, 21)
