"""The signs of an article: what every one means that is neither a declared quantity nor a parameter of q."""

from __future__ import annotations

from collections.abc import Iterator

from cavi.derive.result import Derived
from cavi.derive.term import Before, Function, Indicator, Link
from cavi.templates import functions
from cavi.templates.chain import latents_box, without
from cavi.templates.equation import Sentence
from cavi.templates.layout import (
    ENTROPY,
    EXPECTATION,
    LOWER_BOUND,
    Box,
    Glyph,
    Script,
    Words,
    brackets,
    parens,
    row,
)
from cavi.templates.notation import Notation
from cavi.templates.symbols import symbol
from cavi.templates.update_view import polynomials_of

Entry = tuple[Box, Sentence]


def glossary(derived: Derived, signs: Notation) -> Iterator[Entry]:
    """(symbol, meaning) in the order in which a reader meets them."""
    atoms = {a for u in derived.updates for p in polynomials_of(u) for a in p.atoms()}
    atoms |= {a for t in derived.elbo.terms for p in (t.inside, t.value) for a in p.atoms()}
    q = symbol("q")
    yield Script(EXPECTATION, q), ("expectation under ", q, "; the subscript is left out where nothing else is meant")
    first = derived.factors[0]
    yield (
        Script(EXPECTATION, without(signs, first)),
        ("expectation under all factors of ", q, " but that of ", latents_box(signs, first, element=False)),
    )
    if any(isinstance(a, Link | Before) or (isinstance(a, Indicator) and a.name not in signs.binary) for a in atoms):
        yield brackets(Glyph(r"\cdot", "·")), ("1 where the condition holds, else 0",)
    for left, meaning in functions.explanations(
        {a.name for a in atoms if isinstance(a, Function)}, signs.style.digamma
    ):
        yield left, (meaning,)
    if any(t.kind == "entropy" for t in derived.elbo.terms):
        yield row(ENTROPY, brackets(q)), ("entropy of a factor",)
    yield row(LOWER_BOUND, parens(q)), ("evidence lower bound",)
    yield Words("const"), ("terms that are free of the latents of the factor",)
