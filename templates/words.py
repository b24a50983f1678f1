"""The fixed words of articles and pages, in English and Korean: one table, by the English text.

An article is translated as data, before it is TeX or HTML: names and statements of rules, conditions, meanings and
domains, and words inside formulas. What is not in the table, such as the title of a model, stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, cast, get_args

from cavi.derive.derivation import Rule
from cavi.derive.errors import CaviError
from cavi.derive.names import suggestion
from cavi.templates.korean import KOREAN, PATTERNS
from cavi.templates.layout import Box, Words
from cavi.templates.symbols import tex_text

Language = Literal["en", "ko"]
T = TypeVar("T")
_BOXES = get_args(Box)
_COMPILED = [(re.compile(pattern), korean) for pattern, korean in PATTERNS.items()]
# Fields that hold names or addresses, never words.
_NAMES = frozenset({"name", "anchor", "title", "source", "sources", "checks"})


@dataclass(frozen=True)
class _Group:
    """A group of a pattern: written as it is, or with ``:say`` in the language."""

    text: str
    speaker: Speaker

    def __format__(self, how: str) -> str:
        return self.speaker(self.text) if how == "say" else self.text


@dataclass(frozen=True)
class Speaker:
    """Says the words of one language."""

    language: Language

    def __call__(self, text: str) -> str:
        """The text in the language; what is not in the table stays as it is."""
        if self.language == "en":
            return text
        if text in KOREAN:
            return KOREAN[text]
        for pattern, korean in _COMPILED:
            if found := pattern.fullmatch(text):
                return korean.format(*(_Group(g, self) for g in found.groups()))
        return text

    def tex(self, text: str) -> str:
        """The text in the language, made safe for TeX."""
        return tex_text(self(text), every_script=self.language != "en")

    def fixed(self, text: str, **holes: object) -> str:
        """Fixed text with its holes filled in by finished TeX."""
        return self(text).format(**holes)

    def clauses(self, text: str) -> str:
        """A sentence that is a list of clauses, such as the legend of a diagram."""
        if self.language == "en":
            return text
        first, *others = text.rstrip(".").split(", ")
        return ", ".join(map(self, (first[:1].lower() + first[1:], *others))) + "."

    def translated(self, value: T) -> T:
        """A view with every word in it in the language."""
        return value if self.language == "en" else cast(T, self._translated(value))

    def _translated(self, value: Any) -> Any:
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Words):
            return Words(self._between(value.text))
        if isinstance(value, tuple):
            mixed = any(isinstance(v, str) for v in value) and any(isinstance(v, _BOXES) for v in value)
            return self._sentence(value) if mixed else tuple(self._translated(v) for v in value)
        if is_dataclass(value) and not isinstance(value, type):
            return self._view(value)
        return value

    def _view(self, value: Any) -> Any:
        if isinstance(value, Rule):
            return replace(
                value, name=self(value.name), statement=self(value.statement), condition=self(value.condition)
            )
        kept = frozenset(f.name for f in fields(value)) if isinstance(value, _BOXES) else _NAMES
        if isinstance(value, _BOXES):  # of a formula only the boxes in it, never how a sign is spelled
            kept = frozenset(n for n in kept if not isinstance(getattr(value, n), (*_BOXES, tuple)))
        old = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in kept}
        return replace(value, **{name: self._translated(v) for name, v in old.items()})

    def _between(self, text: str) -> str:
        """Words inside a formula keep the spaces around them."""
        inner = text.strip(" ")
        start = text.index(inner) if inner else 0
        return text[:start] + self(inner) + text[start + len(inner) :]

    def _sentence(self, parts: tuple[Any, ...]) -> tuple[Any, ...]:
        """Text with formulas: the pattern is translated, in which they may stand in another order."""
        boxes = [p for p in parts if not isinstance(p, str)]
        pattern = self("".join(p if isinstance(p, str) else "{}" for p in parts))
        out: list[Any] = []
        place = 0
        for piece in re.split(r"(\{\d?\})", pattern):
            if re.fullmatch(r"\{\d?\}", piece):
                out.append(boxes[int(piece[1:-1] or place)])
                place += 1
            elif piece:
                out.append(piece)
        return tuple(out)


ENGLISH = Speaker("en")


def speaker(language: str) -> Speaker:
    """The speaker of a language.

    Raises:
        CaviError: for another than English (en) and Korean (ko).
    """
    known = get_args(Language)
    if language not in known:
        raise CaviError(f"lang={language!r} is not known; {suggestion(language, known)}")
    return Speaker(cast(Language, language))
