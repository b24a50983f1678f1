"""Whiteboard expressions into the normal form."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from cavi.derive import functions
from cavi.derive.canonical import sum_over
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import (
    Add,
    Apply,
    Expr,
    Mul,
    NamedConstant,
    Number,
    Power,
    Ref,
    SizeOf,
    SumOver,
)
from cavi.derive.index import Literal, Sub
from cavi.derive.term import (
    ZERO,
    Constant,
    Element,
    Indicator,
    Polynomial,
    Size,
    from_atom,
    number,
)

if TYPE_CHECKING:
    from cavi.derive.model import Variable


def element(variable: Variable, subs: tuple[Sub, ...]) -> Polynomial:
    """One element of a variable; a latent Bernoulli is the indicator of its value one.

    Raises:
        DeclarationError: for a category or an observed index, which select and are not numbers.
    """
    if variable.role == "observed_index" or (
        variable.distribution is not None and variable.distribution.family == "Categorical"
    ):
        raise DeclarationError(
            f"{variable.name} is a category and cannot be used as a number; use it to select, as in "
            f"mu[{variable.name}[...]]"
        )
    if variable.is_random and variable.distribution is not None and variable.distribution.family == "Bernoulli":
        return from_atom(Indicator(variable.name, subs, Literal(1, "2")))
    return from_atom(Element(variable.name, subs))


def expand(expr: Expr) -> Polynomial:
    """The polynomial of an expression in which no latent category selects any more."""
    match expr:
        case Number():
            return number(expr.value)
        case NamedConstant():
            return from_atom(Constant(expr.name))
        case SizeOf():
            return from_atom(Size(expr.size))
        case Ref():
            return element(expr.variable, cast("tuple[Sub, ...]", expr.subs))
        case Add():
            total = ZERO
            for t in expr.terms:
                total = total + expand(t)
            return total
        case Mul():
            product = number(1)
            for f in expr.factors:
                product = product * expand(f)
            return product
        case Power():
            return functions.raise_to(expand(expr.base), expand(expr.exponent))
        case Apply():
            return functions.apply(expr.name, *map(expand, expr.args))
        case SumOver():
            return sum_over(expand(expr.body), [expr.index])
    raise TypeError(f"no normal form for {type(expr).__name__}")
