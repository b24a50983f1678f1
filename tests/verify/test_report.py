"""Reports say what was asked, what was found and why; wrong steps of a derivation are found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cavi.derive import Gamma, Model, Normal, derive
from cavi.verify import Report, Row, verify
from cavi.verify.averages import Infeasible
from cavi.verify.report import Finding, run, worst


def _row(verdict: Any, got: float | None = 31.0) -> Row:
    return Row("name", "families", 30, got, 0.5, verdict, "why")


def test_ok_needs_a_check_and_no_failure() -> None:
    assert not Report("none", ()).ok
    assert not Report("nothing carried out", (_row("undecided", None),)).ok
    assert Report("good", (_row("checked"), _row("undecided", None))).ok
    assert not Report("bad", (_row("checked"), _row("failed", 3.0))).ok


def test_a_report_prints_and_serialises() -> None:
    report = Report("title", (_row("checked"), _row("failed", 3.0), _row("undecided", None)))
    assert "FAILED: 3 checks, 1 failed, 1 undecided" in str(report)
    assert str(report).count("why") == 2
    plain = json.loads(json.dumps(report.as_dict()))
    assert plain["ok"] is False
    assert [r["digits_got"] for r in plain["rows"]] == [31.0, 3.0, None]


def test_run_times_and_judges() -> None:
    assert run("a", "code", 10, lambda: Finding(12.0)).verdict == "checked"
    assert run("a", "code", 10, lambda: Finding(9.9)).verdict == "failed"
    assert run("a", "code", 10, lambda: Finding(None, "reason")).verdict == "undecided"

    def raises(error: Exception) -> Finding:
        raise error

    failed = run("a", "code", 10, lambda: raises(KeyError("mu")))
    assert (failed.verdict, failed.detail) == ("failed", "KeyError: 'mu'")
    assert run("a", "code", 10, lambda: raises(Infeasible("too wide"))).verdict == "undecided"


def test_worst_is_the_fewest_digits_or_undecided() -> None:
    assert worst(iter([Finding(9.0), Finding(4.0), Finding(7.0)])).digits == 4.0
    assert worst(iter([Finding(9.0), Finding(None, "x")])).detail == "x"
    assert worst(iter([])).digits is None


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_wrong_step_is_found(side: str, step: int) -> None:
    m = Model("steps")
    n, (m0, k, a, b) = m.index("n", "N"), m.hyper("m_0 k a b")
    mu, tau = m.latent("mu", Normal(m0, k)), m.latent("tau", Gamma(a, b))
    m.observed("x", Normal(mu, tau), n)
    plain = derive(m).plain()
    assert verify(plain, 10).ok
    wrong = plain["derivations"][0]["steps"][step]
    body = wrong[side]
    inner = body[2][0] if body[:2] == ["fn", "E"] else body
    changed = ["add", [inner, ["mul", [["num", "1/3"], ["ref", "mu", []]]]]]
    wrong[side] = ["fn", "E", [changed]] if inner is not body else changed
    report = verify(plain, 10)
    assert {r.tier for r in report.failed} == {"derivation"}
    assert len(report.failed) == 1
