"""What an import drags in, counted in modules and not in seconds: a process of its own for each."""

import subprocess
import sys

import pytest

LEFT_OUT = {
    "cavi.cli": {"sympy", "numpy", "scipy", "matplotlib", "jinja2", "mpmath", "cavi.derive", "cavi.verify"},
    "cavi.derive": {"numpy", "scipy", "matplotlib", "jinja2", "importlib.metadata", "cavi.templates", "cavi.verify"},
    "cavi.models": {"scipy", "matplotlib", "jinja2", "cavi.templates", "cavi.verify"},
    "cavi.templates.numpy": {"numpy", "scipy", "matplotlib", "cavi.models", "cavi.verify"},
    "cavi.templates.latex": {"numpy", "scipy", "matplotlib", "cavi.models", "cavi.verify"},
    "cavi.verify": {"sympy", "scipy", "matplotlib", "jinja2", "cavi.derive", "cavi.models", "cavi.templates"},
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_an_import_leaves_out_what_it_does_not_need(name: str) -> None:
    assert not loaded(f"import {name}") & LEFT_OUT[name]


def test_help_and_the_list_of_models_draw_and_verify_nothing() -> None:
    command = "import sys; from typer.testing import CliRunner; from cavi.cli import app; CliRunner().invoke(app, {})"
    assert not loaded(command.format(["--help"])) & LEFT_OUT["cavi.cli"]
    assert not loaded(command.format(["list"])) & LEFT_OUT["cavi.models"]


def loaded(code: str) -> set[str]:
    """The modules that code leaves in a process."""
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
