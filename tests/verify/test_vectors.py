"""Vectors, matrices, joint blocks and chains: right claims pass at thirty digits, corrupted ones fail."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cavi.derive import (
    Categorical,
    Dirichlet,
    Gamma,
    InverseWishart,
    Model,
    MultivariateNormal,
    Normal,
    Poisson,
    Wishart,
    derive,
    dot,
)
from cavi.verify import check_certificate, verify, write_certificate
from cavi.verify.grammar import CertificateError, check_claim


def normal_wishart() -> dict[str, Any]:
    m = Model("normal_wishart")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    kappa, nu = m.hyper("kappa_0 nu_0")
    m0, w0 = m.hyper("m_0", d), m.hyper("W_0", d, e)
    lam = m.latent("Lambda", Wishart(nu, w0, over=d))
    mu = m.latent("mu", MultivariateNormal(m0, kappa * lam, over=d))
    m.observed("x", MultivariateNormal(mu, lam), n)
    return derive(m, [("mu", "Lambda")]).plain()


def inverse_wishart() -> dict[str, Any]:
    m = Model("covariance")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    nu, psi, m0 = m.hyper("nu_0"), m.hyper("Psi_0", d, e), m.hyper("m_0", d)
    sigma = m.latent("Sigma", InverseWishart(nu, psi, over=d))
    m.observed("x", MultivariateNormal(m0, covariance=sigma, over=d), n)
    return derive(m).plain()


def hidden_markov() -> dict[str, Any]:
    m = Model("hidden_markov")
    t, k, j = m.index("t", "T"), m.index("k", "K"), m.index("l", "K")
    a, pi = m.latent("A", Dirichlet(1, over=j), k), m.latent("pi", Dirichlet(1, over=k))
    lam = m.latent("lam", Gamma(1, 1), k)
    s = m.covariate("start", t)
    z = m.latent("z", lambda z: Categorical(a[z[t - 1]], over=k), t, initial=Categorical(pi), starts=s)
    m.observed("x", Poisson(lam[z[t]]), t)
    return derive(m).plain()


def linear_chain() -> dict[str, Any]:
    m = Model("linear_chain")
    t, i, j, d = m.index("t", "T"), m.index("i", "Q"), m.index("j", "Q"), m.index("d", "D")
    a, c = m.latent("A", Normal(0, 1), i, j), m.latent("C", Normal(0, 1), d, i)
    r = m.latent("R", Gamma(1, 1), d)
    initial = MultivariateNormal(0, 1, over=i)
    z = m.latent("z", lambda z: MultivariateNormal(a @ z[t - 1], 1, over=i), t, initial=initial)
    m.observed("x", Normal(dot(c[d], z[t]), r[d]), t, d)
    return derive(m, factors=[("A",), ("C",)]).plain()


def two_categories() -> dict[str, Any]:
    m = Model("two_categories")
    n, k, j = m.index("n", "N"), m.index("k", "K"), m.index("l", "L")
    pi, rho = m.latent("pi", Dirichlet(1, over=k)), m.latent("rho", Dirichlet(1, over=j), k)
    z = m.latent("z", Categorical(pi), n)
    s = m.latent("s", Categorical(rho[z[n]]), n)
    mu = m.latent("mu", Normal(0, 1), k, j)
    m.observed("x", Normal(mu[z[n], s[n]], 1), n)
    return derive(m, factors=[("z", "s")]).plain()


CLAIMS: dict[str, Callable[[], dict[str, Any]]] = {
    "Normal-Wishart": normal_wishart,
    "inverse Wishart": inverse_wishart,
    "hidden Markov chain": hidden_markov,
    "linear Gaussian chain": linear_chain,
    "joint categories": two_categories,
}


@pytest.fixture(scope="module", params=CLAIMS)
def claim(request: pytest.FixtureRequest) -> dict[str, Any]:
    return CLAIMS[request.param]()


def test_a_right_claim_passes_at_thirty_digits(claim: dict[str, Any]) -> None:
    report = verify(claim)
    assert report.ok, str(report)
    assert {r.name for r in report.undecided} <= {"log p(x) = L(q) + KL(q || posterior)"}, str(report)


def test_one_factor_is_the_posterior() -> None:
    for build in (normal_wishart, inverse_wishart):
        rows = [r for r in verify(build(), 20).rows if r.name.startswith("the optimum is the posterior")]
        assert [r.verdict for r in rows] == ["checked"]


def _formula(claim: dict[str, Any], latent: str, name: str) -> dict[str, Any]:
    found = [p for f in claim["factors"] for p in f["parameters"] if (p["latent"], p["name"]) == (latent, name)]
    (formula,) = found
    return formula


CORRUPTIONS = [
    (normal_wishart, "Lambda", "dof", lambda v: ["add", [v, ["num", "1"]]]),
    (normal_wishart, "Lambda", "inverse_scale", lambda v: ["mul", [["num", "1/2"], v]]),
    (normal_wishart, "Lambda", "logdet_scale", lambda v: ["num", "0"]),
    (inverse_wishart, "Sigma", "dof", lambda v: ["add", [v, ["num", "-1"]]]),
    (hidden_markov, "z", "probs", lambda v: ["param", "z", "filtered", [["index", "t", "T"], ["index", "k", "K"]]]),
    (linear_chain, "z", "cross", lambda v: ["num", "0"]),
    (linear_chain, "z", "gain", lambda v: ["mul", [["num", "-1"], v]]),
]


@pytest.mark.parametrize(("build", "latent", "name", "change"), CORRUPTIONS)
def test_a_corrupted_parameter_fails(build: Any, latent: str, name: str, change: Callable[[Any], Any]) -> None:
    wrong = copy.deepcopy(build())
    formula = _formula(wrong, latent, name)
    formula["value"] = change(formula["value"])
    assert verify(wrong, 12).failed


def test_a_transposed_kernel_fails() -> None:
    wrong = hidden_markov()
    for f in wrong["factors"]:
        for s in f["moments"]:
            if s["key"] == "[z]*[z]":
                text = json.dumps(s["pattern"]).replace('["index", "k", "K"]', "X")
                text = text.replace('["index", "k\'", "K"]', '["index", "k", "K"]').replace(
                    "X", '["index", "k\'", "K"]'
                )
                s["pattern"] = json.loads(text)
    assert verify(wrong, 12).failed


def test_a_certificate_keeps_matrices_and_chains(tmp_path: Path) -> None:
    claim = normal_wishart()
    report = verify(claim, 12)
    path = write_certificate(claim, report, tmp_path / "claim.json")
    assert check_certificate(path).ok


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (["link"], "takes 1 parts"),
        (["shift"], "unknown head"),
        (["logdet", ["i", "I"], ["j", "I"]], "takes 3 parts"),
        (["link", ["shift", ["index", "n", "N"], 2]], "expected a subscript"),
        (["link", ["shift", ["select", "z", [], "K"], 1]], "expected a subscript"),
    ],
)
def test_wrong_grammar_is_refused(normal: dict[str, Any], head: Any, message: str) -> None:
    normal["elbo"][0]["value"] = head
    with pytest.raises(CertificateError, match=message):
        check_claim(normal)


def test_matrices_of_a_size_in_numbers() -> None:
    """The placeholders for their rows and columns have names that begin with a letter."""
    m = Model("pairs")
    n, d, e = m.index("n", "N"), m.index("d", 2), m.index("e", 2)
    precision = m.latent("Lambda", Wishart(4, m.hyper("V", d, e), over=d))
    m.observed("x", MultivariateNormal(0, precision, over=d), n)
    assert verify(derive(m), digits=10).ok
