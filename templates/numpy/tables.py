"""A local category whose logits add up rows of tables: logits[n] = A[doc[n]] + B[word[n]] + … + T(x[n]) @ η.T.

Exponentials are taken of the tables, not of every row of the data: p[n,k] ∝ Π exp(A)[doc[n],k] exp(B)[word[n],k] ….
What the other factors need are sums of weight[n] p[n,k] over the rows that share an index, or over all, and the entropy
follows from these sums and the normalisers: H = Σ_n w[n] log Z[n] - Σ <sums, tables>. Counts that share out a total,
E[s[n,k]] = total[n] p[n,k], are categories with a weight in this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from cavi.derive import Derived, Update
from cavi.derive.canonical import add, atom_key, map_subs
from cavi.derive.index import Gather, Index
from cavi.derive.result import ElboTerm
from cavi.derive.term import (
    ZERO,
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
from cavi.templates.numpy.features import Features
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
        moment: what the expectation that others read is, per probability: nothing, or data of the row.
        entropy: the term of the bound, or the part of one.
    """

    update: Update
    row: Index
    group: Index
    tables: tuple[Table, ...]
    features: Features | None
    weight: Powers
    moment: Powers
    entropy: ElboTerm

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
        named = powers_sorted((*substitute_row(weight, row, self.row), *self.moment))
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
    found, rows = {}, row_sizes(derived)
    own = {i.size for u in derived.updates if u.factor.name in local_factors(derived) for i in u.factor.plates}
    for u in derived.updates:
        term = entropy_of(derived, u)
        plan = None if term is None else _tables(u, term, rows, plans.get(u.factor.latents[0]), own)
        if plan is not None:
            found[plan.latent] = plan
    return found


def entropy_of(derived: Derived, update: Update) -> ElboTerm | None:
    """The entropy of a category in the bound: a term, or the part of one that it was merged into.

    Entropy and energy of counts are merged where E[log s!] cancels between them; Σ w p log p stays what it was.
    """
    name = update.factor.name
    found = next((t for t in derived.elbo.closed_terms if t.kind == "entropy" and t.name == name), None)
    if found is not None or not _softmax(update):
        return found
    for t in derived.elbo.closed_terms:
        for m in t.value.monomials:
            if any(isinstance(a, Function) and a.name == "xlogx" for a in m.atoms):
                part = ElboTerm(name, "entropy", Polynomial((m,)), ZERO)
                if entropy_weight(part, name, update.formulas[0].indices[0]) is not None:
                    return part
    return None


def parted(derived: Derived, plans: Mapping[str, Tables]) -> tuple[tuple[ElboTerm, tuple[ElboTerm, ...]], ...]:
    """The closed terms of the bound, each with the parts that it is written in: entropies of passes stand alone."""
    found = []
    for t in derived.elbo.closed_terms:
        inside = [p.entropy for p in plans.values() if p.entropy.kind != t.kind and _within(p.entropy, t)]
        taken = {m for p in inside for m in p.value.monomials}
        rest = tuple(m for m in t.value.monomials if m not in taken)
        found.append((t, (t,) if not inside else (replace(t, value=Polynomial(rest)), *inside)))
    return tuple(found)


def _within(part: ElboTerm, term: ElboTerm) -> bool:
    return set(part.value.monomials) <= set(term.value.monomials)


def _tables(
    update: Update, entropy: ElboTerm, rows: frozenset[str], plan: Features | None, own: set[str]
) -> Tables | None:
    if not _softmax(update) or len(update.factor.latents) != 1 or update.factor.sequential:
        return None
    logits = update.formulas[0]
    if len(logits.indices) != 2 or not isinstance(logits.value, Polynomial):
        return None
    row, group = logits.indices
    if row.size not in rows or group.size in rows or (plan is not None and plan.reads):
        return None
    if any(isinstance(a, Moment) and a.factor == update.factor.name for a in logits.value.atoms()):
        return None
    weight = entropy_weight(entropy, update.factor.latents[0], row)
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
    if weight is None or not found or (plan is not None and weight):
        return None
    parts = sorted(found.values(), key=lambda t: t.gather.size in own)  # what rows are grouped by comes last
    if plain:  # the same for every row: a part of any table
        parts[0] = Table(parts[0].gather, parts[0].place, add(parts[0].value, plain))
    moment = _moment_weight(update, row, group)
    return None if moment is None else Tables(update, row, group, tuple(parts), plan, weight, moment, entropy)


def _softmax(update: Update) -> bool:
    """Whether a factor is the softmax of its logits; what others read of it is left to `_moment_weight`."""
    return [f.name for f in update.formulas] == ["logits", "probs"]


def _moment_weight(update: Update, row: Index, group: Index) -> Powers | None:
    """w, where the one expectation that others read is w[n] p[n,k], w of data of the row."""
    specs = [s for s in update.moment_specs if s.value is not None]
    if len(specs) != 1 or specs[0].value is None or len(specs[0].value.monomials) != 1:
        return None
    (m,) = specs[0].value.monomials
    probs = Parameter(update.factor.latents[0], "probs", specs[0].indices)
    weight = tuple((a, e) for a, e in m.powers if a != probs)
    if m.coefficient != 1 or m.bound or dict(m.powers).get(probs) != 1 or len(specs[0].indices) != 2:
        return None
    here = specs[0].indices[0]
    return powers_sorted(substitute_row(weight, here, row)) if _of_row(weight, here) else None


def _at(m: Monomial, gather: Gather, place: Index) -> Monomial:
    powers = tuple((map_subs(a, lambda s: place if s == gather else s), e) for a, e in m.powers)
    return Monomial(m.coefficient, powers, m.bound)


def entropy_weight(term: ElboTerm, latent: str, row: Index) -> Powers | None:
    """w, where the entropy is -Σ_nk w[n] p[n,k] log p[n,k] and w is data of the row; None where it is another."""
    if not isinstance(term.value, Polynomial) or len(term.value.monomials) != 1:
        return None
    (m,) = term.value.monomials
    mine = [a for a, e in m.powers if isinstance(a, Function) and a.name == "xlogx" and e == 1]
    if m.coefficient != -1 or len(mine) != 1 or len(mine[0].args) != 1 or len(mine[0].args[0].monomials) != 1:
        return None
    inner = mine[0].args[0].monomials[0]
    match inner.powers:
        case ((Parameter(name="probs", latent=name, subs=(Index() as n, Index() as k)), 1),) if name == latent:
            weight = tuple((a, e) for a, e in m.powers if a != mine[0])
            if inner.coefficient == 1 and set(m.bound) == {n, k} and n.size == row.size and _of_row(weight, n):
                return powers_sorted(substitute_row(weight, n, row))
    return None


def powers_sorted(powers: Powers) -> Powers:
    """A product of data in one order, so that equal weights are equal."""
    return tuple(sorted(powers, key=lambda pe: atom_key(pe[0])))


def _of_row(powers: Powers, row: Index) -> bool:
    """Whether a product is of data of the row, one number each."""
    return all(isinstance(a, Element | Indicator) and _plain_subs(a) == (row,) for a, _ in powers)


def _plain_subs(a: Element | Indicator) -> tuple[object, ...]:
    return a.subs if isinstance(a, Element) else ()


def substitute_row(powers: Powers, row: Index, name: Index) -> Powers:
    """The same product with its row called otherwise."""
    return tuple((map_subs(a, lambda s: name if s == row else s), Fraction(e)) for a, e in powers)
