"""Vectors, matrices, joint blocks, chains and networks that are not in the library; see `zoo`."""

from zoo import zoo

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Dirichlet,
    Gamma,
    InverseWishart,
    MatrixNormal,
    Model,
    MultivariateNormal,
    Normal,
    NormalGamma,
    NormalWishart,
    Poisson,
    Sum,
    Wishart,
    diag,
    distinct,
    dot,
    identity,
    inverse,
    outer,
    size,
    stick_breaking,
)


@zoo({"W": "MultivariateNormal", "z": "MultivariateNormal"}, factors=["W"])
def components_with_scalar_weights():
    m = Model("components_with_scalar_weights")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    alpha = m.latent("alpha", Gamma(1, 1), k)
    w = m.latent("W", Normal(0, alpha[k]), d, k)
    mu = m.latent("mu", Normal(0, 1), d)
    tau = m.latent("tau", Gamma(1, 1))
    z = m.latent("z", MultivariateNormal(0, 1, over=k), n)
    m.observed("x", Normal(dot(w[d], z[n]) + mu[d], tau), n, d)
    return m


@zoo({"W": "MultivariateNormal", "L": "Wishart"}, factors=["W"])
def components_with_full_noise():
    m = Model("components_with_full_noise")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    alpha = m.latent("alpha", Gamma(1, 1), k)
    w = m.latent("W", MultivariateNormal(0, diag(alpha), over=k), d)
    nu = m.hyper("nu_0")
    noise = m.latent("L", Wishart(nu, 1, over=d))
    z = m.latent("z", MultivariateNormal(0, 1, over=k), n)
    m.observed("x", MultivariateNormal(w @ z[n], noise), n)
    return m


@zoo({"S": "InverseWishart", "S,mu": "NormalInverseWishart"}, factors=[("S", "mu")])
def normal_inverse_wishart():
    m = Model("normal_inverse_wishart")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    nu, psi = m.hyper("nu_0"), m.hyper("Psi_0", d, e)
    s = m.latent("S", InverseWishart(nu, psi, over=d))
    mu = m.latent("mu", MultivariateNormal(0, covariance=s / 2, over=d))
    m.observed("x", MultivariateNormal(mu, covariance=s), n)
    return m


@zoo({"S": "InverseWishart", "mu": "MultivariateNormal"})
def covariance_and_mean_apart():
    m = Model("covariance_and_mean_apart")
    n, d = m.index("n", "N"), m.index("d", "D")
    nu = m.hyper("nu_0")
    s = m.latent("S", InverseWishart(nu, 2, over=d))
    mu = m.latent("mu", MultivariateNormal(0, 1, over=d))
    m.observed("x", MultivariateNormal(mu, covariance=s), n)
    return m


@zoo({"L": "Wishart", "W": "MatrixNormal"}, factors=[("L", "W")])
def matrix_normal_wishart():
    m = Model("matrix_normal_wishart")
    n, d, p = m.index("n", "N"), m.index("d", "D"), m.index("p", "P")
    x, nu = m.covariate("X", n, p), m.hyper("nu_0")
    noise = m.latent("L", Wishart(nu, 1, over=d))
    w = m.latent("W", MatrixNormal(0, noise, 2, over=(d, p)))
    m.observed("y", MultivariateNormal(w @ x[n], noise), n)
    return m


@zoo({"mu_b": "MultivariateNormal", "Omega": "Wishart"}, factors=[("mu_b", "b")])
def correlated_slopes():
    m = Model("correlated_slopes")
    n, g, d = m.index("n", "N"), m.index("g", "G"), m.index("d", "D")
    x, group = m.covariate("X", n, d), m.observed_index("group", n, over=g)
    nu = m.hyper("nu_0")
    omega = m.latent("Omega", Wishart(nu, 1, over=d))
    mean = m.latent("mu_b", MultivariateNormal(0, identity(d), over=d))
    b = m.latent("b", MultivariateNormal(mean, omega), g)
    tau = m.latent("tau", Gamma(1, 1))
    m.observed("y", Normal(dot(b[group[n]], x[n]), tau), n)
    return m


