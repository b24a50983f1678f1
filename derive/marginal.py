"""Integrating a conjugate latent out of the log joint before anything is factorised: collapsing.

Given all other variables the latent has a density q(θ) = exp(terms with θ) / Z. These terms leave the log joint, and
log Z, the part of -log q(θ) without θ, takes their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.builders import optimum
from cavi.derive.canonical import add, collect, fresh_index, multiply, normalise, substitute, sum_over
from cavi.derive.conditional import Conditional, conditional, sequential_values
from cavi.derive.errors import FactorisationError, NonConjugateError
from cavi.derive.expectation import Expectation, Moments
from cavi.derive.factorisation import Block, Site, blocks, random_atoms
from cavi.derive.index import Index, Literal, Sub
from cavi.derive.model import Model
from cavi.derive.optimum import Optimum, Request
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.term import (
    Atom,
    Element,
    Function,
    Indicator,
    Matrix,
    Monomial,
    Parameter,
    Polynomial,
    from_atom,
    number,
)

Nodes = Mapping[str, Polynomial]
VALUE = "value"


@dataclass(frozen=True, eq=False)
class Values(Expectation):
    """Expectations that are not taken: every other latent stands for its value."""

    def of(self, p: Polynomial, keep: Block | None = None) -> Polynomial:
        """The polynomial as it is."""
        return p

    def together(
        self, block: Block, sites: dict[Site, list[tuple[Atom, Fraction]]], inside: tuple[Index, ...] = ()
    ) -> Polynomial:
        """The product, with the block's own elements there marked as values of other elements."""
        product = number(1)
        for powers in sites.values():
            marked = [(_value(a, block), e) for a, e in powers]
            product = multiply(product, collect([normalise(Fraction(1), marked, ())]))
        return product


def _value(atom: Atom, block: Block) -> Atom:
    """The value of an element of the block itself at another site: ``q(w).value[e]``."""
    if isinstance(atom, Element) and atom.name in block.variables:
        return Parameter(atom.name, VALUE, atom.subs, atom.symmetric)
    if isinstance(atom, Indicator) and atom.name in block.variables:
        binary = isinstance(atom.value, Literal) and atom.value.size == "2"
        return Parameter(atom.name, VALUE, atom.subs if binary else (*atom.subs, atom.value))
    if isinstance(atom, Function):
        args = (Polynomial(tuple(_marked(m, block) for m in a.monomials)) for a in atom.args)
        return Function(atom.name, tuple(args))
    return atom


def _marked(m: Monomial, block: Block) -> Monomial:
    return Monomial(m.coefficient, tuple((_value(a, block), e) for a, e in m.powers), m.bound)


def complete_conditional(
    model: Model,
    block: Block,
    nodes: Nodes,
    split: tuple[Block, ...],
    approximate: Mapping[str, str] | None = None,
) -> tuple[Conditional, Optimum]:
    """The density of a block given the values of all others: its complete conditional.

    Raises:
        NonConjugateError: where it is in no known family.
        ApproximationError: where a method was named for a latent of a factor that is not of its kind.
    """
    values = Values(split, Moments())
    found = conditional(block, nodes, values)
    return found, optimum(Request(model, block, found, values, approximate=approximate or {}))


def marginalise(model: Model, nodes: Nodes, wanted: Sequence[object]) -> tuple[dict[str, Polynomial], tuple[str, ...]]:
    """The log joint by node with some latents integrated out, and their names.

    Raises:
        FactorisationError: for unknown names, points, and latents whose integral has no closed form.
    """
    if not isinstance(wanted, str | Sequence):
        raise FactorisationError(
            f"marginalise: found {type(wanted).__name__} {str(wanted)[:40]!r}; expected latents such as ['mu']"
        )
    entries = [wanted] if isinstance(wanted, str) else list(wanted)
    current: dict[str, Polynomial] = dict(nodes)
    gone: list[str] = []
    for entry in entries:
        split = blocks(model, current, [entry])
        asked = entry if isinstance(entry, tuple | list) else (entry,)
        names = {getattr(e, "name", e) for e in asked}
        block = next(b for b in split if set(b.factor.latents) == names)
        if block.factor.point:
            raise FactorisationError(
                f"marginalise: {block.factor.name} is maximised over; there is no prior to integrate"
            )
        current = _without(model, block, current, split)
        gone.extend(block.factor.latents)
    return current, tuple(gone)


