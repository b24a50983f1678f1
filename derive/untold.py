"""A point of which nothing tells: where all its coefficients are zero, every value of it is a maximiser.

    objective(x) = Σ_j η_j t_j(x) + const,    η = 0: x stays as it is

A closed form is 0/0 there: the probabilities of a group without members, the last break of a stick, a precision of
observations whose weights are zero. Which elements these are only the data say.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from cavi.derive.canonical import add
from cavi.derive.expectation import Expectation
from cavi.derive.model import Model
from cavi.derive.relaxations.matching import not_negative
from cavi.derive.term import Atom, Constant, Element, Moment, Monomial, Polynomial, Powers, Size

STRICTLY_POSITIVE = ("positive", "unit")


def always_told(model: Model, expectation: Expectation, coefficients: Iterable[Polynomial]) -> bool:
    """Whether the coefficients are seen never to be zero together: one of them, or their sum, has one sign."""
    every = tuple(coefficients)
    return any(_has_one_sign(model, expectation, c) for c in (*every, add(*every)))


def _has_one_sign(model: Model, expectation: Expectation, c: Polynomial) -> bool:
    """Whether all terms have the same sign and one of them is never zero."""
    if not c or len({m.coefficient > 0 for m in c.monomials}) > 1:
        return False
    powers = {m: _written_out(expectation, m) for m in c.monomials}
    if not all(not_negative([(a, e) for a, e in p if not _never_zero(model, a)], model) for p in powers.values()):
        return False
    return any(all(_never_zero(model, a) for a, _ in p) for p in powers.values())


def _written_out(expectation: Expectation, m: Monomial) -> Powers:
    """What an expectation is of, in its place: it has the sign of that if that has one."""
    found: list[tuple[Atom, Fraction]] = []
    for atom, exponent in m.powers:
        if isinstance(atom, Moment):
            found += [(a, e * exponent) for a, e in expectation.moments.patterns[atom.factor, atom.key].powers]
        else:
            found.append((atom, exponent))
    return tuple(found)


def _never_zero(model: Model, atom: Atom) -> bool:
    """Whether it is above zero; of a point, which may lie at the end of its support, this is not known."""
    match atom:
        case Size() | Constant(name="pi"):
            return True
        case Element():
            v = model.variable(atom.name)
            diagonal = v.domain == "positive_definite" and atom.subs[-1] == atom.subs[-2]
            return v.role != "point" and (diagonal or v.domain in STRICTLY_POSITIVE)
    return False
