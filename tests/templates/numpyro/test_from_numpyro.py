"""NumPyro programs read: those of the library have the log joint they were written from, others have NumPyro's own."""

import types

import numpy as np
import pytest
from generated import run
from imported import Values
from log_joint_reference import Point

from cavi import models
from cavi.derive import DeclarationError, derive
from cavi.templates.numpyro import from_numpyro, is_numpyro, render

pytestmark = pytest.mark.targets
numpyro = pytest.importorskip("numpyro")
jax = pytest.importorskip("jax")
jnp, dist = jax.numpy, numpyro.distributions
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(5, 2)), RNG.normal(size=5)

# Chains are loops or factors in NumPyro; the rule of a broken stick is written out, so that its sum is no longer known.
REFUSED = {
    "dynamic_level": "cannot be drawn from",
    "factorial_hmm": "s: found a scan in its probs; declare the chain by cavi.derive",
    "gaussian_mixture_infinite": "cannot be shown to be a probability vector",
    "hmm_autoregression": "y_chain: found the distribution Unit",
    "hmm_categorical": "y: found observed values that depend on the operation scan",
    "hmm_gaussian": "x: found observed values that depend on the operation scan",
    "hmm_poisson": "x: found observed values that depend on the operation scan",
    "horseshoe_regression": "found the distribution HalfCauchy, which cannot be read",
    "linear_dynamical_system": "cannot be drawn from",
    "probit_regression": "y: found .* in its prob; expected",
    "quantile_regression": "found the distribution AsymmetricLaplaceQuantile, which cannot be read",
    "stochastic_volatility": "cannot be drawn from",
    "switching_level": "cannot be drawn from",
    "zero_inflated_poisson": "found the distribution ZeroInflatedProbs, which cannot be read",
}
# Student's t is read as the mixture over a scale that makes it conjugate, which has a latent more.
READ_AS_MIXTURE = {"student_regression": {"y_scale"}}
NOT_WRITTEN = {
    "hurdle_poisson",
    "ordinal_regression",
    "poisson_matrix_factorisation",
    "sparse_poisson_factorisation",
    "weibull_survival",
}


@pytest.mark.parametrize("name", [n for n in models.names() if n not in NOT_WRITTEN])
def test_library_round_trip(name: str) -> None:
    model = models.load(name)
    point = Point(model, 0)
    known = {v.name: point.arrays[v.name] for v in model.variables if not v.is_random}
    made = types.ModuleType(name)
    exec(compile(render(model), f"<{name}>", "exec"), made.__dict__)
    if name in REFUSED:
        with pytest.raises(DeclarationError, match=REFUSED[name]):
            from_numpyro(made.model, known, known, point.sizes)
        return
    imported = from_numpyro(made.model, known, known, point.sizes)
    if name in READ_AS_MIXTURE:
        latents = {v.name for v in model.with_role("latent")}
        assert {v.name for v in imported.model.with_role("latent")} - latents == READ_AS_MIXTURE[name]
        return
    again = Values(imported, 0)
    for v in model.variables:
        if v.is_random:
            again.put(v.name, point.arrays[v.name])
    assert again.log_joint == pytest.approx(point.log_joint, rel=1e-9, abs=1e-9)


def mixture(x, components):
    weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(components)))
    with numpyro.plate("component", components):
        mu = numpyro.sample("mu", dist.Normal(0.0, 10.0))
        sigma = numpyro.sample("tau", dist.InverseGamma(2.0, 1.0)) ** 0.5
    with numpyro.plate("data", len(x)):
        mixing = dist.Categorical(probs=weights)
        numpyro.sample("x", dist.MixtureSameFamily(mixing, dist.Normal(mu, sigma)), obs=x)


def regression(design, y=None):
    w = numpyro.sample("w", dist.Normal(0.0, 2.0).expand([design.shape[1]]).to_event(1))
    b = numpyro.sample("b", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.Gamma(2.0, 0.5))
    mean = numpyro.deterministic("mean", (design - design.mean(0)) @ w + b)
    with numpyro.plate("n", design.shape[0]):
        numpyro.sample("y", dist.Normal(mean, tau**-0.5), obs=y)


