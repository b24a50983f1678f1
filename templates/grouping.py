"""Sums as an author would write them: common factors and common sums pulled out.

The normal form is a flat sum of monomials. Here it becomes a tree of `Term`s by four rules, applied from
the outside in: complete a square; pull out what every term shares (a factor, or a sum over one index);
then what several terms share; then order the terms. The value never changes: `flatten` multiplies the
tree out again, which the tests compare with the input.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from cavi.derive.canonical import (
    fresh_index,
)
from cavi.derive.index import Index
from cavi.derive.term import (
    Atom,
    Function,
    Polynomial,
    Powers,
    Size,
    atom_indices,
)
from cavi.templates.matrix_notation import FOLD
from cavi.templates.quadratic_forms import complete_form
from cavi.templates.sharing import (
    common_coefficient,
    connected,
    match,
    polynomial_names,
    sharers,
    weight,
    without,
    worth,
)
from cavi.templates.squares import complete_square
from cavi.templates.term_order import KNOWN, class_of, ordered, rank, stable_key
from cavi.templates.term_tree import NO_ROLES, Roles, Term, indices_of_terms, separate, variables


@lru_cache(maxsize=20_000)
def group(p: Polynomial, roles: Roles = NO_ROLES) -> tuple[Term, ...]:
    """The terms of a polynomial, grouped and ordered; their sum has the same value."""
    return tuple(map(_contracted, _arrange(_spread([separate(m) for m in p.monomials]), roles)))


def _spread(terms: list[Term]) -> list[Term]:
    """``N μ²`` as Σ_n μ² where it belongs to other sums over n about the same variables: Σ (x - μ)²."""
    return [_spread_one(t, terms) for t in terms]


def _spread_one(t: Term, terms: list[Term]) -> Term:
    names = variables(t)
    for size in [a for a, e in t.factors if isinstance(a, Size) and e == 1]:
        others = [o for o in terms if any(i.size == size.name for i in o.bound)]
        near = [o for o in others if names & variables(o)]
        wide = [o for o in others if any(variables(o) & variables(n) for n in near)]
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


def _arrange(terms: list[Term], roles: Roles) -> tuple[Term, ...]:
    """Group flat terms (no bodies) that are added up."""
    if len(terms) < 2:
        return tuple(terms)
    if shared := _pull(terms, roles, partial=False):
        return (shared,)
    if root := complete_square([(t.coefficient, t.factors, t.bound) for t in terms]):
        coefficient, inside = root
        inner = _arrange([separate(m) for m in inside.monomials], roles)
        inner = tuple(sorted(inner, key=lambda t: (class_of(t, roles) == KNOWN, rank(t, roles))))
        if inner[0].coefficient < 0:
            inner = tuple(replace(t, coefficient=-t.coefficient) for t in inner)
        return (Term(coefficient, (), (), inner, 2),)
    completed = _forms(terms)
    if len(completed) < len(terms):
        return _arrange(completed, roles)
    return ordered(_share_some(terms, roles), roles)


def _forms(terms: list[Term]) -> list[Term]:
    """Quadratic forms completed: ``aᵀMa - 2 aᵀMb + bᵀMb`` is ``(a - b)ᵀM(a - b)``, where all else is the same."""
    by_rest: dict[Powers, list[tuple[int, Term, Function]]] = {}
    for place, t in enumerate(terms):
        folds = [a for a, e in t.factors if e == 1 and isinstance(a, Function) and a.name == FOLD]
        if len(folds) == 1 and not t.bound and not t.body:
            rest = tuple(f for f in t.factors if f[0] != folds[0])
            by_rest.setdefault(rest, []).append((place, t, folds[0]))
    for rest, found in by_rest.items():
        form = complete_form([(t.coefficient, atom) for _, t, atom in found]) if len(found) > 2 else None
        if form is not None:
            gone = {found[p][0] for p in form[2]}
            kept = [t for place, t in enumerate(terms) if place not in gone]
            return _forms([*kept, Term(form[0], (*rest, (form[1], Fraction(1))))])
    return terms


def _share_some(terms: list[Term], roles: Roles) -> list[Term]:
    """Pull out, again and again, the factor that the most terms share."""
    done, rest = _share_quadratics(terms, roles)
    while len(rest) > 1:
        best: tuple[tuple[int, int, str], list[Term]] | None = None
        polynomial = polynomial_names(rest)
        for shape, sharing in sharers(rest).items():
            if len(sharing) < 2 or not worth(shape, polynomial):
                continue
            score = (len(sharing), weight(shape), stable_key(shape[0]))
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
    for together in sorted(connected(terms), key=len, reverse=True):
        shared = [s for s, sharing in sharers(together).items() if len(sharing) == len(together)]
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
    for together in connected(terms):
        pulled = _pull(together, roles, partial=False) if len(together) > 1 else None
        if pulled is not None:
            return [pulled, *_share_sums([t for t in terms if not any(t is c for c in together)], roles)]
    return terms


def _pull(terms: list[Term], roles: Roles, partial: bool) -> Term | None:
    """One term that holds what all of `terms` share, outside what they do not; None for nothing.

    The bound indices of the terms are matched with those of the first, which gives the names.
    """
    first = min(terms, key=lambda t: len(t.bound))
    matched = [t if t is first else match(t, first) for t in terms]
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
        replace(t, factors=without(t.factors, common), bound=tuple(i for i in t.bound if i not in outside))
        for t in matched
    ]
    body = _arrange(inner, roles)
    return _merge(tuple(common), tuple(outside), body, roles)


def _merge(factors: Powers, bound: tuple[Index, ...], body: tuple[Term, ...], roles: Roles) -> Term:
    """A term around a body: a common coefficient is pulled out, and a single body is opened up."""
    ranked = tuple(sorted(body, key=lambda t: rank(t, roles)))
    lead = ranked[0].coefficient
    flat = not any(t.body or not t.factors for t in body)
    whole = flat and lead.denominator != 1 and all((t.coefficient / lead).denominator == 1 for t in body)
    prior_first = len(body) > 2 and class_of(ranked[0], roles) == KNOWN
    if whole or prior_first or sum(t.coefficient < 0 for t in body) * 2 > len(body):
        body = ranked
    content = common_coefficient([t.coefficient for t in body])
    bare = any(not t.factors and not t.body for t in body)
    if bare and content.denominator != 1 and len({abs(t.coefficient) for t in body}) > 1:
        content = Fraction(1 if content > 0 else -1)  # ½ + Σ r reads better than ½ (1 + 2 Σ r)
    body = tuple(replace(t, coefficient=t.coefficient / content) for t in body)
    if len(body) == 1 and body[0].coefficient == 1:
        only = body[0]
        return Term(content, factors + only.factors, bound + only.bound, only.body, only.exponent)
    return Term(content, factors, bound, body)
