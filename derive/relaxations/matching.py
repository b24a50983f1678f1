"""Where a function of one argument stands in the log joint: matching a pattern by form."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction

import sympy

from cavi.derive import functions
from cavi.derive.canonical import collect, normalise
from cavi.derive.factorisation import random_atoms
from cavi.derive.families import lookup
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.derive.relaxations.bound import X
from cavi.derive.term import (
    ZERO,
    Atom,
    Before,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Monomial,
    Polynomial,
    Size,
    from_atom,
)

HOLE = Element("x", ())
END_HOLES = (Element("l", ()), Element("u", ()))
NOT_NEGATIVE_SUPPORTS = (
    *("positive", "unit", "simplex", "count", "bounded_count", "natural", "binary", "count_vector", "above"),
)
NOT_NEGATIVE = ("nonnegative", "positive", "unit", "simplex", "count", "binary")


@dataclass(frozen=True)
class Match:
    """A monomial ``weight · f(argument)``: its indices are open in both, as they are bound in the monomial.

    For a function of an array the argument is its element at the index `over`; `beside` are known terms of its sum.
    """

    monomial: Monomial
    weight: Polynomial
    argument: Polynomial
    over: Index | None = None
    beside: Polynomial = ZERO


def matches(p: Polynomial, function: sympy.Expr, model: Model) -> tuple[Match, ...]:
    """The monomials that are a function of latents times a weight that is never negative.

    The function is one atom of the normal form with a coefficient, such as ``-softplus(x)``.
    """
    pattern = from_sympy(function, {X: from_atom(HOLE)})
    if len(pattern.monomials) != 1 or len(pattern.monomials[0].powers) != 1 or pattern.monomials[0].powers[0][1] != 1:
        return ()
    coefficient, shape = pattern.monomials[0].coefficient, pattern.monomials[0].powers[0][0]
    names = [v.name for v in model.with_role("latent", "point")]
    found = []
    for m in p.monomials:
        for atom, exponent in m.powers:
            if exponent != 1 or not any(True for _ in random_atoms(atom, names)):
                continue
            argument = unify(shape, atom)
            weight = weight_beside(m, atom, coefficient, model)
            if argument is None or weight is None:
                continue
            found.append(Match(m, weight, argument))
            break
    return tuple(found)


def weight_beside(m: Monomial, atom: Atom, coefficient: Fraction, model: Model) -> Polynomial | None:
    """What multiplies ``coefficient · atom`` in a monomial; None where it may be negative."""
    rest = tuple((a, e) for a, e in m.powers if a is not atom)
    if m.coefficient / coefficient < 0 or not not_negative(rest, model):
        return None
    return collect([normalise(m.coefficient / coefficient, rest, ())])


def unify(shape: Atom, atom: Atom) -> Polynomial | None:
    """What x must be for the shape to be the atom; None where it cannot be."""
    if shape == HOLE:
        return from_atom(atom)
    if not isinstance(shape, Function) or not isinstance(atom, Function) or shape.name != atom.name:
        return None
    found: Polynomial | None = None
    for left, right in zip(shape.args, atom.args, strict=True):
        if not _has_hole(left):
            if left != right:
                return None
            continue
        value = _unify(left, right)
        if value is None or found not in (None, value):
            return None
        found = value
    return found


def unify_beside_known(shape: Atom, atom: Atom, random: Collection[str]) -> tuple[Polynomial, ...] | None:
    """x, l and u for which a function of l - x and u - x is the atom, l and u known; None where there are none.

    What stands in both arguments is x, but for its sign, when all latents are in it and nothing else. An argument of
    the shape that is infinite must be so in the atom.
    """
    if not isinstance(shape, Function) or not isinstance(atom, Function) or shape.name != atom.name:
        return None
    found: Polynomial | None = None
    ends = []
    for left, right in zip(shape.args, atom.args, strict=True):
        if not _has_hole(left):
            if left != right:
                return None
            continue
        uncertain = Polynomial(tuple(m for m in right.monomials if _has_any(m, random)))
        assert left + from_atom(HOLE) in map(from_atom, END_HOLES), "a rule has an end less the argument"
        if not uncertain or found not in (None, -uncertain):
            return None
        found = -uncertain
        ends.append(right - uncertain)
    return None if found is None else (found, *ends)


def _has_any(m: Monomial, names: Collection[str]) -> bool:
    return any(True for a in m.atoms for _ in random_atoms(a, names))


def _unify(shape: Polynomial, target: Polynomial) -> Polynomial | None:
    """What x must be for two polynomials to be the same; x stands in one monomial of the shape."""
    holes = [m for m in shape.monomials if _has_hole(Polynomial((m,)))]
    if len(holes) != 1 or len(holes[0].powers) != 1:
        return None
    hole, rest = holes[0], Polynomial(tuple(m for m in shape.monomials if m not in holes))
    if not set(rest.monomials) <= set(target.monomials):
        return None  # the number in log(1 + x) must be there: log τ is no log(1 + (τ - 1))
    left = target - rest
    (atom, exponent) = hole.powers[0]
    if atom == HOLE:
        return left.scaled(1 / hole.coefficient) if exponent == 1 else None
    if isinstance(atom, Function) and atom.name == "exp" and exponent == 1 and (log := _logarithm(left, hole)):
        return _unify(atom.args[0], log)
    if len(left.monomials) != 1 or left.monomials[0].bound or left.monomials[0].coefficient != hole.coefficient:
        return None
    powers = left.monomials[0].powers
    if len(powers) != 1 or powers[0][1] != exponent:
        return None
    return unify(atom, powers[0][0])


def _logarithm(p: Polynomial, like: Monomial) -> Polynomial | None:
    """log of a product of powers such as p^r, with the coefficient that it stands with in the shape.

    One element alone is left out: log(1 - p) is a statistic of p, and no function of its logarithm.
    """
    if len(p.monomials) != 1 or p.monomials[0].bound or p.monomials[0].coefficient != like.coefficient:
        return None
    powers = p.monomials[0].powers
    if len(powers) == 1 and (powers[0][1] == 1 and not _is_power(powers[0][0])):
        return None
    return functions.log(collect([normalise(Fraction(1), powers, ())]))


def _is_power(atom: Atom) -> bool:
    return isinstance(atom, Function) and atom.name == "pow"


def _has_hole(p: Polynomial) -> bool:
    return any(a == HOLE for a in p.atoms())


def not_negative(powers: Iterable[tuple[Atom, Fraction]], model: Model) -> bool:
    """Whether a product is seen to be zero or more."""
    return all(e % 2 == 0 or _positive_atom(a, model) for a, e in powers)


def _positive_atom(atom: Atom, model: Model) -> bool:
    match atom:
        case Indicator() | Delta() | Link() | Before() | Size() | Constant(name="pi"):
            return True
        case Function(name="exp" | "abs" | "softplus"):
            return True
        case Function(name="pow", args=(base, _)):
            return all(m.coefficient > 0 and not_negative(m.powers, model) for m in base.monomials)
        case Element():
            v = model.variable(atom.name)
            if v.domain in NOT_NEGATIVE:
                return True
            return v.distribution is not None and lookup(v.distribution.family).support in NOT_NEGATIVE_SUPPORTS
    return False
