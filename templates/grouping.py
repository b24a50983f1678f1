"""Sums as an author would write them: common factors and common sums pulled out.

The normal form is a flat sum of monomials. Here it becomes a tree of `Term`s,

    c · Σ_bound  Π factors · (Σ body) ** exponent,

by four rules, applied from the outside in: complete a square; pull out what every term shares (a
factor, or a sum over one index); then what several terms share; then order the terms. The value
never changes: `flatten` multiplies the tree out again, which the tests compare with the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import factorial, gcd, lcm, prod

from cavi.derive.canonical import (
    add,
    atom_key,
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
    Constant,
    Element,
    Function,
    Indicator,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    Size,
    atom_indices,
    number,
)
from cavi.templates.squares import complete_square

Factor = tuple[Atom, Fraction]


@dataclass(frozen=True)
class Roles:
    """What the order of terms and factors depends on: names of data, of what is known, of positive values."""

    data: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    positive: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Term:
    """``coefficient · Σ_bound Π factors · (Σ body) ** exponent``; no body means one."""

    coefficient: Fraction
    factors: Powers
    bound: tuple[Index, ...] = ()
    body: tuple[Term, ...] = ()
    exponent: int = 1


@lru_cache(maxsize=20_000)
def group(p: Polynomial, roles: Roles = Roles()) -> tuple[Term, ...]:
    """The terms of a polynomial, grouped and ordered; their sum has the same value."""
    return tuple(map(_contracted, _arrange(_spread([_separate(m) for m in p.monomials]), roles)))


def flatten(terms: Iterable[Term]) -> Polynomial:
    """The polynomial that the terms add up to."""
    total = Polynomial()
    for t in terms:
        value = multiply(canonical(Polynomial((Monomial(t.coefficient, t.factors),))), number(1))
        if t.body:
            value = multiply(value, power(flatten(t.body), t.exponent))
        total = add(total, sum_over(value, t.bound))
    return total


def _separate(m: Monomial) -> Term:
    """The monomial with bound indices of its own, which no other monomial knows."""
    mapping: dict[Index, Sub] = {}
    bound = []
    for i in m.bound:
        mapping[i] = new = fresh_index(i.size)
        bound.append(new)
    return Term(m.coefficient, tuple((substitute_atom(a, mapping), e) for a, e in m.powers), tuple(bound))


def _spread(terms: list[Term]) -> list[Term]:
    """``N μ²`` as Σ_n μ² where it belongs to other sums over n about the same variables: Σ (x - μ)²."""
    return [_spread_one(t, terms) for t in terms]


def _spread_one(t: Term, terms: list[Term]) -> Term:
    names = _variables(t)
    for size in [a for a, e in t.factors if isinstance(a, Size) and e == 1]:
        others = [o for o in terms if any(i.size == size.name for i in o.bound)]
        near = [o for o in others if names & _variables(o)]
        wide = [o for o in others if any(_variables(o) & _variables(n) for n in near)]
        if names and near and len(wide) > 1:
            factors = tuple((a, e) for a, e in t.factors if a != size)
            return replace(t, factors=factors, bound=(*t.bound, fresh_index(size.name)))
    return t


def _contracted(t: Term) -> Term:
    """The term with sums over an index that occurs nowhere turned back into sizes."""
    body = tuple(map(_contracted, t.body))
    inside = indices_of_terms([replace(t, body=body)])
    idle = [i for i in t.bound if i not in inside]
    powers: dict[Atom, Fraction] = dict(t.factors)
    for i in idle:
        powers[Size(i.size)] = powers.get(Size(i.size), Fraction(0)) + 1
    return replace(t, factors=tuple(powers.items()), bound=tuple(i for i in t.bound if i in inside), body=body)


def indices_of_terms(terms: Iterable[Term]) -> set[Index]:
    """Every running index in the factors of the terms, at any depth."""
    found: set[Index] = set()
    for t in terms:
        found |= {i for a, _ in t.factors for i in atom_indices(a)} | indices_of_terms(t.body)
    return found


def _arrange(terms: list[Term], roles: Roles) -> tuple[Term, ...]:
    """Group flat terms (no bodies) that are added up."""
    if len(terms) < 2:
        return tuple(terms)
    if shared := _pull(terms, roles, partial=False):
        return (shared,)
    if root := complete_square([(t.coefficient, t.factors, t.bound) for t in terms]):
        coefficient, inside = root
        inner = _arrange([_separate(m) for m in inside.monomials], roles)
        inner = tuple(sorted(inner, key=lambda t: (_class(t, roles) == _KNOWN, _rank(t, roles))))
        if inner[0].coefficient < 0:
            inner = tuple(replace(t, coefficient=-t.coefficient) for t in inner)
        return (Term(coefficient, (), (), inner, 2),)
    return _ordered(_share_some(terms, roles), roles)


def _share_some(terms: list[Term], roles: Roles) -> list[Term]:
    """Pull out, again and again, the factor that the most terms share."""
    done, rest = _share_quadratics(terms, roles)
    while len(rest) > 1:
        best: tuple[tuple[int, int, str], list[Term]] | None = None
        polynomial = _polynomial_names(rest)
        for shape, sharing in _sharing(rest).items():
            if len(sharing) < 2 or not _worth(shape, polynomial):
                continue
            score = (len(sharing), _weight(shape), stable_key(shape[0]))
            if best is None or score > best[0]:
                best = (score, sharing)
        if best is None:
            break
        chosen = best[1]
        pulled = _pull(chosen, roles, partial=True)
        if pulled is None:
            break
        done.append(pulled)
        rest = [t for t in rest if not any(t is c for c in chosen)]
    return done + _share_sums(rest, roles)


def _share_quadratics(terms: list[Term], roles: Roles) -> tuple[list[Term], list[Term]]:
    """Put three or more terms about the same variables under their common Σ, before they are split up.

    Only where no factor is common to them: (y - Σ w x)² multiplied out, for example. Returns what was
    put together, and the rest.
    """
    for together in sorted(_connected(terms), key=len, reverse=True):
        shared = [s for s, sharing in _sharing(together).items() if len(sharing) == len(together)]
        if len(together) < 3 or len(together) == len(terms) or shared:
            continue
        pulled = _pull(together, roles, partial=False)
        if pulled is not None:
            rest = [t for t in terms if not any(t is c for c in together)]
            done, rest = _share_quadratics(rest, roles)
            return [pulled, *done], rest
    return [], list(terms)


def _share_sums(terms: list[Term], roles: Roles) -> list[Term]:
    """Put terms about the same variables that run over one common index under one Σ."""
    for together in _connected(terms):
        pulled = _pull(together, roles, partial=False) if len(together) > 1 else None
        if pulled is not None:
            return [pulled, *_share_sums([t for t in terms if not any(t is c for c in together)], roles)]
    return terms


def _connected(terms: list[Term]) -> Iterator[list[Term]]:
    """Groups of terms that run once over an index of one size and share variables, pair by pair."""
    for size in dict.fromkeys(i.size for t in terms for i in t.bound):
        rest = [t for t in terms if sum(i.size == size for i in t.bound) == 1]
        while rest:
            together = [rest.pop(0)]
            names = _variables(together[0])
            while joining := [t for t in rest if names & _variables(t)]:
                together += joining
                names = names.union(*map(_variables, joining))
                rest = [t for t in rest if not any(t is j for j in joining)]
            yield together


def _variables(t: Term) -> frozenset[str]:
    return frozenset(n for a, _ in t.factors for n in _names(a))


# --- what terms share --------------------------------------------------------------------------


def _blank(factor: Factor, bound: Sequence[Index]) -> Factor:
    """The factor with bound indices made anonymous: equal for terms that could share it."""
    atom, exponent = factor
    mine = [i for i in dict.fromkeys(atom_indices(atom)) if i in bound]
    mapping: dict[Index, Sub] = {i: Index(f"{i.size}.?{n}", i.size) for n, i in enumerate(mine)}
    return (substitute_atom(atom, mapping) if mapping else atom), exponent


def _sharing(terms: list[Term]) -> dict[Factor, list[Term]]:
    found: dict[Factor, list[Term]] = {}
    for t in terms:
        for shape in dict.fromkeys(_blank(f, t.bound) for f in t.factors):
            found.setdefault(shape, []).append(t)
    return found


def _names(atom: Atom) -> tuple[str, ...]:
    """The variable that an atom is a power of; none for logs, selections and parameters."""
    match atom:
        case Element():
            return (atom.name,)
        case Moment() if not is_category_moment(atom) and not _FUNCTION_KEY.search(atom.key):
            return (atom.factor,)
        case _:
            return ()


_FUNCTION_KEY = re.compile(r"log|[(/]|-")


def _polynomial_names(terms: list[Term]) -> set[str]:
    """Variables that enter in more than one power: pulling one out would break up (x - m)²."""
    powers: dict[str, set[tuple[str, ...]]] = {}
    for t in terms:
        here: dict[str, list[str]] = {}
        for a, e in t.factors:
            for name in _names(a):
                key = a.key if isinstance(a, Moment) else ""
                here.setdefault(name, []).append(f"{key}^{e}")
        for name, keys in here.items():
            powers.setdefault(name, set()).add(tuple(sorted(keys)))
    return {name for name, seen in powers.items() if len(seen) > 1}


def _worth(shape: Factor, polynomial: set[str]) -> bool:
    """Whether a factor is pulled out of some of the terms only."""
    atom, exponent = shape
    if isinstance(atom, Constant):
        return False
    if isinstance(atom, Function) and atom.name == "log" and not any(atom_indices(atom)):
        return not any(isinstance(a, Constant) for a in atom.args[0].atoms())
    return exponent >= 2 or not any(name in polynomial for name in _names(atom))


def _weight(shape: Factor) -> int:
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


def _pull(terms: list[Term], roles: Roles, partial: bool) -> Term | None:
    """One term that holds what all of `terms` share, outside what they do not; None for nothing.

    The bound indices of the terms are matched with those of the first, which gives the names.
    """
    first = min(terms, key=lambda t: len(t.bound))
    matched = [t if t is first else _match(t, first) for t in terms]
    common = [f for f in first.factors if all(f in t.factors for t in matched)]
    sums = [i for i in first.bound if all(i in t.bound for t in matched)]
    if not partial:
        # A sum alone is pulled out too, if every term runs over it and it closes nothing off.
        outside = sums
    else:
        outside = [i for i in sums if any(i in set(atom_indices(a)) for a, _ in common)]
    needed = {i for a, _ in common for i in atom_indices(a) if i in first.bound}
    common = [f for f in common if not {i for i in atom_indices(f[0]) if i in first.bound} - set(outside)]
    if not common and not outside:
        return None
    if not common and needed:
        return None
    inner = [
        replace(t, factors=_without(t.factors, common), bound=tuple(i for i in t.bound if i not in outside))
        for t in matched
    ]
    body = _arrange(inner, roles)
    return _merge(tuple(common), tuple(outside), body, roles)


def _without(factors: Powers, common: list[Factor]) -> Powers:
    return tuple(f for f in factors if f not in common)


def _merge(factors: Powers, bound: tuple[Index, ...], body: tuple[Term, ...], roles: Roles) -> Term:
    """A term around a body: a common coefficient is pulled out, and a single body is opened up."""
    ranked = tuple(sorted(body, key=lambda t: _rank(t, roles)))
    lead = ranked[0].coefficient
    flat = not any(t.body for t in body)
    whole = flat and lead.denominator != 1 and all((t.coefficient / lead).denominator == 1 for t in body)
    prior_first = len(body) > 2 and _class(ranked[0], roles) == _KNOWN
    if whole or prior_first or sum(t.coefficient < 0 for t in body) * 2 > len(body):
        body = ranked
    content = _content([t.coefficient for t in body])
    body = tuple(replace(t, coefficient=t.coefficient / content) for t in body)
    if len(body) == 1 and body[0].coefficient == 1:
        only = body[0]
        return Term(content, factors + only.factors, bound + only.bound, only.body, only.exponent)
    return Term(content, factors, bound, body)


def _content(coefficients: Sequence[Fraction]) -> Fraction:
    """What to pull out of a sum with these coefficients, so that it reads well: (x² - 2xm + m²)/2."""
    if len(coefficients) == 1:
        return coefficients[0]
    common = Fraction(gcd(*(c.numerator for c in coefficients)), lcm(*(c.denominator for c in coefficients)))
    sign = -1 if coefficients[0] < 0 else 1
    if common == abs(coefficients[0]) or common.denominator == 1:
        return sign * common
    return Fraction(sign)


def _match(t: Term, first: Term) -> Term:
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


# --- order -------------------------------------------------------------------------------------


def _ordered(terms: list[Term], roles: Roles) -> tuple[Term, ...]:
    """What is known first, then the data by falling degree, pure constants last; no leading minus."""
    ranked = sorted(terms, key=lambda t: _rank(t, roles))
    if ranked[0].coefficient < 0:
        lead = next(
            (
                t
                for t in ranked
                if t.coefficient > 0 and _class(t, roles) < max(_NORMALISER, _class(ranked[0], roles) + 1)
            ),
            None,
        )
        if lead is not None:
            ranked = [lead, *(t for t in ranked if t is not lead)]
    return tuple(ranked)


_KNOWN, _OTHER, _NORMALISER, _CONSTANT = 0, 5, 7, 8


def _rank(t: Term, roles: Roles) -> tuple[int, bool, Fraction, Fraction, int, list[str]]:
    data = latent = Fraction(0)
    for a, e in t.factors:
        if isinstance(a, Element) and a.name in roles.data:
            data += e
        elif not (isinstance(a, Element) and a.name in roles.known):
            latent += _degree(a) * e
    return (
        _class(t, roles),
        bool(t.bound or t.body),
        -data,
        -latent,
        len(t.factors),
        [stable_key(a) for a, _ in t.factors],
    )


def _degree(atom: Atom) -> int:
    """The power of the latent in an atom: two for a second moment."""
    if isinstance(atom, Moment) and not _FUNCTION_KEY.search(atom.key):
        return max([int(d) for d in re.findall(r"\^(\d+)", atom.key)], default=1 + atom.key.count("*"))
    return int(isinstance(atom, Element | Moment | Parameter))


def _class(t: Term, roles: Roles) -> int:
    """What is known beforehand leads; normalisers, made of known quantities alone, end a formula."""
    atoms = [a for a, _ in t.factors]
    if t.bound or (not atoms and not t.body):
        return _OTHER
    if not t.body and all(e == 1 and isinstance(a, Element) and a.name in roles.known for a, e in t.factors):
        return _KNOWN
    if all(_is_fixed(a, frozenset()) for a in atoms) and not t.body:
        return _CONSTANT
    return _NORMALISER if _all_fixed(t, roles.known) else _OTHER


def _all_fixed(t: Term, known: frozenset[str]) -> bool:
    return all(_is_fixed(a, known) for a, _ in t.factors) and all(_all_fixed(b, known) for b in t.body)


def _is_fixed(atom: Atom, known: frozenset[str]) -> bool:
    match atom:
        case Size() | Constant():
            return True
        case Element():
            return atom.name in known
        case Function():
            return all(_is_fixed(a, known) for p in atom.args for m in p.monomials for a in m.atoms)
        case _:
            return False


@lru_cache(maxsize=50_000)
def stable_key(atom: Atom) -> str:
    """What orders atoms: the same in every run, whatever numbers fresh indices have got."""
    return _FRESH.sub("", atom_key(atom))


_FRESH = re.compile(r"\.~\d+")
