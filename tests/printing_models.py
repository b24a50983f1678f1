"""Small models that between them reach every branch of the renderers."""

from __future__ import annotations

from collections.abc import Callable

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Dirichlet,
    Gamma,
    Model,
    Normal,
    Poisson,
    Sum,
    TruncatedNormal,
    VonMises,
    derive,
    dot,
)
from cavi.derive.result import Derived

HOSTILE = r"A \input{x} & <script>alert(1)</script> 100% _^~ #$ {}"


def normal(block: bool = False) -> Derived:
    m = Model("normal", title="Normal with unknown mean and precision")
    n = m.index("n", "N")
    mu_0, lambda_0, a_0, b_0 = m.hyper("mu_0 lambda_0 a_0 b_0")
    tau = m.latent("tau", Gamma(a_0, b_0))
    mu = m.latent("mu", Normal(mu_0, lambda_0 * tau))
    m.observed("x", Normal(mu, tau), n)
    return derive(m, factors=[("mu", "tau")] if block else None)


def rates() -> Derived:
    m = Model("rates", title="Poisson rates with exposure")
    j = m.index("j", "J")
    a, b = m.hyper("a b")
    exposure = m.covariate("exposure", j)
    lam = m.latent("lam", Gamma(a, b), j)
    m.observed("y", Poisson(lam[j] * exposure[j]), j)
    return derive(m)


def mixture(title: str | None = None) -> Derived:
    m = Model("mixture", title=title)
    n, k = m.index("n", "N"), m.index("k", "K")
    alpha, m_0, kappa, a, b = m.hyper("alpha_0 m_0 kappa_0 a_0 b_0")
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    tau = m.latent("tau", Gamma(a, b), k)
    mu = m.latent("mu", Normal(m_0, kappa * tau[k]), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return derive(m)


def hostile() -> Derived:
    return mixture(HOSTILE)


def maximum_likelihood() -> Derived:
    m = Model("em", title="Mixture by maximum likelihood")
    n, k = m.index("n", "N"), m.index("k", "K")
    pi, mu, tau = m.point("pi", over=k), m.point("mu", k), m.point("tau", k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return derive(m)


def regression(joint: bool = False) -> Derived:
    m = Model("regression", title="Linear regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, b, lam = m.hyper("a b lam")
    X = m.covariate("X", n, d)
    tau = m.latent("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, lam), d)
    m.observed("y", Normal(dot(w, X[n]), tau), n)
    return derive(m, factors=[("w",)] if joint else None)


def topics() -> Derived:
    m = Model("topics", title="Topics")
    n, d, k, v = m.index("n", "N"), m.index("d", "D"), m.index("k", "K"), m.index("v", "V")
    alpha, eta = m.hyper("alpha eta")
    doc = m.observed_index("doc", n, over=d)
    count = m.covariate("count", n)
    theta = m.latent("theta", Dirichlet(alpha, over=k), d)
    beta = m.latent("beta", Dirichlet(eta, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n, weight=count[n])
    m.observed("w", Categorical(beta[z[n]]), n, weight=count[n])
    return derive(m)


def factorised_counts() -> Derived:
    m = Model("counts", title="Poisson matrix factorisation")
    n, k, i, j = m.index("n", "N"), m.index("k", "K"), m.index("i", "I"), m.index("j", "J")
    a, b = m.hyper("a b")
    u, v = m.latent("u", Gamma(a, b), i, k), m.latent("v", Gamma(a, b), j, k)
    user, item = m.observed_index("user", n, over=i), m.observed_index("item", n, over=j)
    s = m.latent("s", Poisson(u[user[n], k] * v[item[n], k]), n, k)
    m.observed("x", Sum(s[n, k], k), n)
    return derive(m)


def crossed() -> Derived:
    m = Model("crossed", title="Two crossed effects")
    n, i, j = m.index("n", "N"), m.index("i", "I"), m.index("j", "J")
    l_0, a, b = m.hyper("lambda_0 a_0 b_0")
    g, h = m.observed_index("g", n, over=i), m.observed_index("h", n, over=j)
    mu = m.latent("mu", Normal(0, l_0))
    tau_a, tau = m.latent("tau_a", Gamma(a, b)), m.latent("tau", Gamma(a, b))
    alpha, beta = m.latent("alpha", Normal(0, tau_a), i), m.latent("beta", Normal(0, l_0), j)
    m.observed("y", Normal(mu + alpha[g[n]] + beta[h[n]], tau), n)
    return derive(m)


def selected() -> Derived:
    m = Model("selected", title="Selected regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    X = m.covariate("X", n, d)
    a, b, l_0, e, f = m.hyper("a b lambda_0 e f")
    tau, p = m.latent("tau", Gamma(a, b)), m.latent("p", Beta(e, f))
    s = m.latent("s", Bernoulli(p), d)
    w = m.latent("w", Normal(0, l_0), d)
    m.observed("y", Normal(Sum(s[d] * w[d] * X[n, d], d), tau), n)
    return derive(m)


def angles() -> Derived:
    m = Model("angles", title="Directions")
    n = m.index("n", "N")
    m_0, k_0, kappa = m.hyper("m_0 k_0 kappa")
    theta = m.latent("theta", VonMises(m_0, k_0))
    m.observed("x", VonMises(theta, kappa), n)
    return derive(m)


def bounded() -> Derived:
    m = Model("bounded", title="A mean that is not negative")
    n = m.index("n", "N")
    a, t = m.hyper("a t")
    mu = m.latent("mu", TruncatedNormal(a, 1, lower=0))
    m.observed("x", Normal(mu, t), n)
    return derive(m)


def inverse_scale() -> Derived:
    m = Model("variance", title="A variance with a Gamma prior")
    n = m.index("n", "N")
    a, b = m.hyper("a b")
    s = m.latent("s", Gamma(a, b))
    m.observed("x", Normal(0, variance=s), n)
    return derive(m)


def long_names() -> Derived:
    m = Model("long_names", title="Long names")
    subject, session = m.index("subject", "Subjects"), m.index("session", "Sessions")
    grand_mean, between, shape, rate = m.hyper("grand_mean precision_between_subjects shape_noise rate_noise")
    ability = m.latent("subject_ability", Normal(grand_mean, between), subject)
    drift = m.latent("session_drift", Normal(0, between), session)
    noise = m.latent("noise_precision", Gamma(shape, rate), session)
    m.observed("measured_response", Normal(ability[subject] + drift[session], noise[session]), subject, session)
    return derive(m)


ZOO: dict[str, Callable[[], Derived]] = {
    "normal": normal,
    "normal_block": lambda: normal(block=True),
    "rates": rates,
    "hostile": hostile,
    "maximum_likelihood": maximum_likelihood,
    "regression": regression,
    "regression_joint": lambda: regression(joint=True),
    "topics": topics,
    "factorised_counts": factorised_counts,
    "crossed": crossed,
    "selected": selected,
    "angles": angles,
    "bounded": bounded,
    "inverse_scale": inverse_scale,
    "long_names": long_names,
}
