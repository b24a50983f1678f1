"""The printer: index names, order of factors, fractions, functions and brackets."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, note, settings
from printing_samples import (
    LOG_TWO_PI,
    NOTATION,
    D,
    K,
    N,
    element,
    from_atom,
    log,
    moment,
    over,
    polynomials,
)

from cavi.derive.index import Gather, Index, Literal
from cavi.derive.term import (
    Constant,
    Delta,
    Function,
    Indicator,
    Moment,
    Parameter,
    Polynomial,
    Size,
    number,
)
from cavi.templates import functions
from cavi.templates.html.mathml import to_mathml
from cavi.templates.latex.tex import to_tex
from cavi.templates.layout import Accent, BigOperator, Box, Fence, Root, Row, Script
from cavi.templates.layout import Fraction as Quotient
from cavi.templates.printer import Printer
from cavi.templates.scope import Scope, index_box

PRINTER = Printer(NOTATION)
HALF = Fraction(1, 2)


def shown(p: Polynomial) -> str:
    return to_tex(PRINTER.polynomial(p))


def _children(box: Box) -> list[Box]:
    match box:
        case Script():
            return [b for b in (box.base, box.sub, box.sup) if b is not None]
        case Quotient():
            return [box.numerator, box.denominator]
        case Root() | Accent() | Fence():
            return [box.body]
        case Row():
            return list(box.items)
        case _:
            return []


def _check_names(box: Box, around: frozenset[str]) -> None:
    """Every Σ inside its reach has a name that is neither free nor bound by a Σ around it."""
    for term in _terms(box):
        used = around
        for item in term:
            if isinstance(item, BigOperator):
                under = item.under.items[0] if isinstance(item.under, Row) else item.under
                name = to_tex(under)
                assert name not in used, f"Σ over {name} inside {set(used)}"
                used |= {name}
            for child in _children(item):
                _check_names(child, used)


def _terms(box: Box) -> list[list[Box]]:
    """A row cut at its signs: sums reach to the next sign only."""
    terms: list[list[Box]] = [[]]
    for item in box.items if isinstance(box, Row) else (box,):
        if getattr(item, "kind", "") == "binary":
            terms.append([])
        terms[-1].append(item)
    return terms


@settings(max_examples=200, deadline=None)
@given(polynomials())
def test_no_sum_takes_a_name_in_use(p: Polynomial) -> None:
    free = frozenset(i.name for i in p.free)
    note(shown(p))
    _check_names(PRINTER.polynomial(p), free)
    assert "." not in shown(p)
    assert "~" not in shown(p)


@settings(max_examples=60, deadline=None)
@given(polynomials())
def test_both_writers_accept_what_is_printed(p: Polynomial) -> None:
    tex = shown(p)
    assert tex.count("{") - tex.count("}") == 0
    assert to_mathml(PRINTER.polynomial(p)).count("<mrow>") >= 0


def test_a_sum_beside_a_free_index_of_its_size_gets_a_prime() -> None:
    other = Index("K.0", "K")
    whole = Polynomial(over(element("tau", other), other).monomials)
    p = from_atom(Function("digamma", (element("tau", K),))) - from_atom(Function("digamma", (whole,)))
    assert shown(p) == r"\psi(\tau_k) - \psi\biggl(\sum_{k' = 1}^{K} \tau_{k'}\biggr)"


def test_two_sums_over_one_size_get_two_names() -> None:
    d, e = Index("D.0", "D"), Index("D.1", "D")
    p = over(element("w", d) * element("w", e) * element("X", N, d) * element("X", K, e), d, e)
    assert r"\sum_{d = 1}^{D}" in shown(p)
    both = over(element("w", d) * element("X", d, e), d, e)
    assert shown(both) == r"\sum_{d = 1}^{D} w_d\sum_{d' = 1}^{D} X_{dd'}"


def test_an_undeclared_size_gets_a_letter_that_is_free() -> None:
    i = Index("Z.0", "Z")
    assert shown(over(element("w", i), i)).startswith(r"\sum_{i = 1}^{Z} ")


def test_a_scope_never_repeats_a_name() -> None:
    scope = Scope({}, frozenset(["k"]))
    first = scope.enter(Index("K.0", "K"), ["k", "j"])
    second = first.enter(Index("K.1", "K"), ["k", "j"])
    assert [*first.names.values()] == ["j"]
    assert second.names[Index("K.1", "K")] == "k'"


@pytest.mark.parametrize(
    ("p", "tex"),
    [
        (number(0), "0"),
        (number(Fraction(-3, 2)), r"-\tfrac{3}{2}"),
        (LOG_TWO_PI.scaled(-HALF), r"-\tfrac{1}{2}\log 2\pi"),
        (from_atom(Size("N")) * LOG_TWO_PI.scaled(HALF), r"\tfrac{N}{2}\log 2\pi"),
        (from_atom(Parameter("mu", "scale", (K,)), -1), r"\frac{1}{\mathrm{scale}_k}"),
        (element("a_0") * from_atom(element("b_0").monomials[0].atoms[0], -1), r"\frac{a_0}{b_0}"),
        (moment("mu", "mu", K) * moment("mu", "mu", K), r"\mathbb{E}[\mu_k]^2"),
        (log(element("tau", K)), r"\log\tau_k"),
        (log(element("tau", K)) * log(element("tau", K)), r"(\log\tau_k)^2"),
        (log(element("a_0") + number(1)), r"\log(a_0 + 1)"),
        (from_atom(Delta(D, Index("e", "D"))), r"\delta_{de}"),
        (from_atom(Indicator("z", (N,), K)), "[z_n = k]"),
        (moment("z", "[z]", N, K), "r_{nk}"),
        (element("w", Literal(0, "D")), "w_1"),
        (element("w", Gather("doc", (N,), "D")), r"w_{\mathrm{doc}_n}"),
        (element("m_0", K), "m_{0,k}"),
        (from_atom(Constant("minus_infinity")), r"-\infty"),
        (from_atom(Function("lgamma", (element("a_0"),))), r"\log\Gamma(a_0)"),
        (from_atom(Function("trigamma", (element("a_0"),))), r"\psi'(a_0)"),
        (from_atom(Function("abs", (element("x", N),))), r"\lvert x_n\rvert"),
        (from_atom(Function("xlogx", (moment("z", "[z]", N, K),))), r"r_{nk}\log r_{nk}"),
        (from_atom(Function("pow", (element("a_0"), number(-1)))), r"\frac{1}{a_0}"),
        (from_atom(Function("E", (element("x", N),))), r"\mathbb{E}_q[x_n]"),
    ],
)
def test_exact_forms(p: Polynomial, tex: str) -> None:
    assert shown(p) == tex


def test_a_function_never_swallows_what_follows_it() -> None:
    p = log(element("tau", K)) * (element("a_0") - number(1))
    assert shown(p) == r"(a_0 - 1)\log\tau_k"
    q = over(log(element("tau", K)) * element("x", N), N)
    assert shown(q) == r"\sum_{n = 1}^{N} x_n\log\tau_k"


def test_a_bracket_without_summed_indices_leaves_the_sum() -> None:
    p = over(moment("tau", "log tau", K) * (element("a_0") - number(1)), K)
    assert shown(p) == r"(a_0 - 1)\sum_{k = 1}^{K} \mathbb{E}[\log\tau_k]"


def test_independent_sums_are_a_product_of_brackets() -> None:
    p = over(element("x", N), N) * over(element("w", D), D)
    assert shown(p).count(r"\biggl(") == 2
    square = over(element("w", D), D) * over(element("w", D), D)
    assert shown(square) == r"\biggl(\sum_{d = 1}^{D} w_d\biggr)^2"


def test_a_scatter_is_a_condition_under_the_sum() -> None:
    p = over(from_atom(Delta(D, Gather("doc", (N,), "D"))) * element("x", N), N)
    assert shown(p) == r"\sum_{n : \mathrm{doc}_n = d} x_n"


def test_a_count_is_a_sum_of_ones() -> None:
    p = over(from_atom(Delta(D, Gather("doc", (N,), "D"))), N)
    assert shown(p) == r"\sum_{n : \mathrm{doc}_n = d} 1"


@settings(max_examples=100, deadline=None)
@given(polynomials())
def test_every_sum_is_a_sum_of_something(p: Polynomial) -> None:
    for term in _terms(PRINTER.polynomial(p)):
        assert not isinstance(term[-1], BigOperator)


def test_an_unknown_moment_is_refused() -> None:
    with pytest.raises(KeyError, match="not among the moments"):
        shown(moment("mu", "mu^7", K))


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(ValueError, match="closed list"):
        functions.draw(Function("sinh", (number(2),)), [PRINTER.polynomial(number(2))])


def test_the_closed_list_of_functions_is_complete() -> None:
    one, two = element("a_0"), element("b_0")
    for name in "log exp lgamma digamma trigamma abs cos sin xlogx".split():
        assert shown(from_atom(Function(name, (one,))))
    for name in (
        "atan2 pow log_bessel_i log_bessel_k dlog_bessel_k log_normal_interval truncated_mean truncated_second"
    ).split():
        assert shown(from_atom(Function(name, (one, two))))


def test_primes_of_an_index_with_a_subscript() -> None:
    assert to_tex(index_box("k''")) == "k''"
    assert to_tex(index_box("k_1'")) == r"{k_1}^{\prime}"


def test_moments_print_at_other_subscripts() -> None:
    assert shown(from_atom(Moment("mu", "mu^2", (Literal(2, "K"),)))) == r"\mathbb{E}[\mu_3^2]"
