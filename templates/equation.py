"""Equations of a page: a left side, a relation, and a right side that is broken into lines."""

from __future__ import annotations

from dataclasses import dataclass

from cavi.templates.breaking import Line, break_lines
from cavi.templates.layout import EQUALS, PLUS, Box, Operator, Words, row, width

Sentence = tuple[str | Box, ...]
"""Running text with formulas in it."""

TEXT_WIDTH = 39.0
"""Room for a displayed formula, in em."""
BOXED_WIDTH = 34.0
"""Room for a formula in a frame with a number beside it, in em."""

_LONGEST_LEFT = 15.0
_CONST = Words("const")


@dataclass(frozen=True)
class Equation:
    """``left relation lines``; without a left side the relation continues the equation above.

    `own_line` says that the left side is so long that the right side starts below it; `hang` is the
    left side of the equation above, under whose end the relation stands.
    """

    left: Box | None
    relation: Operator
    lines: tuple[Line, ...]
    own_line: bool = False
    hang: Box | None = None


def equation(
    left: Box | None,
    right: Box,
    *,
    hang: Box | None = None,
    constant: bool = False,
    limit: float = TEXT_WIDTH,
    relation: Operator = EQUALS,
) -> Equation:
    """An equation with its right side broken to fit.

    Args:
        left: left side, None to continue a chain.
        right: right side.
        hang: the left side of the chain that it continues: its width is not available.
        constant: whether ``+ const`` ends it.
        limit: the width of the whole, in em.
        relation: the sign between the sides.
    """
    if constant:
        right = row(right, PLUS, _CONST)
    before = left or hang
    taken = 0.0 if before is None else width(before)
    own_line = left is not None and taken > _LONGEST_LEFT
    hanging = left is None and taken > _LONGEST_LEFT
    if own_line or hanging:
        taken = 2.0
    room = limit - taken - width(relation)
    return Equation(left, relation, break_lines(right, room), own_line, None if hanging else hang)
