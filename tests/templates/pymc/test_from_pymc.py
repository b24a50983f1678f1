"""PyMC models as users write them: cavi's log joint is PyMC's own, and the derived code runs on the imported data.

PyTensor keeps short numbers in few digits (the logarithm of 10 is one of single precision) unless it is told not to.
"""

import numpy as np
import pytest
from generated import run
from imported import Values

from cavi.derive import DeclarationError, derive
from cavi.templates.pymc import from_pymc

pytestmark = pytest.mark.targets
pm = pytest.importorskip("pymc")
WARNINGS = ("The Wishart distribution", "Data in y contains missing", "pytensor.tensor.linalg.trace")
RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(6, 2)), RNG.normal(size=6)
GROUP = np.array([0, 1, 2, -1, 1, 0])


def mixture():
    with pm.Model() as model:
        weights = pm.Dirichlet("weights", a=np.ones(3))
        mu = pm.Normal("mu", mu=0.0, sigma=10.0, shape=3)
        tau = pm.Gamma("tau", alpha=2.0, beta=1.0, shape=3)
        z = pm.Categorical("z", p=weights, shape=len(Y))
        pm.Normal("x", mu=mu[z], tau=tau[z], observed=Y)
    return model


def eight_schools():
    with pm.Model(coords={"school": list("ABCDEF")}) as model:
        sigma = pm.Data("sigma", np.array([15.0, 10, 16, 11, 9, 11]), dims="school")
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.InverseGamma("tau", 2.0, 3.0)
        theta = pm.Normal("theta", mu, pm.math.sqrt(tau), dims="school")
        pm.Normal("y", theta, sigma, observed=10.0 * Y, dims="school")
    return model


def regression():
    with pm.Model() as model:
        tau = pm.Gamma("tau", 1.5, 0.5)
        w = pm.Normal("w", 0.0, 2.0, shape=2)
        b = pm.Normal("b", 0.0, 10.0)
        pm.Normal("y", mu=X @ w + b, sigma=1.0 / pm.math.sqrt(tau), observed=Y)
    return model


def rates():
    with pm.Model() as model:
        exposure = pm.Data("exposure", RNG.uniform(1, 3, 5))
        beta = pm.Gamma("beta", 1.0, 1.0)
        lam = pm.Gamma("lam", alpha=1.8, beta=beta, shape=5)
        pm.Poisson("failures", mu=lam * exposure, observed=np.array([5, 1, 0, 7, 2]))
    return model


def varying_intercepts():
    with pm.Model(coords={"county": list("abc"), "obs": range(6)}) as model:
        county = pm.Data("county_idx", GROUP, dims="obs")
        floor = pm.Data("floor", X[:, 0], dims="obs")
        mu_a = pm.Normal("mu_a", 0.0, 10.0)
        tau_a = pm.Gamma("tau_a", 1.0, 1.0)
        tau = pm.Gamma("tau_y", 1.0, 1.0)
        a = pm.Normal("a", mu_a, tau=tau_a, dims="county")
        b = pm.Normal("b", 0.0, 10.0)
        level = pm.Deterministic("level", a[county] + b * floor, dims="obs")
        pm.Normal("y", level, tau=tau, observed=Y, dims="obs")
    return model


def factor_model():
    with pm.Model(coords={"row": range(3), "column": range(2), "factor": range(2)}) as model:
        W = pm.Normal("W", 0.0, 1.0, dims=("column", "factor"))
        z = pm.Normal("z", 0.0, 1.0, dims=("row", "factor"))
        m = pm.Normal("m", 0.0, 3.0, dims="column")
        tau = pm.Gamma("tau", 1.0, 1.0, dims="column")
        pm.Normal("x", pm.math.dot(z, W.T) + m, tau=tau[None, :], observed=X[:3] + 1.0, dims=("row", "column"))
    return model


def multivariate():
    S = np.array([[2.0, 0.5], [0.5, 1.0]])
    with pm.Model() as model:
        mu = pm.MvNormal("mu", np.zeros(2), cov=S, shape=2)
        Lambda = pm.Wishart("Lambda", nu=4, V=np.eye(2))
        pm.MvNormal("x", mu=mu, tau=Lambda, observed=X)
    return model


