"""The conditions of Robbins and Monro (1951) for the lengths of steps."""

import pytest
import sympy

from cavi.derive import CaviError
from cavi.derive.identities.gradients import robbins_monro

t = sympy.Symbol("t", positive=True)


@pytest.mark.parametrize(
    ("rate", "diverges", "converge"),
    [
        (1 / t, True, True),
        ((t + 3) ** sympy.Rational(-7, 10), True, True),
        (t ** sympy.Rational(-2, 5), True, False),
        (1 / t**2, False, True),
        (1 / sympy.sqrt(t), True, False),
        (sympy.exp(-t), False, True),
        (2 / (t + 1), True, True),
    ],
)
def test_conditions(rate: sympy.Expr, diverges: bool, converge: bool) -> None:
    found = robbins_monro(rate, t)
    assert (found.sum_diverges, found.squares_converge) == (diverges, converge)
    assert found.holds == (diverges and converge)


@pytest.mark.parametrize("rate", [0.1, sympy.Symbol("a") / t, -1 / t])
def test_refusals(rate: object) -> None:
    with pytest.raises(CaviError, match="rate"):
        robbins_monro(rate, t)
