"""The tables of signs at the end of an article: what EP keeps for every site, and signs that are no quantities."""

from __future__ import annotations

from collections.abc import Iterator

from cavi.derive import Propagation
from cavi.derive.propagation.steps import QUANTITIES
from cavi.derive.term import Function
from cavi.templates import functions
from cavi.templates.equation import Sentence
from cavi.templates.layout import EXPECTATION, Accent, Box, Glyph, Script, parens, row
from cavi.templates.notation import Notation
from cavi.templates.printer import Printer
from cavi.templates.propagation.symbols import MEAN_OF_Q, PRECISION_OF_Q
from cavi.templates.quantities import DOMAINS, Quantity, declared, sizes
from cavi.templates.scope import scope_of
from cavi.templates.symbols import symbol

_POSITIVE = ("variance", "cavity_variance", "tilted_variance")
APPROXIMATE_SITE = Glyph(r"\tilde{t}", "t̃")


def quantities(p: Propagation, own: Notation) -> Iterator[Quantity]:
    """The declared variables, the scalars of the sites, and what is kept for every element of them."""
    printer = Printer(own)
    yield from declared(p.model, own, printer)
    for s in p.sites:
        axes, scope = sizes(printer, s.plates), scope_of(s.plates)
        h = printer.subscripted(own.variable(s.variable), s.plates, scope)
        yield Quantity(h, ("the combination of latents that a site is a function of",), axes, DOMAINS["real"])
        for name, meaning in QUANTITIES.items():
            box = printer.subscripted(own.parameter(s.variable, name), s.plates, scope)
            said = _with(meaning, h)
            yield Quantity(box, said, axes, DOMAINS["positive" if name in _POSITIVE else "real"])


def _with(meaning: str, h: Box) -> Sentence:
    """The meaning with the scalar in the place of the letter h."""
    left, found, right = meaning.partition(" h ")
    return (f"{left} ", h, f" {right}") if found else (meaning,)


def glossary(p: Propagation, own: Notation) -> Iterator[tuple[Box, Sentence]]:
    """(symbol, meaning) in the order in which a reader meets them."""
    for left, meaning in functions.explanations(
        {a.name for s in p.derivation for side in (s.before, s.after) for a in side.atoms() if isinstance(a, Function)},
        own.style.digamma,
    ):
        yield left, (meaning,)
    yield symbol("q"), ("the joint Normal that approximates the posterior",)
    yield MEAN_OF_Q, ("mean of q",)
    yield PRECISION_OF_Q, ("precision of q",)
    if p.sites:
        h = own.variable(p.sites[0].variable)
        yield row(APPROXIMATE_SITE, parens(h)), ("approximate site: a Gaussian in its scalar",)
        yield Accent("hat", symbol("p")), ("tilted density: the cavity times a power of the site",)
        yield Script(EXPECTATION, Accent("hat", symbol("p"))), ("expectation under the tilted density",)