def counts():
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 3.0, shape=3)
        pm.Binomial("hits", n=np.array([5, 6, 7]), p=p, observed=np.array([1, 4, 2]))
        theta = pm.Dirichlet("theta", a=np.array([1.0, 2.0, 3.0]), shape=(2, 3))
        pm.Multinomial("words", n=np.array([4, 5]), p=theta, observed=np.array([[1, 2, 1], [0, 3, 2]]))
        lifetime = pm.Exponential("lifetime", lam=0.5)
        pm.Poisson("events", 2 * lifetime, observed=np.array([2, 3]))
    return model


def logistic():
    with pm.Model() as model:
        w = pm.Normal("w", 0.0, 1.0, shape=2)
        pm.Bernoulli("y", logit_p=pm.math.dot((X - X.mean(0)) / X.std(0), w), observed=(Y > 0).astype(int))
    return model


def marginal_mixture():
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.array([1.0, 2.0]))
        mu = pm.Normal("mu", np.array([-1.0, 1.0]), 2.0)
        pm.NormalMixture("x", w=w, mu=mu, tau=2.0, observed=Y[:4])
    return model


def imputed():
    y = np.array([0.3, np.nan, 1.2, -0.7, np.nan])
    with pm.Model() as model:
        m = pm.Normal("m", 0.0, 3.0, shape=5)
        tau = pm.Gamma("tau", 2.0, 2.0)
        pm.Normal("y", m, tau=tau, observed=y)
    return model


def walk():
    with pm.Model(coords={"day": range(5), "series": range(2)}) as model:
        spread = pm.Gamma("spread", 2.0, 1.0)
        start = pm.Normal.dist(0.5, 2.0)
        level = pm.GaussianRandomWalk("level", mu=0.25, sigma=1 / pm.math.sqrt(spread), init_dist=start, dims="day")
        own = pm.GaussianRandomWalk("own", sigma=1.5, init_dist=pm.Normal.dist(0.0, 1.0), dims=("series", "day"))
        pm.Normal("y", level + own[0], 0.5, observed=Y[:5], dims="day")
    return model


def vector_walk():
    steps, first = np.array([[1.0, 0.3], [0.3, 0.5]]), np.array([[4.0, 1.0], [1.0, 3.0]])
    with pm.Model(coords={"day": range(6), "part": range(2)}) as model:
        start = pm.MvNormal.dist(np.array([0.5, -0.5]), cov=first)
        x = pm.MvGaussianRandomWalk("x", mu=np.array([0.1, 0.2]), cov=steps, init_dist=start, dims=("day", "part"))
        pm.Normal("y", x[:, 0] - 0.5 * x[:, 1], 0.5, observed=Y, dims="day")
    return model


def autoregression():
    with pm.Model() as model:
        rho = pm.Normal("rho", 0.0, 1.0, shape=2)
        x = pm.AR("x", rho=rho, sigma=0.75, constant=True, init_dist=pm.Normal.dist(0.0, 2.0), steps=4)
        pm.Normal("y", x, 0.5, observed=Y[:5])
    return model


def student():
    with pm.Model() as model:
        m = pm.Normal("m", 0.0, 3.0)
        pm.StudentT("x", nu=4.0, mu=m, sigma=1.5, observed=Y[:2])
    return model


def idioms():
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0, shape=(3, 2))
        b = pm.Normal("b", 0.0, 1.0)
        s = pm.HalfNormal("s", 5.0)
        z = pm.Bernoulli("z", 0.4, shape=6)
        mean = a[GROUP, 0] + (a[GROUP] * X).sum(axis=-1) + pm.math.sum(X * a[0], axis=1) + b * s
        mean += pm.math.switch(z, b, 0.0) + pm.math.switch(pm.math.eq(z, 0), b, s) + b**2
        mean += pm.math.stack([b, s])[np.array([0, 1, 1, 0, 0, 1])]
        pm.Normal("y", mean, 1.5, observed=Y)
        pm.Categorical("label", logit_p=X @ a.T, observed=np.array([0, 1, 2, 1, 0, 2]))
        pm.MvNormal("x", a[2], chol=np.array([[1.0, 0.0], [0.5, 2.0]]), observed=X)
    return model


def families():
    with pm.Model() as model:
        pm.Gamma("g", mu=2.0, sigma=1.5)
        pm.NegativeBinomial("n", n=3.0, p=0.4, observed=np.array([1, 2]))
        pm.LogNormal("l", 0.5, 2.0)
        pm.Exponential("e", scale=2.0)
        pm.Laplace("d", 0.0, 2.0)
        pm.Pareto("p", 2.0, 1.0)
        pm.Weibull("w", 2.0, 3.0)
        pm.TruncatedNormal("t", 1.0, 2.0, lower=0.0)
        pm.Uniform("u", 0.0, 1.0)
        pm.VonMises("v", 0.5, 2.0)
    return model


