"""A propagation as frames of a talk."""

from __future__ import annotations

from collections.abc import Iterator

from cavi.templates.latex.slides import Block, Frame, dealt, declared, in_blocks
from cavi.templates.latex.view import sentence
from cavi.templates.propagation.article import Article, Section
from cavi.templates.words import Speaker


def frames(a: Article, say: Speaker) -> list[Frame]:
    """Every frame between the title and the algorithm, in order."""
    return [f for s in a.sections if s.anchor != "algorithm" for f in dealt(say.tex(s.heading), list(_blocks(s, say)))]


def _blocks(s: Section, say: Speaker) -> Iterator[Block]:
    """Equations under the rule that they hold by, or under the short text that stands before them."""
    head = ""
    for b in s.blocks:
        if b.text:
            head = sentence(b.text, say).rstrip(":,") if b.text[0] == "with" else ""
        for line in b.declared:
            yield declared(line)
        if b.equations:
            yield from in_blocks(say.tex(b.rule.name) if b.rule is not None else head, b.equations)
