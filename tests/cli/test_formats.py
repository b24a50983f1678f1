"""``cavi derive --format``: files beside those that are always written."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cavi.cli import app
from cavi.cli.formats import declaration


def test_a_notebook_is_written(tmp_path: Path) -> None:
    arguments = ["derive", "normal", "--no-verify", "--format", "ipynb", "-o", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "normal.ipynb") in json.loads(done.stdout)["written"]
    text = (tmp_path / "normal.ipynb").read_text()
    assert "models.data(" in text and "def declare() -> Model:" in text
    assert CliRunner().invoke(app, ["derive", "normal", "--format", "docx"]).exit_code == 2


def test_the_declaration_of_a_file_is_its_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("model = 1\n")
    assert declaration(str(path)) == declaration(f"{path}:model") == "model = 1\n"
    assert declaration("no_such.py") is None


def test_parts_for_other_documents_are_written(tmp_path: Path) -> None:
    forms = ["beamer", "frames", "algorithm", "fragment"]
    arguments = ["derive", "normal", "--no-verify", "-q", "-o", str(tmp_path)]
    done = CliRunner().invoke(app, [*arguments, *(a for f in forms for a in ("--format", f))])
    assert done.exit_code == 0, done.output
    assert all((tmp_path / f"{f}.tex").read_text() for f in forms)
    assert "@book{bishop2006," in (tmp_path / "references.bib").read_text()


def test_notation_symbols_and_language_reach_every_file(tmp_path: Path) -> None:
    manner = ["--notation", "beal", "--symbol", r"tau=\lambda", "--lang", "ko"]
    arguments = [
        "derive",
        "normal",
        "--no-verify",
        "-q",
        "-o",
        str(tmp_path),
        "--format",
        "algorithm",
        "--format",
        "ipynb",
    ]
    done = CliRunner().invoke(app, [*arguments, *manner])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["fit", "normal", "-q", "-o", str(tmp_path), *manner])
    assert done.exit_code == 0, done.output
    for name in ("derivation.tex", "derivation.html", "algorithm.tex", "normal.ipynb", "fit.html"):
        text = (tmp_path / name).read_text()
        assert ("⟨" in text or r"\langle" in text) and "인자" in text
        assert r"\tau" not in text and ">τ<" not in text
    wrong = CliRunner().invoke(app, ["derive", "normal", "--symbol", "tau"])
    assert wrong.exit_code == 2 and "expected NAME=TEX" in wrong.stderr
    folder = tmp_path / "none"
    wrong = CliRunner().invoke(app, ["fit", "normal", "--lang", "kr", "-o", str(folder)])
    assert wrong.exit_code == 2 and "lang='kr' is not known" in wrong.stderr and not folder.exists()
