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
from cavi.templates.numpy import draws

REFUSED = {
    "gaussian_mixture_em": "maximised",
    "lda": "copies",
    "poisson_mixture": "copies",
    "empirical_bayes_rates": "maximised",
    "maximum_a_posteriori_mixture": "maximised",
    "poisson_regression": "was chosen by cvi",
    "poisson_state_space": "was chosen by cvi",
    "random_effects_logistic_regression": "was chosen by cvi",
    "multilevel_poisson_regression": "was chosen by cvi",
    "sparse_poisson_factorisation": "y is declared sparse, and a Gibbs sampler",
    "truncated_regression": "copies",
} | {
    n: f"was replaced by the bound {next(iter(i.bounds.values()))}"
    for n in models.names()
    if (i := models.info(n)).bounds
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
    "logistic_regression_polya_gamma",
    "negative_binomial_regression",
    "probit_regression",
    "student_regression",
    "horseshoe_regression",
    "quantile_regression",
    "zero_inflated_poisson",
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


def test_an_augmented_sampler_has_the_declared_posterior_and_log_joint() -> None:
    """Two weights of a logistic regression: moments by sums over a grid, the log joint written out."""
    own = models.data("logistic_regression_polya_gamma")
    x, y, alpha = own.data["X"], own.data["y"], float(own.hyper["alpha_0"])
    found = run(derived_model("logistic_regression_polya_gamma").gibbs()).sample(
        own.data, own.hyper, draws=4000, warmup=100, seed=3
    )
    assert list(found.values) == ["w"]  # the auxiliary is not part of the model

    def log_joint(w: np.ndarray) -> np.ndarray:
        scores = w @ x.T
        likelihood = (y * scores - np.logaddexp(0.0, scores)).sum(axis=-1)
        return likelihood + np.log(alpha / (2 * np.pi)) - 0.5 * alpha * (w**2).sum(axis=-1)

    np.testing.assert_allclose(found.log_joint, log_joint(found.values["w"]), rtol=1e-10)
    grid = np.stack(np.meshgrid(*[np.linspace(-6.0, 6.0, 241)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.exp(log_joint(grid) - log_joint(grid).max())
    weights /= weights.sum()
    mean = weights @ grid
    sd = np.sqrt(weights @ (grid - mean) ** 2)
    assert (np.abs(found.values["w"].mean(axis=0) - mean) / sd).max() < 0.08
    np.testing.assert_allclose(found.values["w"].std(axis=0), sd, rtol=0.06)


@pytest.mark.parametrize("b, c", [(1.0, 0.0), (1.0, 1.3), (1.0, 12.0), (3.0, 0.7), (0.4, 2.0), (2.5, 0.0), (0.1, 30.0)])
def test_draws_of_a_polya_gamma_have_its_transform(b: float, c: float) -> None:
    """E exp(-s x) = cosh(c/2)^b / cosh(sqrt(c² + 2 s) / 2)^b (Polson, Scott and Windle 2013, equation 4)."""
    names: dict = {}
    exec("import numpy as np\nfrom scipy import special\n" + draws.DRAWS["PolyaGamma"][1], names)
    count = 40_000
    x = names["random_polya_gamma"](np.random.default_rng(4), np.full(count, b), np.full(count, c))
    assert x.min() > 0
    mean = b / (2 * c) * np.tanh(c / 2) if c else b / 4
    for s in (1.0 / mean, 4.0 / mean):
        value = np.exp(-s * x)
        log_cosh = [np.logaddexp(u, -u) for u in (c / 2, np.sqrt(c**2 + 2 * s) / 2)]
        wanted = np.exp(b * (log_cosh[0] - log_cosh[1]))
        assert abs(value.mean() - wanted) < 5 * value.std() / np.sqrt(count)
    assert abs(x.mean() - mean) < 5 * x.std() / np.sqrt(count)


def test_data_that_cannot_be_drawn_are_conditioned_on() -> None:
    module = run(derived_model("weibull_survival").gibbs())
    own = models.data("weibull_survival")
    found = module.sample(own.data, own.hyper, draws=3000, warmup=10, seed=0)
    assert module.DATA == {}
    seen, group = own.data["seen"], own.data["group"]
    power = own.data["t"] ** float(own.hyper["k_0"])
    shape = float(own.hyper["a_0"]) + np.bincount(group, seen)
    rate = float(own.hyper["b_0"]) + np.bincount(group, power)
    np.testing.assert_allclose(found.values["rate"].mean(axis=0), shape / rate, rtol=0.02)


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


def test_a_start_from_a_prior_that_is_too_wide_for_floating_point() -> None:
    """States of a chain whose matrix is drawn from the prior grow beyond it; such a start was NaN for ever."""
    known, module = models.data("linear_dynamical_system"), run(derived_model("linear_dynamical_system").gibbs())
    found = module.sample(known.data, known.hyper, known.sizes, draws=40, warmup=160, seed=1)
    assert all(np.isfinite(v).all() for v in found.values.values())
    assert np.isfinite(found.log_joint).all() and found.log_joint[-20:].std() < 100


def test_a_draw_that_is_not_finite_is_not_returned() -> None:
    m = Model("rate")
    n = m.index("n", "N")
    rate = m.latent("rate", Gamma(2, 1))
    m.observed("x", Poisson(rate), n)
    module = run(derive(m).gibbs())
    module.BLOCKS["rate"] = lambda state, rng: state.values.update(rate=np.array(np.nan))
    with pytest.raises(ArithmeticError, match="a draw of rate is not finite in sweep 1; use firmer priors"):
        module.sample({"x": [1, 2]}, {}, draws=2)
