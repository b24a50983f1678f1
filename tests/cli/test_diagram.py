"""``cavi diagram``."""

from pathlib import Path

from typer.testing import CliRunner

from cavi.cli import app

runner = CliRunner()


def test_diagram(tmp_path: Path) -> None:
    printed = runner.invoke(app, ["diagram", "normal"])
    assert printed.exit_code == 0 and printed.stdout.startswith("<svg")
    for ending, start in (("svg", "<svg"), ("tex", r"\documentclass")):
        path = tmp_path / f"normal.{ending}"
        done = runner.invoke(app, ["diagram", "normal", "-o", str(path)])
        assert done.exit_code == 0 and str(path) in done.stdout
        assert path.read_text().startswith(start)


def test_bad_input_is_one_line_and_status_2(tmp_path: Path) -> None:
    for arguments, part in (
        (["normal", "-o", str(tmp_path / "a.png")], "written as .svg or .tex"),
        (["no_such_model"], "the library has no model"),
        (["normal", "--layout", "round"], "layout='round' is not known"),
    ):
        done = runner.invoke(app, ["diagram", *arguments])
        assert done.exit_code == 2 and part in done.stderr and done.stderr.count("\n") == 1
