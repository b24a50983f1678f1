"""The command line: what it writes, what it prints, and its exit status."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cavi.cli import app

runner = CliRunner()
OWN = """
from cavi.derive import Exponential, Gamma, Model, Normal, Poisson, exp
m = Model("waiting")
n = m.index("n", "N")
a, b = m.hyper("a b")
rate = m.latent("rate", Gamma(a, b))
m.observed("x", Exponential(rate), n)

def made():
    return m

def refused():
    r = Model("refused")
    k = r.index("k", "K")
    r.observed("y", Poisson(exp(r.latent("eta", Normal(0, 1)))), k)
    return r

other = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "waiting.py"
    path.write_text(OWN)
    return path


def run(*arguments: object):
    return runner.invoke(app, [str(a) for a in arguments])


def test_list() -> None:
    result = run("list", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert {"name", "title", "source", "data"} == set(rows[0])
    assert "gaussian_mixture" in {r["name"] for r in rows}
    assert "gaussian_mixture" in run("list").stdout
    assert run("list", "--quiet").stdout == ""


def test_derive_writes_everything(tmp_path: Path, own: Path) -> None:
    out = tmp_path / "out"
    result = run("derive", f"{own}:m", "-o", out, "--digits", 15)
    assert result.exit_code == 0, result.output
    names = {"derivation.tex", "derivation.html", "references.bib", "waiting.py", "certificate.json"}
    assert names == {p.name for p in out.iterdir()}
    assert all(str(out / n) in result.stdout for n in names)
    assert run("verify", out / "certificate.json", "--quiet").exit_code == 0


def test_a_changed_certificate_fails(tmp_path: Path, own: Path) -> None:
    out = tmp_path / "out"
    run("derive", f"{own}:made", "-o", out, "--digits", 15)
    path = out / "certificate.json"
    path.write_text(path.read_text().replace("waiting", "waitinh", 1))
    assert run("verify", path).exit_code == 1


def test_derive_as_json_without_evidence(tmp_path: Path, own: Path) -> None:
    result = run("derive", f"{own}:m", "-o", tmp_path / "o", "--no-verify", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["report"] is None
    assert len(found["written"]) == 4


def test_verify_reports_rows(own: Path) -> None:
    result = run("verify", f"{own}:m", "--digits", 15, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["ok"] is True


def test_verify_repeats_one_check(own: Path) -> None:
    done = run("verify", f"{own}:m", "--digits", 15, "--seed", "3", "--only", "integrates to one", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["instances"][0]["seed"] == 3
    assert all("integrates to one" in r["name"] for r in found["rows"])
    wrong = run("verify", f"{own}:m", "--only", "nonsense")
    assert wrong.exit_code == 2 and "no check is called 'nonsense'" in wrong.stderr


@pytest.mark.parametrize(
    "arguments, part",
    [
        (("derive", "no_such_model"), "the library has no model 'no_such_model'"),
        (("derive", "missing.py:m"), "missing.py: no such file"),
        (("derive", "OWN"), "which object of the file"),
        (("derive", "OWN:nothing"), "no object 'nothing'; its models: m"),
        (("derive", "OWN:other"), "is int; expected a Model"),
        (("derive", "OWN:refused"), "no closed-form optimum"),
        (("derive", "OWN:m", "--factors", "rate,tau"), "'tau' is not a latent"),
        (("verify", "missing.json"), "missing.json"),
        (("fit", "OWN:m"), "give the data with --data"),
        (("fit", "OWN:m", "--data", "none.csv"), "no such file"),
        (("fit", "normal", "--hyper", "b_0"), "expected name=number"),
        (("fit", "normal", "--hyper", "b_0=-1"), "b_0: found -1; expected numbers above 0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(own: Path, arguments: tuple, part: str) -> None:
    result = run(*(str(a).replace("OWN", str(own)) for a in arguments))
    assert result.exit_code == 2
    assert part in result.stderr
    assert "Traceback" not in result.output


def test_bad_usage_is_status_2() -> None:
    assert run("derive").exit_code == 2
    assert run("fit", "normal", "--max-iter", "none").exit_code == 2


def test_fit_writes_parameters_and_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "fit"
    result = run("fit", "normal", "-o", out)
    assert result.exit_code == 0, result.output
    assert "converged" in result.stdout
    found = json.loads((out / "params.json").read_text())
    with np.load(out / "params.npz") as archive:
        assert archive["mu.mean"] == pytest.approx(found["params"]["mu.mean"]["value"])
    assert (out / "elbo.png").read_bytes().startswith(b"\x89PNG")
    assert '<section id="fit">' in (out / "fit.html").read_text()
    assert not [p for p in out.iterdir() if "partial" in p.name]


def test_restarts_in_processes_and_leaps_give_the_bound_of_one_run_after_another(tmp_path: Path) -> None:
    bounds = []
    for extra in ((), ("--jobs", "2"), ("--accelerate",)):
        given = ("fit", "gaussian_mixture", "--restarts", "2", "--json", "-o", str(tmp_path / "fit"), *extra)
        bounds.append(json.loads(run(*given).stdout)["elbo"])
    assert bounds[1] == bounds[0]
    assert bounds[2] == pytest.approx(bounds[0], rel=1e-6)


@pytest.mark.parametrize("ending", ["csv", "npz", "json", "parquet"])
def test_fit_reads_every_kind_of_file(tmp_path: Path, own: Path, ending: str) -> None:
    path, x = tmp_path / f"data.{ending}", [0.5, 1.5, 0.25]
    if ending == "csv":
        path.write_text("x,note\n" + "\n".join(f"{v},1" for v in x))
    elif ending == "npz":
        np.savez(path, x=np.array(x))
    elif ending == "json":
        path.write_text(json.dumps({"x": x}))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.table({"x": x}), path)
    arguments = ("fit", f"{own}:m", "--data", path, "--hyper", "a=2", "--hyper", "b=1", "--json")
    result = run(*arguments, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["params"]["rate.shape"]["value"] == pytest.approx(5.0)
    assert found["params"]["rate.rate"]["value"] == pytest.approx(3.25)


@pytest.mark.parametrize(
    "text, part",
    [("x\n", "at least one row"), ("x\na\n", "column x"), ("x,y\n1\n", "line 2 has 1 fields"), ("q\n1\n", "no column")],
)
def test_a_bad_table_is_named(tmp_path: Path, own: Path, text: str, part: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    result = run("fit", f"{own}:m", "--data", path)
    assert result.exit_code == 2
    assert part in result.stderr


def test_version() -> None:
    assert run("--version").stdout.startswith("cavi ")


def test_identities_are_listed_and_shown() -> None:
    rows = json.loads(run("identities", "--json").stdout)
    assert {"name", "group", "title", "summary", "source", "claim"} == set(rows[0])
    assert {"elbo", "gibbs", "fisher"} <= {r["name"] for r in rows}
    assert "KL(q(z) ‖ p(z | x))" in run("identities", "elbo").stdout
    assert r"\mathrm{KL}" in run("identities", "elbo", "--latex").stdout
    assert "<math" in run("identities", "elbo", "--html").stdout
    assert json.loads(run("identities", "elbo", "--json").stdout)["kind"] == "identity"
    assert "p(mu | tau)" in run("identities", "elbo", "--model", "normal").stdout.replace("μ", "mu").replace("τ", "tau")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("identities", "elbow"), "no identity 'elbow'"),
        (("identities", "elbo", "--latex", "--html"), "cannot be used together"),
        (("identities", "--latex"), "which identity"),
        (("identities", "kl_chain_rule", "--model", "normal"), "has no instance for a model"),
        (("verify",), "found none"),
        (("verify", "normal", "--identities"), "leave out the model"),
    ],
)
def test_identities_refuse(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_figures_are_written(tmp_path: Path) -> None:
    from cavi.templates.figures import names

    result = run("identities", "--figures", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    assert {p.stem for p in (tmp_path / "figures").iterdir()} == set(names())


def test_verify_identities_reports_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from cavi.derive import identities

    monkeypatch.setattr(identities, "names", lambda: ["gibbs", "elbo"])
    reports = json.loads(run("verify", "--identities", "--json").stdout)
    assert [r["ok"] for r in reports] == [True, True]

    broken = identities.load("elbo").plain()
    broken["steps"][2]["after"] = broken["steps"][2]["before"]

    class Broken:
        def plain(self) -> dict:
            return broken

    monkeypatch.setattr(identities, "load", lambda name: Broken())
    assert run("verify", "--identities").exit_code == 1
