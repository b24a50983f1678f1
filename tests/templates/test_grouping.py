"""Grouping never changes a value, and brings formulas to the form that an author gives them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from printing_samples import NOTATION, D, K, N, element, from_atom, log, moment, over, polynomials, squared

from cavi.derive.term import Indicator, Polynomial, Size, number
from cavi.templates.grouping import group
from cavi.templates.latex.tex import to_tex
from cavi.templates.printer import Printer
from cavi.templates.term_tree import Term, flatten

HALF = Fraction(1, 2)


def shown(p: Polynomial) -> str:
    return to_tex(Printer(NOTATION).polynomial(p))


@settings(max_examples=200, deadline=None)
@given(polynomials())
def test_grouping_keeps_the_value(p: Polynomial) -> None:
    assert flatten(group(p, NOTATION.roles)) == p


@settings(max_examples=100, deadline=None)
@given(polynomials(most=3))
def test_squares_keep_the_value(p: Polynomial) -> None:
    square = squared(p)
    assert flatten(group(square, NOTATION.roles)) == square


def test_two_sums_over_one_size_never_become_one() -> None:
    cube = element("x", N) * element("x", N) * element("x", N)
    size = from_atom(Size("D"))
    logs = over(size * cube * log(element("tau", K)), N, K)
    square = squared(logs + size + over(element("X", N, D) * cube, N, D))
    assert flatten(group(square, NOTATION.roles)) == square


def test_a_square_of_a_difference_is_completed() -> None:
    p = squared(element("x", N) - element("mu", K)).scaled(-HALF)
    assert shown(p) == r"-\tfrac{1}{2}(x_n - \mu_k)^2"


def test_a_square_of_a_sum_is_completed_inside_a_sum() -> None:
    residual = element("y", N) - over(element("w", D) * element("X", N, D), D)
    (term,) = group(over(squared(residual), N), NOTATION.roles)
    assert term.exponent == 2
    assert [t.coefficient for t in term.body] == [1, -1]


def test_a_multiple_of_a_size_joins_the_sum_that_it_came_from() -> None:
    p = over(squared(element("x", N) - element("mu", K)), N)
    assert any(isinstance(a, Size) for m in p.monomials for a in m.atoms)
    assert shown(p) == r"\sum_{n = 1}^{N} (x_n - \mu_k)^2"


def test_a_size_on_its_own_stays_a_size() -> None:
    assert shown(number(3) * from_atom(Size("N"))) == "3N"


def test_common_factors_of_one_sum_are_pulled_out_once() -> None:
    x, t = element("x", N), moment("tau", "tau", K)
    chosen = moment("z", "[z]", N, K)
    square = x * x - (x * moment("mu", "mu", K)).scaled(2) + moment("mu", "mu^2", K)
    p = element("b_0") + (t * over(chosen * square, N)).scaled(HALF)
    assert shown(p) == (
        r"b_0 + \tfrac{1}{2}\mathbb{E}[\tau_k]\sum_{n = 1}^{N} "
        r"r_{nk}\bigl(x_n^2 - 2x_n\mathbb{E}[\mu_k] + \mathbb{E}[\mu_k^2]\bigr)"
    )


def test_factors_stay_with_the_terms_that_have_them() -> None:
    chosen = from_atom(Indicator("z", (N,), K))
    p = over(chosen * (log(element("tau", K)) - element("tau", K) * element("x", N)), N, K)
    assert shown(p) == r"\sum_{n = 1}^{N} \sum_{k = 1}^{K} [z_n = k](\log\tau_k - \tau_kx_n)"


def test_what_is_known_comes_first_and_the_sign_leads() -> None:
    p = over(element("x", N), N) + element("a_0") - number(1)
    assert shown(p) == r"a_0 - 1 + \sum_{n = 1}^{N} x_n"


def test_a_plain_number_beside_a_sum_is_not_pulled_out() -> None:
    inner = number(HALF) + over(element("x", N), N)
    assert shown(inner * log(element("tau", K))).startswith(r"\biggl(\tfrac{1}{2} + \sum_{n = 1}^{N} x_n\biggr)")
    assert shown((number(1) + log(element("a_0"))).scaled(HALF) * element("tau", K)).startswith(r"\tfrac{1}{2}\tau_k(1")


def test_a_polynomial_without_terms_is_zero() -> None:
    assert group(Polynomial()) == ()
    assert shown(Polynomial()) == "0"


def test_flatten_raises_a_body_to_its_power() -> None:
    inner = (Term(Fraction(1), ((element("x", N).monomials[0].atoms[0], Fraction(1)),)), Term(Fraction(2), ()))
    assert flatten([Term(Fraction(3), (), (), inner, 2)]) == squared(element("x", N) + number(2)).scaled(3)


@pytest.mark.parametrize("indices", [(), (N,), (N, K)])
def test_single_monomials_are_left_alone(indices: tuple[object, ...]) -> None:
    p = over(element("x", N) * element("tau", K), *indices)  # type: ignore[arg-type]
    (term,) = group(p)
    assert not term.body
    assert {i.size for i in term.bound} == {i.size for i in indices}  # type: ignore[attr-defined]
