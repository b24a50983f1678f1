"""What a generated module says that it needs."""

import ast

import pytest

from cavi import models
from cavi.derive.propagation import propagate
from cavi.templates.requirements import OLDEST


def sources() -> dict[str, str]:
    derived = models.derived("probit_regression")
    return {
        "fit": derived.numpy(),
        "streaming": derived.streaming(),
        "gibbs": derived.gibbs(),
        "posterior": derived.posterior(),
        "ep": propagate(models.load("probit_regression")).numpy(),
    }


@pytest.mark.parametrize("kind", ["fit", "streaming", "gibbs", "posterior", "ep"])
def test_the_docstring_names_the_oldest_versions(kind: str) -> None:
    said = ast.get_docstring(ast.parse(sources()[kind]))
    assert said is not None
    numpy, scipy, python = (OLDEST[n] for n in ("NumPy", "SciPy", "Python"))
    needs = f"only NumPy ({numpy} or later) and SciPy ({scipy} or later), with Python {python} or later"
    assert f"This module needs {needs}." in " ".join(said.split())
