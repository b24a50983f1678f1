"""Derived updates against the equations of the textbooks, evaluated at random numbers."""

import numpy as np
import pytest
from brute import World
from scipy.special import digamma

from cavi.derive import (
    Categorical,
    Derived,
    Dirichlet,
    Gamma,
    Model,
    Normal,
    Poisson,
    Sum,
    derive,
    dot,
)

RNG = np.random.default_rng(7)


def parameters(derived: Derived, world: World, name: str) -> dict[str, np.ndarray]:
    """The formulas of one factor, evaluated in order."""
    update = derived.update(name)
    out: dict[str, np.ndarray] = {}
    for f in update.formulas:
        if hasattr(f.value, "monomials"):
            value = world.array(f.value, f.indices)
        else:
            argument = world.parameters[f.latent, f.value.argument]
            if f.value.name == "softmax":
                value = np.exp(argument - argument.max(axis=-1, keepdims=True))
                value /= value.sum(axis=-1, keepdims=True)
            elif f.value.name == "inverse":
                value = np.linalg.inv(argument)
            else:
                value = np.linalg.slogdet(argument)[1]
        world.parameters[f.latent, f.name] = np.asarray(value)
        out[f.name if len(update.factor.latents) == 1 else f"{f.latent}.{f.name}"] = np.asarray(value)
    return out


def test_normal_with_unknown_mean_and_precision() -> None:
    """Bishop (2006), 10.26, 10.27, 10.29, 10.30."""
    m = Model("normal")
    n = m.index("n", "N")
    m0, kappa, a, b = m.hyper("m_0 kappa_0 a_0 b_0")
    tau = m.latent("tau", Gamma(a, b))
    mu = m.latent("mu", Normal(m0, kappa * tau))
    m.observed("x", Normal(mu, tau), n)
    d = derive(m)
    x = RNG.normal(size=3)
    hyper = {"m_0": 0.7, "kappa_0": 1.3, "a_0": 2.1, "b_0": 0.9}
    e_tau, e_mu, e_mu2 = 1.7, 0.4, 0.9
    w = World({"N": 3}, {"x": x, **hyper}, {("tau", "tau"): e_tau, ("mu", "mu"): e_mu, ("mu", "mu^2"): e_mu2})
    q = parameters(d, w, "mu")
    assert q["mean"] == pytest.approx((1.3 * 0.7 + x.sum()) / (1.3 + 3))
    assert q["precision"] == pytest.approx((1.3 + 3) * e_tau)
    q = parameters(d, w, "tau")
    assert q["shape"] == pytest.approx(2.1 + (3 + 1) / 2)
    squares = sum(xi**2 - 2 * xi * e_mu + e_mu2 for xi in x) + 1.3 * (e_mu2 - 2 * 0.7 * e_mu + 0.7**2)
    assert q["rate"] == pytest.approx(0.9 + squares / 2)
    assert d.update("tau").family == "Gamma"
    assert d.update("mu").family.name == "Normal"


def test_normal_gamma_block_is_the_exact_posterior() -> None:
    """Bishop (2006), 2.3.6; Murphy (2007), Conjugate Bayesian analysis of the Gaussian, 85-89."""
    m = Model("normal")
    n = m.index("n", "N")
    m0, kappa, a, b = m.hyper("m_0 kappa_0 a_0 b_0")
    tau = m.latent("tau", Gamma(a, b))
    mu = m.latent("mu", Normal(m0, kappa * tau))
    m.observed("x", Normal(mu, tau), n)
    d = derive(m, factors=[("mu", "tau")])
    x = RNG.normal(size=4)
    w = World({"N": 4}, {"x": x, "m_0": 0.7, "kappa_0": 1.3, "a_0": 2.1, "b_0": 0.9})
    q = parameters(d, w, "mu")
    assert q["mu.mean"] == pytest.approx((1.3 * 0.7 + x.sum()) / 5.3)
    assert q["mu.precision"] == pytest.approx(5.3)
    assert q["tau.shape"] == pytest.approx(2.1 + 2)
    scatter = ((x - x.mean()) ** 2).sum() + 1.3 * 4 * (x.mean() - 0.7) ** 2 / 5.3
    assert q["tau.rate"] == pytest.approx(0.9 + scatter / 2)
    assert set(d.update("tau").parameters) == {"mu", "tau"}


