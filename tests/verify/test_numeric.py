"""Factors that are normalised numerically: the checker integrates them by itself, and finds what is wrong."""

import copy

import mpmath
import numpy as np
import pytest
from generated import run
from scipy import integrate, stats

from cavi import models
from cavi.derive import Bernoulli, Beta, Derived, Gamma, Model, Normal, Poisson, derive, exp, log, sigmoid
from cavi.verify import verify


def logistic() -> Derived:
    m = Model("logistic")
    n = m.index("n", "N")
    w = m.latent("w", Normal(0, m.hyper("s")))
    x = m.covariate("x", n)
    m.observed("y", Bernoulli(sigmoid(w * x[n])), n)
    return derive(m, approximate={"w": "quadrature"})


def grouped() -> Derived:
    """Rates of groups under a common precision, where observed integers say which group it is."""
    m = Model("grouped")
    n, g = m.index("n", "N"), m.index("g", "G")
    tau = m.latent("tau", Gamma(m.hyper("s"), m.hyper("t")))
    eta = m.latent("eta", Normal(0, tau), g)
    group = m.observed_index("group", n, over=g)
    m.observed("y", Poisson(exp(eta[group[n]])), n)
    return derive(m, approximate={"eta": "quadrature"})


def student() -> Derived:
    m = Model("student")
    n = m.index("n", "N")
    nu, tau = m.latent("nu", Gamma(m.hyper("a"), m.hyper("b"))), m.latent("tau", Gamma(m.hyper("c"), m.hyper("l")))
    mu = m.latent("mu", Normal(0, m.hyper("k")))
    u = m.latent("u", Gamma(nu / 2, nu / 2), n)
    m.observed("y", Normal(mu, tau * u[n]), n)
    return derive(m, approximate={"nu": "quadrature"})


def probability() -> Derived:
    m = Model("probability")
    n = m.index("n", "N")
    p = m.latent("p", Beta(m.hyper("a"), m.hyper("b")))
    m.observed("y", Normal(log(p), m.hyper("c")), n)
    m.observed("z", Bernoulli(p), n)
    return derive(m, approximate={"p": "quadrature"})


def moments_of_a_beta() -> Derived:
    m = Model("shapes")
    n = m.index("n", "N")
    a, b = m.latent("a", Gamma(m.hyper("c"), m.hyper("d"))), m.latent("b", Gamma(m.hyper("e"), m.hyper("f")))
    m.observed("x", Beta(a, b), n)
    return derive(m, [("a", "b")], relax="auto")


def pairs() -> Derived:
    """A shape and a rate for each group in one factor, under a common rate of the rates."""
    m = Model("pairs")
    n, g = m.index("n", "N"), m.index("g", "G")
    c = m.latent("c", Gamma(m.hyper("s"), m.hyper("t")))
    a, b = m.latent("a", Gamma(m.hyper("p"), m.hyper("r")), g), m.latent("b", Gamma(m.hyper("o"), c), g)
    group = m.observed_index("group", n, over=g)
    m.observed("x", Gamma(a[group[n]], b[group[n]]), n)
    return derive(m, [("a", "b")], approximate={"a,b": "quadrature"})


CHECKS = [
    *((moments_of_a_beta, c) for c in ("is constant", "step 3")),
    *((pairs, c) for c in ("entropy of q(a,b)", "update_c")),
    *((logistic, c) for c in ("optimality", "update_w", "elbo")),
    *((grouped, c) for c in ("optimality", "update_eta", "never falls")),
    *((student, c) for c in ("optimality", "update_nu")),
    *((probability, c) for c in ("optimality", "finite")),
]


@pytest.mark.parametrize("build, only", CHECKS)
def test_statistics_of_any_kind_are_verified(build, only: str) -> None:
    report = verify(build(), digits=12, only=only)
    assert report.ok and all(r.verdict == "checked" for r in report.rows), report


def test_every_tier_of_the_library_model() -> None:
    report = verify(models.derived("gamma_shape"), digits=12, code=False)
    assert report.ok and {r.tier for r in report.rows} >= {"families", "identity", "optimality", "derivation"}
    named = [r.name for r in report.rows]
    assert "q(a) integrates to one" in named and "E[a] under q(a)" not in named


WRONG = {
    "parameters": "log q*(a) - E[log p]",
    "statistics": "log q*(a) has",
    "log_q": "log q*(a) - E[log p]",
    "entropy": "entropy of q(a)",
}