@zoo({"beta,u,v": "MultivariateNormal", "v": "Normal"}, factors=[("beta", "u", "v")])
def all_coefficients_in_one_block():
    m = Model("all_coefficients_in_one_block")
    n, g, d = m.index("n", "N"), m.index("g", "G"), m.index("d", "D")
    x, w, group = m.covariate("X", n, d), m.covariate("w", n), m.observed_index("group", n, over=g)
    beta = m.latent("beta", Normal(0, 1), d)
    u = m.latent("u", Normal(0, 2), g)
    v = m.latent("v", Normal(0, 3), g)
    tau = m.latent("tau", Gamma(1, 1))
    m.observed("y", Normal(dot(beta, x[n]) + u[group[n]] + w[n] * v[group[n]], tau), n)
    return m


@zoo({"beta": "MultivariateNormal", "u": "Normal", "tau": "Gamma"}, factors=[("beta", "u", "tau")])
def coefficients_and_noise_in_one_block():
    m = Model("coefficients_and_noise_in_one_block")
    n, g, d = m.index("n", "N"), m.index("g", "G"), m.index("d", "D")
    x, group = m.covariate("X", n, d), m.observed_index("group", n, over=g)
    tau = m.latent("tau", Gamma(2, 1))
    beta = m.latent("beta", Normal(0, tau), d)
    u = m.latent("u", Normal(0, 2 * tau), g)
    m.observed("y", Normal(dot(beta, x[n]) + u[group[n]], tau), n)
    return m


@zoo({"f": "MultivariateNormal"})
def values_of_a_process():
    m = Model("values_of_a_process")
    n, other = m.index("n", "N"), m.index("o", "N")
    kernel = m.hyper("K", n, other)
    f = m.latent("f", MultivariateNormal(0, covariance=kernel, over=n))
    tau = m.latent("tau", Gamma(2, 1))
    m.observed("y", Normal(f[n], tau), n)
    return m


@zoo({"z": "Categorical", "B": "Beta"})
def undirected_blocks():
    m = Model("undirected_blocks")
    i, j, k, l = m.index("i", "N"), m.index("j", "N"), m.index("k", "K"), m.index("l", "K")
    pi = m.latent("pi", Dirichlet(1, over=k))
    b = m.latent("B", Beta(1, 1), k, l)
    z = m.latent("z", Categorical(pi), i)
    m.observed("y", Bernoulli(b[z[i], z[j]]), i, j, where=i < j)
    return m


@zoo({"s": "Categorical", "r": "Categorical"}, factors=[("s", "r")])
def mixed_memberships():
    m = Model("mixed_memberships")
    i, j, k, l = m.index("i", "N"), m.index("j", "N"), m.index("k", "K"), m.index("l", "K")
    pi = m.latent("pi", Dirichlet(1, over=k), i)
    b = m.latent("B", Beta(1, 1), k, l)
    s = m.latent("s", Categorical(pi[i]), i, j)
    r = m.latent("r", Categorical(pi[j]), i, j)
    m.observed("y", Bernoulli(b[s[i, j], r[i, j]]), i, j, where=distinct(i, j))
    return m


@zoo({"v": "Beta", "a": "Gamma"})
def broken_sticks():
    m = Model("broken_sticks")
    n, k = m.index("n", "N"), m.index("k", "K")
    a = m.latent("a", Gamma(1, 1))
    v = m.latent("v", Beta(1, a), k)
    z = m.latent("z", Categorical(stick_breaking(v)), n)
    lam = m.latent("lam", Gamma(1, 1), k)
    m.observed("x", Poisson(lam[z[n]]), n)
    return m


@zoo({"Lambda": "Wishart", "u": "Gamma"})
def heavy_tailed_clusters():
    m = Model("heavy_tailed_clusters")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    nu = m.hyper("nu_0")
    pi = m.latent("pi", Dirichlet(1, over=k))
    mu, precision = m.latent("mu Lambda", NormalWishart(0, 1, nu, 1, over=d), k)
    z = m.latent("z", Categorical(pi), n)
    u = m.latent("u", Gamma(2, 2), n)
    m.observed("x", MultivariateNormal(mu[z[n]], u[n] * precision[z[n]]), n)
    return m


@zoo({"eta": "MultivariateNormal", "z": "Categorical"}, factors=["eta"])
def response_of_mean_categories():
    m = Model("response_of_mean_categories")
    d, w, k, v = m.index("d", "D"), m.index("w", "W"), m.index("k", "K"), m.index("v", "V")
    theta = m.latent("theta", Dirichlet(1, over=k), d)
    beta = m.latent("beta", Dirichlet(1, over=v), k)
    z = m.latent("z", Categorical(theta[d]), d, w)
    m.observed("x", Categorical(beta[z[d, w]]), d, w)
    eta = m.latent("eta", Normal(0, 1), k)
    tau = m.latent("tau", Gamma(1, 1))
    m.observed("y", Normal(Sum(eta[z[d, w]], w) / size(w), tau), d)
    return m


