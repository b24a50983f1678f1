"""The layout tree: a formula as nested boxes, before it is written as TeX or as MathML.

The printers decide what is written; the writers only spell it. Every box knows an estimate of its
width (in em, at text size) and of its height, so that lines are broken and brackets sized once,
for every output.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal


@dataclass(frozen=True)
class Glyph:
    """One symbol: its TeX spelling, its Unicode characters, and whether it stands upright."""

    tex: str
    char: str
    upright: bool = False


@dataclass(frozen=True)
class Number:
    """A natural number in digits."""

    text: str


@dataclass(frozen=True)
class Operator:
    """A sign between or before operands.

    A ``function`` is a name set off by a thin space (log); an ``applied`` one stands close to the
    bracket that follows (the name of a family).
    """

    tex: str
    char: str
    kind: Literal["binary", "relation", "prefix", "function", "applied", "punctuation"]


@dataclass(frozen=True)
class Words:
    """Plain text inside a formula; the writers escape it."""

    text: str


@dataclass(frozen=True)
class Space:
    """A thin, a medium (quad) or a wide (two quads) space."""

    size: Literal["thin", "medium", "wide"] = "thin"


@dataclass(frozen=True)
class Row:
    """Boxes side by side."""

    items: tuple[Box, ...]


@dataclass(frozen=True)
class Script:
    """A base with a subscript, a superscript or both."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None


@dataclass(frozen=True)
class Fraction:
    """A fraction; `small` is set at text size also in a display (½)."""

    numerator: Box
    denominator: Box
    small: bool = False


@dataclass(frozen=True)
class Root:
    """A square root."""

    body: Box


@dataclass(frozen=True)
class Accent:
    """A hat or a tilde over a symbol."""

    name: Literal["hat", "tilde"]
    body: Box


@dataclass(frozen=True)
class Fence:
    """A body between brackets; a long one may be broken over lines."""

    left: str
    body: Box
    right: str


@dataclass(frozen=True)
class BigOperator:
    """Σ or Π with what stands below and above it."""

    name: Literal["sum", "prod"]
    under: Box
    over: Box | None = None


@dataclass(frozen=True)
class Bracket:
    """One lone bracket of a fence that a line break has taken apart; `height` sizes both alike."""

    text: str
    opening: bool
    height: int


Box = (
    Glyph | Number | Operator | Words | Space | Row | Script | Fraction | Root | Accent | Fence | BigOperator | Bracket
)

PLUS = Operator("+", "+", "binary")
MINUS = Operator("-", "−", "binary")
NEGATIVE = Operator("-", "−", "prefix")
TIMES = Operator(r"\times", "×", "binary")
EQUALS = Operator("=", "=", "relation")
DISTRIBUTED = Operator(r"\sim", "∼", "relation")
GIVEN = Operator(r"\mid", "∣", "relation")
COMMA = Operator(",", ",", "punctuation")
SEMICOLON = Operator(";", ";", "punctuation")
COLON = Operator(":", ":", "relation")
ELLIPSIS = Glyph(r"\dots", "…", upright=True)
EXPECTATION = Glyph(r"\mathbb{E}", "𝔼", upright=True)
ENTROPY = Glyph(r"\mathrm{H}", "H", upright=True)
LOWER_BOUND = Glyph(r"\mathcal{L}", "ℒ", upright=True)
LESS = Operator("<", "<", "relation")
NOT_EQUAL = Operator(r"\neq", "≠", "relation")
TRANSPOSE = Glyph(r"\top", "⊤", upright=True)
IDENTITY = Glyph(r"\mathbf{I}", "𝐈", upright=True)
ZERO_VECTOR = Glyph(r"\mathbf{0}", "𝟎", upright=True)
STAR = Glyph(r"\star", "⋆", upright=True)


INVERSE: Box = Row((NEGATIVE, Number("1")))


def row(*items: Box) -> Box:
    """Boxes side by side, nested rows spliced in; one box alone stays itself."""
    flat = tuple(_flatten(items))
    return flat[0] if len(flat) == 1 else Row(flat)


def _flatten(items: Iterable[Box]) -> Iterable[Box]:
    for item in items:
        if isinstance(item, Row):
            yield from _flatten(item.items)
        else:
            yield item


def separated(items: Iterable[Box], separator: Box = COMMA) -> Box:
    """The boxes with the separator between them."""
    parts: list[Box] = []
    for item in items:
        if parts:
            parts.append(separator)
        parts.append(item)
    return row(*parts)


def parens(body: Box) -> Fence:
    """The body in round brackets."""
    return Fence("(", body, ")")


def brackets(body: Box) -> Fence:
    """The body in square brackets."""
    return Fence("[", body, "]")


def function(name: str) -> Operator:
    """The name of a function, set upright: ``log``."""
    known = {"log", "exp", "cos", "sin", "det", "arg", "max"}
    return Operator(rf"\{name}" if name in known else rf"\operatorname{{{name}}}", name, "function")


_OPERATOR_WIDTH = {"binary": 1.25, "relation": 1.4, "prefix": 0.8, "punctuation": 0.45}
_SCRIPT_SCALE = 0.7


@lru_cache(maxsize=100_000)
def width(box: Box) -> float:
    """An estimate of the width in em, a little generous."""
    match box:
        case Glyph() if box.tex.startswith((r"\mathbf{", r"\boldsymbol{")) and len(box.char) == 1:
            return 0.72
        case Glyph():
            return 0.5 * len(box.char) + 0.1 if box.upright else 0.6
        case Number():
            return 0.5 * len(box.text)
        case Operator(kind="function" | "applied"):
            return 0.5 * len(box.char) + 0.2
        case Operator():
            return _OPERATOR_WIDTH[box.kind]
        case Words():
            return 0.48 * len(box.text)
        case Space():
            return {"thin": 0.17, "medium": 1.0, "wide": 2.0}[box.size]
        case Row():
            return sum(map(width, box.items))
        case Script():
            scripts = [_SCRIPT_SCALE * width(s) for s in (box.sub, box.sup) if s is not None]
            return width(box.base) + max(scripts)
        case Fraction():
            inner = max(width(box.numerator), width(box.denominator))
            return (_SCRIPT_SCALE if box.small else 1.0) * inner + 0.25
        case Root():
            return width(box.body) + 0.9
        case Accent():
            return width(box.body)
        case Fence():
            return width(box.body) + 2 * bracket_width(height(box.body))
        case BigOperator():
            limits = [_SCRIPT_SCALE * width(s) for s in (box.under, box.over) if s is not None]
            return max(1.45, *limits) + 0.2
        case Bracket():
            return bracket_width(box.height)


def bracket_width(content_height: int) -> float:
    """The width of one bracket around content of that height."""
    return (0.42, 0.5, 0.65, 0.8)[min(content_height, 3)]


@lru_cache(maxsize=100_000)
def height(box: Box) -> int:
    """0 for a line of text, 1 with brackets or scripts in brackets, 2 with a fraction, 3 with Σ."""
    match box:
        case Row():
            return max(map(height, box.items), default=0)
        case Script():
            return max(height(box.base), 0)
        case Fraction():
            return 1 if box.small else 2
        case Root() | Accent():
            return height(box.body)
        case Fence():
            return min(3, height(box.body) + 1)
        case BigOperator():
            return 3
        case Bracket():
            return min(3, box.height + 1)
        case _:
            return 0
