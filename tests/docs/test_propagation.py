"""The comparison on the page about expectation propagation is what the benchmark computes."""

import re
import runpy
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_is_that_of_the_benchmark() -> None:
    page = (ROOT / "docs/site/pages/how_to/propagation.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- comparison -->\n(.*?)<!-- end of comparison -->", page, re.DOTALL)
    assert shown is not None
    found = runpy.run_path(str(ROOT / "benchmarks/propagation.py"))["propagated"]()
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in shown[1].strip().splitlines()[2:]]
    assert [line[0] for line in lines[:-1]] == [name for name, *_ in found]
    for line, (_, mean, sd, evidence) in zip(lines[:-1], found, strict=True):
        numbers = [float(x) for cell in line[1:] for x in cell.split(",")]
        assert numbers == pytest.approx([*mean, *sd, evidence], abs=6e-5)
    assert all((a[2] > b[2]).all() for a, b in pairwise(found))  # the smaller the power, the narrower
