"""``cavi init``: a starter model that runs as it is, and never in place of another file."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi.cli import app
from cavi.cli.sources import find_model
from cavi.cli.starter import starter
from cavi.derive import derive
from cavi.derive.plain import plain_model

runner = CliRunner()


def test_the_starter_runs(tmp_path: Path) -> None:
    path = tmp_path / "visits.py"
    done = runner.invoke(app, ["init", str(path)])
    assert done.exit_code == 0 and f"cavi derive {path}" in done.stdout
    out = tmp_path / "out"
    derived = runner.invoke(app, ["derive", str(path), "-o", str(out), "--no-verify", "--quiet"])
    assert derived.exit_code == 0, derived.output
    assert (out / "visits.py").is_file() and (out / "derivation.html").is_file()
    assert len(find_model(str(path))[0].variables) == 8
    printed = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert "ELBO" in printed.stdout


@pytest.mark.parametrize("name", ["visits", "my-model", "class", 'x" y', "모형"])
def test_the_starter_as_text_is_the_same_model(tmp_path: Path, name: str) -> None:
    assert runner.invoke(app, ["init", str(tmp_path / f"{name}.cavi")]).exit_code == 0
    assert runner.invoke(app, ["init", str(tmp_path / f"{name}.py")]).exit_code == 0
    text, python = (find_model(str(tmp_path / f"{name}{ending}"))[0] for ending in (".cavi", ".py"))
    assert plain_model(text) == plain_model(python)


def test_without_a_name_it_is_model_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert runner.invoke(app, ["init", "--quiet"]).stdout == ""
    assert (tmp_path / "model.py").is_file()


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("precious")
    done = runner.invoke(app, ["init", str(path)])
    assert done.exit_code == 2 and "exists already and is left as it is" in done.stderr
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", ["my-model", "class", "numpy", "2nd", 'x"""\nimport os #', "모형"])
def test_any_file_name_gives_a_model(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.py"
    names: dict = {"__name__": "starter"}
    exec(compile(starter(path), "starter", "exec"), names)
    assert derive(names["model"]).updates


def test_bad_input_is_one_line_and_status_2(tmp_path: Path) -> None:
    for path, part in ((tmp_path / "a.txt", "ends in .py, or in .cavi"), (tmp_path / "no" / "a.py", "does not exist")):
        done = runner.invoke(app, ["init", str(path)])
        assert done.exit_code == 2 and part in done.stderr and done.stderr.count("\n") == 1


def test_a_file_alone_stands_for_its_object_model(tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text("m = 3\n")
    done = runner.invoke(app, ["derive", str(path)])
    assert done.exit_code == 2 and "or call it model in the file" in done.stderr
