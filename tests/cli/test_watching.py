"""``cavi derive --watch``: again after a save, also where the file is wrong in between; not for the library."""

import os
import subprocess
import sys
import time
from pathlib import Path

from typer.testing import CliRunner

from cavi.cli import app

MODEL = """
from cavi.derive import Gamma, Model, Poisson
model = Model("counts")
n = model.index("n", "N")
rate = model.latent("{name}", Gamma(1, 1))
model.observed("x", Poisson(rate), n)
"""


def wait_for(what, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def test_a_save_derives_again(tmp_path: Path) -> None:
    file, out, log = tmp_path / "own.py", tmp_path / "out", tmp_path / "log"
    file.write_text(MODEL.format(name="rate"))
    command = [
        sys.executable,
        "-c",
        "from cavi.cli import main; main()",
        "derive",
        str(file),
        "-o",
        str(out),
        "--no-verify",
        "--watch",
    ]
    with log.open("w") as stream:
        running = subprocess.Popen(command, stdout=stream, stderr=stream, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        try:
            wait_for(lambda: log.read_text().count("waiting for") == 1)
            assert "update_rate" in (out / "counts.py").read_text()
            file.write_text("model = 3")
            wait_for(lambda: log.read_text().count("waiting for") == 2)
            assert "expected a Model" in log.read_text()
            file.write_text(MODEL.format(name="lambda_"))
            wait_for(lambda: log.read_text().count("waiting for") == 3)
            assert "update_lambda_" in (out / "counts.py").read_text()
        finally:
            running.kill()
            running.wait()


def test_the_library_is_not_watched() -> None:
    result = CliRunner().invoke(app, ["derive", "normal", "--watch"])
    assert result.exit_code == 2
    assert "--watch: normal is no file" in result.output
