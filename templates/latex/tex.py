"""The layout tree as TeX."""

from __future__ import annotations

import re

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
from cavi.templates.symbols import tex_text

_SIZES = ("", r"\big", r"\Big", r"\bigg")
_BRACKETS = {
    "(": "(",
    ")": ")",
    "[": "[",
    "]": "]",
    "{": r"\{",
    "}": r"\}",
    "⟨": r"\langle",
    "⟩": r"\rangle",
    "‖": r"\|",
}
_SPACES = {"thin": r"\,", "medium": r"\quad ", "wide": r"\qquad "}
_COMMAND_END = re.compile(r"\\[A-Za-z]+$")


def to_tex(box: Box) -> str:
    """TeX of a formula, for use in mathematics mode."""
    match box:
        case Operator(kind="binary" | "relation"):
            return f" {box.tex} "
        case Glyph() | Operator():
            return box.tex
        case Number():
            return box.text
        case Words():
            return rf"\text{{{tex_text(box.text, every_script=True)}}}"
        case Space():
            return _SPACES[box.size]
        case Row():
            return _join([to_tex(i) for i in box.items])
        case Script():
            return _script(box)
        case Fraction():
            command = r"\tfrac" if box.small else r"\frac"
            return rf"{command}{{{to_tex(box.numerator)}}}{{{to_tex(box.denominator)}}}"
        case Root():
            return rf"\sqrt{{{to_tex(box.body)}}}"
        case Accent():
            return rf"\{box.name}{{{to_tex(box.body)}}}"
        case Fence():
            size = height(box.body)
            left, right = _bracket(box.left, True, size), _bracket(box.right, False, size)
            return _join([left, to_tex(box.body), right])
        case BigOperator():
            over = "" if box.over is None else f"^{{{to_tex(box.over)}}}"
            return rf"\{box.name}_{{{to_tex(box.under)}}}{over} "
        case Bracket():
            return _bracket(box.text, box.opening, box.height)


def _script(box: Script) -> str:
    base = to_tex(box.base)
    if isinstance(box.base, Row | Script):
        base = f"{{{base}}}"
    if base.endswith("'") and box.sup is not None:
        base = f"{{{base}}}"
    sub = "" if box.sub is None else f"_{_braced(to_tex(box.sub))}"
    sup = "" if box.sup is None else f"^{_braced(to_tex(box.sup))}"
    return base + sub + sup


def _braced(tex: str) -> str:
    return tex if len(tex) == 1 and tex.isalnum() else f"{{{tex}}}"


def _bracket(text: str, opening: bool, size: int) -> str:
    if text == "|":
        drawn = r"\lvert" if opening else r"\rvert"
    else:
        drawn = _BRACKETS[text]
    command = _SIZES[min(size, 3)]
    if not command:
        return drawn
    return f"{command}{'l' if opening else 'r'}{drawn}"


def _join(parts: list[str]) -> str:
    """Adjacent pieces, with a space where a command would swallow the next letter."""
    out = ""
    for part in parts:
        if not part:
            continue
        if _COMMAND_END.search(out) and part[0].isalnum():
            out += " "
        out += part
    return out.strip()
