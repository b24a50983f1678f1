"""Equations of a page: aligned systems whose right sides are broken into lines that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cavi.templates.breaking import Line, break_lines
from cavi.templates.layout import EQUALS, PLUS, Box, Operator, Words, row, width
from cavi.templates.style import PLAIN, Style

Sentence = tuple[str | Box, ...]
"""Running text with formulas in it."""

TEXT_WIDTH = 39.0
"""Room for a displayed formula, in em."""
BOXED_WIDTH = 34.0
"""Room for a formula in a frame with a number beside it, in em."""

FLUSH_INDENT = 2.0
"""Indent of continued lines in a system that is not aligned at its relations, in em."""

RELATIONS = {
    "=": EQUALS,
    "≤": Operator(r"\leq", "≤", "relation"),
    "≥": Operator(r"\geq", "≥", "relation"),
    "<": Operator("<", "<", "relation"),
    ">": Operator(">", ">", "relation"),
    "→": Operator(r"\to", "→", "relation"),
}

_LONGEST_LEFT = 15.0
_CONST = Words("const")


@dataclass(frozen=True)
class Link:
    """What an equation says, before it is broken: without a left side it continues the one above."""

    left: Box | None
    right: Box
    constant: bool = False
    relation: Operator = EQUALS


@dataclass(frozen=True)
class Equation:
    """``left relation lines``.

    Attributes:
        left: left side; None continues the equation above.
        relation: the sign between the sides.
        lines: the right side.
        flush: whether the system starts at the margin, because a left side is too long to align at.
        below: whether the right side starts below the left side.
        hang: the left side that stands above, where this one is None.
    """

    left: Box | None
    relation: Operator
    lines: tuple[Line, ...]
    flush: bool = False
    below: bool = False
    hang: Box | None = None


def system(links: Sequence[Link], limit: float = TEXT_WIDTH, style: Style = PLAIN) -> tuple[Equation, ...]:
    """Equations that stand under each other, aligned at their relations where the left sides allow it."""
    links = [
        replace(k, left=None if k.left is None else style.apply(k.left), right=style.apply(k.right)) for k in links
    ]
    lefts = [0.0 if k.left is None else width(k.left) for k in links]
    widest = max(lefts, default=0.0)
    flush = widest > _LONGEST_LEFT
    found: list[Equation] = []
    hang: Box | None = None
    for link, own in zip(links, lefts, strict=True):
        right = row(link.right, PLUS, _CONST) if link.constant else link.right
        sign = width(link.relation)
        below = own > _LONGEST_LEFT
        if flush:
            start = FLUSH_INDENT if below or link.left is None else own
            lines = break_lines(right, limit - FLUSH_INDENT - sign, limit - start - sign)
        else:
            lines = break_lines(right, limit - widest - sign)
        found.append(Equation(link.left, link.relation, lines, flush, below, None if link.left else hang))
        hang = link.left or hang
    return tuple(found)


def equation(left: Box, right: Box, style: Style = PLAIN) -> Equation:
    """One equation on its own."""
    return system([Link(left, right)], style=style)[0]