def _without(model: Model, block: Block, nodes: Nodes, split: tuple[Block, ...]) -> dict[str, Polynomial]:
    name = block.factor.name
    if block.factor.weight is not None:
        raise FactorisationError(f"marginalise: {name} stands for several copies (weight=); declare each copy instead")
    try:
        found, best = complete_conditional(model, block, nodes, split)
    except NonConjugateError as error:
        raise FactorisationError(f"marginalise: {name} cannot be integrated out exactly: {error}") from None
    if sequential_values(block, found.coefficients):
        raise FactorisationError(f"marginalise: the elements of {name} depend on each other given the rest")
    if {str(f) for f in best.families.values()} & {"Categorical", "Multinomial"}:
        raise FactorisationError(
            f"marginalise: {name} cannot be integrated out exactly: what is left is the logarithm of a sum over its "
            "categories, which is in no exponential family; keep it as a factor"
        )
    if any(f.along is not None for f in best.formulas):
        raise FactorisationError(
            f"marginalise: {name} is a chain; its normaliser is a recursion over its elements, without a closed form; "
            "keep it as a factor: its own inference is exact given the rest"
        )
    log_q = sum_over(best.log_q, block.factor.plates)
    free = [m for m in log_q.monomials if not any(True for a in m.atoms for _ in random_atoms(a, block.variables))]
    normaliser = -_replaced(Polynomial(tuple(free)), best.formulas, name)
    touched = [n for n, p in nodes.items() if n in block.variables or _touches(p, block)]
    children = [n for n in touched if n not in block.variables]
    left = {n: p for n, p in nodes.items() if n not in touched}
    rest = add(*(_untouched(nodes[n], block) for n in touched), normaliser)
    place = ",".join(children) or name
    return {**left, place: rest}


def _touches(p: Polynomial, block: Block) -> bool:
    return any(True for a in p.atoms() for _ in random_atoms(a, block.variables))


def _untouched(p: Polynomial, block: Block) -> Polynomial:
    kept = [m for m in p.monomials if not any(True for a in m.atoms for _ in random_atoms(a, block.variables))]
    return Polynomial(tuple(kept))


def _replaced(p: Polynomial, formulas: Sequence[Formula], name: str) -> Polynomial:
    """Every parameter by the formula that computes it, the last ones first.

    One at a time, so that what cancels between parameters does so before sums are multiplied out, as in τ (η/τ)².
    """
    table = {(f.latent, f.name): f for f in formulas}
    for formula in reversed(formulas):
        p = _without_parameter(p, formula, table, name)
    return p


Table = Mapping[tuple[str, str], Formula]


def _without_parameter(p: Polynomial, formula: Formula, table: Table, name: str) -> Polynomial:
    key = (formula.latent, formula.name)
    if not any(isinstance(a, Parameter) and (a.latent, a.name) == key for a in p.atoms()):
        return p
    return add(*(_monomial(m, formula, table, name) for m in p.monomials))


def _monomial(m: Monomial, formula: Formula, table: Table, name: str) -> Polynomial:
    # Bound indices stay open, under names of their own, until the parts are multiplied.
    renamed: dict[Index, Sub] = {i: fresh_index(i.size) for i in m.bound}
    product = number(m.coefficient)
    for atom, exponent in m.powers:
        part = _atom(substitute(from_atom(atom), renamed).monomials[0].powers[0][0], formula, table, name)
        product = multiply(product, functions.raise_to(part, number(exponent)))
    return sum_over(product, [i for i in renamed.values() if isinstance(i, Index)])


def _atom(atom: Atom, formula: Formula, table: Table, name: str) -> Polynomial:
    match atom:
        case Parameter() if (atom.latent, atom.name) == (formula.latent, formula.name):
            return _parameter(atom, formula, table, name)
        case Function():
            return functions.apply(atom.name, *(_without_parameter(a, formula, table, name) for a in atom.args))
        case Matrix(name="logdet"):
            value = _without_parameter(atom.value, formula, table, name)
            return functions.logdet(value, atom.row, atom.column)
        case Matrix():
            left, right = atom.subs
            value = _without_parameter(atom.value, formula, table, name)
            return functions.inverse(value, atom.row, atom.column, left, right)
    return from_atom(atom)


def _parameter(atom: Parameter, formula: Formula, table: Table, name: str) -> Polynomial:
    if isinstance(formula.value, Polynomial):
        places: dict[Index, Sub] = dict(zip(formula.indices, atom.subs, strict=True))
        return substitute(formula.value, places)
    assert isinstance(formula.value, ArrayOperation), "no integral stands in an elimination"
    return _array(formula.value, atom, table, name)


def _array(operation: ArrayOperation, atom: Parameter, table: Table, name: str) -> Polynomial:
    source = table[atom.latent, operation.argument]
    if operation.name not in ("inverse", "logdet") or operation.axes != 1 or not isinstance(source.value, Polynomial):
        raise FactorisationError(
            f"marginalise: {name} cannot be integrated out in closed form by elements (its normaliser is a "
            f"{operation.name} of an array); keep it as a factor"
        )
    row, column = source.indices[-2:]
    plates = source.indices[:-2]
    given = atom.subs[:-2] if operation.name == "inverse" else atom.subs
    value = substitute(source.value, dict(zip(plates, given, strict=True)))
    if operation.name == "logdet":
        return functions.logdet(value, row, column)
    return functions.inverse(value, row, column, *atom.subs[-2:])
