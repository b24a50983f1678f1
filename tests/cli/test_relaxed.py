"""Terms that are not conjugate from the command line: refused with the remedy, or relaxed as asked."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi.cli.app import app

LOGISTIC = """
from cavi.derive import Bernoulli, Model, MultivariateNormal, dot, sigmoid
model = Model("spam")
n, d = model.index("n", "N"), model.index("d", "D")
X = model.covariate("X", n, d)
w = model.latent("w", MultivariateNormal(0, 1, over=d))
model.observed("y", Bernoulli(sigmoid(dot(w, X[n]))), n)
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "spam.py"
    path.write_text(LOGISTIC)
    return str(path)


def test_without_a_rule_the_remedies_are_named(file: str) -> None:
    found = CliRunner().invoke(app, ["verify", file])
    assert found.exit_code == 2
    assert "bounds={'y': 'jaakkola_jordan'}" in found.output and "relax='auto'" in found.output


@pytest.mark.parametrize(
    "options, row",
    [
        (["--relax"], "bound jaakkola_jordan of y holds"),
        (["--bounds", "y=boehning"], "bound boehning of y holds"),
        (["--augment", "y=polya_gamma"], "integrating omega out gives p(y)"),
    ],
)
def test_rules_are_applied(file: str, options: list[str], row: str) -> None:
    found = CliRunner().invoke(app, ["verify", file, "--digits", "8", "--only", "y", *options])
    assert found.exit_code == 0, found.output
    assert row in found.output


@pytest.mark.parametrize(
    "options, message",
    [
        (["--bounds", "boehning"], "--bounds: found 'boehning'; expected NODE=RULE"),
        (["--augment", "y=polya"], "did you mean 'polya_gamma'?"),
    ],
)
def test_wrong_rules_are_named(file: str, options: list[str], message: str) -> None:
    found = CliRunner().invoke(app, ["verify", file, *options])
    assert found.exit_code == 2 and message in found.output
