"""What the article, the page, the talk and the notebook of a propagation say, as sections of text and equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cavi.derive import Propagation
from cavi.derive.derivation import Rule
from cavi.derive.propagation import rules
from cavi.templates.declaration import DeclaredLine
from cavi.templates.equation import Equation, Sentence
from cavi.templates.layout import Box
from cavi.templates.printer import Printer
from cavi.templates.propagation.sections import Sections
from cavi.templates.propagation.signs import glossary, quantities
from cavi.templates.propagation.symbols import signs
from cavi.templates.quantities import Quantity
from cavi.templates.style import preset, restyled
from cavi.templates.words import Speaker, speaker


@dataclass(frozen=True)
class Block:
    """A part of a section: a paragraph, equations, declared lines, or lines of an algorithm; the others are empty.

    Attributes:
        text: the paragraph; over equations it says by which rule they hold.
        equations: set off from the text.
        declared: lines of the declaration.
        lines: of the algorithm.
        rule: that the equations hold by, None where none is cited.
        checks: names of the checks of a report that are evidence for this part.
        computed: whether a sweep computes what the equations say.
    """

    text: Sentence = ()
    equations: tuple[Equation, ...] = ()
    declared: tuple[DeclaredLine, ...] = ()
    lines: tuple[Sentence, ...] = ()
    rule: Rule | None = None
    checks: tuple[str, ...] = ()
    computed: bool = False


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; `anchor` is what of the method it is about."""

    anchor: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Article:
    """The whole article.

    Attributes:
        title: of the model.
        name: of the model.
        subtitle: of the method.
        sections: in order.
        rules: that the derivation cites.
        quantities: what is declared and what EP keeps, with meaning, axes and domain.
        glossary: the other signs.
        data: symbols of what was observed and is given with it.
        known: symbols of the hyperparameters.
    """

    title: str
    name: str
    subtitle: str
    sections: tuple[Section, ...]
    rules: tuple[Rule, ...]
    quantities: tuple[Quantity, ...]
    glossary: tuple[tuple[Box, Sentence], ...]
    data: tuple[Box, ...] = ()
    known: tuple[Box, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the rules come from, each once."""
        return tuple(dict.fromkeys(r.source for r in self.rules if r.source))


def article(p: Propagation, style: str = "plain", symbols: Mapping[str, str] | None = None) -> Article:
    """The article of a propagation.

    Args:
        p: the propagation.
        style: a preset of notation; see `cavi.templates.style`.
        symbols: TeX of own symbols, as `cavi.templates.propagation.symbols.signs` takes them.

    Raises:
        CaviError: for an unknown preset, and for symbols that are unknown, unsafe or not all different.
    """
    chosen = preset(style)
    own = signs(p, chosen, symbols)
    say = Sections(p, Printer(own))
    found = [say.model(), say.split(), *say.approximation(), *say.steps(), say.evidence(), *say.algorithm()]
    sections = tuple(Section(anchor, heading, tuple(Block(**b) for b in blocks)) for anchor, heading, blocks in found)
    cited = dict.fromkeys([*(s.rule for s in p.derivation), rules.EVIDENCE])
    made = Article(
        title=p.model.title,
        name=p.model.name,
        subtitle="Expectation propagation" if p.power == 1 else f"Power expectation propagation with α = {p.power}",
        sections=sections,
        rules=tuple(cited),
        quantities=tuple(quantities(p, own)),
        glossary=tuple(glossary(p, own)),
        data=tuple(own.array(v.name) for v in p.model.with_role("observed", "covariate", "observed_index")),
        known=tuple(own.array(v.name) for v in p.model.with_role("hyper")),
    )
    return restyled(made, chosen)


def spoken(
    p: Propagation, notation: str = "plain", symbols: Mapping[str, str] | None = None, lang: str = "en"
) -> tuple[Article, Speaker]:
    """The article in a notation and a language, and who speaks that language."""
    say = speaker(lang)
    return say.translated(article(p, notation, symbols)), say
