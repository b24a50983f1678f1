"""Planting mistakes from the command line: the table, the plain data, the exit status."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cavi.cli import mutations
from cavi.cli.app import app
from cavi.cli.output import Output
from cavi.verify.mutations import Verdict
from cavi.verify.mutations.sweep import Sample


def test_the_table_counts_what_was_caught() -> None:
    found = CliRunner().invoke(app, ["verify", "beta_bernoulli", "--mutations", "--limit", "6", "--correct", "1"])
    assert found.exit_code == 0, found.output
    assert "Mistakes planted in derivations" in found.output and "Mistakes planted in code" in found.output
    assert "1 correct instances" in found.output and "0 false alarms" in found.output


def test_the_plain_data_add_up() -> None:
    options = ["verify", "beta_bernoulli", "--mutations", "--limit", "7", "--correct", "0", "--json", "-j", "1"]
    found = CliRunner().invoke(app, options)
    result = json.loads(found.stdout)
    assert sum(result["by_model"]["beta_bernoulli"].values()) == 14
    assert {tier: sum(sum(row.values()) for row in t.values()) for tier, t in result["by_operator"].items()} == {
        "claim": 7,
        "code": 7,
    }
    assert result["available"]["beta_bernoulli"] > 100


@pytest.mark.parametrize("outcome, status", [("survived", 1), ("out of time", 1), ("no difference found", 0)])
def test_a_survivor_means_exit_status_1(outcome: Any, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = Verdict("sign flip", "tau.rate", outcome, "values differ")
    monkeypatch.setattr(mutations, "sample", lambda *a: Sample((1, 0), (verdict,), ()))
    options = ["verify", "normal", "--mutations", "--correct", "0", "-j", "1"]
    found = CliRunner().invoke(app, options)
    assert found.exit_code == status
    assert (f"{outcome.upper()} normal: sign flip in tau.rate" in found.output) == bool(status)


def test_a_false_alarm_means_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "_mutants", lambda *a: Sample((0, 0), (), ()))
    monkeypatch.setattr(mutations, "_correct", lambda name, seed: (5, [f"{name}, seed {seed}: update_mu: off"]))
    result = mutations.verify_mutations("normal", 1, 2, 3, 1, Output(quiet=True))
    assert result["correct"] == {
        "instances": 2,
        "rows": 10,
        "false_alarms": ["normal, seed 3: update_mu: off", "normal, seed 4: update_mu: off"],
    }
    assert not mutations.all_caught(result)


def test_mutations_go_with_few_other_options() -> None:
    found = CliRunner().invoke(app, ["verify", "--mutations", "--library"])
    assert found.exit_code == 2 and "--mutations goes with" in found.output
