"""The text form on the command line: written, and read by every command that takes a model."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cavi.cli.app import app
from cavi.derive.plain import plain_model
from cavi.models import load
from cavi.templates.language import read_file

run = CliRunner().invoke


def test_what_is_exported_can_be_derived_fitted_and_drawn(tmp_path: Path) -> None:
    path = tmp_path / "mixture.cavi"
    assert run(app, ["export", "poisson_gamma", "-o", str(path)]).exit_code == 0
    assert plain_model(read_file(path)) == plain_model(load("poisson_gamma"))
    assert run(app, ["derive", str(path), "-o", str(tmp_path), "--no-verify"]).exit_code == 0
    assert "def update_lam" in (tmp_path / "poisson_gamma.py").read_text()
    assert "<svg" in run(app, ["diagram", str(path)]).output
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"y": [1, 5, 2], "exposure": [1.0, 2.0, 1.0]}))
    hyper = [o for h in ("a_0=2", "c_0=1", "d_0=1") for o in ("--hyper", h)]
    fitted = run(app, ["fit", str(path), "--data", str(data), *hyper, "-o", str(tmp_path)])
    assert fitted.exit_code == 0, fitted.output
    assert run(app, ["diff", "poisson_gamma", str(path)]).exit_code == 0


def test_printed() -> None:
    assert run(app, ["export", "normal"]).output == load("normal").text()


def test_an_error_shows_the_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.cavi"
    path.write_text("model m\nx ~ Normal(nu, 1)\n")
    result = run(app, ["derive", str(path)])
    assert result.exit_code == 2
    assert "wrong.cavi:2:12: the name nu is not declared" in result.output
    assert "2 | x ~ Normal(nu, 1)\n  |            ^" in result.output


def test_other_languages() -> None:
    assert 'numpyro.sample("mu", dist.Normal(' in run(app, ["export", "normal", "--to", "numpyro"]).output
    assert "target += normal_lpdf(mu | " in run(app, ["export", "normal", "--to", "stan"]).output
    refused = run(app, ["export", "stochastic_block_model", "--to", "stan"])
    assert refused.exit_code == 2 and "z cannot be summed out" in refused.output
    assert run(app, ["export", "normal", "--to", "jags"]).exit_code == 2
