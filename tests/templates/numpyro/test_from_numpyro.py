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
scan = pytest.importorskip("numpyro.contrib.control_flow").scan
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(5, 2)), RNG.normal(size=5)

# Student's t is read as the mixture over a scale that makes it conjugate, which has a latent more.
READ_AS_MIXTURE = {"student_regression": {"y_scale"}}
NOT_WRITTEN = {
    "poisson_matrix_factorisation",
    "sparse_poisson_factorisation",
}


@pytest.mark.parametrize("name", [n for n in models.names() if n not in NOT_WRITTEN])
def test_library_round_trip(name: str) -> None:
    model = models.load(name)
    point = Point(model, 0)
    known = {v.name: point.arrays[v.name] for v in model.variables if not v.is_random}
    made = types.ModuleType(name)
    exec(compile(render(model), f"<{name}>", "exec"), made.__dict__)
    imported = from_numpyro(made.model, known, known, point.sizes)
    if name in READ_AS_MIXTURE:
        latents = {v.name for v in model.with_role("latent")}
        assert {v.name for v in imported.model.with_role("latent")} - latents == READ_AS_MIXTURE[name]
        return
    again = Values(imported, 0)
    for v in model.variables:
        if v.is_random:
            found = point.arrays[v.name]
            if v.role == "latent" and v.chain is not None:  # a loop stacks along its own axis, the first
                found = np.moveaxis(found, v.plates.index(v.chain.index), 0)
            again.put(v.name, found)
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


def more_families(counts, y, kinds):
    gate = numpyro.sample("gate", dist.Beta(2.0, 3.0))
    rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))
    tau = numpyro.sample("tau", dist.HalfCauchy(2.0))
    level = numpyro.sample("level", dist.Normal(0.0, 1.0))
    logits = numpyro.sample("logits", dist.Normal(jnp.zeros(3), 1.0))
    with numpyro.plate("n", len(y)):
        numpyro.sample("a", dist.ZeroInflatedPoisson(gate, rate), obs=counts)
        numpyro.sample("b", dist.ZeroInflatedDistribution(dist.Poisson(rate), gate_logits=level), obs=counts)
        numpyro.sample("c", dist.ZeroInflatedDistribution(dist.Binomial(9, probs=gate), gate=0.2), obs=counts)
        numpyro.sample("d", dist.NegativeBinomial2(rate, 3.0), obs=counts)
        numpyro.sample("hurdle", dist.HurdlePoisson(gate, rate), obs=counts)
        numpyro.sample(
            "hurdle_of_nine", dist.HurdleDistribution(dist.Binomial(9, probs=0.3), gate_logits=level), obs=counts
        )
        numpyro.sample("e", dist.NegativeBinomialLogits(3.0, level), obs=counts)
        numpyro.sample("f", dist.GammaPoisson(2.0, rate), obs=counts)
        numpyro.sample("g", dist.AsymmetricLaplaceQuantile(level, tau, 0.3), obs=y)
        numpyro.sample("h", dist.AsymmetricLaplace(level, tau, 0.7), obs=y)
        numpyro.sample("i", dist.RightCensoredDistribution(dist.Normal(level, tau), censored=y > 0), obs=y)
        numpyro.sample("j", dist.LeftCensoredDistribution(dist.Normal(level, 1.0), censored=y < 0), obs=y)
        weibull = dist.Weibull(tau, 1.5)
        numpyro.sample("k", dist.RightCensoredDistribution(weibull, censored=y > 0), obs=jnp.abs(y) + 0.1)
    numpyro.sample("l", dist.Multinomial(4, logits=logits), obs=jnp.array([1, 2, 1]))
    numpyro.sample("m", dist.GeometricLogits(level), obs=2)


def intervals(design, ends):
    """Between two ends, as stacked data or as an array of pairs; with axes of a value and left-out elements."""
    w = numpyro.sample("w", dist.Normal(jnp.zeros(2), 1.0))
    rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))
    no = jnp.zeros(len(ends), int)
    pairs = jnp.stack([ends, ends + 0.75], -1)
    with numpyro.plate("n", len(ends)):
        between = dist.IntervalCensoredDistribution(dist.Normal(0.3 * design @ w, rate**-0.5), no, no)
        numpyro.sample("a", between, obs=pairs)
        with numpyro.handlers.mask(mask=ends > 0.2):
            numpyro.sample("b", dist.IntervalCensoredDistribution(dist.Exponential(rate), no, no), obs=pairs)
        numpyro.sample("c", dist.IntervalCensoredDistribution(dist.Weibull(rate, 1.5), 0, 0), obs=pairs)
    several = dist.IntervalCensoredDistribution(dist.Normal(w, 1.0), False, False).to_event(1)
    numpyro.sample("d", several, obs=jnp.array([[-1.0, 1.0], [0.5, 3.0]]))


