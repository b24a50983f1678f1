"""The page on verification: its code runs, its verdicts are those of the reports, and its tables were filled in."""

import re
from pathlib import Path
from typing import get_args

import pytest

from cavi.verify.mutations.sweep import OUTCOMES
from cavi.verify.report import TIERS, Verdict

TEXT = (Path(__file__).parents[2] / "docs" / "verification.md").read_text(encoding="utf-8")


def between(name: str) -> str:
    found = re.search(f"<!-- {name} -->\n(.*?)<!-- end of {name} -->", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


def test_its_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(block, {})
    assert "certified" in capsys.readouterr().out


def test_verdicts_and_tiers_are_explained() -> None:
    assert all(f"| `{v}` |" in TEXT for v in get_args(Verdict))
    assert all(f"\n| {tier} |" in TEXT for tier in TIERS)


@pytest.mark.parametrize("name", ["rules", "evidence", "mutations"])
def test_measured_tables_are_there(name: str) -> None:
    assert len([line for line in between(name).splitlines() if line.startswith("| ")]) >= 5


def test_planted_mistakes_add_up_and_none_survived() -> None:
    rows = [
        [c.strip() for c in line.strip("|").split("|")] for line in between("mutations").splitlines() if "|" in line
    ]
    header, _, *counts = rows
    assert header[1:] == ["mutants", *OUTCOMES]
    *operators, total = [[int(c) for c in line[1:]] for line in counts]
    assert [sum(column) for column in zip(*operators, strict=True)] == total
    assert total[0] == sum(total[1:]) >= 2000
    assert total[1 + OUTCOMES.index("survived")] == total[1 + OUTCOMES.index("out of time")] == 0
