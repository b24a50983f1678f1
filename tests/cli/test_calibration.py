"""Calibration from the command line: reports, plain data, exit status."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi.cli.app import app
from cavi.verify import calibration


def test_reports_are_printed_and_written(tmp_path: Path) -> None:
    found = CliRunner().invoke(
        app, ["calibrate", "normal", "--test", "ranks", "--test", "fit", "--junit", str(tmp_path / "report.xml")]
    )
    assert found.exit_code == 0, found.output
    assert "rank of tau" in found.output and "q / posterior" in found.output
    assert "rank of tau" in (tmp_path / "report.xml").read_text()


def test_plain_data() -> None:
    found = CliRunner().invoke(app, ["calibrate", "beta_bernoulli", "--test", "joint", "--seed", "3", "--json"])
    (report,) = json.loads(found.stdout)
    assert report["ok"] and all(r["tier"] == "calibration" for r in report["rows"])


def test_a_wrong_sampler_means_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    right = calibration.geweke

    def wrong(derived, **options):
        return right(derived, source=derived.gibbs().replace("mu_mean = mu_eta_1", "mu_mean = -mu_eta_1"), **options)

    monkeypatch.setattr(calibration, "geweke", wrong)
    assert CliRunner().invoke(app, ["calibrate", "normal", "--test", "joint", "--quiet"]).exit_code == 1


def test_a_model_without_priors_is_refused() -> None:
    found = CliRunner().invoke(app, ["calibrate", "gaussian_mixture_em"])
    assert found.exit_code == 2 and "maximised" in found.output