@zoo({"z": "Categorical", "a": "Normal"})
def switching_autoregression():
    m = Model("switching_autoregression")
    t, k, l = m.index("t", "T"), m.index("k", "K"), m.index("l", "K")
    rows, pi = m.latent("A", Dirichlet(1, over=l), k), m.latent("pi", Dirichlet(1, over=k))
    z = m.latent("z", lambda z: Categorical(rows[z[t - 1]], over=k), t, initial=Categorical(pi))
    a, tau = m.latent("a", Normal(0, 1), k), m.latent("tau", Gamma(1, 1), k)
    m.observed("x", lambda x: Normal(a[z[t]] * x[t - 1], tau[z[t]]), t, initial=Normal(0, 1))
    return m


@zoo({"z": "Categorical", "lam": "Gamma"})
def chains_laid_end_to_end():
    m = Model("chains_laid_end_to_end")
    t, k, l = m.index("t", "T"), m.index("k", "K"), m.index("l", "K")
    start = m.covariate("start", t)
    rows, pi = m.latent("A", Dirichlet(1, over=l), k), m.latent("pi", Dirichlet(1, over=k))
    z = m.latent("z", lambda z: Categorical(rows[z[t - 1]], over=k), t, initial=Categorical(pi), starts=start)
    lam = m.latent("lam", Gamma(1, 1), k)
    m.observed("x", Poisson(lam[z[t]]), t)
    return m


@zoo({"x": "Normal", "q": "Gamma"})
def level_with_missing_values():
    m = Model("level_with_missing_values")
    t = m.index("t", "T")
    here = m.covariate("here", t)
    q, r = m.latent("q", Gamma(1, 1)), m.latent("r", Gamma(1, 1))
    x = m.latent("x", lambda x: Normal(x[t - 1], q), t, initial=Normal(0, 1))
    m.observed("y", Normal(x[t], r), t, weight=here[t])
    return m


def _level(name):
    m = Model(name)
    t = m.index("t", "T")
    q = m.latent("q", Gamma(1, 1))
    x = m.latent("x", lambda x: Normal(x[t - 1], q), t, initial=Normal(0, 1))
    m.observed("y", Normal(x[t], 2), t)
    return m, x.split(t)


@zoo({"x": "Normal"}, factors=[_level("level")[1]])
def a_chain_split_into_elements():
    return _level("a_chain_split_into_elements")[0]


@zoo({"x": "MultivariateNormal", "A": "MultivariateNormal"}, factors=[("A", "b"), "C"])
def driven_dynamics():
    m = Model("driven_dynamics")
    s, t, i, j, d = m.index("s", "S"), m.index("t", "T"), m.index("i", "Q"), m.index("j", "Q"), m.index("d", "D")
    a, c = m.latent("A", Normal(0, 1), i, j), m.latent("C", Normal(0, 1), d, i)
    b, u = m.latent("b", Normal(0, 1), i), m.covariate("u", s, t)
    x = m.latent(
        "x",
        lambda x: MultivariateNormal(a @ x[s, t - 1] + u[s, t] * b, 1, over=i),
        s,
        t,
        initial=MultivariateNormal(0, 1, over=i),
    )
    m.observed("y", Normal(dot(c[d], x[s, t]), 2), s, t, d)
    return m


@zoo({"x": "MultivariateNormal", "z": "Categorical"}, factors=["F"])
def switching_dynamics():
    m = Model("switching_dynamics")
    t, k, l, i, j = m.index("t", "T"), m.index("k", "K"), m.index("l", "K"), m.index("i", "Q"), m.index("j", "Q")
    rows, pi = m.latent("A", Dirichlet(1, over=l), k), m.latent("pi", Dirichlet(1, over=k))
    z = m.latent("z", lambda z: Categorical(rows[z[t - 1]], over=k), t, initial=Categorical(pi))
    f = m.latent("F", Normal(0, 1), k, i, j)
    x = m.latent(
        "x", lambda x: MultivariateNormal(f[z[t]] @ x[t - 1], 2, over=i), t, initial=MultivariateNormal(0, 1, over=i)
    )
    m.observed("y", Normal(x[t, i], 3), t, i)
    return m