def probits(design, y):
    w = numpyro.sample("w", dist.Normal(jnp.zeros(2), 1.0))
    h = design @ w
    erf, erfc, root = jax.scipy.special.erf, jax.scipy.special.erfc, jnp.sqrt(2.0)
    forms = {
        "a": jax.scipy.special.ndtr(h),
        "b": jax.scipy.stats.norm.cdf(h),
        "c": dist.Normal(0.0, 1.0).cdf(h),
        "d": 0.5 * (1 + erf(h / root)),
        "e": (1 + erf(h / root)) / 2,
        "f": 0.5 * erfc(-h / root),
        "g": 0.5 * (1 - erf(-h / 2**0.5)),
        "h": jax.scipy.special.ndtr(2.0 * h + w[0]),
    }
    with numpyro.plate("n", len(y)):
        for name, prob in forms.items():
            numpyro.sample(name, dist.Bernoulli(probs=prob), obs=(y > 0).astype(float))


def ordered(design, answers):
    """Cutpoints in the ways in which they are written: a running sum of positive widths, or known ones."""
    w = numpyro.sample("w", dist.Normal(jnp.zeros(2), 1.0))
    c = numpyro.sample("c", dist.Normal(-1.0, 2.0))
    inner = numpyro.sample("inner", dist.HalfNormal(1.0).expand([2]))
    steps = numpyro.sample("steps", dist.Normal(jnp.zeros(3), 1.0))
    share = numpyro.sample("share", dist.Dirichlet(jnp.ones(4)))
    eta = design @ w
    with numpyro.plate("n", len(answers)):
        ends = jnp.concatenate([c[None], c + jnp.cumsum(inner)])
        numpyro.sample("a", dist.OrderedLogistic(eta, ends), obs=answers)
        padded = jnp.pad(jnp.cumsum(jnp.exp(steps[1:])), (1, 0)) + steps[0]
        numpyro.sample("b", dist.OrderedLogistic(2.0 * eta, padded), obs=answers)
        numpyro.sample("d", dist.OrderedLogistic(eta, 5.0 * jnp.cumsum(share)[:-1] - 2.0), obs=answers)
        numpyro.sample("e", dist.OrderedLogistic(eta, jnp.array([-1.0, 0.5, 1.25])), obs=answers)
        numpyro.sample("f", dist.OrderedLogistic(eta, c + jnp.array([0.0, inner[0], inner[0] + 0.75])), obs=answers)
        numpyro.sample("g", dist.OrderedLogistic(eta, jnp.array([0.3])), obs=answers // 2)
        below = jax.nn.sigmoid(ends - eta[:, None])
        by_hand = jnp.diff(jnp.pad(below, ((0, 0), (1, 1)), constant_values=(0.0, 1.0)))
        numpyro.sample("h", dist.Categorical(probs=by_hand), obs=answers)


def sticks(y):
    alpha = numpyro.sample("alpha", dist.Gamma(1.0, 1.0))
    with numpyro.plate("k", 4):
        v = numpyro.sample("v", dist.Beta(1.0, alpha))
        mu = numpyro.sample("mu", dist.Normal(0.0, 3.0))
    left = jnp.stack([jnp.prod(1 - v[:j]) for j in range(4)])
    rest = jnp.where(jnp.arange(4) < 3, v, 1.0)
    with numpyro.plate("n", len(y)):
        z = numpyro.sample("z", dist.Categorical(probs=rest * left))
        numpyro.sample("y", dist.Normal(mu[z], 1.0), obs=y)


def hidden_states(x, states):
    """No question about the first step: its state is drawn after state 0."""
    with numpyro.plate("states", states):
        A = numpyro.sample("A", dist.Dirichlet(jnp.ones(states)))
        mu = numpyro.sample("mu", dist.Normal(0.0, 3.0))

    def step(before, x_t):
        z = numpyro.sample("z", dist.Categorical(A[before]))
        numpyro.sample("x", dist.Normal(mu[z], 1.0), obs=x_t)
        return z, None

    scan(step, 0, x)


def random_walk(y, trend):
    rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))

    def step(carry, inputs):
        before, count = carry
        y_t, trend_t = inputs
        x = numpyro.sample("x", dist.Normal(0.9 * before + trend_t, 1 / jnp.sqrt(rate)))
        numpyro.sample("y", dist.Normal(x, 0.5), obs=y_t)
        return (x, count + 1), x

    scan(step, (2.0, 0), (y, trend))


