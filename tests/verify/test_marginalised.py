"""Derivations with a latent integrated out: the evidence is that of the joint density as it was declared."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cavi.derive import Gamma, Model, Normal, Poisson, derive
from cavi.verify import CertificateError, verify

MARGINAL = "log of the joint density with {} integrated out"
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


def _groups() -> Model:
    m = Model("groups")
    n, g = m.index("n", "N"), m.index("g", "G")
    group = m.observed_index("group", n, over=g)
    mu = m.latent("mu", Normal(0, 1))
    u = m.latent("u", Normal(mu, 1.7), g)
    m.observed("x", Normal(u[group[n]], 2.1), n)
    return m


def _two() -> Model:
    m = Model("two")
    n = m.index("n", "N")
    g = m.latent("g", Gamma(2, 1))
    m.observed("x", Normal(m.latent("mu", Normal(0, 1)), 1), n)
    m.observed("y", Normal(m.latent("w", Normal(0.3, 2)), 1.2), n)
    m.observed("c", Poisson(g), n)
    return m


MODELS = {"mu of scale": (_scale, ["mu"]), "mu of apart": (_apart, ["mu"]), "g of apart": (_apart, ["g"])}
MODELS["u of groups"] = (_groups, ["u"])
MODELS["mu and w of three"] = (_two, ["mu", "w"])


@pytest.mark.parametrize(("model", "gone"), MODELS.values(), ids=MODELS)
def test_every_row_of_a_marginalised_derivation_is_decided(model: Any, gone: list[str]) -> None:
    report = verify(derive(model(), marginalise=gone))
    assert report.ok and not report.undecided, str(report)
    assert MARGINAL.format(", ".join(sorted(gone))) in [r.name for r in report.rows]
    assert {r.name: r.verdict for r in report.rows}[OPTIMUM] == "checked"


def _spoiled(place: tuple[str, str]) -> dict[str, Any]:
    """The claim with half a log of the number of data added to an entry."""
    plain = copy.deepcopy(derive(_scale(), marginalise=["mu"]).plain())
    entry, key = place
    plain[entry][key] = ["add", [plain[entry][key], ["mul", [["num", "1/2"], ["fn", "log", [["size", "N"]]]]]]]
    return plain


def test_a_wrong_marginal_fails_where_it_is_integrated() -> None:
    assert MARGINAL.format("mu") in [r.name for r in verify(_spoiled(("marginal", "value"))).failed]


def test_a_wrong_exact_evidence_fails() -> None:
    assert [r.name for r in verify(_spoiled(("exact", "evidence"))).failed] == [
        "the evidence in the parameters of the posterior"
    ]


def test_a_density_left_out_of_the_marginal_is_seen() -> None:
    plain = copy.deepcopy(derive(_apart(), marginalise=["mu"]).plain())
    plain["marginal"]["nodes"].append("g")
    assert MARGINAL.format("mu") in [r.name for r in verify(plain).failed]


def test_a_wrong_bound_without_the_latent_is_caught() -> None:
    plain = copy.deepcopy(derive(_scale(), marginalise=["mu"]).plain())
    for term in plain["elbo"]:
        if term["name"] == "x":  # log Z of the latent, its log-determinant lost
            term["value"] = ["add", [term["value"], ["mul", [["num", "1/2"], ["fn", "log", [["size", "N"]]]]]]]
    failed = [r.name for r in verify(plain).failed]
    assert OPTIMUM in failed and "ELBO, expected log marginal of mu, x" in failed


def test_names_integrated_out_need_what_replaces_them() -> None:
    plain = derive(_scale(), marginalise=["mu"]).plain() | {"marginal": None}
    with pytest.raises(CertificateError, match="'marginalised' names latents exactly where 'marginal' says"):
        verify(plain)