@zoo({"z": "Categorical", "mu": "Normal"}, factors=["mu", "nu"])
def two_chains_at_once():
    m = Model("two_chains_at_once")
    t, k, l = m.index("t", "T"), m.index("k", "K"), m.index("l", "K")
    a, b = m.latent("A", Dirichlet(1, over=l), k), m.latent("B", Dirichlet(1, over=l), k)
    even = Categorical(1 / size(k), over=k)
    z = m.latent("z", lambda z: Categorical(a[z[t - 1]], over=k), t, initial=even)
    w = m.latent("w", lambda w: Categorical(b[w[t - 1]], over=k), t, initial=even)
    mu, nu = m.latent("mu", Normal(0, 1), k), m.latent("nu", Normal(0, 1), k)
    m.observed("y", Normal(mu[z[t]] + nu[w[t]], 3), t)
    return m


@zoo({"P": "Wishart"})
def observed_scatter_matrices():
    m = Model("observed_scatter_matrices")
    n, d = m.index("n", "N"), m.index("d", "D")
    nu, kappa = m.hyper("nu_0 nu_1")
    p = m.latent("P", Wishart(nu, 1, over=d))
    m.observed("S", Wishart(kappa, inverse_scale=p, over=d), n)
    return m


@zoo({"w": "MultivariateNormal", "tau": "Gamma"}, factors=[("w", "tau")])
def regressions_with_own_noise():
    m = Model("regressions_with_own_noise")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    x = m.covariate("X", n, d)
    pi = m.latent("pi", Dirichlet(1, over=k))
    z = m.latent("z", Categorical(pi), n)
    tau = m.latent("tau", Gamma(1, 1), k)
    w = m.latent("w", MultivariateNormal(0, tau[k], over=d), k)
    m.observed("y", Normal(dot(w[z[n]], x[n]), tau[z[n]]), n)
    return m


@zoo({"s": "Bernoulli", "w": "Normal"})
def selected_regressors():
    m = Model("selected_regressors")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    s = m.latent("s", Bernoulli(0.3), d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Normal(Sum(s[d] * w[d] * x[n, d], d), 2), n)
    return m


@zoo({"tau,mu": "NormalGamma", "mu": "Normal"})
def declared_as_a_pair():
    m = Model("declared_as_a_pair")
    n, k = m.index("n", "N"), m.index("k", "K")
    group = m.observed_index("group", n, over=k)
    mu, tau = m.latent("mu tau", NormalGamma(0, 1, 2, 1), k)
    m.observed("x", Normal(mu[group[n]], tau[group[n]]), n)
    return m


@zoo({"mu": "MultivariateNormal"})
def structured_covariance():
    m = Model("structured_covariance")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    v, s = m.hyper("v", d), m.hyper("S_0", d, e)
    tau = m.latent("tau", Gamma(1, 1))
    mu = m.latent("mu", MultivariateNormal(0, inverse(s + outer(v, v)), over=d))
    m.observed("x", MultivariateNormal(mu, tau * s), n)
    return m


@zoo({"s": "Categorical", "w": "Normal"})
def factorial_chains():
    m = Model("factorial_chains")
    t, c, k, j = m.index("t", "T"), m.index("c", "C"), m.index("k", "K"), m.index("j", "K")
    rows, pi = m.latent("A", Dirichlet(1, over=j), k), m.hyper("pi", j)
    s = m.latent("s", lambda s: Categorical(rows[s[c, t - 1]], over=j), c, t, initial=Categorical(pi))
    w = m.latent("w", Normal(0, 1), c, k)
    m.observed("y", Normal(Sum(w[c, s[c, t]], c), 2), t)
    return m


@zoo({"x": "Normal"})
def sums_of_levels():
    m = Model("sums_of_levels")
    t, c = m.index("t", "T"), m.index("c", "C")
    q = m.latent("q", Gamma(2, 1), c)
    x = m.latent("x", lambda x: Normal(x[c, t - 1], q[c]), c, t, initial=Normal(0, 1))
    m.observed("y", Normal(Sum(x[c, t], c), 2), t)
    return m


