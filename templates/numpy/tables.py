"""A local category whose logits add up rows of tables: logits[n] = A[doc[n]] + B[word[n]] + … + T(x[n]) @ η.T.

Exponentials are taken of the tables, not of every row of the data: p[n,k] ∝ Π exp(A)[doc[n],k] exp(B)[word[n],k] ….
What the other factors need are sums of weight[n] p[n,k] over the rows that share an index, or over all, and the entropy
follows from these sums and the normalisers: H = Σ_n w[n] log Z[n] - Σ <sums, tables>.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import Derived, Update
from cavi.derive.canonical import add, map_subs
from cavi.derive.index import Gather, Index
from cavi.derive.result import ElboTerm
from cavi.derive.term import (
    ZERO,
    Atom,
    Delta,
    Element,
    Function,
    Indicator,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    atom_indices,
)
from cavi.templates.numpy.features import Features, softmax_alone
from cavi.templates.numpy.starts import local_factors
from cavi.templates.numpy.statistics import Statistic, gathers_of, row_sizes


@dataclass(frozen=True)
class Table:
    """What a row of the data reads at an observed integer: a value over `place` and the categories."""

    gather: Gather
    place: Index
    value: Polynomial


@dataclass(frozen=True)
class Sum:
    """Σ_n weight[n] p[n,k] over all rows, or over those that share an index: what is added up in a pass.

    Attributes:
        weight: data of the row, over the index `row`.
        gather: the name of the index that they share, and its size.
    """

    weight: Powers
    gather: tuple[str, str] | None


@dataclass(frozen=True)
class Tables:
    """The logits of a category as a sum of rows of tables, and of features where there are such.

    Attributes:
        update: the update of the factor.
        row, group: the indices over rows and categories.
        tables: what is read at observed integers.
        features: the part that is linear in features of the row.
        weight: how often the row counts in the entropy.
        scale: what the moment is times the probabilities, data of the row.
    """

    update: Update
    row: Index
    group: Index
    tables: tuple[Table, ...]
    features: Features | None
    weight: Powers
    scale: Powers

    @property
    def latent(self) -> str:
        """The category."""
        return self.update.factor.latents[0]

    @property
    def of_tables(self) -> tuple[Sum, ...]:
        """The sums of which the entropy is made, one for each table."""
        return tuple(Sum(self.weight, (t.gather.name, t.gather.size)) for t in self.tables)

    def sum_of(self, s: Statistic) -> tuple[Sum, tuple[Index, ...]] | None:
        """A statistic as one of these sums, with its axes (shared index, category); None where it is another."""
        m = s.monomial
        if len(m.bound) != 1 or m.bound[0].size != self.row.size or m.coefficient != 1:
            return None
        (row,) = m.bound
        mine = [a for a, e in m.powers if isinstance(a, Moment) and a.factor == self.latent and e == 1]
        deltas = [a for a, e in m.powers if isinstance(a, Delta)]
        if len(mine) != 1 or len(mine[0].subs) != 2 or len(deltas) > 1:
            return None
        at, group = mine[0].subs
        weight = tuple((a, e) for a, e in m.powers if a != mine[0] and a not in deltas)
        if at != row or group not in s.axes or not isinstance(group, Index) or not _of_row(weight, row):
            return None
        named = _product(substitute_row(weight, row, self.row), self.scale)
        if not deltas:
            return Sum(named, None), (group,)
        left, right = deltas[0].left, deltas[0].right
        if not isinstance(left, Index) or left not in s.axes or left == group:
            return None
        if not isinstance(right, Gather) or right.subs != (row,):
            return None
        return Sum(named, (right.name, right.size)), (left, group)


def tables(derived: Derived, plans: Mapping[str, Features]) -> dict[str, Tables]:
    """Latent -> the plan of its pass, for the categories whose logits add up rows of tables."""
    found = {}
    own = {i.size for u in derived.updates if u.factor.name in local_factors(derived) for i in u.factor.plates}
    for u in derived.updates:
        plan = _tables(u, derived.elbo.closed_terms, row_sizes(derived), plans.get(u.factor.latents[0]), own)
        if plan is not None:
            found[plan.latent] = plan
    return found


def _tables(
    update: Update, terms: Sequence[ElboTerm], rows: frozenset[str], plan: Features | None, own: set[str]
) -> Tables | None:
    if not softmax_alone(update) or len(update.factor.latents) != 1 or update.factor.sequential:
        return None
    logits = update.formulas[0]
    if len(logits.indices) != 2 or not isinstance(logits.value, Polynomial):
        return None
    row, group = logits.indices
    if row.size not in rows or group.size in rows or (plan is not None and plan.reads):
        return None
    if any(isinstance(a, Moment) and a.factor == update.factor.name for a in logits.value.atoms()):
        return None
    mine = [t for t in terms if t.name == update.factor.name]
    weight = next((w for t in mine if (w := entropy_weight(t, update.factor.latents[0], row)) is not None), None)
    scale = _scale(update, row)
    found: dict[Gather, Table] = {}
    plain = ZERO
    for m in (plan.rest if plan is not None else logits.value).monomials:
        if plan is None and not any(row in set(atom_indices(a)) for a in m.atoms):
            plain = add(plain, Polynomial((m,)))
            continue
        gather = next((g for a in m.atoms for g in gathers_of(a) if g.subs == (row,)), None)
        if gather is None:
            return None
        place = found[gather].place if gather in found else Index("?place", gather.size)
        moved = _at(m, gather, place)
        if any(row in set(atom_indices(a)) for a in moved.atoms):
            return None
        before = found[gather].value if gather in found else ZERO
        found[gather] = Table(gather, place, add(before, Polynomial((moved,))))
    if weight is None or scale is None or not found or (plan is not None and (weight or scale)):
        return None
    parts = sorted(found.values(), key=lambda t: t.gather.size in own)  # what rows are grouped by comes last
    if plain:  # the same for every row: a part of any table
        parts[0] = Table(parts[0].gather, parts[0].place, add(parts[0].value, plain))
    return Tables(update, row, group, tuple(parts), plan, weight, scale)


def _at(m: Monomial, gather: Gather, place: Index) -> Monomial:
    powers = tuple((map_subs(a, lambda s: place if s == gather else s), e) for a, e in m.powers)
    return Monomial(m.coefficient, powers, m.bound)


def _scale(update: Update, row: Index) -> Powers | None:
    """w, where the moment is w[n] p[n,k] and w is data of the row."""
    spec = next(s for s in update.moment_specs if s.value is not None)
    if not isinstance(spec.value, Polynomial) or len(spec.value.monomials) != 1:
        return None
    (m,) = spec.value.monomials
    rest = tuple((a, e) for a, e in m.powers if not isinstance(a, Parameter))
    first = spec.indices[0]
    return substitute_row(rest, first, row) if m.coefficient == 1 and not m.bound and _of_row(rest, first) else None


def entropy_weight(term: ElboTerm, latent: str, row: Index) -> Powers | None:
    """w, where the entropy is -Σ_nk w[n] p[n,k] log p[n,k] and w is data of the row; None where it is another."""
    part = entropy_part(term, latent)
    if part is None:
        return None
    (m,) = part.monomials
    (n, k) = next(a for a in part.atoms() if isinstance(a, Parameter)).subs
    weight = tuple((a, e) for a, e in m.powers if not isinstance(a, Function))
    if set(m.bound) != {n, k} or not isinstance(n, Index) or n.size != row.size or not _of_row(weight, n):
        return None
    return substitute_row(weight, n, row)


def entropy_part(term: ElboTerm, latent: str) -> Polynomial | None:
    """-Σ w p log p in a term of the bound: all of an entropy, or the one such monomial of a merged term."""
    found = [m for m in term.value.monomials if _is_entropy(m, latent)]
    whole = len(found) == len(term.value.monomials)
    return Polynomial(tuple(found)) if len(found) == 1 and (whole or term.kind != "entropy") else None


def _is_entropy(m: Monomial, latent: str) -> bool:
    mine = [a for a, e in m.powers if isinstance(a, Function) and a.name == "xlogx" and e == 1]
    if m.coefficient != -1 or len(mine) != 1 or len(mine[0].args) != 1 or len(mine[0].args[0].monomials) != 1:
        return False
    inner = mine[0].args[0].monomials[0]
    match inner.powers:
        case ((Parameter(name="probs", latent=name, subs=(Index(), Index())), 1),) if name == latent:
            return inner.coefficient == 1 and sum(isinstance(a, Function) for a in m.atoms) == 1
    return False


def _of_row(powers: Powers, row: Index) -> bool:
    """Whether a product is of data of the row, one number each."""
    return all(isinstance(a, Element | Indicator) and _plain_subs(a) == (row,) for a, _ in powers)


def _plain_subs(a: Element | Indicator) -> tuple[object, ...]:
    return a.subs if isinstance(a, Element) else ()


def _product(left: Powers, right: Powers) -> Powers:
    """Both in one order, an atom of both once with its powers added."""
    found: dict[Atom, Fraction] = {}
    for a, e in (*left, *right):
        found[a] = found.get(a, Fraction(0)) + e
    return tuple(sorted(found.items(), key=repr)) if right else left


def substitute_row(powers: Powers, row: Index, name: Index) -> Powers:
    """The same product with its row called otherwise."""
    return tuple((map_subs(a, lambda s: name if s == row else s), Fraction(e)) for a, e in powers)