def more_families():
    with pm.Model() as model:
        tau = pm.HalfCauchy("tau", 2.0)
        w = pm.Normal("w", 0.0, 1.0, shape=2)
        psi = pm.Beta("psi", 2.0, 3.0)
        h = X @ w
        pm.Bernoulli("p", p=pm.math.invprobit(h), observed=(Y > 0).astype(int))
        pm.Bernoulli("q", p=0.5 * (1 + pm.math.erf(h / np.sqrt(2.0))), observed=(Y > 0).astype(int))
        pm.AsymmetricLaplace("a", kappa=0.7, mu=h, b=1 / tau, observed=Y)
        pm.AsymmetricLaplace("b", q=0.3, mu=h, b=2.0, observed=Y)
        counts = np.array([0, 2, 0, 1, 3, 0])
        pm.ZeroInflatedPoisson("c", psi=psi, mu=3.0, observed=counts)
        pm.ZeroInflatedBinomial("d", psi=psi, n=5, p=0.4, observed=counts)
        pm.NegativeBinomial("e", mu=pm.math.exp(h), alpha=3.0, observed=counts)
    return model


def ordered():
    answers = np.array([0, 3, 1, 2, 2, 0])
    with pm.Model() as model:
        w = pm.Normal("w", 0.0, 1.0, shape=2)
        c = pm.Normal("c", -1.0, 2.0)
        h = pm.Gamma("h", 2.0, 1.0, shape=2)
        cutpoints = pm.math.concatenate([c[None], c + h.cumsum()])
        pm.OrderedLogistic("y", eta=X @ w, cutpoints=cutpoints, observed=answers, compute_p=False)
        known = np.array([-1.0, 0.5, 1.25])
        pm.OrderedLogistic("z", eta=0.5 * (X @ w), cutpoints=known, observed=answers)
    return model


def running():
    with pm.Model() as model:
        steps = pm.Normal("steps", 0.0, 1.0, shape=(2, 6))
        tau = pm.Gamma("tau", 2.0, 1.0)
        level = steps.cumsum(axis=1)
        pm.Normal("y", level[0] + 0.5 * level[1], tau=tau, observed=Y)
    return model


MODELS = [
    ordered,
    running,
    mixture,
    eight_schools,
    regression,
    rates,
    varying_intercepts,
    factor_model,
    multivariate,
    counts,
    logistic,
    marginal_mixture,
    imputed,
    walk,
    autoregression,
    vector_walk,
    idioms,
    families,
    more_families,
]


@pytest.fixture(autouse=True)
def in_full_precision():
    with pytest.importorskip("pytensor").config.change_flags(cast_policy="numpy+floatX"):
        yield


@pytest.mark.filterwarnings(*(f"ignore:{start}" for start in WARNINGS))
@pytest.mark.parametrize("declare", MODELS, ids=lambda f: f.__name__)
def test_log_joint(declare) -> None:
    from pymc.model.transform.conditioning import remove_value_transforms

    model = declare()
    imported = from_pymc(model)
    own = remove_value_transforms(model)
    log_p = own.compile_logp(jacobian=False, mode="FAST_COMPILE")
    hidden = [v.name for v in imported.model.with_role("latent") if v.name not in own.named_vars]
    for seed in (0, 7):
        point = Values(imported, seed)
        found = log_p({rv.name: point.arrays[rv.name] for rv in own.free_RVs})
        ours = point.log_marginal(hidden) if hidden else point.log_joint
        assert ours == pytest.approx(float(found), rel=1e-9, abs=1e-9)
    if declare not in (idioms, families, more_families):  # what is read need not be conjugate
        _check_fit(imported)


def _check_fit(imported) -> None:
    """The derived module runs on the imported data, and its ELBO rises."""
    fit = run(derive(imported.model, relax="auto").numpy()).fit(**imported.arguments, seed=1, max_iter=20)
    trace = np.asarray(fit.elbo_trace)
    assert len(trace) > 1 and np.isfinite(trace).all() and trace[-1] >= trace[0]


