"""Random ill-formed models: only an error of ours that names what it is about, or Python's own, may come out."""

import collections
from collections.abc import Callable

import pytest
from random_edits import Mutant
from random_illegal import MUTATIONS, judge, mutant, names_something
from random_scope import Program

import cavi.derive
from cavi.derive import DeclarationError


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_only_clear_errors_come_out(first: int) -> None:
    for seed in range(first, first + 50):
        given = mutant(seed)
        outcome = judge(given)
        shown = f"seed {seed}: {given.what}\n{given.program}\n{outcome.kind}: {outcome.detail}"
        assert outcome.verdict != "fault", shown


@pytest.mark.slow
@pytest.mark.parametrize("first", range(400, 6400, 50))
def test_only_clear_errors_come_out_of_many(first: int) -> None:
    for seed in range(first, first + 50):
        given = mutant(seed)
        outcome = judge(given)
        assert outcome.verdict != "fault", f"seed {seed}: {given.what}\n{given.program}\n{outcome}"


def test_mutants_are_of_every_kind_and_most_are_refused() -> None:
    drawn = [mutant(seed) for seed in range(400)]
    assert len({m.what for m in drawn}) >= len(MUTATIONS) - 2  # two are listed twice
    verdicts = collections.Counter(judge(m).verdict for m in drawn[:100])
    assert verdicts["refused"] >= 50


SOUND = Program(
    (
        'm = Model("random_model")',
        'n = m.index("n", "N")',
        'w = m.latent("w", Normal(0.4, 0.8))',
        'x = m.observed("x", Normal(w, 1.5), n)',
        "derived = derive(m)",
    )
)


def crash(*_: object) -> None:
    raise KeyError("planted")


def silent(*_: object) -> None:
    raise DeclarationError("something is wrong")


@pytest.mark.parametrize(("planted", "kind"), [(crash, "KeyError"), (silent, "unnamed")])
def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch, planted: Callable, kind: str) -> None:
    monkeypatch.setattr(cavi.derive.Model, "_plates", planted)
    outcome = judge(Mutant(SOUND, 3, "nothing"))
    assert (outcome.verdict, outcome.kind) == ("fault", kind)


def test_an_illegal_program_that_is_accepted_is_a_fault() -> None:
    assert judge(Mutant(SOUND, 3, "nothing", illegal=True)).kind == "accepted"
    assert judge(Mutant(SOUND, 3, "nothing")).verdict == "accepted"


def test_what_a_message_names() -> None:
    assert names_something("x: index k is not among the plates", SOUND)
    assert names_something("Normal: the precision must be positive", SOUND)
    assert not names_something("the number nan is not finite", SOUND)
