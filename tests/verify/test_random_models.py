"""Random models are derived, printed, generated, run and verified, or refused by name; nothing in between."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import spread
from random_drive import OutOfTime, settle, time_limit
from random_models import draw
from random_scope import Program
from random_shrink import reductions, shrink
from random_sweep import sweep

from cavi.derive import CaviError, Derived

SEEDS = spread(range(12), 4)
SWEPT = range(12, 2012, 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_model_is_verified_or_refused(seed: int) -> None:
    program = draw(seed)
    outcome = settle(program)
    assert outcome.verdict != "fault", f"{program}\n{outcome.stage}: {outcome.kind}\n{outcome.detail}"


def test_most_random_models_are_not_refused() -> None:
    outcomes = [settle(draw(seed), stages=("derive",)).verdict for seed in range(60)]
    assert outcomes.count("verified") >= 36


@pytest.mark.slow
@pytest.mark.parametrize("first", SWEPT)
def test_many_random_models(first: int, tmp_path: Path) -> None:
    """With CAVI_RANDOM_LOG naming a file, a sweep that was broken off goes on where it was."""
    log = Path(os.environ.get("CAVI_RANDOM_LOG", tmp_path / "sweep.jsonl"))
    counts = sweep(range(first, first + 10), log)
    assert not counts["fault"], log.read_text()


def test_a_sweep_does_not_repeat_what_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "sweep.jsonl"
    log.write_text("".join(json.dumps({"seed": s, "verdict": "seen before"}) + "\n" for s in (0, 1, 3)))
    counts = sweep(range(4), log)
    assert counts["seen before"] == 3 and sum(counts.values()) == 4
    assert [json.loads(line)["seed"] for line in log.read_text().splitlines()] == [0, 1, 3, 2]


def test_drawing_is_repeatable_and_prints_a_declaration_that_runs() -> None:
    for seed in range(20):
        assert draw(seed) == draw(seed)
        space: dict = {}
        try:
            exec(str(draw(seed)), space)
        except CaviError:
            continue
        assert isinstance(space["derived"], Derived)


ONE = Program(
    (
        'm = Model("random_model")',
        'n = m.index("n", "N")',
        't = m.latent("t", Gamma(2.1, 1.3))',
        'w = m.latent("w", Normal(0.4, 0.8))',
        'x = m.observed("x", Normal(w, t), n)',
        "derived = derive(m)",
    )
)


def test_the_sound_model_is_verified() -> None:
    assert settle(ONE).verdict == "verified"


@pytest.mark.parametrize(
    ("method", "change", "stage"),
    [
        ("numpy", lambda source: source.replace("1/2", "1/3").replace("0.5", "0.4"), ("fit", "verify")),
        ("numpy", lambda source: source + "\nraise RuntimeError('planted')\n", ("fit",)),
        ("latex", lambda source: 1 / 0, ("latex",)),
        ("html", lambda source: 1 / 0, ("html",)),
        ("gibbs", lambda source: "def (", ("gibbs",)),
    ],
)
def test_a_planted_fault_is_found(
    monkeypatch: pytest.MonkeyPatch, method: str, change: Callable[[str], str], stage: tuple[str, ...]
) -> None:
    sound = getattr(Derived, method)
    monkeypatch.setattr(Derived, method, lambda self: change(sound(self)))
    outcome = settle(ONE)
    assert outcome.verdict == "fault" and outcome.stage in stage


def test_what_takes_too_long_is_a_fault() -> None:
    assert settle(ONE, limit=1e-3).signature == ("fault", "derive", "time")
    with pytest.raises(OutOfTime), time_limit(0.01):
        while True:
            pass


@pytest.mark.parametrize(("seed", "family"), [(1, "Normal"), (2, "Normal"), (19, "Poisson"), (40, "Gamma")])
def test_a_fault_is_shrunk_until_nothing_can_be_left_out(seed: int, family: str) -> None:
    """The planted fault: the model can be derived and has an observation of the family."""

    def fails(program: Program) -> bool:
        if not any("observed" in line and f"{family}(" in line for line in program.lines):
            return False
        return settle(program, stages=("derive",)).verdict == "verified"

    start = next(p for p in (draw(s) for s in range(seed, seed + 200)) if fails(p))
    small = shrink(start, fails)
    assert fails(small) and len(str(small)) <= len(str(start))
    assert not any(fails(smaller) for smaller in reductions(small))
    assert len(small.lines) <= 6
