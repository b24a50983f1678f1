"""Families with matrix parameters: multivariate Normal, Wishart, inverse Wishart, matrix Normal.

Everything is written by components, so that a quadratic form is an ordinary double sum. Matrix arguments are given by
their element at the row, an event index, and the column, the same index primed.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import fresh_index, substitute, sum_over
from cavi.derive.families.base import Param
from cavi.derive.families.event import VectorFamily
from cavi.derive.index import Index, primed
from cavi.derive.term import Constant, Polynomial, from_atom, number

HALF = Fraction(1, 2)
Axes = tuple[Index, ...]
Args = Mapping[str, Polynomial]


def log_two_pi() -> Polynomial:
    """log 2π."""
    return functions.log(from_atom(Constant("pi")).scaled(2))


def quadratic_form(difference: Polynomial, matrix: Polynomial, axis: Index) -> Polynomial:
    """Σ_ab v_a M_ab v_b for v given at the axis and M at the axis and its prime."""
    a, b = fresh_index(axis.size), fresh_index(axis.size)
    left, right = substitute(difference, {axis: a}), substitute(difference, {axis: b})
    return sum_over(substitute(matrix, {axis: a, primed(axis): b}) * left * right, [a, b])


def _multivariate_normal(x: Polynomial, args: Args, axes: Axes) -> Polynomial:
    (axis,) = axes
    precision = args["precision"]
    logdet = functions.logdet(precision, axis, primed(axis))
    distance = quadratic_form(x - args["mean"], precision, axis)
    return (logdet - functions.size_of(axis) * log_two_pi() - distance).scaled(HALF)


def _wishart(x: Polynomial, args: Args, axes: Axes) -> Polynomial:
    row, column = axes
    dof, size = args["dof"], functions.size_of(row)
    left, right = fresh_index(row.size), fresh_index(row.size)
    rate = functions.inverse(args["scale"], row, column, left, right)
    trace = sum_over(rate * substitute(x, {row: left, column: right}), [left, right])
    return (
        ((dof - size - number(1)) * functions.logdet(x, row, column) - trace).scaled(HALF)
        - (dof * functions.logdet(args["scale"], row, column)).scaled(HALF)
        - wishart_constant(dof, size)
    )


def _inverse_wishart(x: Polynomial, args: Args, axes: Axes) -> Polynomial:
    row, column = axes
    dof, size = args["dof"], functions.size_of(row)
    left, right = fresh_index(row.size), fresh_index(row.size)
    inverse = functions.inverse(x, row, column, left, right)
    trace = sum_over(substitute(args["scale"], {row: left, column: right}) * inverse, [left, right])
    return (
        (dof * functions.logdet(args["scale"], row, column)).scaled(HALF)
        - wishart_constant(dof, size)
        - ((dof + size + number(1)) * functions.logdet(x, row, column) + trace).scaled(HALF)
    )


def wishart_constant(dof: Polynomial, size: Polynomial) -> Polynomial:
    """½ ν D log 2 + log Γ_D(ν/2)."""
    gamma = functions.apply("lmultigamma", dof.scaled(HALF), size)
    return (dof * size * functions.log(number(2))).scaled(HALF) + gamma


def _matrix_normal(x: Polynomial, args: Args, axes: Axes) -> Polynomial:
    row, column = axes
    rows, columns = args["row_precision"], args["column_precision"]
    i, j = functions.size_of(row), functions.size_of(column)
    a, b, c, d = (fresh_index(axis.size) for axis in (row, row, column, column))
    difference = x - args["mean"]
    left = substitute(difference, {row: a, column: c})
    right = substitute(difference, {row: b, column: d})
    between = substitute(rows, {row: a, primed(row): b}) * substitute(columns, {column: c, primed(column): d})
    distance = sum_over(between * left * right, [a, b, c, d])
    logdets = j * functions.logdet(rows, row, primed(row)) + i * functions.logdet(columns, column, primed(column))
    return (logdets - i * j * log_two_pi() - distance).scaled(HALF)


MEAN = Param("mean", "real", "m")

MATRIX_FAMILIES: tuple[VectorFamily, ...] = (
    VectorFamily(
        "MultivariateNormal",
        (MEAN, Param("precision", "positive_definite", r"\Lambda")),
        "vector",
        "real",
        "Bishop (2006), 2.43",
        _multivariate_normal,
    ),
    VectorFamily(
        "Wishart",
        (Param("dof", "positive", r"\nu"), Param("scale", "positive_definite", "W")),
        "positive_definite",
        "positive_definite",
        "Bishop (2006), B.78-B.82",
        _wishart,
        rank=2,
    ),
    VectorFamily(
        "InverseWishart",
        (Param("dof", "positive", r"\nu"), Param("scale", "positive_definite", r"\Psi")),
        "positive_definite",
        "positive_definite",
        "Gelman et al. (2013), table A.1",
        _inverse_wishart,
        rank=2,
    ),
    VectorFamily(
        "MatrixNormal",
        (
            MEAN,
            Param("row_precision", "positive_definite", "V"),
            Param("column_precision", "positive_definite", "U"),
        ),
        "vector",
        "real",
        "Gupta and Nagar (1999), theorem 2.2.1",
        _matrix_normal,
        rank=2,
    ),
)
