"""Where rules act: everywhere for an equation, at a monotone place for an inequality."""

import pytest
import sympy

from cavi.derive.derivation import Rule
from cavi.derive.identities.inequalities import U, jensen
from cavi.derive.identities.language import KL, Density, Expect, Mass, Variable
from cavi.derive.identities.proof import Proof, ProofError
from cavi.derive.identities.rewriting import Bound, Rewrite, polarity, rewritten

Z = Variable("z")
P, Q = Density("p", (Z,)), Density("q", (Z,))
A, B = sympy.symbols("a b", positive=True)
RULE = Rule("rule", "a becomes b.")


def test_an_equation_is_applied_everywhere() -> None:
    swap = Rewrite(RULE, lambda e: B if e == A else None)
    found = rewritten(A + sympy.log(A) + Expect(A * P, Q), swap)
    assert found is not None
    assert found.after == B + sympy.log(B) + Expect(B * P, Q)
    assert found.relation == "="


@pytest.mark.parametrize(
    ("expr", "sign"),
    [
        (A, 1),
        (-A, -1),
        (3 - 2 * A, -1),
        (sympy.log(A), 1),
        (-sympy.exp(-A), 1),
        (1 / A, -1),
        (A**2, 1),
        (Expect(A * P, Q), 1),
        (Mass(-A * P, Z), -1),
        (KL(Density("q", (Z,), (), (A,)), P), None),
        (A - A**2, None),
        (sympy.cos(A), None),
    ],
)
def test_polarity(expr: sympy.Expr, sign: int | None) -> None:
    assert polarity(expr, A) == sign


def test_a_bound_turns_around_under_a_minus() -> None:
    lower = Rewrite(RULE, lambda e: Bound(B, "≥", A - B) if e == A else None)
    found = rewritten(1 - 2 * A, lower)
    assert found is not None
    assert (found.after, found.relation) == (1 - 2 * B, "≤")
    assert sympy.expand(found.gap - 2 * (A - B)) == 0


def test_a_bound_is_refused_where_the_expression_is_not_monotone() -> None:
    lower = Rewrite(RULE, lambda e: Bound(B, "≥") if e == A else None)
    assert rewritten(sympy.cos(A), lower) is None


def test_a_chain_does_not_turn_around() -> None:
    up = Rewrite(RULE, lambda e: Bound(B, "≤") if e == A else None)
    down = Rewrite(RULE, lambda e: Bound(A / 2, "≥") if e == B else None)
    with pytest.raises(ProofError, match="turn the chain"):
        Proof(A).by(up, down)


def test_a_rule_that_does_not_apply_is_an_error() -> None:
    with pytest.raises(ProofError, match="'rule' does not apply"):
        Proof(A).by(Rewrite(RULE, lambda e: None))


def test_jensen_has_the_direction_of_the_curvature() -> None:
    ratio = P / Q
    concave = Proof(sympy.log(Expect(ratio, Q))).by(jensen(sympy.log(U)))
    assert concave.steps[-1].relation == "≥"
    convex = Proof(Expect(ratio, Q) ** 2).by(jensen(U**2))
    assert convex.steps[-1].relation == "≤"
    back = Proof(Expect(ratio**2, Q)).by(jensen(U**2, argument=ratio))
    assert back.steps[-1].relation == "≥"
    assert back.line == Expect(ratio, Q) ** 2


def test_jensen_declines_for_a_function_that_is_neither() -> None:
    with pytest.raises(ProofError):
        Proof(Expect(sympy.sin(P / Q), Q)).by(jensen(sympy.sin(U)))