def groups(group, y, present):
    level = numpyro.sample("level", dist.Normal(0.0, 3.0))
    spread = numpyro.sample("spread", dist.Gamma(2.0, 1.0))
    with numpyro.plate("group_axis", 3):
        a = numpyro.sample("a", dist.Normal(level, 1 / jnp.sqrt(spread)))
    with numpyro.plate("n", len(y)), numpyro.handlers.mask(mask=present):
        numpyro.sample("y", dist.Normal(a[group], 0.5), obs=y)


def correlated(x):
    covariance = jnp.array([[2.0, 0.3], [0.3, 1.0]])
    mu = numpyro.sample("mu", dist.MultivariateNormal(jnp.zeros(2), scale_tril=jnp.linalg.cholesky(covariance)))
    precision = numpyro.sample("precision", dist.Wishart(4.0, rate_matrix=jnp.eye(2)))
    with numpyro.plate("n", len(x)):
        numpyro.sample("x", dist.MultivariateNormal(mu, precision_matrix=precision), obs=x)


def clicks(shown, clicked):
    with numpyro.plate("page", len(shown)):
        p = numpyro.sample("p", dist.Beta(2.0, 3.0))
        numpyro.sample("clicked", dist.Binomial(shown, probs=p), obs=clicked)
    rate = numpyro.sample("rate", dist.Exponential(2.0))
    numpyro.sample("visits", dist.Poisson(rate * jnp.asarray(shown)).to_event(1), obs=jnp.asarray(clicked) + 1)


def idioms(design, y):
    W = numpyro.sample("W", dist.Normal(0.0, 1.0).expand([3, 2]).to_event(2))
    v = numpyro.sample("v", dist.Normal(jnp.zeros(3), 1.0))
    with numpyro.plate("n", len(y)):
        z = numpyro.sample("z", dist.Bernoulli(0.3))
        s = numpyro.sample("s", dist.Categorical(probs=jnp.array([0.2, 0.3, 0.5])))
    mean = jnp.einsum("nd,kd,k->n", design, W, v) + jax.vmap(lambda x: x @ W[2])(design) + design[:, 0] * v[-1]
    mean += jnp.where(z == 1, v[0], v[1]) + jnp.stack([v[2], v[0] ** 2])[z] + v[s] * W[s, z] + (s == 2) * v[0]
    numpyro.sample("y", dist.Normal(mean, 1.0).to_event(1), obs=y)
    with numpyro.plate("row", 2, dim=-2):
        t = numpyro.sample("t", dist.Gamma(2.0, 1.0))
        with numpyro.plate("column", 2, dim=-1):
            numpyro.sample("g", dist.Normal(v[:2], t**-0.5), obs=design[:2] + 1.0)
    precision = jnp.diag(jnp.array([1.0, 2.0])) * t[0, 0] + jnp.eye(2)
    numpyro.sample("h", dist.MultivariateNormal(W[0], covariance_matrix=jnp.linalg.inv(precision)), obs=design[0])


def families():
    numpyro.sample("a", dist.TruncatedNormal(1.0, 2.0, low=0.0, high=3.0))
    numpyro.sample("b", dist.Laplace(0.0, 2.0))
    numpyro.sample("c", dist.Pareto(1.0, 2.0))
    numpyro.sample("d", dist.Weibull(2.0, 3.0))
    numpyro.sample("e", dist.VonMises(0.5, 2.0))
    numpyro.sample("f", dist.LogNormal(0.0, 2.0))
    numpyro.sample("g", dist.Geometric(0.3), obs=2)
    numpyro.sample("h", dist.NegativeBinomialProbs(3.0, 0.4), obs=2)
    numpyro.sample("i", dist.Multinomial(5, jnp.array([0.2, 0.3, 0.5])), obs=jnp.array([1, 1, 3]))
    numpyro.sample("u", dist.Uniform())
    numpyro.sample("j", dist.Binomial(10, logits=numpyro.sample("m", dist.HalfNormal(2.0))), obs=3)