def walks(y):
    """Two Gaussian walks from zero, each of its own spread."""
    with numpyro.plate("group", 2):
        tau = numpyro.sample("tau", dist.Gamma(2.0, 1.0))
        x = numpyro.sample("x", dist.GaussianRandomWalk(1 / jnp.sqrt(tau), num_steps=len(y)))
    one = numpyro.sample("one", dist.GaussianRandomWalk(0.5, num_steps=len(y)))
    with numpyro.plate("time", len(y)):
        numpyro.sample("y", dist.Normal(x[0] - x[1] + one, 0.5), obs=y)


def state_space(y):
    """A vector that turns and shrinks, from a prior of its own; two numbers are seen of each."""
    turn = jnp.array([[0.9, -0.3], [0.3, 0.9]])
    noise = jnp.array([[0.5, 0.1], [0.1, 0.4]])
    rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))
    first = numpyro.sample("first", dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2)))

    def step(before, y_t):
        x = numpyro.sample("x", dist.MultivariateNormal(turn @ before, noise))
        numpyro.sample("y", dist.Normal(x, 1 / jnp.sqrt(rate)).to_event(1), obs=y_t)
        return x, x

    scan(step, first, y)


def independent_states(y):
    """A level and its trend, with independent noise."""
    tau = numpyro.sample("tau", dist.Gamma(2.0, 1.0))

    def step(before, y_t):
        mean = jnp.array([[1.0, 1.0], [0.0, 1.0]]) @ before
        x = numpyro.sample("x", dist.Normal(mean, jnp.array([0.4, 0.1])).to_event(1))
        numpyro.sample("y", dist.Normal(x[0], 1 / jnp.sqrt(tau)), obs=y_t)
        return x, x

    scan(step, jnp.zeros(2), y)


def series(y):
    """Groups of walks side by side, each of a level that is drawn first with a spread of its own."""
    level = numpyro.sample("level", dist.Normal(0.0, 1.0))

    def step(before, y_t):
        first, t = before
        mean, spread = jnp.where(t == 0, level, first), jnp.where(t == 0, 3.0, 0.4)
        with numpyro.plate("group", y.shape[1]):
            x = numpyro.sample("x", dist.Normal(mean, spread))
            numpyro.sample("y", dist.Normal(x, 0.5), obs=y_t)
        return (x, t + 1), x

    scan(step, (jnp.zeros(y.shape[1]), 0), y)


PROGRAMS = [
    (mixture, (Y, 3)),
    (regression, (X, Y)),
    (groups, (np.array([0, 1, 2, 2, 1]), Y, np.array([True, True, False, True, True]))),
    (correlated, (X,)),
    (clicks, (np.array([4, 6]), np.array([1, 5]))),
    (sticks, (Y,)),
    (hidden_states, (Y, 3)),
    (random_walk, (Y, X[:, 0])),
    (series, (X,)),
    (walks, (Y,)),
    (state_space, (X,)),
    (independent_states, (Y,)),
]


