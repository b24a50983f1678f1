"""A positive-definite matrix: Wishart where it enters linearly, inverse Wishart where its inverse does."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from cavi.derive import families, functions
from cavi.derive.canonical import substitute
from cavi.derive.expectation import Pattern
from cavi.derive.families.matrix import wishart_constant
from cavi.derive.index import Index, Sub
from cavi.derive.model import Variable
from cavi.derive.optimum import Link, Optimum, Request
from cavi.derive.recognise import not_conjugate, support_of
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.term import ZERO, Element, Matrix, Parameter, Polynomial, from_atom, number

HALF = Fraction(1, 2)


def is_matrix(variable: Variable) -> bool:
    """Whether the latent is a positive-definite matrix."""
    return support_of(variable) == "positive_definite"


def matrix(request: Request) -> Optimum | None:
    """The optimum of a single positive-definite matrix."""
    block = request.block
    if len(block.variables) != 1:
        return None
    (variable,) = block.variables.values()
    if not is_matrix(variable) or request.block.factor.point:
        return None
    return matrix_optimum(request, variable, request.conditional.coefficients, ())


def matrix_optimum(
    request: Request, variable: Variable, coefficients: Mapping[Pattern, Polynomial], before: tuple[Formula, ...]
) -> Optimum:
    """The optimum of a matrix whose statistics have these coefficients.

    Raises:
        NonConjugateError: where both the matrix and its inverse occur, or anything else.
    """
    block = request.block
    row, column = variable.event
    plates = block.factor.plates
    axes = (*plates, row, column)
    element = from_atom(Element(variable.name, axes, 1))
    logdet = functions.logdet(element, row, column)
    inverse = functions.inverse(element, row, column, row, column)
    terms = {p.polynomial: c for p, c in coefficients.items()}
    size = functions.size_of(row)
    linear = inverse if inverse in terms and element not in terms else element
    other = next((p for p in terms if p not in (logdet, linear)), None)
    if other is not None:
        raise not_conjugate(block, other, terms, variable)
    weight = terms.get(logdet, ZERO).scaled(2)
    c = terms.get(linear, ZERO)
    rate = -(c + substitute(c, {row: column, column: row}))
    name = variable.name
    dof = from_atom(Parameter(name, "dof", plates))
    scale = from_atom(Parameter(name, "scale", axes, 1))
    logdet_scale = from_atom(Parameter(name, "logdet_scale", plates))
    formulas: tuple[Formula, ...]
    digamma = functions.apply("multidigamma", dof.scaled(HALF), size) + size * functions.log(number(2))
    if linear == element:
        family = families.lookup("Wishart")
        formulas = (
            Formula(name, "dof", plates, weight + size + number(1), "standard"),
            Formula(name, "inverse_scale", axes, rate, "auxiliary"),
            Formula(name, "scale", axes, ArrayOperation("inverse", "inverse_scale"), "standard"),
            Formula(name, "logdet_scale", plates, ArrayOperation("logdet", "scale"), "derived"),
        )
        expected_logdet = digamma + logdet_scale
        values = {
            element: dof * scale,
            inverse: functions.inverse(scale, row, column, row, column) * functions.reciprocal(dof - size - number(1)),
            logdet: expected_logdet,
        }
        entropy = (
            (dof * logdet_scale).scaled(HALF)
            + wishart_constant(dof, size)
            - ((dof - size - number(1)) * expected_logdet - dof * size).scaled(HALF)
        )
    else:
        family = families.lookup("InverseWishart")
        inverse_scale = from_atom(Parameter(name, "inverse_scale", axes, 1))
        formulas = (
            Formula(name, "dof", plates, -weight - size - number(1), "standard"),
            Formula(name, "scale", axes, rate, "standard"),
            Formula(name, "inverse_scale", axes, ArrayOperation("inverse", "scale"), "derived"),
            Formula(name, "logdet_scale", plates, ArrayOperation("logdet", "scale"), "derived"),
        )
        expected_logdet = logdet_scale - digamma
        values = {
            element: scale * functions.reciprocal(dof - size - number(1)),
            inverse: dof * inverse_scale,
            logdet: expected_logdet,
        }
        entropy = (
            wishart_constant(dof, size)
            - (dof * logdet_scale).scaled(HALF)
            + ((dof + size + number(1)) * expected_logdet + dof * size).scaled(HALF)
        )
    args = {"dof": dof, "scale": scale}
    return Optimum(
        families={name: family},
        statistics=tuple(terms.items()),
        formulas=(*before, *formulas),
        log_q=_log_q(family, element, args, logdet_scale, variable.event),
        entropy=entropy,
        moment=lambda pattern: _moment(pattern.polynomial, values, variable),
        density=(Link(name, plates, variable.event, str(family), args),),
    )


def _log_q(
    family: families.Declared,
    element: Polynomial,
    args: Mapping[str, Polynomial],
    logdet: Polynomial,
    axes: tuple[Index, ...],
) -> Polynomial:
    """The log density, with the log-determinant of the scale as the parameter that holds it."""
    from cavi.derive.canonical import rewrite

    whole = family.density(element, args, axes)

    def known(atom: object, exponent: Fraction) -> Polynomial | None:
        if isinstance(atom, Matrix) and atom.name == "logdet" and exponent == 1:
            inside = atom.value.monomials[0].powers
            if len(inside) == 1 and isinstance(inside[0][0], Parameter):
                return logdet
        return None

    return rewrite(whole, known)


def _moment(pattern: Polynomial, values: Mapping[Polynomial, Polynomial], variable: Variable) -> Polynomial | None:
    """E of one statistic at any row and column."""
    if pattern in values:
        return values[pattern]
    if len(pattern.monomials) != 1:
        return None
    m = pattern.monomials[0]
    if m.bound or m.coefficient != 1 or len(m.powers) != 1 or m.powers[0][1] != 1:
        return None
    atom = m.powers[0][0]
    if not isinstance(atom, Element | Matrix) or not atom.subs:
        return None
    left, right = atom.subs[-2:]
    row, column = variable.event
    for known, value in values.items():
        (form,) = known.monomials[0].atoms
        if type(form) is type(atom) and _at(form, left, right) == atom:
            there: dict[Index, Sub] = {row: left, column: right}
            return substitute(value, there)
    return None


def _at(form: object, left: Sub, right: Sub) -> object:
    if isinstance(form, Matrix):
        return Matrix(form.name, form.value, form.row, form.column, (left, right)) if form.subs else form
    assert isinstance(form, Element)
    return Element(form.name, (*form.subs[:-2], left, right), form.symmetric)
