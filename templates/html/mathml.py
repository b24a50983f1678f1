"""The layout tree as MathML Core, which browsers draw without any script."""

from __future__ import annotations

from html import escape

from cavi.templates.layout import (
    Accent,
    BigOperator,
    Box,
    Bracket,
    Fence,
    Fraction,
    Glyph,
    Number,
    Operator,
    Root,
    Row,
    Script,
    Space,
    Words,
    height,
)

_SPACES = {"thin": "0.17em", "medium": "1em", "wide": "2em"}
_SIZES = ("1em", "1.2em", "1.8em", "2.4em")
_ACCENTS = {"hat": "^", "tilde": "~"}
NO_BREAK = "&#xa0;"
_BIG = {"sum": "∑", "prod": "∏"}
# A function's name is followed by the invisible sign of application. The space comes before it, since Firefox gives a
# name one of its own, which an invisible sign would carry on.
_APPLIED = "<mspace width='0.17em'/><mo>&#x2061;</mo>"


def to_mathml(box: Box) -> str:
    """The elements of a formula, without the enclosing ``math``."""
    match box:
        case Glyph():
            return _identifier(box.char, box.upright)
        case Number():
            return f"<mn>{escape(box.text)}</mn>"
        case Operator(kind="function"):
            return f"<mi>{escape(box.char)}</mi>{_APPLIED}"
        case Operator(kind="applied"):
            return f"<mi>{escape(box.char)}</mi>"
        case Operator(kind="prefix"):
            return f"<mo form='prefix'>{escape(box.char)}</mo>"
        case Operator(kind="punctuation") if box.char == "/":
            return "<mo lspace='0' rspace='0'>/</mo>"
        case Operator(kind="binary" | "relation"):
            return f"<mo form='infix'>{escape(box.char)}</mo>"
        case Operator():
            return f"<mo>{escape(box.char)}</mo>"
        case Words():
            # Spaces at the ends of a token are trimmed, unless they do not break.
            inner = box.text.strip(" ")
            before, after = len(box.text) - len(box.text.lstrip(" ")), len(box.text) - len(box.text.rstrip(" "))
            return f"<mtext>{NO_BREAK * before}{escape(inner)}{NO_BREAK * after}</mtext>"
        case Space():
            return f"<mspace width='{_SPACES[box.size]}'/>"
        case Row():
            return f"<mrow>{_items(box.items)}</mrow>"
        case Script():
            return _script(box)
        case Fraction():
            inner = f"<mfrac>{to_mathml(box.numerator)}{to_mathml(box.denominator)}</mfrac>"
            style = "false" if box.small else "true"
            return f"<mstyle displaystyle='{style}'>{inner}</mstyle>"
        case Root():
            return f"<msqrt>{to_mathml(box.body)}</msqrt>"
        case Accent():
            mark = f"<mo stretchy='false'>{_ACCENTS[box.name]}</mo>"
            return f"<mover accent='true'>{to_mathml(box.body)}{mark}</mover>"
        case Fence():
            size = height(box.body)
            left, right = _bracket(box.left, True, size), _bracket(box.right, False, size)
            return f"<mrow>{left}{to_mathml(box.body)}{right}</mrow>"
        case BigOperator():
            return _big(box)
        case Bracket():
            return _bracket(box.text, box.opening, box.height)


def _items(items: tuple[Box, ...]) -> str:
    """The boxes of a row; a function's name keeps a thin space to a factor before it."""
    parts: list[str] = []
    previous: Box | None = None
    for item in items:
        name = isinstance(item, Operator) and item.kind == "function"
        apart = previous is not None and not isinstance(previous, Operator | BigOperator | Space)
        if name and apart and not (isinstance(previous, Bracket) and previous.opening):
            parts.append("<mspace width='0.17em'/>")
        parts.append(to_mathml(item))
        previous = item
    return "".join(parts)


def _identifier(char: str, upright: bool) -> str:
    if len(char.rstrip("′")) == 1 and upright and char.isascii():
        return f"<mi mathvariant='normal'>{escape(char)}</mi>"
    if upright and char in "ΓΔΘΛΞΠΣΥΦΨΩ":
        return f"<mi mathvariant='normal'>{char}</mi>"
    if char in "…·∞⋆":
        return f"<mo lspace='0' rspace='0'>{char}</mo>" if char in "⋆·" else f"<mi>{char}</mi>"
    if char.endswith("′"):
        base = char.rstrip("′")
        primes = "".join("<mo lspace='0' rspace='0'>′</mo>" for _ in char[len(base) :])
        return f"<msup>{_identifier(base, upright)}<mrow scriptlevel='1'>{primes}</mrow></msup>"
    return f"<mi>{escape(char)}</mi>"


def _script(box: Script) -> str:
    base = to_mathml(box.base)
    if box.sub is not None and box.sup is not None:
        return f"<msubsup>{base}{to_mathml(box.sub)}{to_mathml(box.sup)}</msubsup>"
    if box.sub is not None:
        return f"<msub>{base}{to_mathml(box.sub)}</msub>"
    if box.sup is not None:
        return f"<msup>{base}{to_mathml(box.sup)}</msup>"
    return base


def _big(box: BigOperator) -> str:
    sign = f"<mo movablelimits='false'>{_BIG[box.name]}</mo>"
    if box.over is None:
        return f"<munder>{sign}{to_mathml(box.under)}</munder>"
    return f"<munderover>{sign}{to_mathml(box.under)}{to_mathml(box.over)}</munderover>"


def _bracket(text: str, opening: bool, content: int) -> str:
    """A bracket of a fixed size: the same on both sides of a line break.

    The smallest step is made by the size of the sign, lowered so that it stays centred on the axis, a quarter of its
    size above the line: Chromium gives a bracket that stretches the width of the largest there is.
    """
    form = "prefix" if opening else "postfix"
    size = _SIZES[min(content, 3)]
    fence = f"<mo form='{form}' fence='true' "
    match content:
        case 0:
            return f"{fence}stretchy='false'>{escape(text)}</mo>"
        case 1:
            sign = f"{fence}stretchy='false' mathsize='{size}'>{escape(text)}</mo>"
            return f"<mpadded voffset='-0.05em'>{sign}</mpadded>"
    return f"{fence}stretchy='true' symmetric='true' minsize='{size}' maxsize='{size}'>{escape(text)}</mo>"