PROGRAMS = [
    (mixture, (Y, 3)),
    (regression, (X, Y)),
    (groups, (np.array([0, 1, 2, 2, 1]), Y, np.array([True, True, False, True, True]))),
    (correlated, (X,)),
    (clicks, (np.array([4, 6]), np.array([1, 5]))),
]


READ = [(idioms, (X, Y)), (families, ())]  # what is read need not be conjugate


@pytest.mark.parametrize(("program", "args"), [*PROGRAMS, *READ], ids=lambda p: getattr(p, "__name__", ""))
def test_programs(program, args) -> None:
    from numpyro.infer.util import log_density

    assert is_numpyro(program) and not is_numpyro(run)
    imported = from_numpyro(program, *args)
    hidden = [v.name for v in imported.model.with_role("latent") if v.name.endswith("_category")]
    point = Values(imported, 2)
    with jax.enable_x64(True):
        random = {v.name: point.arrays[v.name] for v in imported.model.with_role("latent") if v.name not in hidden}
        found, _ = log_density(program, args, {}, {n: jnp.asarray(a) for n, a in random.items()})
    ours = point.log_marginal(hidden) if hidden else point.log_joint
    assert ours == pytest.approx(float(found), rel=1e-9, abs=1e-9)
    if (program, args) in READ:
        return
    fit = run(derive(imported.model).numpy()).fit(**imported.arguments, seed=1, max_iter=20)
    assert np.isfinite(fit.elbo_trace).all() and fit.elbo_trace[-1] >= fit.elbo_trace[0]


def test_names_are_those_of_the_program() -> None:
    assert from_numpyro(regression, X, y=Y).model.text() == (
        "model regression\n"
        "index d in D, n in N\n"
        "w[d] ~ Normal(0, std=2)\n"
        "b ~ Normal(0, std=5)\n"
        "tau ~ Gamma(2, 0.5)\n"
        "covariate y_known[n, d]\n"
        "observed y[n] ~ Normal(dot(y_known[n], w) + b, tau)\n"
    )
    made = from_numpyro(groups, *PROGRAMS[2][1])
    assert "observed_index group[n] over group_axis" in made.model.text()
    assert made.data["group"].tolist() == [0, 1, 2, 2, 1] and made.sizes == {"N_group_axis": 3}


def test_refusals() -> None:
    def factor():
        numpyro.factor("penalty", -(numpyro.sample("m", dist.Normal(0.0, 1.0)) ** 2))

    def branch():
        if numpyro.sample("m", dist.Normal(0.0, 1.0)) > 0:
            numpyro.sample("n", dist.Normal(0.0, 1.0))

    def operation():
        numpyro.sample(
            "y", dist.Normal(jnp.cumsum(numpyro.sample("m", dist.Normal(jnp.zeros(3), 1.0))), 1.0), obs=Y[:3]
        )

    def subsample():
        with numpyro.plate("n", 5, subsample_size=2):
            numpyro.sample("m", dist.Normal(0.0, 1.0))

    def family():
        numpyro.sample("m", dist.HalfCauchy(1.0))

    for program, args, message in (
        (factor, (), "penalty: found the distribution Unit"),
        (branch, (), "branch: found a computation outside JAX"),
        (operation, (), "y: found the operation cumsum in its mean"),
        (subsample, (), "the plate n: found a subsample of 2 of 5"),
        (family, (), "m: found the distribution HalfCauchy, which cannot be read; a HalfNormal"),
        (regression, (), "regression: .*missing .*argument.* pass from_numpyro the arguments"),
        (len, ([],), "len: found no random variable"),
    ):
        with pytest.raises(DeclarationError, match=message):
            from_numpyro(program, *args)
