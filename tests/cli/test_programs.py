"""Models of PyMC and NumPyro on the command line, and what is no model."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi.cli import app

PYMC = """
import numpy as np
import pymc as pm

with pm.Model(coords={"site": range(3)}) as rates:
    lam = pm.Gamma("lam", 2.0, 1.0, dims="site")
    pm.Poisson("x", lam, observed=np.array([1, 0, 3]), dims="site")
"""
NUMPYRO = """
import numpy as np
import numpyro
import numpyro.distributions as dist
from cavi.templates.numpyro import from_numpyro

def rates(x=np.array([1, 0, 3])):
    with numpyro.plate("site", len(x)):
        lam = numpyro.sample("lam", dist.Gamma(2.0, 1.0))
        numpyro.sample("x", dist.Poisson(lam), obs=x)

def counted():
    return from_numpyro(rates, np.array([4, 5]))
"""


@pytest.mark.targets
@pytest.mark.parametrize(("text", "name"), [(PYMC, "rates"), (NUMPYRO, "rates"), (NUMPYRO, "counted")])
def test_a_program_is_derived(tmp_path: Path, text: str, name: str) -> None:
    pytest.importorskip("pymc" if text is PYMC else "numpyro")
    path = tmp_path / "program.py"
    path.write_text(text)
    result = CliRunner().invoke(app, ["export", f"{path}:{name}", "--to", "cavi"])
    assert result.exit_code == 0, result.output
    expected = "model rates\nindex site in N_site\nlam[site] ~ Gamma(2, 1)\nobserved x[site] ~ Poisson(lam[site])\n"
    assert result.stdout == expected


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text("def other():\n    return 3\n")
    result = CliRunner().invoke(app, ["derive", f"{path}:other", "-o", str(tmp_path)])
    assert result.exit_code != 0
    shown = " ".join(result.output.split())
    assert "other.py:other is function; expected a Model, a PyMC model, a NumPyro program" in shown.replace("- ", "-")
