"""Mistakes planted in generated source: what is changed, what is caught, what is proved to mean the same."""

from __future__ import annotations

import ast

import pytest

from cavi.cli.sources import derived_model
from cavi.verify.mutations.code import OPERATORS, code_mutants
from cavi.verify.mutations.code_judge import CodeJudge
from cavi.verify.mutations.sweep import fair


def judged(name: str, limit: int) -> list[str]:
    derived = derived_model(name, None)
    source = derived.numpy()
    judge = CodeJudge(derived.plain(), source)
    assert judge.failure(ast.parse(source)) is None
    verdicts = [judge(m) for m in fair(list(code_mutants(source)), limit, 0)]
    assert len(verdicts) == limit
    return [f"{v.label}: {v.by}" for v in verdicts if v.outcome not in ("killed", "equivalent")]


@pytest.mark.parametrize("name", ["normal", "poisson_mixture"])
def test_mistakes_in_code_are_caught(name: str) -> None:
    assert judged(name, 80) == []


def test_every_operator_applies_somewhere() -> None:
    names = ("hmm_gaussian", "linear_dynamical_system", "lda", "gaussian_mixture_shared")
    applied = {m.operator for n in names for m in code_mutants(derived_model(n, None).numpy())}
    assert applied == set(OPERATORS)


def test_each_mutant_differs_and_leaves_the_original_alone() -> None:
    source = derived_model("normal", None).numpy()
    texts = [ast.unparse(m.tree) for m in code_mutants(source)]
    assert len(set(texts)) == len(texts) > 100
    assert ast.unparse(ast.parse(source)) not in texts


def test_what_overflows_far_from_zero_is_caught() -> None:
    """A softmax that does not subtract its largest entry agrees with the right one wherever exp does not overflow."""
    derived = derived_model("gaussian_mixture", None)
    source = derived.numpy()
    judge = CodeJudge(derived.plain(), source)
    (mutant,) = [
        m
        for m in code_mutants(source)
        if m.function == "softmax" and m.operator == "dropped term" and m.label.endswith("-> logits")
    ]
    verdict = judge(mutant)
    assert (verdict.outcome, verdict.by) == ("killed", "finite at extreme values")


def test_an_inner_product_commutes_and_a_matrix_product_does_not() -> None:
    derived = derived_model("linear_regression_joint", None)
    source = derived.numpy()
    judge = CodeJudge(derived.plain(), source)
    exchanged = [m for m in code_mutants(source) if m.operator == "transposed"]
    verdicts = {m.label: judge(m) for m in exchanged}
    proof = "the inner product of two vectors commutes"
    inner = {label for label, v in verdicts.items() if v.by == proof}
    commuting = "E_w @ sum_n_X_y(state) -> sum_n_X_y(state) @ E_w"
    assert inner == {label for label in verdicts if label.endswith(commuting)} != set()
    squares = [v.outcome for label, v in verdicts.items() if label.endswith("X.T @ X -> X @ X.T")]
    assert squares and set(squares) == {"killed"}
