"""``cavi doctor``: what is there, and what to do about what is not."""

import json
from importlib import metadata

import pytest
from typer.testing import CliRunner

from cavi.cli import app, doctor
from cavi.cli.output import Output

runner = CliRunner()


def test_everything_required_is_there() -> None:
    done = runner.invoke(app, ["doctor", "--json"])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    checks = {c["name"]: c for c in found["checks"]}
    assert found["ok"] and {"Python", "sympy", "numpy", "scipy", "mpmath", "python-flint", "dot", "pdflatex"} <= set(
        checks
    )
    assert not [c["name"] for c in found["checks"] if not c["purpose"] or c["purpose"].startswith("the extra")]
    assert all(bool(c["remedy"]) != c["ok"] for c in found["checks"])


def test_the_table_has_every_name() -> None:
    done = runner.invoke(app, ["doctor"], env={"COLUMNS": "200"})
    assert all(c.name in done.stdout for c in doctor.examined())


def test_a_missing_package_is_status_1_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("scipy", "pyarrow"):
            raise metadata.PackageNotFoundError(name)
        return "1.0" if name == "sympy" else "99.0"

    monkeypatch.setattr(doctor.metadata, "version", version)
    checks = {c.name: c for c in doctor.examined()}
    assert checks["scipy"].found is None and checks["scipy"].remedy.startswith('pip install "scipy>=')
    assert not checks["sympy"].ok and checks["sympy"].found == "1.0"
    assert checks["pyarrow"].remedy == "pip install 'cavi[parquet]'"
    assert not doctor.healthy(list(checks.values()))
    assert runner.invoke(app, ["doctor", "--quiet"]).exit_code == 1


def test_optional_things_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    checks = doctor.examined()
    missing = {c.name: c.remedy for c in checks if c.needed == "program"}
    assert missing["dot"] == "apt-get install graphviz" and "texlive" in missing["pdflatex"]
    assert doctor.healthy(checks)


def test_a_program_that_hangs_or_fails_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*args: object, **kwargs: object) -> None:
        raise OSError("broken")

    monkeypatch.setattr(doctor.subprocess, "run", run)
    assert doctor.examined()


def test_versions_are_compared_by_number() -> None:
    assert doctor._enough("1.14.0", ">=1.9") and not doctor._enough("1.9", ">=1.14")
    assert doctor._enough("3", "") and doctor._enough("2.4.6+cpu", ">=1.26,<3")


def test_words_of_a_table_stay_whole_where_there_is_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("python-flint", "missing", "ball arithmetic for verification", "pip install 'cavi[rigorous]'")]
    for columns in (72, 160):
        monkeypatch.setenv("COLUMNS", str(columns))
        Output().table("Installation", ("name", "found", "purpose", "to install"), rows)
        printed = capsys.readouterr().out
        assert all(word in printed for cell in rows[0] for word in cell.split())
        assert "\x1b" not in printed and max(map(len, printed.splitlines())) <= columns
