"""Sums and products with infix signs, as every program text writes them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cavi.derive.expression import Expr, Mul, Number, Power

# What a text binds by, the weakest first; the order is Python's.
SUM, PRODUCT, SIGN, POWER, WHOLE = 1, 2, 3, 4, 5
MINUS = Fraction(-1)
Write = Callable[[Expr, int], str]  # an expression, in brackets where it binds less than a number
Divides = Callable[[int, Expr], bool]


def bracketed(written: tuple[int, str], least: int) -> str:
    """A text, in brackets where it binds less than `least`."""
    binds, text = written
    return text if binds >= least else f"({text})"


def sum_of(terms: tuple[Expr, ...], write: Write) -> str:
    """``a + b - c``."""
    text = write(terms[0], SUM)
    for term in terms[1:]:
        match term:
            case Mul(factors=(Number(value=value), other)) if value == MINUS:
                text += f" - {write(other, PRODUCT)}"
            case _:
                text += f" + {write(term, PRODUCT)}"
    return text


def product_of(factors: tuple[Expr, ...], write: Write, divides: Divides = lambda position, base: True) -> str:
    """``a * b / c``.

    Args:
        factors: what is multiplied.
        write: the text of a factor.
        divides: whether the factor 1/base at a position after the first is written as a division.
    """
    text = write(factors[0], PRODUCT)
    for position, factor in enumerate(factors[1:], 1):
        match factor:
            case Power(base=base, exponent=Number(value=value)) if value == MINUS and divides(position, base):
                text += f" / {write(base, SIGN)}"
            case _:
                text += f" * {write(factor, SIGN)}"
    return text
