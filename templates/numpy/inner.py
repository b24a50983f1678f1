"""Factors of groups of rows that can be updated with their rows, one group whatever the others are.

The logits of a category are the sum of a row of each of two tables, A[w[n]] + B[doc[n]], and B is of factors of
documents. Given all that is shared, what these factors and the rows of a document become depends on no other document,
so that several updates of them may be carried out for some documents first and then for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cavi.derive import Derived, Update
from cavi.derive.index import Index
from cavi.derive.term import Moment, Monomial, Polynomial, atom_indices
from cavi.templates.numpy.starts import local_factors
from cavi.templates.numpy.statistics import Planner, Statistic, row_sizes, take_apart
from cavi.templates.numpy.tables import Sum, Tables


@dataclass(frozen=True)
class Inner:
    """The factors of groups of rows that are updated with a category of the rows.

    Attributes:
        factors: their names.
        size: of the index over groups.
        total: the sum over the rows of a group through which they read the category.
    """

    factors: tuple[str, ...]
    size: str
    total: Sum


def inner_of(derived: Derived, plan: Tables, planner: Planner) -> Inner | None:
    """The factors of the groups that the last table of a category is over; None where groups depend on each other."""
    local = local_factors(derived)
    total, last = plan.of_tables[-1], plan.tables[-1]
    mine = [u for u in derived.updates if u.factor.name in local and u.factor.name != plan.update.factor.name]
    if total.gather is None or plan.update.factor.name not in local or not mine:
        return None
    names = {u.factor.name for u in mine}
    shared = [t.value for t in plan.tables[:-1]]
    if any(isinstance(a, Moment) and a.factor in names for p in shared for a in p.atoms()):
        return None
    if last.gather.size in {i.size for m in last.value.monomials for i in m.bound}:
        return None
    found = Inner(tuple(u.factor.name for u in mine), last.gather.size, total)
    return found if all(_alone(u, found, plan, derived, planner) for u in mine) else None


def _alone(update: Update, inner: Inner, plan: Tables, derived: Derived, planner: Planner) -> bool:
    """Whether the factor of a group depends on that group and its rows only, and on what is shared."""
    factor = update.factor
    if [i.size for i in factor.plates].count(inner.size) != 1 or factor.sequential:
        return False
    if any(f.along is not None or inner.size not in {i.size for i in f.indices} for f in update.formulas):
        return False
    if any(derived.model.variable(n).chain is not None for n in factor.latents):
        return False
    values: list[tuple[object, Sequence[Index]]] = [(f.value, f.indices) for f in update.formulas]
    values += [(s.value, s.indices) for s in update.moment_specs]
    rows, latents = row_sizes(derived), planner.latents
    monomials = [(m, free) for p, free in values if isinstance(p, Polynomial) for m in p.monomials]
    return all(_of_one_group(m, free, inner, plan, rows, latents) for m, free in monomials)


def _of_one_group(
    m: Monomial,
    free: Sequence[Index],
    inner: Inner,
    plan: Tables,
    rows: frozenset[str],
    latents: Mapping[str, tuple[str, ...]],
) -> bool:
    """Whether a monomial reads rows through the sum over those of the group only, and of the groups but one."""
    taken = take_apart(m, rows, dict(latents))
    statistics: Sequence[Statistic] = [s for s, _ in taken.statistics] if taken is not None else ()
    left = taken.rest if taken is not None else m
    if any((one := plan.sum_of(s)) is None or one[0] != inner.total for s in statistics):
        return False
    used = {i for a in left.atoms for i in atom_indices(a)}
    apart = {i for i in used if i.size == inner.size and i not in free}
    return not apart and plan.row.size not in {i.size for i in used}
