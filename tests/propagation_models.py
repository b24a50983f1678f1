"""Small models with jointly Normal latents, for expectation propagation."""

from collections.abc import Callable

import numpy as np

from cavi.derive import (
    Bernoulli,
    Binomial,
    Laplace,
    Model,
    MultivariateNormal,
    Normal,
    Poisson,
    StudentT,
    dot,
    exp,
    probit,
    sigmoid,
)


def logit() -> Model:
    m = Model("logit")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha = m.hyper("alpha_0")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return m


def rates() -> Model:
    """A log link with two latents and an offset."""
    m = Model("rates")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, e = m.covariate("X", n, d), m.covariate("E", n)
    w = m.latent("w", Normal(0, 2), d)
    b = m.latent("b", Normal(1, 2))
    m.observed("y", Poisson(exp(dot(w, x[n]) + b + e[n])), n)
    return m


def classifier() -> Model:
    """A Gaussian process behind a logistic function, with a number of trials."""
    m = Model("classifier")
    n, p = m.index("n", "N"), m.index("p", "N")
    kernel = m.hyper("K", n, p)
    total = m.covariate("y_total", n)
    f = m.latent("f", MultivariateNormal(0, covariance=kernel, over=n))
    m.observed("y", Binomial(total[n], sigmoid(f[n])), n)
    return m


def groups() -> Model:
    """Levels of groups around a common one, found by observed integers."""
    m = Model("groups")
    n, g = m.index("n", "N"), m.index("g", "G")
    member = m.observed_index("member", n, over=g)
    mu = m.latent("mu", Normal(0, 1))
    u = m.latent("u", Normal(mu, 4), g)
    m.observed("y", Poisson(exp(u[member[n]])), n)
    return m


def counts_in_time() -> Model:
    """A random walk behind counts."""
    m = Model("counts_in_time")
    t = m.index("t", "T")
    q = m.hyper("q")
    x = m.latent("x", lambda x: Normal(x[t - 1], q), t, initial=Normal(0, 1))
    m.observed("y", Poisson(exp(x[t])), t)
    return m


def lasso() -> Model:
    """Sites that are priors: Laplace weights of a regression."""
    m = Model("lasso")
    n, d = m.index("n", "N"), m.index("d", "D")
    s = m.hyper("s")
    x = m.covariate("X", n, d)
    w = m.latent("w", Laplace(0, 1), d)
    m.observed("y", Normal(dot(w, x[n]), s), n)
    return m


def probits() -> Model:
    """Sites with closed moments."""
    m = Model("probits")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Bernoulli(probit(dot(w, x[n]))), n)
    return m


def heavy_tails() -> Model:
    """Sites that are functions of a square, multiplied out, and whose precisions may be negative."""
    m = Model("heavy_tails")
    n, d, g = m.index("n", "N"), m.index("d", "D"), m.index("g", "G")
    x, e, member = m.covariate("X", n, d), m.covariate("E", n), m.observed_index("member", n, over=g)
    w, u = m.latent("w", Normal(0, 1), d), m.latent("u", Normal(0, 1), g)
    m.observed("y", StudentT(dot(w, x[n]) + u[member[n]] + e[n], 2, dof=4), n)
    return m


def response() -> Model:
    """One site without plates: all data depend on one number through its exponential."""
    m = Model("response")
    n = m.index("n", "N")
    w = m.latent("w", Normal(0, 1))
    m.observed("y", Normal(exp(w), 2), n)
    return m


def regression() -> Model:
    """No site: the posterior is Normal."""
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, s = m.hyper("a s")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, a), d)
    m.observed("y", Normal(dot(w, x[n]), s), n)
    return m


MODELS: dict[str, Callable[[], Model]] = {
    f.__name__: f
    for f in (
        logit,
        rates,
        classifier,
        groups,
        counts_in_time,
        lasso,
        probits,
        heavy_tails,
        response,
        regression,
    )
}


def binary_data(rows: int, columns: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"X": rng.normal(size=(rows, columns)), "y": rng.integers(0, 2, rows).astype(float)}
