"""Whiteboard expressions into the normal form."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from cavi.derive import functions
from cavi.derive.canonical import collect, deltas, normalise, sum_over
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import (
    Add,
    Apply,
    Condition,
    Expr,
    InverseOf,
    Mul,
    NamedConstant,
    Number,
    Power,
    Probabilities,
    Ref,
    SizeOf,
    SumOver,
    Takes,
)
from cavi.derive.index import Literal, Sub
from cavi.derive.term import (
    ZERO,
    Before,
    Constant,
    Element,
    Indicator,
    Link,
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
    return from_atom(Element(variable.name, subs, variable.symmetric))


def _condition(atom: Before | Link) -> Polynomial:
    return collect([normalise(Fraction(1), [(atom, Fraction(1))], ())])


_CONDITIONS: dict[str, Callable[..., Polynomial]] = {
    "same": lambda left, right: deltas([left], [right]),
    "before": lambda left, right: _condition(Before(left, right)),
    "link": lambda sub: _condition(Link(sub)),
}


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
        case Takes():
            return from_atom(Indicator(expr.name, cast("tuple[Sub, ...]", expr.subs), cast("Sub", expr.value)))
        case Condition():
            places = cast("tuple[Sub, ...]", expr.subs)
            return _CONDITIONS[expr.name](*places)
        case InverseOf():
            left, right = cast("tuple[Sub, Sub]", expr.subs)
            return functions.inverse(expand(expr.body), expr.row, expr.column, left, right)
        case Probabilities():
            return expand(expr.body)
    raise TypeError(f"no normal form for {type(expr).__name__}")