@pytest.mark.parametrize("place", WRONG)
def test_a_wrong_sign_is_found(place: str) -> None:
    plain = copy.deepcopy(models.derived("gamma_shape").plain())
    factor = next(f for f in plain["factors"] if f["name"] == "a")
    if place == "parameters":
        factor["parameters"][0]["value"] = ["mul", [["num", "-1"], factor["parameters"][0]["value"]]]
    elif place == "statistics":
        factor["statistics"][0][1] = ["mul", [["num", "2"], factor["statistics"][0][1]]]
    else:
        factor[place] = ["mul", [["num", "2"], factor[place]]]
    assert not verify(plain, digits=10, only=WRONG[place]).ok


def test_too_few_nodes_are_found() -> None:
    derived = models.derived("gamma_shape")
    source = derived.numpy()
    assert "NODES = 280" in source

    class Coarse(Derived):
        def numpy(self) -> str:
            return source.replace("NODES = 280", "NODES = 14")

    fields = {n: getattr(derived, n) for n in derived.__dataclass_fields__}
    report = verify(Coarse(**fields), digits=10, only="update_b")
    assert not report.ok


def test_the_bound_of_one_number_is_the_log_evidence() -> None:
    x, y, s = np.array([0.3, -1.2, 2.0, 0.7]), np.array([1, 0, 1, 0]), 0.4

    def joint(w: float) -> float:
        rate = 1 / (1 + np.exp(-w * x))
        return stats.norm(0, s**-0.5).pdf(w) * np.prod(np.where(y == 1, rate, 1 - rate))

    fit = run(logistic().numpy()).fit({"x": x, "y": y}, {"s": s})
    evidence, first = (integrate.quad(lambda w, k=k: w**k * joint(w), -20, 20, epsabs=1e-14)[0] for k in (0, 1))
    assert fit.elbo == pytest.approx(np.log(evidence), abs=1e-11)
    assert fit.params["w"]["mean"] == pytest.approx(first / evidence, abs=1e-11)


@pytest.mark.parametrize("observations", [1, 12, 1_000_000])
def test_the_plane_against_mpmath(observations: int) -> None:
    """Shape and rate of a Gamma: the rate is integrated out in closed form, the shape by mpmath in many digits."""
    module = run(models.derived("gamma_shape_rate").numpy())
    c, d, e, f = 1.2, 0.4, 0.9, 0.3
    logs, total = -0.3 * observations, 1.1 * observations
    x = np.full(observations, total / observations)
    state = module.State(*module.prepare({"x": x}, {"c_0": c, "d_0": d, "e_0": e, "f_0": f}))
    state.keep("sum_n_log_x", logs)
    module.update_a_b(state)

    def height(u: mpmath.mpf) -> mpmath.mpf:
        a = mpmath.exp(u)
        own = logs * a + c * u - d * a - observations * mpmath.loggamma(a)
        shape = observations * a + e
        return own + mpmath.loggamma(shape) - shape * mpmath.log(f + total)

    with mpmath.workdps(30):
        top = mpmath.findroot(lambda u: mpmath.diff(height, u), 0.5)
        width = 1 / mpmath.sqrt(-mpmath.diff(height, top, 2))
        left = 40 if observations > 1 else 400
        nodes = [top + width * k / 8 for k in range(-8 * left, 8 * 40)]
        logs_of = [height(u) for u in nodes]
        weights = [mpmath.exp(v - height(top)) for v in logs_of]
        mass = mpmath.fsum(weights)
        normaliser = height(top) + mpmath.log(mass * width / 8)
        mean = mpmath.fdot(weights, map(mpmath.exp, nodes)) / mass
        rate = mpmath.fdot(weights, [(observations * mpmath.exp(u) + e) / (f + total) for u in nodes]) / mass
    found = state.params["a"]
    assert float(found["log_normaliser"]) == pytest.approx(float(normaliser), rel=1e-10)
    assert float(found["mean"]) == pytest.approx(float(mean), rel=1e-10)
    assert float(state.params["b"]["mean"]) == pytest.approx(float(rate), rel=1e-10)


def test_too_coarse_a_plane_is_found() -> None:
    derived = models.derived("gamma_shape_rate")
    source = derived.numpy().replace("PLANE = (40, 80, 160, 320)", "PLANE = (8, 8)")

    class Coarse(Derived):
        def numpy(self) -> str:
            return source

    fields = {n: getattr(derived, n) for n in derived.__dataclass_fields__}
    assert not verify(Coarse(**fields), digits=10, only="by its nodes").ok