@zoo({"f": "MultivariateNormal"}, factors=[("z", "f")])
def factors_given_their_cluster():
    m = Model("factors_given_their_cluster")
    n, d, k, q = m.index("n", "N"), m.index("d", "D"), m.index("k", "K"), m.index("q", "Q")
    pi = m.latent("pi", Dirichlet(1, over=k))
    z = m.latent("z", Categorical(pi), n)
    f = m.latent("f", MultivariateNormal(0, 1, over=q), n)
    w = m.latent("W", MultivariateNormal(0, 1, over=q), k, d)
    mu, psi = m.latent("mu", Normal(0, 1), k, d), m.latent("psi", Gamma(1, 1), d)
    m.observed("x", Normal(dot(w[z[n], d], f[n]) + mu[z[n], d], psi[d]), n, d)
    return m


def _spikes(name):
    m = Model(name)
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    p = m.latent("p", Beta(1, 1))
    s = m.latent("s", Bernoulli(p), d)
    w = m.latent("w", Normal(0, 1), d)
    tau = m.latent("tau", Gamma(2, 1))
    m.observed("y", Normal(Sum(s[d] * w[d] * x[n, d], d), tau), n)
    return m, (s.split(d), w.split(d))


@zoo({"s": "Bernoulli", "w": "Normal"}, factors=[_spikes("spikes")[1]])
def spikes_and_slabs():
    return _spikes("spikes_and_slabs")[0]


@zoo({"y": "Categorical", "z": "Categorical"})
def chains_of_several_kinds():
    m = Model("chains_of_several_kinds")
    s, t = m.index("s", "S"), m.index("t", "T")
    k, l, v, c = m.index("k", "K"), m.index("l", "K"), m.index("v", "V"), m.index("c", "C")
    w = m.latent("w", Dirichlet(1, over=c))
    pi = m.latent("pi", Dirichlet(1, over=k), c)
    a = m.latent("A", Dirichlet(1, over=l), c, k)
    b = m.latent("B", Dirichlet(1, over=v), k)
    y = m.latent("y", Categorical(w), s)
    z = m.latent("z", lambda z: Categorical(a[y[s], z[s, t - 1]]), s, t, initial=Categorical(pi[y[s]]))
    m.observed("x", Categorical(b[z[s, t]]), s, t)
    return m


@zoo({"A": "MultivariateNormal", "L": "Wishart"})
def switching_vector_autoregression():
    m = Model("switching_vector_autoregression")
    t, k, l = m.index("t", "T"), m.index("k", "K"), m.index("l", "K")
    d, e = m.index("d", "D"), m.index("e", "D")
    p = m.latent("P", Dirichlet(1, over=l), k)
    a = m.latent("A", MatrixNormal(0, 1, 1, over=(d, e)), k)
    noise = m.latent("L", Wishart(5, 1, over=d), k)
    z = m.latent("z", lambda z: Categorical(p[z[t - 1]]), t, initial=Categorical(1 / size(k), over=k))
    m.observed(
        "x",
        lambda x: MultivariateNormal(a[z[t]] @ x[t - 1], noise[z[t]]),
        t,
        initial=MultivariateNormal(0, 1, over=d),
    )
    return m


@zoo({"a": "Gamma", "S": "InverseWishart", "S,mu": "NormalInverseWishart"}, factors=[("S", "mu")])
def covariance_with_unknown_scales():
    m = Model("covariance_with_unknown_scales")  # Huang and Wand (2013): half-t standard deviations
    n, d = m.index("n", "N"), m.index("d", "D")
    a = m.latent("a", Gamma(0.5, 0.1), d)
    s = m.latent("S", InverseWishart(size(d) + 1, diag(4 * a), over=d))
    mu = m.latent("mu", MultivariateNormal(0, covariance=s))
    m.observed("x", MultivariateNormal(mu, covariance=s), n)
    return m


@zoo({"alpha,beta,gamma": "MultivariateNormal"}, factors=[("alpha", "beta", "gamma")])
def crossed_effects_in_one_block():
    m = Model("crossed_effects_in_one_block")
    n, e, h, p = m.index("n", "N"), m.index("e", "E"), m.index("h", "H"), m.index("p", "P")
    x = m.covariate("X", n, p)
    row, column = m.observed_index("row", n, over=e), m.observed_index("column", n, over=h)
    tau = m.latent("tau", Gamma(1, 1))
    alpha = m.latent("alpha", Normal(0, 2), e)
    beta = m.latent("beta", Normal(0, 3), h)
    gamma = m.latent("gamma", MultivariateNormal(0, 0.01, over=p))
    m.observed("y", Normal(alpha[row[n]] + beta[column[n]] + dot(gamma, x[n]), tau), n)
    return m
