"""Models that are not in the library, declared as a user would: each must work from its declaration alone.

`ZOO` maps a name to (function that declares it, factorisation, families expected by factor).
"""

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Dirichlet,
    Exponential,
    Gamma,
    GeneralisedInverseGaussian,
    Geometric,
    HalfNormal,
    InverseGamma,
    Laplace,
    LogNormal,
    Model,
    NegativeBinomial,
    Normal,
    Pareto,
    Poisson,
    Sum,
    TruncatedNormal,
    VonMises,
    Weibull,
    dot,
    size,
)

ZOO: dict = {}


def zoo(families: dict, factors=None):
    def add(declare):
        ZOO[declare.__name__] = (declare, factors, families)
        return declare

    return add


def one_plate(name: str):
    m = Model(name)
    return m, m.index("n", "N")


@zoo({"lam": "Gamma"})
def gamma_exponential():
    m, n = one_plate("gamma_exponential")
    m.observed("x", Exponential(m.latent("lam", Gamma(2, 3))), n)
    return m


@zoo({"p": "Beta"})
def beta_geometric():
    m, n = one_plate("beta_geometric")
    m.observed("x", Geometric(m.latent("p", Beta(2, 3))), n)
    return m


@zoo({"p": "Beta"})
def beta_negative_binomial():
    m, n = one_plate("beta_negative_binomial")
    m.observed("x", NegativeBinomial(m.hyper("r"), m.latent("p", Beta(2, 3))), n)
    return m


@zoo({"lam": "Gamma"})
def weibull_of_known_shape():
    m, n = one_plate("weibull_of_known_shape")
    m.observed("x", Weibull(m.hyper("shape"), m.latent("lam", Gamma(2, 3))), n)
    return m


@zoo({"a": "Gamma"})
def pareto_of_known_minimum():
    m, n = one_plate("pareto_of_known_minimum")
    m.observed("x", Pareto(m.latent("a", Gamma(2, 3)), 0.01), n)
    return m


@zoo({"b": "InverseGamma"})
def laplace_of_known_location():
    m, n = one_plate("laplace_of_known_location")
    m.observed("x", Laplace(m.hyper("centre"), m.latent("b", InverseGamma(2, 3))), n)
    return m


@zoo({"mu": "Normal", "v": "InverseGamma"})
def inverse_gamma_variance():
    m, n = one_plate("inverse_gamma_variance")
    mu, v = m.latent("mu", Normal(0, 1)), m.latent("v", InverseGamma(2, 3))
    m.observed("x", Normal(mu, variance=v), n)
    return m


@zoo({"mu": "Normal", "v": "GeneralisedInverseGaussian"})
def gamma_variance():
    m, n = one_plate("gamma_variance")
    mu, v = m.latent("mu", Normal(0, 1)), m.latent("v", Gamma(2, 3))
    m.observed("x", Normal(mu, variance=v), n)
    return m


@zoo({"v": "GeneralisedInverseGaussian"})
def gig_variance():
    m, n = one_plate("gig_variance")
    m.observed("x", Normal(0.3, variance=m.latent("v", GeneralisedInverseGaussian(0.7, 2, 3))), n)
    return m


@zoo({"tau": "Gamma"})
def half_normal_scale():
    m, n = one_plate("half_normal_scale")
    m.observed("x", HalfNormal(m.latent("tau", Gamma(2, 3))), n)
    return m


@zoo({"s": "TruncatedNormal"})
def half_normal_mean():
    m, n = one_plate("half_normal_mean")
    m.observed("x", Normal(m.latent("s", HalfNormal(2)), 1.5), n)
    return m


@zoo({"mu": "TruncatedNormal"})
def truncated_mean():
    m, n = one_plate("truncated_mean")
    m.observed("x", Normal(m.latent("mu", TruncatedNormal(0.4, 1.3, lower=-1, upper=2)), 2), n)
    return m


@zoo({"mu": "VonMises"})
def von_mises_mean():
    m, n = one_plate("von_mises_mean")
    kappa, m0, kappa0 = m.hyper("kappa m_0 kappa_0")
    m.observed("x", VonMises(m.latent("mu", VonMises(m0, kappa0)), kappa), n)
    return m


@zoo({"mu": "Normal", "tau": "Gamma"})
def log_normal():
    m, n = one_plate("log_normal")
    m.observed("x", LogNormal(m.latent("mu", Normal(0, 1)), m.latent("tau", Gamma(2, 1))), n)
    return m


