"""Generated Gibbs samplers: exact posteriors, and the joint distribution test of Geweke (2004).

Draws of latents and data that alternate (data given latents, latents given data) have the distribution of the model, so
their averages must be those of draws from the prior. A wrong conditional moves them.
"""

import ast

import numpy as np
import pytest
from generated import NAMES, derived_model, inputs, run

from cavi import models
from cavi.derive import CaviError, Gamma, Model, MultivariateNormal, Normal, Poisson, derive, dot, exp

REFUSED = {
    "gaussian_mixture_em": "maximised",
    "lda": "copies",
    "poisson_mixture": "copies",
    "empirical_bayes_rates": "maximised",
    "maximum_a_posteriori_mixture": "maximised",
    "poisson_regression": "was chosen by cvi",
    "multilevel_poisson_regression": "was chosen by cvi",
    "sparse_poisson_factorisation": "y is declared sparse, and a Gibbs sampler",
    "weibull_survival": "nothing here draws a RightCensoredWeibull",
} | {
    n: f"was relaxed by {next(iter((*i.bounds.values(), *i.augment.values())))}"
    for n in models.names()
    if (i := models.info(n)).bounds or i.augment
}


@pytest.mark.parametrize("name", NAMES)
def test_every_model_gets_a_sampler_or_a_reason(name: str) -> None:
    if name in REFUSED:
        with pytest.raises(CaviError, match=REFUSED[name]):
            derived_model(name).gibbs()
        return
    source = derived_model(name).gibbs()
    assert max(map(len, source.splitlines())) < 250
    public = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    assert all(map(ast.get_docstring, public))
    module = run(source)
    data, hyper, sizes = inputs(module, np.random.default_rng(0), 5, 2)
    found = module.sample(data, hyper, sizes, draws=3, warmup=2, seed=1)
    assert np.isfinite(found.log_joint).all()
    again = module.sample(data, hyper, sizes, draws=3, warmup=2, seed=1)
    for latent, values in found.values.items():
        assert values.shape[0] == 3
        np.testing.assert_array_equal(values, again.values[latent])


GEWEKE = [
    "gaussian_mixture",
    "normal_gamma",
    "latent_class",
    "all_coefficients_in_one_block",
    "normal_inverse_wishart",
    "matrix_normal_wishart",
    "mixed_memberships",
    "undirected_blocks",
    "chains_laid_end_to_end",
    "driven_dynamics",
    "level_with_missing_values",
    "a_chain_split_into_elements",
    "broken_sticks",
    "selected_regressors",
    "heavy_tailed_clusters",
    "observed_scatter_matrices",
    "factorial_chains",
    "sums_of_levels",
    "factors_given_their_cluster",
    "spikes_and_slabs",
    "gamma_shape",
]
# Averages of functions with bounded values, so that heavy tails do no harm.
TESTS = (np.arctan, lambda x: np.cos(2.0 * x))


def _averages(state, latents) -> np.ndarray:
    return np.array([np.mean(t(state.values[n])) for n in latents for t in TESTS])


def deviations(source: str, sweeps: int, seed: int) -> np.ndarray:
    """Differences of averages between draws from the prior and from the chain, in standard errors."""
    module = run(source)
    rng = np.random.default_rng(seed)
    data, hyper, sizes = inputs(module, rng, 3, 2)
    hyper = {k: np.ones_like(v) if module.KNOWN[k]["domain"] == "positive" else v for k, v in hyper.items()}
    for k, spec in module.KNOWN.items():
        if spec["least"] is not None:
            hyper[k] = np.full(np.shape(hyper[k]), sizes.get(spec["least"]) + 3.0)
    state = module.State(*module.prepare(data, hyper, sizes))
    latents = list(module.PRIORS)
    prior, chain = [], []
    for _ in range(sweeps):
        for draw in module.PRIORS.values():
            draw(state, rng)
        prior.append(_averages(state, latents))
    for _ in range(sweeps):
        for draw in module.DATA.values():
            draw(state, rng)
        for draw in module.BLOCKS.values():
            draw(state, rng)
        chain.append(_averages(state, latents))
    a, b = np.array(prior), np.array(chain)
    batches = b.reshape(25, -1, b.shape[1]).mean(axis=1)  # batch means see the correlation of the chain
    error = np.sqrt(a.var(axis=0) / sweeps + batches.var(axis=0, ddof=1) / 25)
    return (a.mean(axis=0) - b.mean(axis=0)) / np.maximum(error, 1e-12)


