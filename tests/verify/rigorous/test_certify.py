"""Proofs by ball arithmetic: right claims are certified, wrong ones refuted, what cannot be proved is said."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from cavi.derive import Categorical, Derived, Dirichlet, Gamma, InverseGamma, Model, Normal, Poisson, derive
from cavi.verify import certify


def location_and_scale() -> Derived:
    m = Model("location_and_scale")
    n = m.index("n", "N")
    mu, tau = m.latent("mu", Normal(0.3, 1.7)), m.latent("tau", Gamma(2.5, 1.3))
    m.observed("x", Normal(mu, tau), n)
    return derive(m)


def normal_gamma() -> Derived:
    m = Model("normal_gamma_pair")
    n = m.index("n", "N")
    tau = m.latent("tau", Gamma(2.5, 1.3))
    mu = m.latent("mu", Normal(0.3, 0.7 * tau))
    m.observed("x", Normal(mu, tau), n)
    return derive(m, factors=[("tau", "mu")])


def rates() -> Derived:
    m = Model("two_rates")
    n = m.index("n", "N")
    b = m.latent("b", Gamma(2.1, 1.1))
    m.observed("x", Poisson(m.latent("r", Gamma(1.4, b))), n)
    return derive(m)


def variance() -> Derived:
    m = Model("variance")
    n = m.index("n", "N")
    m.observed("x", Normal(0.4, 1 / m.latent("v", InverseGamma(2.2, 1.5))), n)
    return derive(m)


def mixture() -> Derived:
    m = Model("proportions")
    n, k = m.index("n", "N"), m.index("k", "K")
    pi = m.latent("pi", Dirichlet(m.hyper("alpha"), over=k))
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Poisson(m.latent("lam", Gamma(1.3, 0.8), k)[z[n]]), n)
    return derive(m)


MODELS = {f.__name__: f for f in (location_and_scale, normal_gamma, rates, variance, mixture)}
EVIDENCE = "log p(x) = L(q) + KL(q || posterior)"


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_the_difference_is_proved_to_be_small(build: Callable[[], Derived]) -> None:
    digits = 8
    report = certify(build(), digits)
    assert {r.verdict for r in report.rows} == {"certified"}, str(report)
    assert EVIDENCE in [r.name for r in report.rows]
    for r in report.rows:
        epsilon, value = r.detail.removeprefix("|difference| <= ").split(", value ")
        size = abs(float(value.strip("[]").split(" ")[0]))
        assert float(epsilon) < 10.0**-digits * max(1.0, size)


@pytest.mark.parametrize("amount", ["1/1000000", "-1/1000000"])
def test_a_constant_that_is_a_millionth_off_is_refuted(amount: str) -> None:
    plain = copy.deepcopy(normal_gamma().plain())
    plain["elbo"][0]["value"] = ["add", [plain["elbo"][0]["value"], ["num", amount]]]
    report = certify(plain)
    failed = {r.name for r in report.failed}
    assert failed == {"ELBO = E[log p] - E[log q]", EVIDENCE, "the optimum is the posterior: L(q*) = log p(x)"}
    assert all(r.detail.startswith("refuted") for r in report.failed)


def test_a_wrong_entropy_is_refuted() -> None:
    plain = copy.deepcopy(location_and_scale().plain())
    factor = next(f for f in plain["factors"] if f["name"] == "tau")
    factor["entropy"] = ["mul", [["num", "1001/1000"], factor["entropy"]]]
    assert "entropy of q(tau)" in {r.name for r in certify(plain).failed}


def test_a_wrong_optimum_is_refuted() -> None:
    plain = copy.deepcopy(variance().plain())
    shape = next(p for p in plain["factors"][0]["parameters"] if p["name"] == "shape")
    shape["value"] = ["add", [shape["value"], ["num", "1/2"]]]
    assert [r.name for r in certify(plain).failed] == ["the optimum is the posterior: L(q*) = log p(x)"]


def test_what_has_no_enclosure_is_undecided_with_the_reason() -> None:
    m = Model("many_scales")
    n, g = m.index("n", "N"), m.index("g", "G")
    group = m.observed_index("group", n, over=g)
    mu = m.latent("mu", Normal(0, 1))
    tau = m.latent("tau", Gamma(2, m.latent("b", Gamma(2, 1))), g)
    m.observed("x", Normal(mu, tau[group[n]]), n)
    m.observed("y", Normal(mu, m.latent("s", Gamma(1, 1))), n)
    rows = {r.name: r for r in certify(derive(m), 8).rows}
    assert rows[EVIDENCE].verdict == "undecided" and "coupled coordinates" in rows[EVIDENCE].detail
    assert rows["ELBO = E[log p] - E[log q]"].verdict == "certified"


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Any = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "flint" else found(name, *a))
    with pytest.raises(ModuleNotFoundError, match=r"install cavi\[rigorous\]"):
        certify(variance())
