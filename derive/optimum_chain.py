"""A block of a Normal and its scale: the chain rule q(u) q(v | u), recognised by form.

Where every term with v is linear or quadratic in v times one common function g(u), v given u is
Normal with precision λ g(u); integrating it out adds ½ λ m² to the coefficient of g and -½ to that of
log g, and what remains is the factor of u, whatever family that is. (Normal-Gamma: g = τ.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from cavi.derive import families, functions
from cavi.derive.expectation import Pattern
from cavi.derive.factorisation import Block, random_atoms
from cavi.derive.index import Index
from cavi.derive.model import Variable
from cavi.derive.optimum import Optimum, Request
from cavi.derive.optimum_joint import HALF, Quadratic, quadratic_form, two_pi
from cavi.derive.optimum_scalar import scalar_moment, scalar_optimum
from cavi.derive.recognise import element_of, recognise_scalar, support_of
from cavi.derive.result import Formula
from cavi.derive.term import (
    ZERO,
    Parameter,
    Polynomial,
    from_atom,
    number,
)

Terms = dict[Polynomial, Polynomial]


@dataclass(frozen=True)
class Conditioned:
    """v given u: Normal with mean m and precision λ g, by its formulas and what they leave to u."""

    formulas: tuple[Formula, ...]
    mean_square: Polynomial
    squared_distance: Polynomial
    log_determinant: Polynomial
    dimension: Polynomial
    form: Quadratic | None


def chain(request: Request) -> Optimum | None:
    """The optimum of a block of two latents, one of them Normal given the other."""
    block = request.block
    if len(block.variables) != 2:
        return None
    for inner in block.variables.values():
        (outer,) = (v for v in block.variables.values() if v is not inner)
        if support_of(inner) != "real" or len(outer.indices) != len(block.factor.plates):
            continue
        divided = _divide(block, inner, request.conditional.coefficients)
        if divided is None:
            continue
        scale, inner_terms, outer_terms = divided
        found = _build(request, inner, outer, scale, inner_terms, outer_terms)
        if found is not None:
            return found
    return None


def _divide(
    block: Block, inner: Variable, coefficients: Mapping[Pattern, Polynomial]
) -> tuple[Polynomial, Terms, Terms] | None:
    """The common factor g of the terms with v, those terms without g, and the terms without v."""
    scales: set[Polynomial] = set()
    inner_terms: Terms = {}
    outer_terms: Terms = {}
    for pattern, coefficient in coefficients.items():
        own, scale = number(1), number(1)
        for atom, exponent in pattern.powers:
            if any(True for _ in random_atoms(atom, [inner.name])):
                own = own * from_atom(atom, exponent)
            else:
                scale = scale * from_atom(atom, exponent)
        if own == number(1):
            outer_terms[scale] = outer_terms.get(scale, ZERO) + coefficient
        else:
            scales.add(scale)
            inner_terms[own] = coefficient
    return (scales.pop(), inner_terms, outer_terms) if len(scales) == 1 else None


def _condition(request: Request, inner: Variable, terms: Terms) -> Conditioned | None:
    block = request.block
    plates = block.factor.plates
    if len(inner.indices) > len(plates):
        form = quadratic_form(request, inner, terms)
        if form is None:
            return None
        return Conditioned(
            form.formulas(),
            form.mean_square(),
            form.squared_distance(),
            form.parameter("logdet_precision"),
            form.size,
            form,
        )
    v = element_of(block, inner)
    if any(p not in (v, v * v) for p in terms):
        return None
    linear = from_atom(Parameter(inner.name, "linear", plates))
    precision = from_atom(Parameter(inner.name, "precision", plates))
    mean = from_atom(Parameter(inner.name, "mean", plates))
    return Conditioned(
        (
            Formula(inner.name, "linear", plates, terms.get(v, ZERO), "auxiliary"),
            Formula(inner.name, "precision", plates, terms.get(v * v, ZERO).scaled(-2), "standard"),
            Formula(inner.name, "mean", plates, linear * functions.reciprocal(precision), "standard"),
        ),
        precision * mean * mean,
        precision * (v - mean) * (v - mean),
        functions.log(precision),
        number(1),
        None,
    )


def _build(
    request: Request,
    inner: Variable,
    outer: Variable,
    scale: Polynomial,
    inner_terms: Terms,
    outer_terms: Terms,
) -> Optimum | None:
    conditioned = _condition(request, inner, inner_terms)
    if conditioned is None:
        return None
    block, plates = request.block, request.block.factor.plates
    terms = dict(outer_terms)
    log_scale = functions.log(scale)
    _add(terms, scale, conditioned.mean_square.scaled(HALF))
    for m in log_scale.monomials:
        pattern = from_atom(*m.powers[0])
        _add(terms, pattern, conditioned.dimension.scaled(-HALF * m.coefficient))
    patterns = {Pattern(p.monomials[0].powers, plates): c for p, c in terms.items() if c}
    below = scalar_optimum(request, outer, patterns, conditioned.formulas)
    recognised = recognise_scalar(block, outer, patterns)
    u = element_of(block, outer)
    log_two_pi = functions.log(two_pi())
    normaliser = conditioned.log_determinant + conditioned.dimension * (log_scale - log_two_pi)
    log_q = (normaliser - scale * conditioned.squared_distance).scaled(HALF) + below.log_q
    expected_log_scale = request.expectation.of(log_scale)
    entropy = (
        conditioned.dimension * (log_two_pi + number(1) - expected_log_scale) - conditioned.log_determinant
    ).scaled(HALF) + below.entropy

    def moment(pattern: Pattern) -> Polynomial | None:
        own, rest = [], number(1)
        for atom, exponent in pattern.powers:
            if any(True for _ in random_atoms(atom, [inner.name])):
                own.append((atom, exponent))
            else:
                rest = rest * from_atom(atom, exponent)

        def outer_moment(p: Polynomial) -> Polynomial | None:
            if p == number(1):
                return p
            return scalar_moment(recognised, outer, plates, u, p)

        total = ZERO
        for by_scale, polynomial in _normal_moment(block, inner, conditioned, own).items():
            value = outer_moment(rest * functions.raise_to(scale, number(-by_scale)))
            if value is None:
                return None
            total = total + polynomial * value
        return total

    return Optimum(
        families={
            inner.name: families.lookup("Normal" if conditioned.form is None else "MultivariateNormal"),
            **below.families,
        },
        statistics=tuple((p.polynomial, c) for p, c in request.conditional.coefficients.items()),
        formulas=below.formulas,
        log_q=log_q,
        entropy=entropy,
        moment=moment,
    )


def _add(terms: Terms, pattern: Polynomial, coefficient: Polynomial) -> None:
    terms[pattern] = terms.get(pattern, ZERO) + coefficient


def _normal_moment(
    block: Block, inner: Variable, conditioned: Conditioned, own: Sequence[tuple[object, Fraction]]
) -> dict[int, Polynomial]:
    """E[v-part | u] as polynomials that multiply g^(-i): power i -> polynomial in parameters."""
    if not own:
        return {0: number(1)}
    form = conditioned.form
    if form is not None:
        first = form.parameter("mean", form.event)
        if len(own) == 1:
            return {0: first}
        second = form.parameter("mean", form.other)
        return {0: first * second, 1: form.parameter("covariance", form.event, form.other)}
    plates: tuple[Index, ...] = block.factor.plates
    mean = from_atom(Parameter(inner.name, "mean", plates))
    variance = functions.reciprocal(from_atom(Parameter(inner.name, "precision", plates)))
    degree = int(sum(e for _, e in own))
    found: dict[int, Polynomial] = {}
    for i in range(degree // 2 + 1):
        double_factorial = 1
        for j in range(1, 2 * i, 2):
            double_factorial *= j
        value = number(comb(degree, 2 * i) * double_factorial)
        for _ in range(degree - 2 * i):
            value = value * mean
        for _ in range(i):
            value = value * variance
        found[i] = value
    return found