def test_student_t_gets_the_scale_that_it_integrates_out() -> None:
    from scipy.integrate import quad

    imported = from_pymc(student())
    assert [v.name for v in imported.model.with_role("latent")] == ["m", "x_scale"]
    point = Values(imported, 0)
    m, scale = float(point.arrays["m"]), np.array([0.7, 1.9])
    point.put("x_scale", scale)

    def density(w, x):
        """Of one observation and its scale, as the declaration has them at the point."""
        return np.exp(-0.5 * w * (x - m) ** 2 / 1.5**2) * np.sqrt(w / (2 * np.pi)) / 1.5 * 4 * w * np.exp(-2 * w)

    prior = -0.5 * m**2 / 9 - np.log(3 * np.sqrt(2 * np.pi))
    expected = prior + sum(np.log(density(w, x)) for w, x in zip(scale, Y[:2], strict=True))
    assert point.log_joint == pytest.approx(expected, rel=1e-12)
    log_p = student().compile_logp(jacobian=False, mode="FAST_COMPILE")
    marginal = prior + sum(np.log(quad(density, 0, np.inf, args=(x,), epsabs=1e-13)[0]) for x in Y[:2])
    assert float(log_p({"m": m})) == pytest.approx(marginal, rel=1e-9)
    _check_fit(imported)


def test_names_and_known_values_are_those_of_the_model() -> None:
    imported = from_pymc(varying_intercepts(), name="radon")
    assert imported.model.text() == (
        "model radon\n"
        "index county in N_county, obs in N_obs\n"
        "mu_a ~ Normal(0, std=10)\n"
        "tau_a ~ Gamma(1, 1)\n"
        "tau_y ~ Gamma(1, 1)\n"
        "a[county] ~ Normal(mu_a, tau_a)\n"
        "b ~ Normal(0, std=10)\n"
        "observed_index county_idx[obs] over county\n"
        "covariate floor[obs]\n"
        "observed y[obs] ~ Normal(a[county_idx[obs]] + b * floor[obs], tau_y)\n"
    )
    assert imported.data["county_idx"].tolist() == [0, 1, 2, 2, 1, 0] and imported.sizes == {"N_county": 3}
    assert imported.hyper == {} and set(imported.data) == {"county_idx", "floor", "y"}


def _refused(kind: str):
    with pm.Model() as model:
        m = pm.Normal("m", 0.0, 1.0, shape=3)
        if kind == "potential":
            pm.Potential("penalty", -(m**2).sum())
        elif kind == "chain":
            first, step = pm.Normal.dist(0.0, 1.0), pm.Laplace.dist(0.0, 1.0)
            pm.RandomWalk("walk", init_dist=first, innovation_dist=step, steps=3)
        elif kind == "family":
            pm.Gumbel("s", 2.0, 1.0)
        elif kind == "inflated":
            parts = [pm.DiracDelta.dist(1), pm.Poisson.dist(pm.math.exp(m[0]))]
            pm.Mixture("y", w=np.array([0.5, 0.5]), comp_dists=parts, observed=np.array([1, 2]))
        elif kind == "censored":
            pm.Censored("y", pm.Normal.dist(m[0], 1.0), lower=None, upper=1.0, observed=np.array([0.5, 1.0]))
        elif kind == "operation":
            pm.Normal("y", pm.math.cumprod(m), 1.0, observed=Y[:3])
        elif kind == "position":
            pm.Normal("y", m[pm.Poisson("c", 1.0)], 1.0, observed=1.0)
        elif kind == "components":
            parts = [pm.Normal.dist(m[0], 1.0), pm.Normal.dist(m[1], 2.0)]
            pm.Mixture("y", w=np.array([0.5, 0.5]), comp_dists=parts, observed=Y)
        elif kind == "sign":
            pm.Normal("y", 0.0, tau=m, observed=Y[:3])
        elif kind == "name":
            pm.Normal("log-odds", 0.0, 1.0)
    return model


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("potential", "found the potential penalty; expected densities alone"),
        ("chain", "walk: found a chain with Laplace steps; expected Normal ones"),
        ("family", "s: found the distribution Gumbel, which cannot be read; expected one of Normal"),
        ("inflated", "y: found a location other than zero"),
        ("censored", "y: found the distribution Censored, which cannot be read; which values are limits"),
        ("operation", "y: found a running product in its mean; there is no index notation"),
        ("position", "y: found a selection by c in its mean; only a Categorical"),
        ("components", "y: found a mixture of 2 distributions; expected one whose parameters"),
        ("sign", r"y: found sign\(m\[\w\]\) in its std"),
        ("name", "the name 'log-odds' of a variable cannot be used"),
    ],
)
def test_refusals(kind: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        from_pymc(_refused(kind))
