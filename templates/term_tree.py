"""Terms as a tree: a coefficient, factors, the indices summed over, and a bracket of further terms.

c · Σ_bound  Π factors · (Σ body) ** exponent
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive.canonical import (
    add,
    canonical,
    fresh_index,
    is_category_moment,
    multiply,
    power,
    substitute_atom,
    sum_over,
)
from cavi.derive.index import Index, Sub
from cavi.derive.term import (
    Atom,
    Element,
    Function,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    atom_indices,
    number,
)

Factor = tuple[Atom, Fraction]


@dataclass(frozen=True)
class Roles:
    """What the order of terms and factors depends on: names of data, of what is known, of positive values."""

    data: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    positive: frozenset[str] = frozenset()


NO_ROLES = Roles()


@dataclass(frozen=True)
class Term:
    """``coefficient · Σ_bound Π factors · (Σ body) ** exponent``; no body means one."""

    coefficient: Fraction
    factors: Powers
    bound: tuple[Index, ...] = ()
    body: tuple[Term, ...] = ()
    exponent: int = 1


def flatten(terms: Iterable[Term]) -> Polynomial:
    """The polynomial that the terms add up to."""
    total = Polynomial()
    for t in terms:
        value = multiply(canonical(Polynomial((Monomial(t.coefficient, t.factors),))), number(1))
        if t.body:
            value = multiply(value, power(flatten(t.body), t.exponent))
        total = add(total, sum_over(value, t.bound))
    return total


def separate(m: Monomial) -> Term:
    """The monomial with bound indices of its own, which no other monomial knows."""
    mapping: dict[Index, Sub] = {}
    bound = []
    for i in m.bound:
        mapping[i] = new = fresh_index(i.size)
        bound.append(new)
    return Term(m.coefficient, tuple((substitute_atom(a, mapping), e) for a, e in m.powers), tuple(bound))


def indices_of_terms(terms: Iterable[Term]) -> set[Index]:
    """Every running index in the factors of the terms, at any depth."""
    found: set[Index] = set()
    for t in terms:
        found |= {i for a, _ in t.factors for i in atom_indices(a)} | indices_of_terms(t.body)
    return found


def variables(t: Term) -> frozenset[str]:
    """The variables that the factors of a term are powers of."""
    return frozenset(n for a, _ in t.factors for n in variable_of(a))


def variable_of(atom: Atom) -> tuple[str, ...]:
    """The variable that an atom is a power of; none for logs, selections and parameters."""
    match atom:
        case Element():
            return (atom.name,)
        case Moment() if not is_category_moment(atom) and not FUNCTION_KEY.search(atom.key):
            return (atom.factor,)
        case Function(name="fold" | "form"):
            inside = tuple(atom.args[0].atoms())
            own = [f"{a.latent}.{a.name}" for a in inside if isinstance(a, Parameter)]
            return tuple(dict.fromkeys([*(n for a in inside for n in variable_of(a)), *own]))
        case _:
            return ()


FUNCTION_KEY = re.compile(r"log|[(/]|-")