@zoo({"pi": "Beta", "s": "Bernoulli", "rate": "Gamma"})
def two_state_poisson():
    m, n = one_plate("two_state_poisson")
    state = m.index("k", 2)
    pi, rate = m.latent("pi", Beta(2, 3)), m.latent("rate", Gamma(2, 1), state)
    s = m.latent("s", Bernoulli(pi), n)
    m.observed("x", Poisson(rate[s[n]]), n)
    return m


@zoo({"s": "Bernoulli", "w": "Normal", "tau": "Gamma", "pi": "Beta"})
def spike_and_slab():
    m, n = one_plate("spike_and_slab")
    d = m.index("d", "D")
    design, tau = m.covariate("X", n, d), m.latent("tau", Gamma(2, 1))
    pi = m.latent("pi", Beta(2, 2))
    s, w = m.latent("s", Bernoulli(pi), d), m.latent("w", Normal(0, 0.7), d)
    m.observed("y", Normal(dot(s * w, design[n]), tau), n)
    return m


@zoo({"u": "Gamma", "v": "Gamma"})
def crossed_rates():
    m, n = one_plate("crossed_rates")
    i, j = m.index("i", "I"), m.index("j", "J")
    hours = m.covariate("hours", n)
    row, column = m.observed_index("row", n, over=i), m.observed_index("column", n, over=j)
    u, v = m.latent("u", Gamma(2, 2), i), m.latent("v", Gamma(3, 2), j)
    m.observed("x", Poisson(hours[n] * u[row[n]] * v[column[n]]), n)
    return m


@zoo({"pi": "Dirichlet", "lam": "Gamma", "z": "Categorical"})
def mixture_of_exponentials():
    m, n = one_plate("mixture_of_exponentials")
    k = m.index("k", "K")
    pi, lam = m.latent("pi", Dirichlet(1.5, over=k)), m.latent("lam", Gamma(2, 2), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Exponential(lam[z[n]]), n)
    return m


@zoo({"w": "MultivariateNormal", "tau": "Gamma", "z": "Categorical"}, factors=["w"])
def mixture_of_regressions():
    m, n = one_plate("mixture_of_regressions")
    k, d = m.index("k", "K"), m.index("d", "D")
    design = m.covariate("X", n, d)
    w, tau = m.latent("w", Normal(0, 0.8), k, d), m.latent("tau", Gamma(2, 1), k)
    z = m.latent("z", Categorical(1 / size(k), over=k), n)
    m.observed("y", Normal(dot(w[z[n]], design[n]), tau[z[n]]), n)
    return m


@zoo({"A": "Dirichlet", "z": "Categorical", "s": "Categorical", "mu": "Normal"})
def two_levels_of_categories():
    m, n = one_plate("two_levels_of_categories")
    k, j = m.index("k", "K"), m.index("j", "J")
    pi, a = m.latent("pi", Dirichlet(1.5, over=k)), m.latent("A", Dirichlet(0.8, over=j), k)
    z = m.latent("z", Categorical(pi), n)
    s = m.latent("s", Categorical(a[z[n]]), n)
    mu = m.latent("mu", Normal(0, 0.5), k, j)
    m.observed("x", Normal(mu[z[n], s[n]], 1.4), n)
    return m


@zoo({"xi": "Normal", "beta": "Normal", "tau": "Gamma"})
def measurement_error():
    m, n = one_plate("measurement_error")
    mu, tau = m.latent("mu", Normal(0, 1)), m.latent("tau", Gamma(2, 1))
    xi, beta = m.latent("xi", Normal(mu, tau), n), m.latent("beta", Normal(0, 1))
    m.observed("x", Normal(xi[n], 3), n)
    m.observed("y", Normal(beta * xi[n], 2), n)
    return m


@zoo({"a": "Normal", "b": "Normal", "spread": "Gamma"})
def random_intercepts_and_slopes():
    m, n = one_plate("random_intercepts_and_slopes")
    g = m.index("g", "G")
    group, x = m.observed_index("group", n, over=g), m.covariate("x", n)
    centre, spread, tau = (
        m.latent("centre", Normal(0, 1)),
        m.latent("spread", Gamma(2, 1)),
        m.latent("tau", Gamma(2, 1)),
    )
    a, b = m.latent("a", Normal(centre, spread), g), m.latent("b", Normal(0, spread), g)
    m.observed("y", Normal(a[group[n]] + b[group[n]] * x[n], tau), n)
    return m


