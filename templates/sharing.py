"""What several terms have in common: the same factor but for the names of their summed indices.

Each term has summed indices of its own, so factors are compared with those made anonymous, and the
indices of one term are matched to those of another where it takes over a common factor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from math import factorial, gcd, lcm, prod

from cavi.derive.canonical import (
    fresh_index,
    is_category_moment,
    substitute_atom,
)
from cavi.derive.index import Index, Sub
from cavi.derive.term import (
    Constant,
    Element,
    Function,
    Indicator,
    Moment,
    Parameter,
    Powers,
    Size,
    atom_indices,
)
from cavi.templates.term_tree import Factor, Term, variable_of, variables


def sharers(terms: list[Term]) -> dict[Factor, list[Term]]:
    """Every factor, its summed indices made anonymous -> the terms that have it."""
    found: dict[Factor, list[Term]] = {}
    for t in terms:
        for shape in dict.fromkeys(_blank(f, t.bound) for f in t.factors):
            found.setdefault(shape, []).append(t)
    return found


def _blank(factor: Factor, bound: Sequence[Index]) -> Factor:
    """The factor with bound indices made anonymous: equal for terms that could share it."""
    atom, exponent = factor
    mine = [i for i in dict.fromkeys(atom_indices(atom)) if i in bound]
    mapping: dict[Index, Sub] = {i: Index(f"{i.size}.?{n}", i.size) for n, i in enumerate(mine)}
    return (substitute_atom(atom, mapping) if mapping else atom), exponent


def connected(terms: list[Term]) -> Iterator[list[Term]]:
    """Groups of terms that run once over an index of one size and share variables, pair by pair."""
    for size in dict.fromkeys(i.size for t in terms for i in t.bound):
        rest = [t for t in terms if sum(i.size == size for i in t.bound) == 1]
        while rest:
            together = [rest.pop(0)]
            names = variables(together[0])
            while joining := [t for t in rest if names & variables(t)]:
                together += joining
                names = names.union(*map(variables, joining))
                rest = [t for t in rest if not any(t is j for j in joining)]
            yield together


def polynomial_names(terms: list[Term]) -> set[str]:
    """Variables that enter in more than one power: pulling one out would break up (x - m)²."""
    powers: dict[str, set[tuple[str, ...]]] = {}
    for t in terms:
        here: dict[str, list[str]] = {}
        for a, e in t.factors:
            for name in variable_of(a):
                key = a.key if isinstance(a, Moment) else ""
                here.setdefault(name, []).append(f"{key}^{e}")
        for name, keys in here.items():
            powers.setdefault(name, set()).add(tuple(sorted(keys)))
    return {name for name, seen in powers.items() if len(seen) > 1}


def worth(shape: Factor, polynomial: set[str]) -> bool:
    """Whether a factor is pulled out of some of the terms only."""
    atom, exponent = shape
    if isinstance(atom, Constant):
        return False
    if isinstance(atom, Function) and atom.name == "log" and not any(atom_indices(atom)):
        return not any(isinstance(a, Constant) for a in atom.args[0].atoms())
    return exponent >= 2 or not any(name in polynomial for name in variable_of(atom))


def weight(shape: Factor) -> int:
    """Among factors that equally many terms share, which one is pulled out."""
    atom = shape[0]
    indexed = 4 if any(True for _ in atom_indices(atom)) else 0
    match atom:
        case Indicator():
            return indexed + 3
        case Moment():
            return indexed + (3 if is_category_moment(atom) else 1)
        case Parameter() | Element():
            return indexed + 1
        case Function(name="log"):
            return indexed + 2
        case Size():
            return 0
        case _:
            return indexed


def without(factors: Powers, common: list[Factor]) -> Powers:
    """The factors that are not common."""
    return tuple(f for f in factors if f not in common)


def common_coefficient(coefficients: Sequence[Fraction]) -> Fraction:
    """What to pull out of a sum with these coefficients, so that it reads well: (x² - 2xm + m²)/2."""
    if len(coefficients) == 1:
        return coefficients[0]
    common = Fraction(gcd(*(c.numerator for c in coefficients)), lcm(*(c.denominator for c in coefficients)))
    sign = -1 if coefficients[0] < 0 else 1
    if common == abs(coefficients[0]) or common.denominator == 1:
        return sign * common
    return Fraction(sign)


def match(t: Term, first: Term) -> Term:
    """The term with its bound indices named as in `first`, so that the most factors agree."""
    target = set(first.factors)
    best, best_score = t, -1
    sizes = {i.size for i in t.bound} & {i.size for i in first.bound}
    options = [t]
    for size in sorted(sizes):
        theirs = [i for i in t.bound if i.size == size]
        wanted = [i for i in first.bound if i.size == size]
        if prod([factorial(len(theirs)), len(options)]) > 200:
            continue
        fewer = min(len(theirs), len(wanted))
        options = [
            _renamed(o, dict(zip(chosen, names, strict=True)))
            for o in options
            for chosen in permutations(theirs, fewer)
            for names in ([wanted[:fewer]] if len(wanted) == fewer else permutations(wanted, fewer))
        ]
    for option in options:
        score = sum(f in target for f in option.factors)
        if score > best_score:
            best, best_score = option, score
    return best


def _renamed(t: Term, names: dict[Index, Index]) -> Term:
    """The term with bound indices renamed; one that has a new name already makes way for it."""
    names = dict(names)
    for i in t.bound:
        if i not in names and i in names.values():
            names[i] = fresh_index(i.size)
    mapping: dict[Index, Sub] = dict(names)
    return replace(
        t,
        factors=tuple((substitute_atom(a, mapping), e) for a, e in t.factors),
        bound=tuple(names.get(i, i) for i in t.bound),
    )
