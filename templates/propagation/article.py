"""What the article and the page of a propagation say, as sections of text and equations."""

from __future__ import annotations

from dataclasses import dataclass

from cavi.derive import Propagation
from cavi.derive.derivation import Rule
from cavi.derive.propagation import rules
from cavi.templates.declaration import DeclaredLine
from cavi.templates.equation import Equation, Sentence
from cavi.templates.propagation.sections import Sections


@dataclass(frozen=True)
class Block:
    """A part of a section: a paragraph, equations, declared lines, or lines of an algorithm; the others are empty."""

    text: Sentence = ()
    equations: tuple[Equation, ...] = ()
    declared: tuple[DeclaredLine, ...] = ()
    lines: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Article:
    """The whole article.

    Attributes:
        title: of the model.
        subtitle: of the method.
        sections: in order.
        rules: that the derivation cites.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    rules: tuple[Rule, ...]


def article(p: Propagation) -> Article:
    """The article of a propagation."""
    say = Sections.of(p)
    found = [say.model(), say.split(), *say.approximation(), *say.steps(), say.evidence(), *say.algorithm()]
    sections = tuple(Section(title, tuple(Block(**{kind: value}) for kind, value in blocks)) for title, blocks in found)
    cited = dict.fromkeys([*(s.rule for s in p.derivation), rules.EVIDENCE])
    subtitle = "Expectation propagation" if p.power == 1 else f"Power expectation propagation with α = {p.power}"
    return Article(p.model.title, subtitle, sections, tuple(cited))
