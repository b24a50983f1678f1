"""Symbols as runs of SVG text: italic letters, upright words, subscripts and superscripts by shifts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from cavi.templates.layout import (
    Accent,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Operator,
    Row,
    Script,
    Space,
    Words,
)

_SCRIPT = 0.7
_LOWER, _RAISE = 0.28, -0.38
_ACCENTS = {"hat": "\u0302", "tilde": "\u0303"}
_SPACES = {"thin": "\u2009", "medium": "\u2003", "wide": "\u2003\u2003"}


@dataclass(frozen=True)
class Run:
    """Characters of one style; `size` is relative to the text, `shift` downward in em of the text."""

    text: str
    italic: bool
    size: float = 1.0
    shift: float = 0.0


def runs(box: Box, size: float = 1.0, shift: float = 0.0) -> Iterator[Run]:
    """A symbol as runs, left to right.

    Raises:
        TypeError: for a box that no symbol contains, such as a sum.
    """
    match box:
        case Glyph():
            # The letters of the bold alphabets are characters of their own.
            yield Run(box.char, not box.upright and len(box.char) == 1, size, shift)
        case Number():
            yield Run(box.text, False, size, shift)
        case Operator(kind="binary" | "relation") if size == 1.0:
            yield Run(f"\u2009{box.char}\u2009", False, size, shift)
        case Operator(kind="punctuation"):
            yield Run(box.char, False, size, shift)
        case Operator():
            yield Run(box.char, False, size, shift)
        case Words():
            yield Run(box.text, False, size, shift)
        case Space():
            yield Run(_SPACES[box.size], False, size, shift)
        case Row():
            for item in box.items:
                yield from runs(item, size, shift)
        case Script():
            yield from runs(box.base, size, shift)
            if box.sub is not None:
                yield from runs(box.sub, size * _SCRIPT, shift + size * _LOWER)
            if box.sup is not None:
                yield from runs(box.sup, size * _SCRIPT, shift + size * _RAISE)
        case Accent():
            *before, last = runs(box.body, size, shift)
            yield from before
            yield Run(last.text + _ACCENTS[box.name], last.italic, last.size, last.shift)
        case Fence():
            yield Run(box.left, False, size, shift)
            yield from runs(box.body, size, shift)
            yield Run(box.right, False, size, shift)
        case Fraction():
            yield from runs(box.numerator, size, shift)
            yield Run("/", False, size, shift)
            yield from runs(box.denominator, size, shift)
        case _:
            raise TypeError(f"a symbol contains no {type(box).__name__}")


_WIDE = {"W": 1.0, "M": 0.95, "m": 0.85, "w": 0.75, "i": 0.33, "j": 0.38, "l": 0.33, "t": 0.36, ",": 0.3}
_NARROW = "−+=<∼×"


def extent(box: Box) -> float:
    """The width of a symbol in em, by the widths of characters in common fonts for mathematics; a little generous.

    Examples:
        >>> from cavi.templates.symbols import symbol
        >>> round(extent(symbol("x")), 2), round(extent(symbol("W_0")), 2)
        (0.6, 1.38)
    """
    return sum(run.size * sum(map(_width, run.text)) for run in runs(box))


def _width(char: str) -> float:
    if char in _WIDE:
        return _WIDE[char]
    if char in _NARROW or char in "\u2009\u0302\u0303":
        return 0.6 if char in _NARROW else 0.1
    return 0.75 if char.isupper() or ord(char) >= 0x1D400 else 0.54 if char.isdigit() else 0.6


def tspans(box: Box, font: float) -> str:
    """The runs as ``tspan`` elements, for a ``text`` element of that font size.

    Examples:
        >>> from cavi.templates.symbols import symbol
        >>> tspans(symbol("m_0"), 20)
        '<tspan class="i">m</tspan><tspan font-size="14" dy="5.6">0</tspan>'
    """
    out, level = "", 0.0
    for run in _joined(box):
        attributes = ' class="i"' if run.italic else ""
        if run.size != 1.0:
            attributes += f' font-size="{run.size * font:g}"'
        if abs(run.shift - level) > 1e-9:
            attributes += f' dy="{round((run.shift - level) * font, 2):g}"'
        level = run.shift
        out += f"<tspan{attributes}>{escape(run.text)}</tspan>"
    return out


def _joined(box: Box) -> list[Run]:
    """Neighbouring runs of one style as one."""
    found: list[Run] = []
    for run in runs(box):
        last = found[-1] if found else None
        if last is not None and (last.italic, last.size, last.shift) == (run.italic, run.size, run.shift):
            found[-1] = Run(last.text + run.text, run.italic, run.size, run.shift)
        else:
            found.append(run)
    return found
