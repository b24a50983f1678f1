"""What is said to be equivalent is, and what is not, is not: each rule on a case of its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cavi.cli.sources import derived_model
from cavi.verify.mutations import Mutant, Site, mutants, sites
from cavi.verify.mutations.difference import difference
from cavi.verify.mutations.normal_form import normal
from cavi.verify.mutations.rules import Rules, Symmetric
from cavi.verify.mutations.site import get, put

I, J = ["index", "i", "K"], ["index", "j", "K"]
A, B = ["ref", "a", [I]], ["ref", "b", [I]]


def plus(plain: dict[str, Any], label: str, term: Any) -> Mutant:
    """The claim with a term added to a formula."""
    site = next(s for s in sites(plain) if s.label == label)
    return Mutant("plus", label, put(plain, site.path, ["add", [get(plain, site.path), term]]), site)


@pytest.mark.parametrize(
    "one, other",
    [
        (["add", [A, B]], ["add", [B, A]]),
        (["mul", [A, ["add", [B]]]], ["mul", [B, A]]),
        (["add", [A, A]], ["mul", [["num", "2"], A]]),
        (["mul", [["num", "1/2"], ["num", "2"], A]], A),
        (["pow", ["pow", A, "2"], "-1"], ["pow", A, "-2"]),
        (["pow", ["mul", [A, B]], "-1"], ["mul", [["pow", A, "-1"], ["pow", B, "-1"]]]),
        (["sum", [["i", "K"]], A], ["sum", [["j", "K"]], ["ref", "a", [J]]]),
        (["sum", [["i", "K"]], ["add", [A, B]]], ["add", [["sum", [["i", "K"]], A], ["sum", [["i", "K"]], B]]]),
        (["mul", [["delta", I, J], A]], ["mul", [["delta", J, I], ["ref", "a", [J]]]]),
        (["mul", [["link", I], ["link", I], A]], ["mul", [["link", I], A]]),
    ],
)
def test_one_form_for_what_is_the_same(one: Any, other: Any) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    "one, other",
    [
        (A, B),
        (["mul", [A, A]], A),
        (["sum", [["i", "K"]], A], A),
        (["sum", [["i", "K"]], ["mul", [A, B]]], ["mul", [["sum", [["i", "K"]], A], ["sum", [["i", "K"]], B]]]),
        (["mul", [["delta", I, J], A]], ["mul", [A]]),
        (["pow", ["add", [A, B]], "2"], ["add", [["pow", A, "2"], ["pow", B, "2"]]]),
    ],
)
def test_other_forms_for_what_is_not(one: Any, other: Any) -> None:
    assert normal(one) != normal(other)


def test_a_constant_in_logits_cancels(mixture: dict[str, Any]) -> None:
    assert Rules(mixture)(plus(mixture, "z.logits", ["num", "1/2"])) == "cancels when normalised"
    assert Rules(mixture)(plus(mixture, "z.logits", ["ref", "x", [["index", "n", "N"]]])) == "cancels when normalised"
    assert Rules(mixture)(plus(mixture, "z.logits", ["moment", "lam", "lam", [["index", "k", "K"]]])) is None
    assert Rules(mixture)(plus(mixture, "lam.rate", ["num", "1/2"])) is None


def test_a_constant_in_the_logits_of_a_chain_cancels_and_in_one_of_its_rows_does_not() -> None:
    plain = derived_model("hmm_gaussian", None).plain()
    rules = Rules(plain)
    assert rules(plus(plain, "z.logits", ["num", "1/2"])) == "a shift of all categories that cancels"
    assert rules(plus(plain, "z.pair", ["num", "-1"])) == "a shift of all categories that cancels"
    site = next(s for s in sites(plain) if s.label == "z.pair")
    names = dict(site.indices)
    chosen = [n for n, s in names.items() if s == "K"]
    for name in chosen:
        assert rules(plus(plain, "z.pair", ["delta", ["index", name, "K"], ["int", 0, "K"]])) is None


def test_a_common_factor_of_maximised_probabilities_cancels() -> None:
    plain = derived_model("gaussian_mixture_em", None).plain()
    rules = Rules(plain)
    doubled = [m for m in mutants(plain, ("doubled term",)) if m.label == "pi.counts"]
    assert [rules(m) for m in doubled] == ["a common factor that cancels"]


def test_symmetric_matrices_are_found_by_their_formulas() -> None:
    found = Symmetric(derived_model("linear_regression_joint", None).plain()).known
    assert {("param", "w", "precision"), ("param", "w", "covariance"), ("moment", "w", "w*w")} <= found
    chain = Symmetric(derived_model("linear_dynamical_system", None).plain()).known
    assert {("param", "x", "precision"), ("moment", "A", "A*A")} <= chain
    assert not {("moment", "A", "A"), ("param", "x", "gain"), ("param", "x", "cross")} & chain


def test_rules_agree_with_values() -> None:
    """Whatever a rule calls equivalent has the same value at random instances."""
    for name in ("hmm_poisson", "gaussian_mixture_em", "linear_regression_joint"):
        plain = derived_model(name, None).plain()
        rules = Rules(plain)
        equivalent = [m for m in mutants(plain) if rules(m) is not None]
        assert equivalent
        for mutant in equivalent[:: max(1, len(equivalent) // 8)]:
            assert difference(plain, mutant, points=3) is None, mutant.label


def test_a_difference_is_found(normal_plain: dict[str, Any]) -> None:
    plain = copy.deepcopy(normal_plain)
    for label in ("tau.rate", "entropy of mu", "log q(mu)", "E[log tau] of tau", "ELBO entropy of tau"):
        found = difference(plain, plus(plain, label, ["num", "1/1000000"]), points=2)
        assert found is not None and "values differ" in found
    whole = Site(("elbo",), "bound", "ELBO")
    assert difference(plain, Mutant("nothing", "ELBO", plain, whole), points=2) is None
