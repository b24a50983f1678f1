"""``--method ep`` on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cavi.cli import app

RUN = CliRunner()


def test_derive_writes_and_verifies(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["derive", "logistic_regression", "--method", "ep", "-o", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    names = {"derivation.tex", "derivation.html", "logistic_regression_ep.py", "report.json"}
    assert {Path(p).name for p in told["written"]} == names == {p.name for p in tmp_path.iterdir()}
    assert told["report"]["ok"] and told["power"] == "1"


def test_fit_writes_parameters(tmp_path: Path) -> None:
    options = ["--method", "ep", "--power", "0.5", "-o", str(tmp_path), "--json"]
    result = RUN.invoke(app, ["fit", "logistic_regression", *options])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["converged"] and told["power"] == "1/2"
    with np.load(tmp_path / "params.npz") as saved:
        np.testing.assert_allclose(saved["w.mean"], told["params"]["w.mean"]["value"])


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["fit", "logistic_regression", "--method", "ep", "--restarts", "3"], "found --restarts; leave out"),
        (["verify", "--identities", "--method", "ep"], "found --identities; leave out"),
        (["derive", "logistic_regression", "--power", "0.5"], "give --method ep"),
        (["derive", "gaussian_mixture", "--method", "ep"], "the latent pi is Dirichlet"),
        (["derive", "logistic_regression", "--method", "ep", "--power", "2"], "above 0 and at most 1"),
        (["verify", "--method", "ep"], "expected a model"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], told: str) -> None:
    result = RUN.invoke(app, arguments)
    assert result.exit_code == 2
    assert told in result.output
