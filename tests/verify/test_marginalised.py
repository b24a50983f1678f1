"""Derivations with a latent integrated out: the evidence is that of the joint density as it was declared."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cavi.derive import Gamma, Model, Normal, Poisson, derive
from cavi.verify import verify

OPTIMUM = "the optimum is the posterior: L(q*) = log p(x)"


def _scale() -> Model:
    m = Model("scale")
    n = m.index("n", "N")
    g = m.latent("g", Gamma(3, 2))
    mu = m.latent("mu", Normal(1, 2 * g))
    m.observed("x", Normal(mu, g), n)
    return m


def _apart() -> Model:
    m = Model("apart")
    n = m.index("n", "N")
    m.observed("x", Normal(m.latent("mu", Normal(0, 1)), 1), n)
    m.observed("y", Poisson(m.latent("g", Gamma(2, 1))), n)
    return m


@pytest.mark.parametrize("model", [_scale, _apart])
def test_the_optimum_is_the_evidence_of_the_declared_joint(model: Any) -> None:
    report = verify(derive(model(), marginalise=["mu"]))
    assert report.ok
    assert {r.name: r.verdict for r in report.rows}[OPTIMUM] == "checked"
    assert [r.verdict for r in report.rows if r.tier == "code"] == ["checked"] * 4


def test_what_the_bound_no_longer_has_is_said() -> None:
    report = verify(derive(_scale(), marginalise=["mu"]), code=False)
    reasons = [r.detail for r in report.undecided]
    assert reasons and all("mu, which is integrated out" in r for r in reasons)


def test_a_wrong_marginal_is_caught() -> None:
    plain = copy.deepcopy(derive(_scale(), marginalise=["mu"]).plain())
    for term in plain["elbo"]:
        if term["name"] == "x":  # log Z of the latent, its log-determinant lost
            term["value"] = ["add", [term["value"], ["mul", [["num", "1/2"], ["fn", "log", [["size", "N"]]]]]]]
    assert OPTIMUM in [r.name for r in verify(plain).failed]
