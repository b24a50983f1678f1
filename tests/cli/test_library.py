"""Verifying many models: side by side, and nothing twice that has not changed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi.cli import library
from cavi.cli.app import app
from cavi.cli.output import Output

NAMES = ["normal", "beta_bernoulli"]


def test_reports_come_in_the_order_of_the_names(tmp_path: Path) -> None:
    reports = library.verify_library(12, 0, 2, tmp_path, Output(quiet=True), NAMES)
    assert [r.ok for r in reports] == [True, True]
    assert ["(normal)" in reports[0].title, "(beta_bernoulli)" in reports[1].title] == [True, True]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_has_not_changed_is_not_verified_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = library.verify_library(12, 0, 1, tmp_path, Output(quiet=True), ["normal"])
    calls = []
    monkeypatch.setattr(library, "verify", lambda *a, **k: calls.append(k) or first)
    (again,) = library.verify_library(12, 0, 1, tmp_path, Output(quiet=True), ["normal"])
    assert not calls and again.as_dict()["rows"] == first.as_dict()["rows"]
    library.verify_library(12, 1, 1, tmp_path, Output(quiet=True), ["normal"])
    library.verify_library(13, 0, 1, tmp_path, Output(quiet=True), ["normal"])
    assert calls == [{"digits": 12, "seed": 1}, {"digits": 13, "seed": 0}]
    library.verify_library(12, 0, 1, None, Output(quiet=True), ["normal"])
    assert len(calls) == 3


def test_a_changed_checker_or_a_broken_file_means_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = library.verify_library(12, 0, 1, tmp_path, Output(quiet=True), ["normal"])
    calls = []
    monkeypatch.setattr(library, "verify", lambda *a, **k: calls.append(k) or first)
    (kept,) = tmp_path.iterdir()
    kept.write_text(kept.read_text()[:-5])
    library.verify_library(12, 0, 1, tmp_path, Output(quiet=True), ["normal"])
    assert len(calls) == 1 and json.loads(kept.read_text())["ok"]
    monkeypatch.setattr(library, "_checker", lambda: "another")
    library.verify_library(12, 0, 1, tmp_path, Output(quiet=True), ["normal"])
    assert len(calls) == 2


def test_at_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(library.models, "names", lambda: NAMES)
    xml = tmp_path / "found.xml"
    done = CliRunner().invoke(app, ["verify", "--library", "-j", "1", "--digits", "10", "--junit", str(xml)])
    assert done.exit_code == 0, done.output
    assert [line.split()[:2] for line in done.output.splitlines()] == [["ok", n] for n in NAMES]
    assert xml.read_text().count("<testsuite ") == 2
    assert len(list((tmp_path / "cavi" / "verify").iterdir())) == 2
    refused = CliRunner().invoke(app, ["verify", "normal", "--library"])
    assert refused.exit_code == 2 and "leave out the model" in refused.output
