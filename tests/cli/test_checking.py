"""``cavi check``."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cavi.cli import app

OWN = """
from cavi.derive import Gamma, Model, Normal, Poisson, exp
m = Model("doubtful")
n = m.index("n", "N")
m.latent("tau", Gamma(1, 1))
eta = m.latent("eta", Normal(0, 1))
m.observed("y", Poisson(exp(eta)), n)
"""


def run(*arguments: object):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_a_sound_model_passes() -> None:
    result = run("poisson_gamma")
    assert result.exit_code == 0
    assert "nothing doubtful was found" in result.output


def test_notes_are_no_failure() -> None:
    result = run("gaussian_mixture", "--json")
    assert result.exit_code == 0
    assert [f["code"] for f in json.loads(result.output)["findings"]] == ["labels"]


def test_warnings_are(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    result = run(f"{path}:m", "--json")
    assert result.exit_code == 1
    assert [f["code"] for f in json.loads(result.output)["findings"]] == ["refused", "uninformed"]
