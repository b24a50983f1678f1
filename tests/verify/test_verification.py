"""`verify` as a whole: textbook claims pass at 30 digits, planted mistakes fail, derived models of every kind pass."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cavi.derive import (
    Bernoulli,
    Beta,
    Binomial,
    Derived,
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
    Multinomial,
    NegativeBinomial,
    Normal,
    Pareto,
    Poisson,
    Sum,
    TruncatedNormal,
    VonMises,
    Weibull,
    derive,
    dot,
)
from cavi.verify import CertificateError, verify
from cavi.verify.report import TIERS


def test_textbook_normal_is_verified_to_thirty_digits(normal: dict[str, Any]) -> None:
    report = verify(normal)
    assert report.ok, str(report)
    assert not report.undecided
    assert min(r.got - r.asked for r in report.rows if r.got is not None) >= 0
    assert {r.tier for r in report.rows} == {"families", "identity", "optimality"}


def test_textbook_mixture_is_verified_to_thirty_digits(mixture: dict[str, Any]) -> None:
    report = verify(mixture)
    assert report.ok, str(report)
    assert not report.undecided


@pytest.mark.parametrize(
    ("path", "value", "tier"),
    [
        (("factors", 0, "parameters", 0, "value"), ["ref", "a", []], "optimality"),
        (("factors", 1, "moments", 1, "value"), ["pow", ["param", "mu", "mean", []], "2"], "families"),
        (("factors", 1, "entropy"), ["num", "0"], "families"),
        (("elbo", 2, "value"), ["num", "1/3"], "identity"),
    ],
)
def test_a_wrong_claim_fails_in_its_tier(normal: dict[str, Any], path: tuple[Any, ...], value: Any, tier: str) -> None:
    place: Any = normal
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    report = verify(normal)
    assert not report.ok
    assert tier in {r.tier for r in report.failed}
    assert "failed" in str(report)


def test_seed_makes_a_run_repeatable(normal: dict[str, Any]) -> None:
    first, second, other = verify(normal, 12, seed=1), verify(normal, 12, seed=1), verify(normal, 12, seed=2)
    assert first.instances == second.instances
    assert first.instances != other.instances
    assert [r.got for r in first.rows] == [r.got for r in second.rows]


def test_progress_sees_every_row(normal: dict[str, Any]) -> None:
    seen: list[str] = []
    report = verify(normal, 10, progress=lambda row: seen.append(row.name))
    assert sorted(seen) == sorted(r.name for r in report.rows)
    assert [TIERS.index(r.tier) for r in report.rows] == sorted(TIERS.index(r.tier) for r in report.rows)


@pytest.mark.parametrize("digits", [0, 1000, 12.5, "30"])
def test_digits_out_of_range_are_refused(normal: dict[str, Any], digits: Any) -> None:
    with pytest.raises(ValueError, match="digits must be a whole number"):
        verify(normal, digits)


def test_what_is_not_a_claim_is_refused() -> None:
    with pytest.raises(CertificateError, match="schema"):
        verify({})


def _pair(prior: Callable[[Model], Any], *nodes: Callable[[Any], Any]) -> Derived:
    """A latent with observed nodes over one plate."""
    m = Model("pair")
    n = m.index("n", "N")
    latent = m.latent("lat", prior(m))
    for i, node in enumerate(nodes):
        m.observed(f"x{i}", node(latent), n)
    return derive(m)


SCALAR: dict[str, Callable[[], Derived]] = {
    "normal-laplace": lambda: _pair(lambda m: InverseGamma(*m.hyper("a b")), lambda s: Laplace(2, s)),
    "beta": lambda: _pair(
        lambda m: Beta(*m.hyper("a b")),
        Geometric,
        lambda p: NegativeBinomial(3, p),
        lambda p: Binomial(4, p),
        Bernoulli,
    ),
    "gamma": lambda: _pair(
        lambda m: Gamma(*m.hyper("a b")),
        Exponential,
        Poisson,
        lambda t: LogNormal(2, t),
        lambda t: Pareto(t, 2),
        lambda t: Weibull(3, t),
        HalfNormal,
    ),
    "generalised inverse Gaussian": lambda: _pair(
        lambda m: GeneralisedInverseGaussian(*m.hyper("p a b")), lambda v: Normal(2, variance=v)
    ),
    "truncated normal": lambda: _pair(lambda m: TruncatedNormal(2, 3, lower=1, upper=4), lambda mu: Normal(mu, 2)),
    "half-normal": lambda: _pair(lambda m: HalfNormal(m.hyper("t")), lambda mu: Normal(mu, 2)),
    "von Mises": lambda: _pair(lambda m: VonMises(*m.hyper("m k")), lambda mu: VonMises(mu, 2)),
}


@pytest.mark.parametrize("name", SCALAR)
def test_scalar_families_are_exact_posteriors(name: str) -> None:
    """One latent: the optimum is the posterior, so the claimed bound equals the evidence found by elimination."""
    report = verify(SCALAR[name](), 20, code=False)
    assert report.ok, str(report)
    exact = [r for r in report.rows if r.name.startswith("the optimum is the posterior")]
    assert [r.verdict for r in exact] == ["checked"], str(report)


def _regression(factors: Any) -> Derived:
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, a, b, c = m.covariate("X", n, d), *m.hyper("a b c")
    tau = m.latent("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, c * tau), d)
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    return derive(m, factors=factors)


def _factorisation() -> Derived:
    m = Model("factorisation")
    n, i, j, k = (m.index(*pair) for pair in ("nN", "iI", "jJ", "kK"))
    a, b, c, d = m.hyper("a b c d")
    row, column = m.observed_index("row", n, over=i), m.observed_index("column", n, over=j)
    theta, beta = m.latent("theta", Gamma(a, b), i, k), m.latent("beta", Gamma(c, d), j, k)
    s = m.latent("s", Poisson(theta[row[n], k] * beta[column[n], k]), n, k)
    m.observed("x", Sum(s[n, k], k), n)
    return derive(m)


def _topics() -> Derived:
    m = Model("topics")
    t, d, k, v = (m.index(*pair) for pair in ("tT", "dD", "kK", "vV"))
    alpha, eta = m.hyper("alpha eta")
    count, doc = m.covariate("count", t), m.observed_index("doc", t, over=d)
    theta, beta = m.latent("theta", Dirichlet(alpha, over=k), d), m.latent("beta", Dirichlet(eta, over=v), k)
    from cavi.derive import Categorical

    z = m.latent("z", Categorical(theta[doc[t]]), t, weight=count[t])
    m.observed("w", Categorical(beta[z[t]]), t, weight=count[t])
    return derive(m)


def _em() -> Derived:
    m = Model("em")
    n, k, v = m.index("n", "N"), m.index("k", "K"), m.index("v", "V")
    from cavi.derive import Categorical

    pi, mu = m.point("pi", support="simplex", over=k), m.point("mu", k)
    tau, th = m.point("tau", k, support="positive"), m.latent("th", Dirichlet(m.hyper("al"), over=v), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    m.observed("y", Multinomial(3, th[z[n]]), n)
    return derive(m)


STRUCTURED: dict[str, Callable[[], Derived]] = {
    "regression, factorised": lambda: _regression(None),
    "regression, joint weights": lambda: _regression(["w"]),
    "regression, weights and precision in one block": lambda: _regression([("w", "tau")]),
    "counts with an observed total": _factorisation,
    "weighted tokens gathered by document": _topics,
    "points and latents together": _em,
}


@pytest.mark.parametrize("name", STRUCTURED)
def test_structured_models_are_verified(name: str) -> None:
    report = verify(STRUCTURED[name](), 15, code=False)
    assert report.ok, str(report)
    assert len([r for r in report.rows if r.tier == "derivation"]) >= 3


def test_verify_needs_neither_derive_nor_sympy() -> None:
    code = "import sys, cavi.verify; print(sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cavi.verify" in found.stdout
    assert "sympy" not in found.stdout
    assert "cavi.derive" not in found.stdout


@pytest.fixture(scope="module")
def location() -> dict[str, Any]:
    m = Model("location")
    n = m.index("n", "N")
    mu, tau = m.latent("mu", Normal(m.hyper("m_0"), m.hyper("t_0"))), m.latent("tau", Gamma(2, m.hyper("b_0")))
    m.observed("x", Normal(mu, tau), n)
    return derive(m).plain()


def test_one_check_can_be_repeated_from_its_seed(location: dict[str, Any]) -> None:
    whole = {r.name: r for r in verify(location, 12, seed=5).rows}
    alone = verify(location, 12, seed=5, only="log q*(mu) - E[log p] is constant").rows
    assert [r.name for r in alone] == [n for n in whole if n.startswith("log q*(mu) - E[log p] is constant")]
    assert [(r.got, r.detail) for r in alone] == [(whole[r.name].got, whole[r.name].detail) for r in alone]
    assert {r.tier for r in verify(location, 12, only="derivation").rows} == {"derivation"}
    with pytest.raises(ValueError, match="no check is called 'nonsense'; there are: q\\(mu\\) integrates to one"):
        verify(location, 12, only="nonsense")


def test_the_first_wrong_line_of_a_derivation_is_named(location: dict[str, Any]) -> None:
    assert verify(location, 12, code=False).first_wrong_line is None
    plain = copy.deepcopy(location)
    steps = plain["derivations"][0]["steps"]
    for step in steps[1:]:  # from the second line on
        step["after"] = ["mul", [["num", "1/2"], step["after"]]]
        step["before"] = ["mul", [["num", "1/2"], step["before"]]] if step is not steps[1] else step["before"]
    report = verify(plain, 12)
    wrong = report.first_wrong_line
    assert wrong is not None and wrong.name.split(": ")[0].endswith("step 2")
    assert f"first wrong line: {wrong.name}" in str(report) and "found at seed 0: N = 3" in str(report)


def test_shapes_of_a_tenth_to_a_thousand_are_decided() -> None:
    m = Model("rates")
    n, g = m.index("n", "N"), m.index("g", "G")
    p = m.latent("p", Beta(m.hyper("a"), m.hyper("b")), g)
    m.observed("x", Bernoulli(p[g]), n, g)
    for seed in range(4):
        report = verify(derive(m), 12, seed, code=False, only="widely spread")
        assert report.ok and not report.undecided and len(report.rows) > 4, str(report)
        q = report.instances[1].q["p"]
        assert any(not 0.6 < x < 4.2 for table in q.values() for x in table.values())
