"""The comparison on the page about expectation propagation is what the benchmark computes."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_is_that_of_the_benchmark() -> None:
    page = (ROOT / "docs/site/pages/how_to/propagation.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- comparison -->\n(.*?)<!-- end of comparison -->", page, re.DOTALL)
    assert shown is not None
    found = runpy.run_path(str(ROOT / "benchmarks/propagation.py"))["rows"]()
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in shown[1].strip().splitlines()[2:]]
    assert [line[0] for line in lines] == [name for name, *_ in found]
    for line, (_, mean, sd, evidence) in zip(lines, found, strict=True):
        numbers = [float(x) for cell in line[1:] for x in cell.split(",")]
        assert numbers == pytest.approx([*mean, *sd, evidence], abs=6e-5)
    exact, ep, half, small, bound = found  # the forward divergence covers, and all of them are nearer than the bound
    assert (exact[2] > ep[2]).all() and (ep[2] > half[2]).all() and (half[2] > small[2]).all()
    assert abs(ep[3] - exact[3]) < abs(bound[3] - exact[3])
