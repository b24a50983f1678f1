"""``cavi fit`` on sparse data: the cells as columns of a table and as lists."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi.cli import app


def test_cells_from_a_table_and_from_lists(tmp_path: Path) -> None:
    table, lists = tmp_path / "cells.csv", tmp_path / "cells.json"
    table.write_text("y_u,y_i,y\n0,1,2\n3,0,1\n2,2,5\n")
    lists.write_text(json.dumps({"y": {"u": [2, 0, 3], "i": [2, 1, 0], "value": [5, 2, 1]}}))
    bounds = []
    for path in (table, lists):
        sizes = [a for s in ("K=2", "U=4", "I=3") for a in ("--sizes", s)]
        arguments = ["fit", "sparse_poisson_factorisation", "--data", str(path), *sizes, "-o", str(tmp_path), "--json"]
        done = CliRunner().invoke(app, [*arguments, "--seed", "0"])
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        assert found["sizes"] | {"y_cells": 3} == found["sizes"] and "z.probs" not in found["params"]
        bounds.append(found["elbo"])
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-12)
    done = CliRunner().invoke(app, [*arguments, "--rows", "2"])
    assert done.exit_code != 0 and "y is declared sparse" in done.output
