"""``cavi diff``: what changed when a declaration changed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi import models
from cavi.cli import app
from cavi.cli.difference import difference
from cavi.derive import derive

runner = CliRunner()
TWO = """
from cavi.derive import Gamma, Laplace, Model, Normal

def made(prior):
    m = Model("level")
    n = m.index("n", "N")
    mu = m.latent("mu", prior)
    tau = m.latent("tau", Gamma(2, 1))
    m.observed("x", Normal(mu, tau), n)
    return m

old, same, wider, other = (made(p) for p in (Normal(0, 1), Normal(0, 1), Normal(0, 0.5), Normal(1, 1)))
broken = 3
"""


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "two.py"
    path.write_text(TWO)
    return path


def run(*arguments: object):
    return runner.invoke(app, ["diff", *map(str, arguments)])


def test_equal_derivations(two: Path) -> None:
    done = run(f"{two}:old", f"{two}:same")
    assert done.exit_code == 0 and done.stdout.startswith("no difference")
    assert json.loads(run("normal", "normal", "--json").stdout)["equal"] is True


def test_a_changed_prior_changes_what_depends_on_it_and_nothing_else(two: Path) -> None:
    done = run(f"{two}:old", f"{two}:wider", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["factors"] == [] and not found["equal"]
    assert [c["name"] for c in found["parameters"]] == ["mu.precision"]
    change = found["parameters"][0]
    assert "1 + N·E[τ]" in change["before"] or "N·E[τ] + 1" in change["before"]
    assert "1/2" in change["after"]
    assert [c["name"] for c in found["elbo"]] == ["expected log density of mu"]


def test_it_is_shown_before_and_after(two: Path) -> None:
    text = run(f"{two}:old", f"{two}:other").stdout
    lines = text.splitlines()
    place = lines.index("parameters")
    assert "factors" not in lines
    assert lines[place + 1].strip().startswith("mu.")
    assert lines[place + 2].startswith("    - μ.") and lines[place + 3].startswith("    + μ.")


def test_another_factorisation() -> None:
    found = json.loads(run("normal", "normal_gamma", "--json").stdout)
    families = {c["name"]: (c["before"], c["after"]) for c in found["factors"]}
    assert families == {"q(tau)": ("Gamma", None), "q(mu)": ("Normal", None), "q(tau,mu)": (None, "NormalGamma")}


def test_the_other_way_round_swaps_before_and_after() -> None:
    a, b = (derive(models.load(n), models.info(n).factors) for n in ("gaussian_mixture", "gaussian_mixture_infinite"))
    there, back = difference(a, b), difference(b, a)
    for left, right in ((there.factors, back.factors), (there.parameters, back.parameters), (there.elbo, back.elbo)):
        assert {(c.name, c.before, c.after) for c in left} == {(c.name, c.after, c.before) for c in right}
    assert not there.equal


def test_bad_input_is_one_line_and_status_2(two: Path) -> None:
    for arguments, part in (
        (("normal", "no_such_model"), "the library has no model"),
        ((f"{two}:broken", "normal"), "is int; expected a Model"),
        (("missing.py:m", "normal"), "no such file"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2 and part in done.stderr and done.stderr.count("\n") == 1
