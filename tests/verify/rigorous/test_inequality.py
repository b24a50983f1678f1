"""Inequalities proved on boxes: Jensen gaps and divergences, against values and known constants."""

from __future__ import annotations

import math

import mpmath
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from cavi.derive import Beta, Gamma, Normal, jensen_gap, kl

pytest.importorskip("flint")

from cavi.verify import prove_positive

A, B, M, T, X = (sympy.Symbol(n) for n in "abmtx")
SHAPES = (0.1, 1000)


def test_the_jensen_gap_of_the_logarithm_is_positive_for_every_shape() -> None:
    """log E[x] - E[log x] = log a - ψ(a) > 1/(2a) for x of a Gamma (DLMF 5.11.2 gives the next terms)."""
    a, b, x = (sympy.Symbol(n, positive=True) for n in "abx")
    gap = jensen_gap(-sympy.log(x), Gamma(a, b), x)
    found = prove_positive(gap, {"a": SHAPES, "b": SHAPES})
    assert found and found.verdict == "certified"
    assert prove_positive(gap - 1 / (2 * a), {"a": SHAPES, "b": SHAPES})
    assert not prove_positive(gap - 1 / (2 * a) - 1 / (12 * a**2), {"a": SHAPES, "b": SHAPES})


def test_the_proved_bound_is_below_every_value_and_near_the_least() -> None:
    gap = sympy.log(A) - sympy.digamma(A)
    found = prove_positive(gap, {"a": (0.5, 8)})
    least = float(mpmath.log(8) - mpmath.digamma(8))
    assert 0 < found.least <= least
    assert found.where["a"][1] > 1


@pytest.mark.parametrize(
    "expression, box",
    [
        (kl(Normal(M, T), Normal(0, 1)), {"m": (0.1, 5), "t": (0.01, 100)}),
        (kl(Beta(A, B), Beta(2, 3)), {"a": (0.1, 1), "b": (0.5, 20)}),
        (jensen_gap(sympy.exp(X), Normal(M, T), X), {"m": (-3, 3), "t": (0.1, 100)}),
        (sympy.exp(X) - 1 - X, {"x": (0.01, 20)}),
        (1 - sympy.tanh(X) ** 2 + sympy.cos(X) ** 2, {"x": (-3, 3)}),
        (sympy.sqrt(X) - sympy.log(X) / 2, {"x": (0.001, 1000)}),
    ],
)
def test_certified(expression: sympy.Expr, box: dict[str, tuple[float, float]]) -> None:
    found = prove_positive(expression, box)
    assert found.verdict == "certified" and found.least > 0, str(found)
    value = sympy.lambdify(list(map(sympy.Symbol, box)), expression, "mpmath")
    assert all(value(*point) >= found.least for point in ((*(low for low, _ in box.values()),), _middle(box)))


def _middle(box: dict[str, tuple[float, float]]) -> tuple[float, ...]:
    return tuple((low + high) / 2 for low, high in box.values())


def test_refuted_at_a_point_that_is_shown() -> None:
    found = prove_positive(sympy.log(A) - sympy.digamma(A) - sympy.Rational(1, 20), {"a": SHAPES})
    assert found.verdict == "failed" and not found
    (at, _) = found.where["a"]
    assert math.log(at) - float(mpmath.digamma(at)) - 0.05 <= found.least + 1e-12 < 0


def test_undecided_where_it_reaches_zero() -> None:
    """A divergence is zero where its arguments agree, so it is not positive on a box that holds such a point."""
    found = prove_positive(kl(Normal(M, T), Normal(0, 1)), {"m": (-1, 1.3), "t": (0.5, 3.1)}, most=2000)
    assert found.verdict == "undecided" and found.least <= 0
    assert found.where["m"][0] <= 0.3 and "undecided" in str(found)


@given(st.fractions(-3, 3), st.fractions(-3, 3), st.floats(-2, 2), st.floats(0, 2))
@settings(max_examples=60, deadline=None)
def test_a_verdict_is_never_wrong(p: sympy.Rational, q: sympy.Rational, low: float, width: float) -> None:
    """x² + p x + q on an interval, whose least value is known."""
    p, q = sympy.Rational(p.numerator, p.denominator), sympy.Rational(q.numerator, q.denominator)
    high = low + width
    at = min(max(-float(p) / 2, low), high)
    least = at * at + float(p) * at + float(q)
    found = prove_positive(X**2 + p * X + q, {"x": (low, high)}, most=500)
    if found.verdict == "certified":
        assert least > -1e-12 and found.least <= least + 1e-12
    if found.verdict == "failed":
        assert least < 1e-12


@pytest.mark.parametrize(
    "expression, box, says",
    [
        (A + B, {"a": (1, 2)}, "no interval for b"),
        (A, {"a": (2, 1)}, "ascending"),
        (A, {"a": (0, float("inf"))}, "finite"),
        (A, {"a": 3}, "two numbers"),
        (A, {"a": ("low", "high")}, "two numbers"),
        (sympy.Abs(A), {"a": (1, 2)}, "expected sums, products, powers"),
        (sympy.oo, {}, "expected sums"),
        ("a + b", {"a": (1, 2)}, "expected"),
    ],
)
def test_what_is_not_understood_is_said(expression: object, box: dict[str, tuple[float, float]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        prove_positive(expression, box)


def test_outside_the_domain_nothing_is_proved() -> None:
    assert prove_positive(sympy.log(A) + 100, {"a": (-1, 1)}, most=200).verdict == "undecided"
    assert prove_positive(sympy.loggamma(A) + 100, {"a": (-1, -0.5)}, most=200).verdict == "undecided"
