"""The evidence by elimination against closed forms of conjugate models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln, gammaln, multigammaln

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Gamma,
    InverseWishart,
    Model,
    MultivariateNormal,
    Normal,
    NormalWishart,
    Poisson,
    Sum,
    derive,
)
from cavi.verify.arithmetic import doubles, precise, precision, to_float
from cavi.verify.averages import Infeasible
from cavi.verify.claim import Claim
from cavi.verify.elimination import evidence_instance, log_evidence
from cavi.verify.gaussian import integral, quadratic
from cavi.verify.instance import make_instance
from cavi.verify.state import State


def _evidence(model: Model, sizes: dict[str, int] | None = None) -> tuple[float, dict[str, np.ndarray]]:
    claim = Claim(derive(model).plain())
    instance = make_instance(claim, 5, sizes)
    with precision(60):
        value, digits = log_evidence(State(claim, instance, precise(), 20))
    assert digits > 8
    known = {n: np.array([float(x) for _, x in sorted(t.items())]) for n, t in instance.data.items()}
    return to_float(value), known


def test_normal_mean() -> None:
    m = Model("mean")
    n, (m0, k, t) = m.index("n", "N"), m.hyper("m_0 k t")
    m.observed("x", Normal(m.latent("mu", Normal(m0, k * k)), t * t), n)
    value, d = _evidence(m)
    size = len(d["x"])
    cov = np.eye(size) / d["t"] ** 2 + np.ones((size, size)) / d["k"] ** 2
    assert value == pytest.approx(stats.multivariate_normal.logpdf(d["x"], np.full(size, d["m_0"][0]), cov), abs=1e-8)


def test_gamma_poisson() -> None:
    m = Model("rates")
    n, (a, b) = m.index("n", "N"), m.hyper("a b")
    m.observed("x", Poisson(m.latent("lam", Gamma(a, b))), n)
    value, d = _evidence(m)
    a0, b0, x = d["a"][0], d["b"][0], d["x"]
    expected = a0 * math.log(b0) - gammaln(a0) + gammaln(a0 + x.sum()) - gammaln(x + 1).sum()
    assert value == pytest.approx(expected - (a0 + x.sum()) * math.log(b0 + len(x)), abs=1e-8)


def test_beta_bernoulli() -> None:
    m = Model("coins")
    n, (a, b) = m.index("n", "N"), m.hyper("a b")
    m.observed("x", Bernoulli(m.latent("p", Beta(a + 1, b + 1))), n)
    value, d = _evidence(m)
    a0, b0, x = d["a"][0] + 1, d["b"][0] + 1, d["x"]
    assert value == pytest.approx(betaln(a0 + x.sum(), b0 + len(x) - x.sum()) - betaln(a0, b0), abs=1e-8)


def test_categories_are_enumerated() -> None:
    m = Model("labels")
    n, k = m.index("n", "N"), m.index("k", "K")
    p, mu, t = m.hyper("p", k), m.hyper("mu", k), m.hyper("t")
    z = m.latent("z", Categorical(p), n)
    m.observed("x", Normal(mu[z[n]], t), n)
    value, d = _evidence(m)
    each = d["p"] * stats.norm.pdf(d["x"][:, None], d["mu"], d["t"][0] ** -0.5)
    assert value == pytest.approx(np.log(each.sum(axis=1)).sum(), abs=1e-8)


def _normal_wishart(d: dict[str, np.ndarray], n: int) -> float:
    """Murphy (2007), equation 266 with the Wishart by its scale."""
    size, nu, kappa = 2, d["nu"][0], d["kappa"][0]
    x, m0 = d["x"].reshape(n, size), d["m0"]
    inverse = np.linalg.inv(d["W"].reshape(size, size))
    gap = x.mean(axis=0) - m0
    scatter = (x - x.mean(axis=0)).T @ (x - x.mean(axis=0)) + kappa * n / (kappa + n) * np.outer(gap, gap)
    value = multigammaln((nu + n) / 2, size) - multigammaln(nu / 2, size) + size / 2 * math.log(kappa / (kappa + n))
    value += nu / 2 * np.linalg.slogdet(inverse)[1] - (nu + n) / 2 * np.linalg.slogdet(inverse + scatter)[1]
    return float(value - n * size / 2 * math.log(math.pi))


@pytest.mark.parametrize("sizes", [2, 3])
def test_normal_and_wishart_in_cholesky_coordinates(sizes: int) -> None:
    m = Model("matrix")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    kappa, nu = m.hyper("kappa nu")
    m0, w = m.hyper("m0", d), m.hyper("W", d, e)
    mu, lam = m.latent("mu L", NormalWishart(m0, kappa, nu, w, over=d))
    m.observed("x", MultivariateNormal(mu, lam), n)
    value, known = _evidence(m, {"N": sizes, "D": 2})
    assert value == pytest.approx(_normal_wishart(known, sizes), abs=1e-8)


def test_inverse_wishart_by_its_own_coordinates() -> None:
    m = Model("covariance")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    nu, psi = m.hyper("nu"), m.hyper("Psi", d, e)
    s = m.latent("S", InverseWishart(nu, psi, over=d))
    m.observed("x", MultivariateNormal(0, covariance=s, over=d), n)
    value, known = _evidence(m, {"N": 2, "D": 2})
    x, scale, dof = known["x"].reshape(2, 2), known["Psi"].reshape(2, 2), known["nu"][0]
    expected = multigammaln((dof + 2) / 2, 2) - multigammaln(dof / 2, 2) - 2 * math.log(math.pi)
    expected += dof / 2 * np.linalg.slogdet(scale)[1] - (dof + 2) / 2 * np.linalg.slogdet(scale + x.T @ x)[1]
    assert value == pytest.approx(expected, abs=1e-8)


def test_normals_are_integrated_out_of_a_chain() -> None:
    m = Model("walk")
    t, (q, r) = m.index("t", "T"), m.hyper("q r")
    x = m.latent("x", lambda x: Normal(x[t - 1], q), t, initial=Normal(0, 1))
    tau = m.latent("tau", Gamma(3, 2))
    m.observed("y", Normal(x[t], r * tau), t)
    value, known = _evidence(m, {"T": 4})
    low = np.tril(np.ones((4, 4)))
    prior = low @ np.diag([1, *[1 / known["q"][0]] * 3]) @ low.T

    def given(u: float) -> float:
        cov = prior + np.eye(4) / (known["r"][0] * u)
        return float(stats.multivariate_normal.pdf(known["y"], np.zeros(4), cov) * stats.gamma.pdf(u, 3, scale=0.5))

    assert value == pytest.approx(math.log(quad(given, 0, np.inf, epsabs=0, epsrel=1e-12)[0]), abs=1e-8)


def test_a_density_that_is_not_quadratic_is_found_out() -> None:
    e = doubles()
    a, b = ("w", (0,)), ("w", (1,))
    with pytest.raises(Infeasible, match="not quadratic"):
        quadratic(e, lambda g: -(g[a] ** 2) - g[a] ** 2 * g[b] ** 2, [a, b])
    form = quadratic(e, lambda g: -(g[a] ** 2) - g[a] * g[b] / 2 - g[b] ** 2 + g[b], [a, b])
    precision_ = np.array([[2.0, 0.5], [0.5, 2.0]])
    expected = math.log(2 * math.pi) - math.log(np.linalg.det(precision_)) / 2 + np.linalg.inv(precision_)[1, 1] / 2
    assert integral(e, [form], [a, b]) == pytest.approx(expected, abs=1e-12)


def test_a_smaller_instance_is_found_where_two_of_everything_is_too_wide() -> None:
    m = Model("loadings")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    tau, w = m.latent("tau", Gamma(2, 2)), m.latent("w", Normal(0, 1), d, k)
    z = m.latent("z", MultivariateNormal(0, 1, over=k), n)
    m.observed("x", Normal(Sum(w[d, k] * z[n, k], k), tau), n, d)
    sizes = evidence_instance(Claim(derive(m).plain()), 1).sizes
    assert 1 in sizes.values()


def test_what_cannot_be_afforded_is_refused() -> None:
    m = Model("wide")
    n, a = m.index("n", "N"), m.index("a", 6)
    w, v = m.latent("w", Normal(0, 1), a), m.latent("v", Normal(0, 1), a)
    m.observed("y", Normal(Sum(w[a] * v[a], a), 1), n)
    with pytest.raises(Infeasible, match="couples"):
        _evidence(m)
