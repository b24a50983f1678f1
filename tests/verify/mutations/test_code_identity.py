"""Modules in exact arithmetic: what is the same by symmetry is proved, what differs never is."""

import ast

import pytest
from generated import spread

from cavi import models
from cavi.cli.sources import derived_model
from cavi.verify.claim import Claim
from cavi.verify.mutations.code import code_mutants
from cavi.verify.mutations.code_identity import Identity
from cavi.verify.mutations.code_judge import CodeJudge
from cavi.verify.mutations.sweep import fair


def identity(name: str, source: str | None = None) -> tuple[Identity, str]:
    derived = derived_model(name, None)
    source = source or derived.numpy()
    return Identity(Claim(derived.plain()), source, 0), source


def changed(source: str, old: str, new: str) -> ast.Module:
    assert old in source
    return ast.parse(source.replace(old, new, 1))


@pytest.mark.parametrize("name", spread(models.names(), 6))
def test_exact_arithmetic_follows_every_module(name: str) -> None:
    found, source = identity(name)
    assert found.expected is not None
    assert found(ast.parse(source), "update_x")


def test_symmetry_is_known_and_order_does_not_count() -> None:
    found, source = identity("gaussian_process")
    assert found(changed(source, "f_covariance.T @", "f_covariance @"), "update_f")
    assert found(changed(source, "f_covariance.T @ f_linear", "f_linear @ f_covariance"), "update_f")
    assert not found(changed(source, "f_covariance.T @ f_linear", "2 * f_covariance.T @ f_linear"), "update_f")


def test_points_that_may_stay_as_they_are_are_followed() -> None:
    found, source = identity("gaussian_mixture_em")
    assert found(ast.parse(source), "update_mu")
    assert not found(changed(source, '["mu"]["value"], mu_value)', '["mu"]["value"], 2 * mu_value)'), "update_mu")
    assert not found(changed(source, "untold(1, mu_eta_1, mu_eta_2)", "untold(1, mu_eta_1)"), "update_mu")


@pytest.mark.parametrize("name", ["normal", "hmm_categorical"])
def test_nothing_that_a_check_kills_is_the_same(name: str) -> None:
    derived = derived_model(name, None)
    judge = CodeJudge(derived.plain(), derived.numpy())
    for mutant in fair(list(code_mutants(derived.numpy())), 20, 1):
        if judge(mutant).outcome == "killed" and "softmax" not in mutant.function:
            assert not judge.identity(mutant.tree, mutant.function), mutant.label