@zoo({"tau,w": "NormalGamma", "tau": "Gamma"}, factors=[("w", "tau")])
def conjugate_regression():
    m, n = one_plate("conjugate_regression")
    d = m.index("d", "D")
    a, b, lam = m.hyper("a b lam")
    design, tau = m.covariate("X", n, d), m.latent("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, lam * tau), d)
    m.observed("y", Normal(dot(w, design[n]), tau), n)
    return m


@zoo({"b": "Gamma", "lam": "Gamma"})
def empirical_bayes_rates():
    m = Model("empirical_bayes_rates")
    g = m.index("g", "G")
    a, b = m.hyper("a"), m.point("b")
    lam, hours = m.latent("lam", Gamma(a, b), g), m.covariate("hours", g)
    m.observed("x", Poisson(lam[g] * hours[g]), g)
    return m


@zoo({"pi": "Dirichlet", "mu": "Normal", "tau": "Gamma", "z": "Categorical"})
def maximum_a_posteriori_mixture():
    m, n = one_plate("maximum_a_posteriori_mixture")
    k = m.index("k", "K")
    pi, mu, tau = m.point("pi", Dirichlet(2, over=k)), m.point("mu", Normal(0, 1), k), m.point("tau", Gamma(2, 1), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return m


@zoo({"u": "Normal", "v": "Normal"})
def product_of_two_normals():
    m, n = one_plate("product_of_two_normals")
    u, v = m.latent("u", Normal(0.4, 1)), m.latent("v", Normal(-0.3, 2))
    m.observed("x", Normal(u * v - u + 2, 1.5), n)
    return m


@zoo({"w": "Normal"})
def weighted_observations():
    m, n = one_plate("weighted_observations")
    count, w = m.covariate("count", n), m.latent("w", Normal(0.2, 0.6))
    m.observed("x", Normal(w, 1.3), n, weight=count[n])
    return m


@zoo({"s": "Multinomial", "u": "Gamma"})
def additive_poisson():
    m, n = one_plate("additive_poisson")
    k = m.index("k", "K")
    share, u = m.covariate("share", n, k), m.latent("u", Gamma(1.5, 0.5), k)
    s = m.latent("s", Poisson(u[k] * share[n, k]), n, k)
    m.observed("x", Sum(s[n, k], k), n)
    return m


@zoo({"skill": "Normal"})
def differences_of_one_plate():
    m, n = one_plate("differences_of_one_plate")
    i = m.index("i", "I")
    first, second = m.observed_index("first", n, over=i), m.observed_index("second", n, over=i)
    skill = m.latent("skill", Normal(0.3, 0.8), i)
    m.observed("x", Normal(skill[first[n]] - skill[second[n]], 1.7), n)
    return m


@zoo({"skill": "MultivariateNormal"}, factors=["skill"])
def joint_differences_of_one_plate():
    return differences_of_one_plate()


@zoo({"mu": "Normal"})
def masked_matrix():
    m, n = one_plate("masked_matrix")
    d = m.index("d", "D")
    mask, spread = m.covariate("mask", n, d), m.hyper("spread", d)
    mu = m.latent("mu", Normal(0.2, std=spread[d]), d)
    m.observed("x", Normal(mu[d], 1.3), n, d, weight=mask[n, d])
    return m


@zoo({"s": "Categorical", "mu": "Normal"})
def transitions_between_one_set():
    m, n = one_plate("transitions_between_one_set")
    k, j = m.index("k", "K"), m.index("j", "K")
    pi, a = m.latent("pi", Dirichlet(1.5, over=k)), m.latent("A", Dirichlet(0.8, over=j), k)
    z = m.latent("z", Categorical(pi), n)
    s = m.latent("s", Categorical(a[z[n]]), n)
    mu = m.latent("mu", Normal(0.1, 0.7), k)
    m.observed("x", Normal(mu[s[n]], 1.4), n)
    return m


@zoo({"tau,theta": "NormalGamma"}, factors=[("theta", "tau")])
def groups_with_a_common_scale():
    m, n = one_plate("groups_with_a_common_scale")
    g = m.index("g", "G")
    group, centre = m.observed_index("group", n, over=g), m.latent("centre", Normal(0.2, 0.4))
    tau = m.latent("tau", Gamma(2, 1.5))
    theta = m.latent("theta", Normal(centre, 3 * tau), g)
    m.observed("y", Normal(theta[group[n]], tau), n)
    return m


@zoo({"w": "MultivariateNormal"}, factors=["w"])
def sum_of_two_selections():
    m, n = one_plate("sum_of_two_selections")
    k = m.index("k", "K")
    w, p = m.latent("w", Normal(0.3, 0.8), k), m.latent("p", Dirichlet(1.2, over=k))
    z, s = m.latent("z", Categorical(p), n), m.latent("s", Categorical(p), n)
    m.observed("x", Normal(w[z[n]] + w[s[n]], 2.5), n)
    return m


import zoo_joint  # noqa: E402, F401  (declares its models in ZOO)
