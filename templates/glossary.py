"""The notation table of an article: what every symbol that is not declared by the model means."""

from __future__ import annotations

from collections.abc import Iterator

from cavi.derive.result import Derived
from cavi.derive.term import Before, Function, Indicator, Link
from cavi.templates import functions
from cavi.templates.chain import latents_box, q_of, without
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
    separated,
)
from cavi.templates.notation import Notation
from cavi.templates.printer import Printer
from cavi.templates.symbols import symbol
from cavi.templates.update_view import drawn_parameter, polynomials_of

Entry = tuple[Box, Sentence]


def glossary(derived: Derived, signs: Notation, printer: Printer) -> Iterator[Entry]:
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
    yield from _parameters(derived, signs, printer)
    for left, meaning in functions.explanations({a.name for a in atoms if isinstance(a, Function)}):
        yield left, (meaning,)
    if any(t.kind == "entropy" for t in derived.elbo.terms):
        yield row(ENTROPY, brackets(q)), ("entropy of a factor",)
    yield row(LOWER_BOUND, parens(q)), ("evidence lower bound",)
    yield Words("const"), ("terms that are free of the latents of the factor",)


def _parameters(derived: Derived, signs: Notation, printer: Printer) -> Iterator[Entry]:
    for u in derived.updates:
        if u.factor.point:
            continue
        inside = latents_box(signs, u.factor, element=True)
        listed: dict[str, list[Box]] = {}
        for f in u.formulas:
            if f.role != "standard":
                continue
            box = drawn_parameter(printer, f, u.factor.plates)
            listed.setdefault(f.name.replace("_", " "), []).append(box)
        probabilities = [box for (factor, _), box in signs.categories.items() if factor == u.factor.name]
        for name, boxes in listed.items():
            if name == "probs" and probabilities:
                yield separated(boxes), ("responsibility: the probability of that value under ", q_of(inside))
            else:
                yield separated(boxes), (f"{_described(name)} of ", q_of(inside))


def _described(name: str) -> str:
    """A parameter's name in words; one letter says nothing that the symbol does not."""
    if len(name) == 1:
        return "parameter"
    return {"probs": "probabilities", "prob": "probability"}.get(name, name)
