"""``cavi compare``: every method in a table beside the posterior, plain data, the user's own data, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cavi import models
from cavi.cli.app import app
from cavi.cli.comparison import compare

QUICK = ["--chains", "8", "--draws", "100"]


def test_a_table_of_all_methods() -> None:
    found = CliRunner().invoke(app, ["compare", "logistic_regression", *QUICK])
    assert found.exit_code == 0, found.output
    assert "log p(x) = -13.552881 by quadrature in 2" in found.output
    for name in ("jaakkola_jordan", "boehning", "polya_gamma", "cvi", "laplace", "delta", "EP"):
        assert name in found.output
    assert "≈ stands before what approximates log p(x) and is no bound" in found.output


def test_plain_data_and_fewer_rows() -> None:
    found = CliRunner().invoke(app, ["compare", "gamma_shape", "--rows", "5", "--json", *QUICK])
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert read["sizes"] == {"N": 5}
    (row,) = read["methods"]
    assert row["name"] == "quadrature" and row["bound"] and row["gap"] > 0 and row["least"] < 1
    assert read["reference"]["r_hat"] < 1.1 and set(read["reference"]["mean"]) == {"a", "b"}


def test_data_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("y\n" + "\n".join(["0", "0", "3", "1", "0", "2"]))
    found = CliRunner().invoke(app, ["compare", "zero_inflated_poisson", "--data", str(file), *QUICK])
    assert found.exit_code == 0, found.output
    assert "N = 6" in found.output and "excess" in found.output


@pytest.mark.parametrize(
    "model, reason",
    [("hmm_gaussian", "is a chain of categories"), ("gaussian_mixture_em", "is maximised over")],
)
def test_models_without_a_reference(model: str, reason: str) -> None:
    found = CliRunner().invoke(app, ["compare", model, *QUICK])
    assert found.exit_code == 2 and reason in found.output


def test_bounds_are_below_the_evidence_and_keep_their_order() -> None:
    own = models.data("logistic_regression")
    found = compare(
        models.load("logistic_regression"), own.data, own.hyper, factors=[("w",)], chains=8, warmup=100, draws=100
    )
    rows = {r.name: r for r in found.rows}
    assert all(r.gap > 0 for r in found.rows if r.bound)
    # Pólya-Gamma and the tangent bound have one optimum (Durante and Rigon 2019), and Böhning's is below it.
    assert rows["polya_gamma"].value == pytest.approx(rows["jaakkola_jordan"].value, abs=1e-8)
    assert rows["boehning"].value < rows["jaakkola_jordan"].value < rows["cvi"].value
    assert rows["laplace"].bound is False and rows["EP"].bound is False
    assert np.isfinite([r.shift for r in found.rows]).all() and not found.refused
