"""Every planted mistake is caught: all operators, at every formula of two claims, but for listed equivalents."""

from __future__ import annotations

from typing import Any

from cavi.verify.claim import Claim
from cavi.verify.instance import make_instance
from cavi.verify.mutations import OPERATORS, first_failure, mutants, sites


def _survivors(plain: dict[str, Any], every: int) -> list[tuple[str, str]]:
    instance = make_instance(Claim(plain), 0)
    assert first_failure(plain, 12, instance) is None
    found = list(mutants(plain))[::every]
    assert len(found) > 20
    return [(m.operator, m.label) for m in found if first_failure(m.plain, 12, instance) is None]


def test_mistakes_in_the_normal_model_are_caught(normal: dict[str, Any]) -> None:
    assert _survivors(normal, 5) == []


def test_mistakes_in_the_mixture_are_caught(mixture: dict[str, Any]) -> None:
    assert _survivors(mixture, 11) == []


def test_every_operator_applies_somewhere(normal: dict[str, Any], mixture: dict[str, Any]) -> None:
    applied = {m.operator for plain in (normal, mixture) for m in mutants(plain)}
    assert applied == {*OPERATORS, "dropped ELBO term"}


def test_mutants_leave_the_claim_and_its_declaration_alone(normal: dict[str, Any]) -> None:
    before = repr(normal)
    changed = list(mutants(normal, ("half",)))
    assert repr(normal) == before
    assert all(m.plain["model"] == normal["model"] for m in changed)
    assert all(m.plain != normal for m in changed)
    assert {s.kind for s in sites(normal)} == {"parameter", "moment", "entropy", "log_q", "elbo"}


def test_an_additive_constant_in_logits_is_equivalent(mixture: dict[str, Any]) -> None:
    """Softmax cancels it: the claim stays right, and the catalogue does not count it."""
    logits = mixture["factors"][2]["parameters"][0]
    logits["value"] = ["add", [logits["value"], ["num", "1/2"]]]
    assert first_failure(mixture, 12) is None
