"""The table of quantities: every declared variable and every parameter of q, its meaning, its axes and its domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cavi.derive.index import Index
from cavi.derive.model import Model, Variable
from cavi.derive.result import Derived, Formula, Update
from cavi.templates.chain import latents_box, q_of
from cavi.templates.density import Member, members
from cavi.templates.equation import Sentence
from cavi.templates.layout import TIMES, Box, separated
from cavi.templates.notation import Notation
from cavi.templates.printer import Printer
from cavi.templates.symbols import symbol
from cavi.templates.update_view import drawn_parameter

DOMAINS: dict[str, Sentence] = {
    "real": ("real number",),
    "positive": ("positive number",),
    "nonnegative": ("number, at least 0",),
    "unit": ("number between 0 and 1",),
    "simplex": ("probability vector",),
    "count": ("whole number, at least 0",),
    "binary": ("0 or 1",),
    "angle": ("angle",),
    "positive_definite": ("positive-definite matrix",),
}
_ROLES = {
    "hyper": "hyperparameter",
    "covariate": "known data",
    "observed_index": "observed index",
    "observed": "observed",
    "latent": "latent",
    "point": "parameter that is maximised",
}
_PARAMETERS = {"probs": "responsibilities", "prob": "probability", "dof": "degrees of freedom"}

_OF_POINTS = {
    "log_total": "logarithm of the total of the exponentials of",
    "weights": "softmax of",
    "offset": "constant part of an argument that depends on",
    "gain": "linear part of an argument that depends on",
    "bend": "quadratic part of an argument that depends on",
    "argument": "argument that depends on",
    "slope_argument": "slope of that argument in",
    "total": "total of the functions that depend on",
    "slope_total": "slope of that total in",
    "gradient": "gradient of the expected log joint in",
    "curvature": "curvature of the expected log joint in",
    "inverse_curvature": "inverse of that curvature for",
}


@dataclass(frozen=True)
class Quantity:
    """One row: the symbol of the whole, what it means, the sizes of its axes (None for a number), its domain."""

    symbol: Box
    meaning: Sentence
    axes: Box | None
    domain: Sentence


def declared(model: Model, signs: Notation, printer: Printer) -> Iterator[Quantity]:
    """The rows of the declared variables, in order."""
    for v in model.variables:
        yield Quantity(signs.array(v.name), (_ROLES[v.role],), sizes(printer, v.indices), _domain(v))


def quantities(derived: Derived, signs: Notation, printer: Printer) -> Iterator[Quantity]:
    """The rows, in the order of declaration, then of computation."""
    yield from declared(derived.model, signs, printer)
    for u in derived.updates:
        if u.factor.point:
            yield from _beside_a_point(u, signs, printer)
            continue
        factor = q_of(latents_box(signs, u.factor, element=True))
        block = members(printer, u)
        for f in u.formulas:
            if f.role != "standard":
                continue
            box, axes, domain = drawn_parameter(printer, f, u.factor.plates), sizes(printer, f.indices), u.domain(f)
            if f.latent in block:
                yield Quantity(box, _in_block(f, block[f.latent], signs), axes, DOMAINS[domain])
                continue
            said = (
                "coefficient"
                if u.numeric
                else "parameter"
                if len(f.name) == 1
                else _PARAMETERS.get(f.name, f.name.replace("_", " "))
            )
            yield Quantity(box, (f"{said} of ", factor), axes, DOMAINS[domain])


def _in_block(f: Formula, member: Member, signs: Notation) -> Sentence:
    """The mean is that under all of the block; the rest is of the density given the others."""
    own = member.marginal if member.conditional is None or f.name == "mean" else member.conditional
    if f.name.startswith("on_"):
        return ("coefficient of ", signs.array(f.name.removeprefix("on_")), " in the mean of ", own)
    return (f"{_PARAMETERS.get(f.name, f.name.replace('_', ' '))} of ", own)


def _beside_a_point(update: Update, signs: Notation, printer: Printer) -> Iterator[Quantity]:
    """What is computed of a point, or on the way to it, under a symbol of its own."""
    for f in update.formulas:
        stem, _, number = f.name.rpartition("_")
        said = _OF_POINTS.get(stem if number.isdigit() else f.name)
        if said is not None:
            box = drawn_parameter(printer, f, update.factor.plates)
            yield Quantity(box, (f"{said} ", signs.array(f.latent)), sizes(printer, f.indices), DOMAINS["real"])


def sizes(printer: Printer, indices: tuple[Index, ...]) -> Box | None:
    """The sizes of axes, as 3 × N; None without axes."""
    return separated((printer.size(i.size) for i in indices), TIMES) if indices else None


def _domain(v: Variable) -> Sentence:
    if v.distribution is not None and v.distribution.family == "Bernoulli":
        return DOMAINS["binary"]
    if v.over is not None and not v.event:
        return ("a value of ", symbol(v.over.name))
    return DOMAINS.get(v.domain, (v.domain,))