COUNTS = np.array([0, 2, 0, 1, 4])
READ = [
    (idioms, (X, Y)),
    (families, ()),
    (more_families, (COUNTS, Y, 3)),
    (intervals, (X, 0.3 * np.abs(Y) + 0.1)),
    (probits, (X, Y)),
    (ordered, (X, np.array([0, 3, 1, 2, 2]))),
]  # what is read need not be conjugate


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
            "y", dist.Normal(jnp.cumprod(numpyro.sample("m", dist.Normal(jnp.zeros(3), 1.0))), 1.0), obs=Y[:3]
        )

    def subsample():
        with numpyro.plate("n", 5, subsample_size=2):
            numpyro.sample("m", dist.Normal(0.0, 1.0))

    def family():
        numpyro.sample("m", dist.Gumbel(0.0, 1.0))

    def censored():
        base = dist.Gumbel(numpyro.sample("m", dist.Normal(0.0, 1.0)), 1.0)
        numpyro.sample("y", dist.RightCensoredDistribution(base, censored=Y > 0), obs=Y)

    def inflated():
        numpyro.sample("y", dist.ZeroInflatedDistribution(dist.Geometric(0.3), gate=0.2), obs=2)

    def backwards():
        scan(lambda c, x: (numpyro.sample("m", dist.Normal(c, 1.0)), None), 0.0, Y, reverse=True)

    def summed():
        def step(total, y_t):
            total = 0.5 * total + numpyro.sample("e", dist.Normal(0.0, 1.0))
            numpyro.sample("y", dist.Normal(total, 1.0), obs=y_t)
            return total, None

        scan(step, 0.0, Y)

    def lagged():
        def step(before, y_t):
            x = numpyro.sample("x", dist.Normal(before, 1.0))
            numpyro.sample("y", dist.Normal(x + before, 1.0), obs=y_t)
            return x, None

        scan(step, 0.0, Y)

    def second_order():
        def step(before, y_t):
            x = numpyro.sample("x", dist.Normal(0.5 * before[0] - 0.2 * before[1], 1.0))
            numpyro.sample("y", dist.Normal(x, 1.0), obs=y_t)
            return (x, before[0]), None

        scan(step, (0.0, 0.0), Y)

    def transformed():
        base = dist.Normal(jnp.zeros(3), 1.0)
        numpyro.sample("m", dist.TransformedDistribution(base, dist.transforms.OrderedTransform()))

    def unordered():
        m = numpyro.sample("m", dist.Normal(jnp.zeros(2), 1.0))
        numpyro.sample("y", dist.OrderedLogistic(0.0, jnp.cumsum(m)), obs=1)

    def open_ended():
        base = dist.Normal(numpyro.sample("m", dist.Normal(0.0, 1.0)), 1.0)
        pairs = jnp.stack([Y, Y + 1], -1)
        numpyro.sample("y", dist.IntervalCensoredDistribution(base, Y > 0, jnp.zeros(5, int)), obs=pairs)

    def unseen():
        base = dist.Normal(numpyro.sample("m", dist.Normal(0.0, 1.0)), 1.0)
        numpyro.sample("y", dist.IntervalCensoredDistribution(base, 0, 0), obs=None)

    def ordered_probit():
        w = numpyro.sample("w", dist.Normal(jnp.zeros(2), 1.0))
        below = jax.scipy.special.ndtr(jnp.array([-1.0, 0.0, 1.5]) - (X @ w)[:, None])
        shares = jnp.diff(jnp.pad(below, ((0, 0), (1, 1)), constant_values=(0.0, 1.0)))
        with numpyro.plate("n", len(X)):
            numpyro.sample("y", dist.Categorical(probs=shares), obs=jnp.array([0, 1, 2, 3, 1]))

    for program, args, message in (
        (
            ordered_probit,
            (),
            r"y: found probabilities of a Normal between cutpoints in its probs; .*IntervalCensored",
        ),
        (open_ended, (), "y: found left_censored that is not zero everywhere; expected intervals with two ends"),
        (unseen, (), "y: found an IntervalCensoredDistribution that is not observed"),
        (factor, (), "penalty: found the distribution Unit"),
        (branch, (), "branch: found a computation outside JAX"),
        (operation, (), "y: found the operation cumprod in its mean"),
        (subsample, (), "the plate n: found a subsample of 2 of 5"),
        (family, (), "m: found the distribution Gumbel, which cannot be read; expected one of Normal"),
        (censored, (), "what y is made of: found the distribution Gumbel"),
        (
            inflated,
            (),
            "y: found a ZeroInflatedProbs of Geometric; expected one of Binomial, NegativeBinomial, Poisson",
        ),
        (backwards, (), "m: found a scan in its mean"),
        (summed, (), "y: found what a loop carries on in its mean"),
        (lagged, (), "y: found the element before of x in its parameters; expected that of y itself"),
        (second_order, (), "x: found a loop that hands on more than the element before"),
        (
            transformed,
            (),
            "m: found the distribution TransformedDistribution, which cannot be read; draw from",
        ),
        (unordered, (), r"y: found the cutpoint m\[0\] \+ m\[1\] above m\[0\], which cannot be shown to be larger"),
        (regression, (), "regression: .*missing .*argument.* pass from_numpyro the arguments"),
        (len, ([],), "len: found no random variable"),
    ):
        with pytest.raises(DeclarationError, match=message):
            from_numpyro(program, *args)
