"""Where a function of a latent argument and a known count stands in the log joint."""

from __future__ import annotations

import sympy

from cavi.derive.canonical import substitute
from cavi.derive.expand import expand
from cavi.derive.factorisation import random_atoms
from cavi.derive.families import lookup
from cavi.derive.from_sympy import from_sympy
from cavi.derive.model import Model
from cavi.derive.relaxations.array_matching import is_above_zero
from cavi.derive.relaxations.bound import X
from cavi.derive.relaxations.counted import CountedBound, N
from cavi.derive.relaxations.matching import HOLE, Match, weight_beside
from cavi.derive.term import Atom, Element, Function, Monomial, Polynomial, Size, from_atom

COUNTS = ("count", "bounded_count", "count_vector", "binary")
COUNT_HOLE = Element("n", ())


def counted_matches(p: Polynomial, bound: CountedBound, model: Model) -> tuple[Match, ...]:
    """The monomials c F(x + n), c of the sign of the bound's function, x of latents and positive, n a known count.

    For a bound in log x, x is one product, whose logarithm has an expectation.
    """
    pattern = from_sympy(bound.function, {X: from_atom(HOLE), N: from_atom(COUNT_HOLE)})
    ((shape, _),) = pattern.monomials[0].powers
    assert isinstance(shape, Function) and shape.args == (from_atom(HOLE) + from_atom(COUNT_HOLE),), "F(x + n)"
    names = [v.name for v in model.with_role("latent", "point")]
    found = []
    for m in p.monomials:
        for atom, exponent in m.powers:
            if exponent != 1 or not isinstance(atom, Function) or atom.name != shape.name:
                continue
            argument, count = _split(atom.args[0], names)
            weight = weight_beside(m, atom, pattern.monomials[0].coefficient, model)
            if weight is None or not _fits(argument, bound.statistic, model) or not is_count(count, model):
                continue
            found.append(Match(m, weight, argument, beside=count))
            break
    return tuple(found)


def _split(p: Polynomial, names: list[str]) -> tuple[Polynomial, Polynomial]:
    """What has a latent in it, and what has none."""
    uncertain = Polynomial(tuple(m for m in p.monomials if any(True for a in m.atoms for _ in random_atoms(a, names))))
    return uncertain, p - uncertain


def _fits(argument: Polynomial, statistic: sympy.Expr, model: Model) -> bool:
    single = len(argument.monomials) == 1 and not argument.monomials[0].bound
    return (
        bool(argument.monomials)
        and all(is_above_zero(m, model) for m in argument.monomials)
        and (single or statistic != sympy.log(X))
    )


def is_count(p: Polynomial, model: Model) -> bool:
    """Whether a known polynomial is a whole number that is never negative, and not always zero.

    A count of so many, y of T, leaves a count: T - y.
    """
    rest = p
    for m in p.monomials:
        total = _total(m, model)
        if m.coefficient < 0 and m.coefficient.denominator == 1 and total is not None:
            rest = rest + (total - from_atom(m.powers[0][0])).scaled(m.coefficient)
    return bool(p.monomials) and _sum_of_counts(rest, model)


def _total(m: Monomial, model: Model) -> Polynomial | None:
    """What a number of successes cannot exceed; None of anything else."""
    if m.bound or len(m.powers) != 1 or m.powers[0][1] != 1 or not isinstance(m.powers[0][0], Element):
        return None
    v = model.variable(m.powers[0][0].name)
    if v.distribution is None or lookup(v.distribution.family).support not in ("bounded_count", "count_vector"):
        return None
    at = dict(zip(v.indices, m.powers[0][0].subs, strict=True))
    return substitute(expand(v.distribution.args["total"]), at)


def _sum_of_counts(p: Polynomial, model: Model) -> bool:
    return all(
        m.coefficient > 0 and m.coefficient.denominator == 1 and all(e > 0 and _is_count(a, model) for a, e in m.powers)
        for m in p.monomials
    )


def _is_count(atom: Atom, model: Model) -> bool:
    if isinstance(atom, Size):
        return True
    if not isinstance(atom, Element):
        return False
    v = model.variable(atom.name)
    return v.domain == "count" or (v.distribution is not None and lookup(v.distribution.family).support in COUNTS)
