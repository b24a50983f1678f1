"""Factors that are normalised numerically: the checker integrates them by itself, and finds what is wrong."""

import copy

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


CHECKS = [
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