@pytest.mark.parametrize("name", GEWEKE)
def test_joint_distribution(name: str) -> None:
    """Geweke (2004), Getting it right: Joint distribution tests of posterior simulators."""
    assert np.abs(deviations(derived_model(name).gibbs(), 1500, 5)).max() < 5.0


@pytest.mark.parametrize(
    "before, after",
    [
        ("np.sqrt(precision)", "np.sqrt(2.0 * precision)"),
        ("mu_mean = mu_eta_1 / mu_precision", "mu_mean = -mu_eta_1 / mu_precision"),
        ("tau_shape = 0.5 +", "tau_shape = 2.5 +"),
    ],
)
def test_the_joint_distribution_test_sees_wrong_conditionals(before: str, after: str) -> None:
    source = derived_model("gaussian_mixture").gibbs()
    place = source.index("def draw_") if before.startswith(("mu", "tau")) else 0
    broken = source[:place] + source[place:].replace(before, after, 1)
    assert broken != source
    if before == "np.sqrt(precision)":  # the helper serves prior and conditional alike: change only the conditional
        broken = source.replace(
            "mu = random_normal(rng, mu_mean, mu_precision)", "mu = random_normal(rng, mu_mean, 4 * mu_precision)"
        )
        assert broken != source
    assert np.abs(deviations(broken, 1500, 5)).max() > 5.0


def test_elements_without_a_family_are_drawn_one_by_one() -> None:
    """Rates of groups whose factor was chosen: the conditional of each has a density, and that is enough."""
    m = Model("groups")
    n, g = m.index("n", "N"), m.index("g", "G")
    tau = m.latent("tau", Gamma(2, 1))
    eta = m.latent("eta", Normal(0, tau), g)
    group = m.observed_index("group", n, over=g)
    m.observed("y", Poisson(exp(eta[group[n]])), n)
    assert np.abs(deviations(derive(m, approximate={"eta": "cvi"}).gibbs(), 1000, 5)).max() < 5.0


def test_draws_of_one_block_are_the_exact_posterior() -> None:
    """A regression with known noise: Bishop (2006), 3.50 and 3.51."""
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", MultivariateNormal(0, 1, over=d))
    m.observed("y", Normal(dot(w, x[n]), 2), n)
    module = run(derive(m).gibbs())
    rng = np.random.default_rng(0)
    design, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    draws = module.sample({"X": design, "y": y}, {}, draws=20_000, warmup=0, seed=1).values["w"]
    covariance = np.linalg.inv(np.eye(2) + 2 * design.T @ design)
    np.testing.assert_allclose(draws.mean(axis=0), covariance @ (2 * design.T @ y), atol=5 * np.sqrt(0.2 / 20_000))
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.01)


def test_starts_and_bad_input() -> None:
    m = Model("rate")
    n = m.index("n", "N")
    rate = m.latent("rate", Gamma(2, 1))
    m.observed("x", Poisson(rate), n)
    module = run(derive(m).gibbs())
    assert module.sample({"x": [1, 2]}, {}, init={"rate": 3.0}, draws=2, seed=0).values["rate"].shape == (2,)
    with pytest.raises(ValueError, match="not a latent"):
        module.sample({"x": [1, 2]}, {}, init={"mu": 3.0})
    with pytest.raises(ValueError, match="expected 1, 0 and 1"):
        module.sample({"x": [1, 2]}, {}, draws=0)
    with pytest.raises(ValueError, match="NaN"):
        module.sample({"x": [1, np.nan]}, {})
