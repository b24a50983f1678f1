"""``--method ep`` on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cavi.cli import app

RUN = CliRunner()


def test_derive_writes_and_verifies(tmp_path: Path) -> None:
    manner = ["--lang", "ko", "--notation", "bishop", "--symbol", "h=g"]
    forms = ["--format", "ipynb", "--format", "algorithm", "--format", "beamer"]
    command = ["derive", "logistic_regression", "--method", "ep", "--digits", "10", "-o", str(tmp_path), "--json"]
    result = RUN.invoke(app, [*command, *manner, *forms])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    names = {"derivation.tex", "derivation.html", "references.bib", "logistic_regression_ep.py", "certificate.json"}
    names |= {"logistic_regression.ipynb", "algorithm.tex", "beamer.tex"}
    assert {Path(p).name for p in told["written"]} == names == {p.name for p in tmp_path.iterdir()}
    assert told["report"]["ok"] and told["power"] == "1"
    article, page = ((tmp_path / f"derivation.{kind}").read_text() for kind in ("tex", "html"))
    assert "기댓값 전파" in article and r"\ln" in article and "g_n" in article
    assert "자리까지 일치" in page
    for file in ("certificate.json", "logistic_regression_ep.py"):
        again = RUN.invoke(app, ["verify", str(tmp_path / file)])
        assert again.exit_code == 0 and "recorded evidence found again" in again.output
    with_method = RUN.invoke(app, ["verify", str(tmp_path / "certificate.json"), "--method", "ep"])
    assert with_method.exit_code == 2 and "says itself what it claims" in with_method.output


def test_verify_repeats_a_check_and_writes_junit(tmp_path: Path) -> None:
    command = ["verify", "logistic_regression", "--method", "ep", "--digits", "8", "--only", "log joint"]
    result = RUN.invoke(app, [*command, "--junit", str(tmp_path / "it.xml"), "--json"])
    assert result.exit_code == 0, result.output
    assert [r["name"] for r in json.loads(result.output)["rows"]] == ["log joint = Gaussian part + sites"]
    assert 'tests="1" failures="0"' in (tmp_path / "it.xml").read_text()


def test_fit_writes_parameters(tmp_path: Path) -> None:
    options = ["--method", "ep", "--power", "0.5", "--damping", "0.8", "-o", str(tmp_path), "--lang", "ko", "--json"]
    result = RUN.invoke(app, ["fit", "logistic_regression", *options])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["converged"] and told["power"] == "1/2"
    with np.load(tmp_path / "params.npz") as saved:
        np.testing.assert_allclose(saved["w.mean"], told["params"]["w.mean"]["value"])
        assert saved["site y.precision"].shape == (23,)
    assert {p.name for p in tmp_path.iterdir()} == {"params.npz", "params.json", "evidence.png", "fit.html"}
    assert "근사 로그 증거" in (tmp_path / "fit.html").read_text() and told["mismatch"] <= 1e-8


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["fit", "logistic_regression", "--method", "ep", "--restarts", "3"], "found --restarts; leave out"),
        (["verify", "--identities", "--method", "ep"], "found --identities; leave out"),
        (["derive", "logistic_regression", "--power", "0.5"], "give --method ep"),
        (["fit", "logistic_regression", "--damping", "0.5"], "give --method ep"),
        (["derive", "logistic_regression", "--method", "ep", "--target", "jax"], "is for NumPy alone"),
        (["derive", "logistic_regression", "--method", "ep", "--gibbs"], "sites have none"),
        (["fit", "logistic_regression", "--method", "ep", "--damping", "2"], "damping = 2.0"),
        (["derive", "logistic_regression", "--method", "ep", "--symbol", "h.mass=x"], "nothing is called 'h.mass'"),
        (["derive", "gaussian_mixture", "--method", "ep"], "the latent pi is Dirichlet"),
        (["derive", "logistic_regression", "--method", "ep", "--power", "2"], "above 0 and at most 1"),
        (["verify", "--method", "ep"], "expected a model"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], told: str) -> None:
    result = RUN.invoke(app, arguments)
    assert result.exit_code == 2
    assert told in result.output
