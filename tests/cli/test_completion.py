"""Completion in shells: right names, read without importing what takes long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cavi import models
from cavi.cli import completion
from cavi.derive import identities
from cavi.derive.relaxations.catalogue import augmentations, every_bound
from cavi.templates.style import PRESETS
from cavi.verify.report import TIERS

PROGRAM = """
import sys
sys.argv[0] = "cavi"
from cavi.cli import main
try:
    main()
finally:
    heavy = {"sympy", "numpy", "cavi.derive", "rich"} & set(sys.modules)
    print(*sorted(heavy), file=sys.stderr, end="")
"""


def test_names_are_those_of_the_package() -> None:
    assert completion.model_names() == models.names()
    assert completion.identity_names() == sorted(identities.names())
    assert set(completion.rule_names("bounds")) == {b.name for b in every_bound()}
    assert set(completion.rule_names("augment")) == {a.name for a in augmentations()}
    assert completion.notations("") == list(PRESETS) and completion.tiers("") == list(TIERS)
    assert completion.languages("") == ["en", "ko"] and completion.languages("k") == ["ko"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("cavi derive gaussian_mixture_f", ["gaussian_mixture_full"]),
        ("cavi verify --only op", ["optimality"]),
        ("cavi identities elbo_by_k", ["elbo_by_kl"]),
        ("cavi fit normal --data mine.c", ["mine.csv"]),
    ],
)
def test_bash_is_answered_without_anything_slow(words: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("x\n1\n")
    asked = {"_CAVI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **asked},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (expected, "")


def test_files_and_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("normal.cavi", "note.txt", ".hidden.py", "certificate.json"):
        (tmp_path / name).touch()
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "own.py").touch()
    monkeypatch.chdir(tmp_path)
    assert completion.models("no") == ["normal", "normal_gamma", "normal.cavi"]
    assert completion.models("nested/") == ["nested/own.py"] and completion.models("nowhere/x") == []
    assert completion.claims("cert") == ["certificate.json"] and completion.models("cert") == []
    assert completion.files("n") == ["nested/", "normal.cavi", "note.txt"] and ".hidden.py" not in completion.files("")
    assert "y=boehning" in completion.bounds("y=boe") and completion.bounds("y=boehning;x=ja") == [
        "y=boehning;x=jaakkola_jordan"
    ]
    assert "y=polya_gamma" in completion.augmentations("y=po") and completion.bounds("y") == []
