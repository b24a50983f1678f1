"""Conventions of notation: what authors write differently for the same thing, as a few choices.

A style rewrites finished formulas, so that no printer knows of presets; only the digamma function, whose letter may be
a variable's too, and the symbol of responsibilities are read where formulas are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Literal, TypeVar, get_args

from cavi.derive.errors import CaviError
from cavi.derive.names import suggestion
from cavi.templates.layout import (
    ENTROPY,
    EXPECTATION,
    LOWER_BOUND,
    STAR,
    TRANSPOSE,
    Accent,
    BigOperator,
    Box,
    Fence,
    Fraction,
    Glyph,
    Operator,
    Root,
    Row,
    Script,
    function,
    row,
)
from cavi.templates.symbols import symbol

T = TypeVar("T")
_BOXES = get_args(Box)
_Q, _R, _PSI = symbol("q"), symbol("r"), symbol("psi")


@dataclass(frozen=True)
class Style:
    """The choices of an author.

    Attributes:
        expectation: ``plain`` 𝔼[x], ``subscript`` 𝔼_q[x] or ``angle`` ⟨x⟩.
        transpose, star, bound, entropy, log: the signs for xᵀ, the optimum q⋆, the ELBO, H and the logarithm.
        digamma: the letter of the digamma function.
        responsibility: the symbol of the probabilities of a category.
    """

    expectation: Literal["plain", "subscript", "angle"] = "plain"
    transpose: Box = TRANSPOSE
    star: Box = STAR
    bound: Box = LOWER_BOUND
    entropy: Box = ENTROPY
    log: str = "log"
    digamma: Box = _PSI
    responsibility: Box = _R

    def apply(self, box: Box) -> Box:
        """The formula in this style; a formula that is in it already stays as it is."""
        return box if self == PLAIN else self._box(box)

    def _box(self, box: Box) -> Box:
        match box:
            case Row():
                return row(*self._items(box.items))
            case Script(base=Glyph() as base) if base == EXPECTATION:
                return self._expectation(None, self._optional(box.sub), self._optional(box.sup))
            case Script():
                return Script(self._box(box.base), self._optional(box.sub), self._optional(box.sup))
            case Fraction():
                return Fraction(self._box(box.numerator), self._box(box.denominator), box.small)
            case Root():
                return Root(self._box(box.body))
            case Accent():
                return Accent(box.name, self._box(box.body))
            case Fence():
                return Fence(box.left, self._box(box.body), box.right)
            case BigOperator():
                return BigOperator(box.name, self._box(box.under), self._optional(box.over))
            case Operator(char="log"):
                return function(self.log) if self.log == "log" else Operator(rf"\{self.log}", self.log, "function")
            case Glyph() if box == EXPECTATION:
                return self._expectation(None, None, None)
        return self._glyphs.get(box, box)

    def _optional(self, box: Box | None) -> Box | None:
        return None if box is None else self._box(box)

    def _items(self, items: tuple[Box, ...]) -> list[Box]:
        """The boxes of a row; an expectation takes the bracket after it along."""
        out: list[Box] = []
        place = 0
        while place < len(items):
            head, after = items[place], items[place + 1] if place + 1 < len(items) else None
            sub = head.sub if isinstance(head, Script) else None
            if self.expectation == "angle" and EXPECTATION in (head, getattr(head, "base", None)):
                fence, sup = (after.base, after.sup) if isinstance(after, Script) else (after, None)
                if isinstance(fence, Fence):
                    out.append(self._expectation(self._box(fence.body), self._optional(sub), self._optional(sup)))
                    place += 2
                    continue
            out.append(self._box(head))
            place += 1
        return out

    def _expectation(self, body: Box | None, sub: Box | None, sup: Box | None) -> Box:
        """The sign, or for angles the whole expectation; q, which is understood, is not said beside an angle."""
        if self.expectation == "angle":
            fence = Fence("⟨", Glyph(r"\cdot", "·") if body is None else body, "⟩")
            below = None if sub == _Q and body is not None else sub
            return fence if below is None and sup is None else Script(fence, below, sup)
        under = _Q if sub is None and self.expectation == "subscript" else sub
        return EXPECTATION if under is None and sup is None else Script(EXPECTATION, under, sup)

    @property
    def _glyphs(self) -> Mapping[Box, Box]:
        return {TRANSPOSE: self.transpose, STAR: self.star, LOWER_BOUND: self.bound, ENTROPY: self.entropy}


PLAIN = Style()
_ROMAN_T = Glyph(r"\mathrm{T}", "T", upright=True)
_ASTERISK = Glyph("*", "∗", upright=True)

PRESETS: Mapping[str, Style] = {
    "plain": PLAIN,
    # Pattern Recognition and Machine Learning (2006), chapter 10.
    "bishop": Style(transpose=_ROMAN_T, log="ln"),
    # Blei, Ng and Jordan (2003); Blei, Kucukelbir and McAuliffe (2017).
    "blei": Style(
        expectation="subscript",
        star=_ASTERISK,
        bound=Glyph(r"\mathrm{ELBO}", "ELBO", upright=True),
        digamma=symbol("Psi"),
        responsibility=symbol("phi"),
    ),
    # Machine Learning: A Probabilistic Perspective (2012), chapter 21.
    "murphy": Style(
        transpose=Glyph("T", "T"),
        star=_ASTERISK,
        bound=Glyph("L", "L"),
        entropy=Glyph(r"\mathbb{H}", "ℍ", upright=True),
    ),
    # Beal (2003), Variational Algorithms for Approximate Bayesian Inference.
    "beal": Style(expectation="angle", star=_ASTERISK, bound=Glyph(r"\mathcal{F}", "ℱ", upright=True), log="ln"),
}


def preset(name: str) -> Style:
    """The style of that name.

    Raises:
        CaviError: when there is none.
    """
    if name not in PRESETS:
        raise CaviError(f"notation={name!r} is not known; {suggestion(name, list(PRESETS))}")
    return PRESETS[name]


def restyled(value: T, style: Style) -> T:
    """The same view with every formula in it in a style: a formula, a tuple of views, or a dataclass of them."""
    if style == PLAIN:
        return value
    if isinstance(value, _BOXES):
        return style.apply(value)  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(restyled(v, style) for v in value)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        found = {f.name: getattr(value, f.name) for f in fields(value)}
        changed = {name: new for name, old in found.items() if (new := restyled(old, style)) is not old}
        return replace(value, **changed) if changed else value
    return value