def mixture() -> Model:
    m = Model("gaussian_mixture")
    n, k = m.index("n", "N"), m.index("k", "K")
    alpha, m0, kappa, a, b = m.hyper("alpha_0 m_0 kappa_0 a_0 b_0")
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    tau = m.latent("tau", Gamma(a, b), k)
    mu = m.latent("mu", Normal(m0, kappa * tau[k]), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return m


def test_gaussian_mixture() -> None:
    """Bishop (2006), 10.46, 10.49, 10.58, 10.66, in one dimension and fully factorised."""
    d = derive(mixture())
    x, r = RNG.normal(size=5), RNG.dirichlet(np.ones(2), size=5)
    hyper = {"alpha_0": 0.3, "m_0": 0.7, "kappa_0": 1.3, "a_0": 2.1, "b_0": 0.9}
    e_tau, e_log_tau = RNG.gamma(2, size=2), RNG.normal(size=2)
    e_mu, e_mu2, e_log_pi = RNG.normal(size=2), RNG.gamma(2, size=2), -RNG.gamma(2, size=2)
    moments = {
        ("z", "[z]"): r,
        ("tau", "tau"): e_tau,
        ("tau", "log tau"): e_log_tau,
        ("mu", "mu"): e_mu,
        ("mu", "mu^2"): e_mu2,
        ("pi", "log pi"): e_log_pi,
    }
    w = World({"N": 5, "K": 2}, {"x": x, **hyper}, moments)
    counts = r.sum(axis=0)
    assert parameters(d, w, "pi")["concentration"] == pytest.approx(0.3 + counts)
    q = parameters(d, w, "mu")
    assert q["precision"] == pytest.approx(e_tau * (1.3 + counts))
    assert q["mean"] == pytest.approx((1.3 * 0.7 + r.T @ x) / (1.3 + counts))
    squares = (r * (x[:, None] ** 2 - 2 * x[:, None] * e_mu + e_mu2)).sum(axis=0)
    prior = 1.3 * (e_mu2 - 2 * 0.7 * e_mu + 0.49)
    q = parameters(d, w, "tau")
    assert q["shape"] == pytest.approx(2.1 + (counts + 1) / 2)
    assert q["rate"] == pytest.approx(0.9 + (squares + prior) / 2)
    log_rho = e_log_pi + e_log_tau / 2 - e_tau / 2 * (x[:, None] ** 2 - 2 * x[:, None] * e_mu + e_mu2)
    rho = np.exp(log_rho)
    assert parameters(d, w, "z")["probs"] == pytest.approx(rho / rho.sum(axis=1, keepdims=True))


def test_latent_dirichlet_allocation_with_counts() -> None:
    """Blei, Ng and Jordan (2003), equations 6 and 7, and the smoothed model of section 5.4."""
    m = Model("lda")
    n, d, k, v = m.index("n", "N"), m.index("d", "D"), m.index("k", "K"), m.index("v", "V")
    alpha, eta = m.hyper("alpha eta")
    count, doc = m.covariate("count", n), m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(alpha, over=k), d)
    beta = m.latent("beta", Dirichlet(eta, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n, weight=count[n])
    m.observed("w", Categorical(beta[z[n]]), n, weight=count[n])
    derived = derive(m)
    docs, words, counts = np.array([0, 1, 1, 0]), np.array([2, 0, 1, 1]), np.array([3.0, 1.0, 2.0, 5.0])
    r = RNG.dirichlet(np.ones(2), size=4)
    log_theta, log_beta = -RNG.gamma(2, size=(2, 2)), -RNG.gamma(2, size=(2, 3))
    data = {"doc": docs, "w": words, "count": counts, "alpha": 0.4, "eta": 0.2}
    moments = {("z", "[z]"): r, ("theta", "log theta"): log_theta, ("beta", "log beta"): log_beta}
    w = World({"N": 4, "D": 2, "K": 2, "V": 3}, data, moments)
    gamma = np.full((2, 2), 0.4)
    lam = np.full((2, 3), 0.2)
    for i in range(4):
        gamma[docs[i]] += counts[i] * r[i]
        lam[:, words[i]] += counts[i] * r[i]
    assert parameters(derived, w, "theta")["concentration"] == pytest.approx(gamma)
    assert parameters(derived, w, "beta")["concentration"] == pytest.approx(lam)
    phi = np.exp(log_theta[docs] + log_beta[:, words].T)
    assert parameters(derived, w, "z")["probs"] == pytest.approx(phi / phi.sum(axis=1, keepdims=True))


def regression() -> Model:
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, b, c, e = m.hyper("a_0 b_0 c_0 d_0")
    design = m.covariate("X", n, d)
    alpha = m.latent("alpha", Gamma(c, e), d)
    tau = m.latent("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, alpha[d]), d)
    m.observed("y", Normal(dot(w, design[n]), tau), n)
    return m


def test_regression_with_relevance_determination() -> None:
    """Bishop (2006), 10.3.1 with one precision a weight: 10.94, 10.95, 10.99, 10.100."""
    derived = derive(regression(), factors=[("w",)])
    design, y = RNG.normal(size=(6, 3)), RNG.normal(size=6)
    e_tau, e_alpha = 1.4, RNG.gamma(2, size=3)
    mean, square = RNG.normal(size=3), RNG.normal(size=(3, 3))
    square = square @ square.T
    data = {"X": design, "y": y, "a_0": 1.1, "b_0": 0.7, "c_0": 0.6, "d_0": 0.3}
    moments = {
        ("tau", "tau"): e_tau,
        ("alpha", "alpha"): e_alpha,
        ("w", "w"): mean,
        ("w", "w*w"): square,
        ("w", "w^2"): np.diag(square),
    }
    w = World({"N": 6, "D": 3}, data, moments)
    q = parameters(derived, w, "w")
    precision = np.diag(e_alpha) + e_tau * design.T @ design
    assert q["precision"] == pytest.approx(precision)
    assert q["mean"] == pytest.approx(np.linalg.solve(precision, e_tau * design.T @ y))
    q = parameters(derived, w, "alpha")
    assert q["shape"] == pytest.approx(np.full(3, 0.6 + 0.5))
    assert q["rate"] == pytest.approx(0.3 + np.diag(square) / 2)
    q = parameters(derived, w, "tau")
    residual = y @ y - 2 * y @ design @ mean + np.trace(design.T @ design @ square)
    assert q["shape"] == pytest.approx(1.1 + 3)
    assert q["rate"] == pytest.approx(0.7 + residual / 2)


def test_scalar_weights_are_updated_one_after_another() -> None:
    """The coordinate update of one weight uses the residual of the others (Bishop 2006, 10.9)."""
    derived = derive(regression())
    update = derived.update("w")
    assert [i.name for i in update.factor.sequential] == ["d"]
    design, y = RNG.normal(size=(5, 3)), RNG.normal(size=5)
    e_tau, e_alpha, mean = 1.4, RNG.gamma(2, size=3), RNG.normal(size=3)
    moments = {("tau", "tau"): e_tau, ("alpha", "alpha"): e_alpha, ("w", "w"): mean}
    w = World({"N": 5, "D": 3}, {"X": design, "y": y}, moments)
    q = parameters(derived, w, "w")
    for i in range(3):
        others = [j for j in range(3) if j != i]
        precision = e_alpha[i] + e_tau * (design[:, i] ** 2).sum()
        residual = y - design[:, others] @ mean[others]
        assert q["precision"][i] == pytest.approx(precision)
        assert q["mean"][i] == pytest.approx(e_tau * design[:, i] @ residual / precision)


def test_poisson_factorisation_with_auxiliary_counts() -> None:
    """Cemgil (2009), Bayesian inference for nonnegative matrix factorisation models, 3.2."""
    m = Model("poisson_factorisation")
    n, i, j, k = m.index("n", "N"), m.index("i", "I"), m.index("j", "J"), m.index("k", "K")
    a, b = m.hyper("a b")
    row, col = m.observed_index("row", n, over=i), m.observed_index("col", n, over=j)
    u = m.latent("u", Gamma(a, b), i, k)
    v = m.latent("v", Gamma(a, b), j, k)
    s = m.latent("s", Poisson(u[row[n], k] * v[col[n], k]), n, k)
    m.observed("x", Sum(s[n, k], k), n)
    derived = derive(m)
    assert derived.update("s").family == "Multinomial"
    rows, cols, x = np.array([0, 1, 1]), np.array([1, 0, 1]), np.array([4.0, 1.0, 7.0])
    log_u, log_v = RNG.normal(size=(2, 2)), RNG.normal(size=(2, 2))
    e_s, e_v = RNG.gamma(2, size=(3, 2)), RNG.gamma(2, size=(2, 2))
    moments = {("u", "log u"): log_u, ("v", "log v"): log_v, ("s", "s"): e_s, ("v", "v"): e_v}
    data = {"row": rows, "col": cols, "x": x, "a": 0.3, "b": 0.8}
    w = World({"N": 3, "I": 2, "J": 2, "K": 2}, data, moments)
    ratio = np.exp(log_u[rows] + log_v[cols])
    assert parameters(derived, w, "s")["probs"] == pytest.approx(ratio / ratio.sum(axis=1, keepdims=True))
    shape, rate = np.full((2, 2), 0.3), np.full((2, 2), 0.8)
    for t in range(3):
        shape[rows[t]] += e_s[t]
        rate[rows[t]] += e_v[cols[t]]
    q = parameters(derived, w, "u")
    assert q["shape"] == pytest.approx(shape)
    assert q["rate"] == pytest.approx(rate)
    assert len(derived.elbo.closed_terms) < len(derived.elbo.terms)


def test_expectation_maximisation_of_a_mixture() -> None:
    """Bishop (2006), 9.17, 9.19 and 9.22."""
    m = Model("mixture_em")
    n, k = m.index("n", "N"), m.index("k", "K")
    pi, mu, tau = m.point("pi", k), m.point("mu", k), m.point("tau", k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    derived = derive(m)
    x, r, mean = RNG.normal(size=6), RNG.dirichlet(np.ones(2), size=6), RNG.normal(size=2)
    moments = {("z", "[z]"): r, ("mu", "mu"): mean, ("tau", "tau"): RNG.gamma(2, size=2)}
    w = World({"N": 6, "K": 2}, {"x": x}, moments)
    counts = r.sum(axis=0)
    assert parameters(derived, w, "pi")["value"] == pytest.approx(counts / 6)
    assert parameters(derived, w, "mu")["value"] == pytest.approx(r.T @ x / counts)
    variance = (r * (x[:, None] - mean) ** 2).sum(axis=0) / counts
    assert parameters(derived, w, "tau")["value"] == pytest.approx(1 / variance)
    assert all(t.kind != "entropy" or t.name == "z" for t in derived.elbo.terms)


def test_moments_of_a_mixture_in_sympy() -> None:
    update = derive(mixture()).update("tau")
    assert str(update.moments["tau"]) == "tau.shape[k]/tau.rate[k]"
    assert set(map(str, update.natural)) == {"log(tau[k])", "tau[k]"}
    assert set(update.parameters) == {"shape", "rate"}
    assert len(update.derivation) == 3


def test_a_model_of_one_latent_has_the_exact_evidence_as_its_bound() -> None:
    """Gamma-Poisson: the ELBO at the optimum is the log marginal likelihood (negative binomial)."""
    m = Model("rate")
    n = m.index("n", "N")
    a, b = m.hyper("a b")
    lam = m.latent("lam", Gamma(a, b))
    m.observed("x", Poisson(lam), n)
    derived = derive(m)
    x = np.array([2.0, 0.0, 5.0])
    w = World({"N": 3}, {"x": x, "a": 1.7, "b": 0.6})
    q = parameters(derived, w, "lam")
    shape, rate = float(q["shape"]), float(q["rate"])
    w.moments |= {("lam", "lam"): np.array(shape / rate), ("lam", "log lam"): digamma(shape) - np.log(rate)}
    from scipy.special import gammaln

    evidence = 1.7 * np.log(0.6) - gammaln(1.7) + gammaln(shape) - shape * np.log(rate) - gammaln(x + 1).sum()
    assert w.value(derived.elbo.total) == pytest.approx(evidence, rel=1e-12)
