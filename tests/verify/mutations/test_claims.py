"""Every planted mistake in two claims written by hand is caught; every operator applies somewhere."""

from __future__ import annotations

from typing import Any

import pytest

from cavi.cli.sources import derived_model
from cavi.verify.mutations import ON_THE_WHOLE, OPERATORS, Judge, mutants, sites
from cavi.verify.mutations.claims import ARRAY
from cavi.verify.mutations.sweep import fair


@pytest.mark.parametrize("which", ["normal", "mixture"])
def test_mistakes_are_caught(which: str, request: pytest.FixtureRequest) -> None:
    plain = request.getfixturevalue(which)
    judge = Judge(plain)
    found = [judge(m) for m in fair(list(mutants(plain)), 250, 0)]
    assert len(found) == 250
    assert [v for v in found if v.outcome not in ("killed", "equivalent")] == []
    assert sum(v.outcome == "killed" for v in found) > 235


def test_every_operator_applies_somewhere(normal: dict[str, Any], mixture: dict[str, Any]) -> None:
    """Those that need matrices, chains or gathers apply in models of the library."""
    applied = {m.operator for plain in (normal, mixture) for m in mutants(plain)}
    for name in ("hmm_gaussian", "lda", "gaussian_process"):
        applied |= {m.operator for m in mutants(derived_model(name, None).plain())}
    assert applied == {*OPERATORS, *ON_THE_WHOLE}


def test_mutants_leave_the_claim_and_its_declaration_alone(normal: dict[str, Any]) -> None:
    before = repr(normal)
    changed = list(mutants(normal, ("half",)))
    assert repr(normal) == before
    assert all(m.plain["model"] == normal["model"] for m in changed)
    assert all(m.plain != normal for m in changed)
    assert {s.kind for s in sites(normal)} == {"parameter", "moment", "entropy", "log_q", "elbo"}


def test_judging_leaves_the_claim_alone(normal: dict[str, Any]) -> None:
    before = repr(normal)
    judge = Judge(normal)
    verdicts = [judge(m) for m in mutants(normal, ("sign flip",))]
    assert repr(normal) == before and repr(judge.bench.plain) == before
    assert {v.outcome for v in verdicts} <= {"killed", "equivalent"}


def test_operations_on_arrays_are_changed_too(mixture: dict[str, Any]) -> None:
    judge = Judge(mixture)
    found = [judge(m) for m in mutants(mixture, (ARRAY,))]
    assert found and all(v.outcome == "killed" for v in found)
