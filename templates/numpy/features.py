"""A local update over the rows of the data as one matrix product: logits = T(x) @ η.T.

The logits of q(z[n]) are Σ_m T_m(x[n]) η_m[k]: each monomial is a product of what runs over rows, a feature, and what
does not, a natural parameter. Monomials with the same feature share a column of T. The sums that the other factors
need, Σ_n E[z[n]=k] T_m(x[n]), are then one more product, R.T @ T: no array has rows, groups and dimensions at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import Derived, Update
from cavi.derive.canonical import add, substitute_atom
from cavi.derive.index import Index, Literal, Sub, indices_of
from cavi.derive.result import Formula
from cavi.derive.term import (
    ZERO,
    Atom,
    Delta,
    Element,
    Function,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    arguments,
    atom_indices,
)
from cavi.derive.text import show
from cavi.templates.numpy.statistics import Statistic, canonical_group, row_sizes

Pair = tuple[Atom, Fraction]


@dataclass(frozen=True)
class Column:
    """A feature, or a group of them: what runs over rows, at every value of its other indices.

    Attributes:
        monomial: the product; the index of the rows and `axes` are free in it.
        axes: its other indices.
        pair: the factor A where it is A[n,d] A[n,e], of which only d <= e is kept.
    """

    monomial: Monomial
    axes: tuple[Index, ...]
    pair: Pair | None = None


@dataclass(frozen=True)
class Features:
    """The logits of a factor as a product of features and natural parameters.

    Attributes:
        update: the update of the factor.
        row: the index over rows.
        group: the index over categories.
        columns: the features, in order.
        weights: what multiplies each of them, over the group and the axes of the column.
        rest: the terms of the logits that are not of this form.
        reads: the latents that stand in features.
    """

    update: Update
    row: Index
    group: Index
    columns: tuple[Column, ...]
    weights: tuple[Polynomial, ...]
    rest: Polynomial
    reads: tuple[str, ...]

    @property
    def latent(self) -> str:
        """The category."""
        return self.update.factor.latents[0]

    @property
    def logits(self) -> Polynomial:
        """The formula of the logits."""
        value = next(f.value for f in self.update.formulas if f.name == "logits")
        assert isinstance(value, Polynomial)
        return value

    @property
    def whole(self) -> bool:
        """Whether q is softmax(T @ η.T) and T depends on data alone: then q need not be kept."""
        return not self.rest and not self.reads and softmax_alone(self.update)

    def column_of(self, s: Statistic) -> tuple[Column, tuple[Index, ...]] | None:
        """The column that a statistic adds up, weighted by the categories; and the axes of the sum."""
        rows = [i for i in s.monomial.bound if i.size == self.row.size]
        mine = [(a, e) for a, e in s.monomial.powers if isinstance(a, Moment) and a.factor == self.latent]
        if len(rows) != 1 or len(mine) != 1:
            return None
        (((z, power),), (row,)) = mine, rows
        if power != 1 or len(z.subs) != 2 or z.subs[0] != row or not isinstance(z.subs[1], Index):
            return None
        others = [(a, e) for a, e in s.monomial.powers if a != z]
        if z.subs[1] in s.monomial.bound or any(z.subs[1] in set(atom_indices(a)) for a, _ in others):
            return None
        inner = {i for i in s.monomial.bound if i != row}
        key, here = canonical_group(others, inner, row)
        found = next((c for c in self.columns if c.monomial == key), None)
        return None if found is None else (found, (z.subs[1], *here))


def softmax_alone(update: Update) -> bool:
    """Whether a factor is the softmax of its logits and its one moment the probabilities."""
    moments = [s.value for s in update.moment_specs]
    return (
        [f.name for f in update.formulas] == ["logits", "probs"]
        and len(moments) == 1
        and moments[0] is not None
        and [a.name for a in moments[0].atoms() if isinstance(a, Parameter)] == ["probs"]
    )


def features(derived: Derived) -> dict[str, Features]:
    """Latent -> the plan of its local update, for the categories whose logits have features."""
    found = {}
    for u in derived.updates:
        plan = _features(u, row_sizes(derived))
        if plan is not None:
            found[plan.latent] = plan
    return found


def _features(update: Update, rows: frozenset[str]) -> Features | None:
    logits = next((f for f in update.formulas if f.name == "logits" and isinstance(f.value, Polynomial)), None)
    return None if logits is None else separated(update, logits, rows)


def separated(update: Update, logits: Formula, rows: frozenset[str]) -> Features | None:
    """A parameter over rows and groups as features and what multiplies them, where some of it is."""
    if len(update.factor.latents) != 1 or len(logits.indices) != 2 or update.factor.sequential:
        return None
    row, group = logits.indices
    if row.size not in rows or group.size in rows or not isinstance(logits.value, Polynomial):
        return None
    if any(isinstance(a, Moment) and a.factor == update.factor.name for a in logits.value.atoms()):
        return None
    weights: dict[Column, Polynomial] = {}
    rest: list[Monomial] = []
    for m in logits.value.monomials:
        split = _split(m, row, group)
        if split is None:
            rest.append(m)
        else:
            column, weight = split
            weights[column] = add(weights.get(column, ZERO), weight)
    columns = tuple(sorted(weights, key=lambda c: len(c.axes)))
    if not any(c.monomial.powers for c in columns):
        return None
    reads = {n for c in columns for n in _reads(c.monomial.powers)}
    return Features(
        update, row, group, columns, tuple(weights[c] for c in columns), Polynomial(tuple(rest)), tuple(sorted(reads))
    )


def _split(m: Monomial, row: Index, group: Index) -> tuple[Column, Polynomial] | None:
    """A monomial of the logits as a feature and its weight; the weight's axes are named as the feature's."""
    over = [(a, e) for a, e in m.powers if row in set(atom_indices(a))]
    rest = [(a, e) for a, e in m.powers if row not in set(atom_indices(a))]
    if not all(_by_row(a, row) for a, _ in over) or any(group in set(atom_indices(a)) for a, _ in over):
        return None
    inside = {i for a, _ in over for i in atom_indices(a)} - {row}
    outside = {i for a, _ in rest for i in atom_indices(a)}
    inner = {i for i in inside if i in m.bound and i not in outside}
    if any(i.size == row.size for i in inside):
        return None
    key, here = canonical_group(over, inner, row)
    names = tuple(Index(f"?{p}", i.size) for p, i in enumerate(here))
    left = tuple(i for i in m.bound if i not in inside)
    mapping: dict[Index, Sub] = dict(zip(here, names, strict=True))
    weight = Monomial(m.coefficient, tuple((substitute_atom(a, mapping), e) for a, e in rest), left)
    return Column(key, names, _pair(key, names)), Polynomial((weight,))


def by_place(p: Polynomial, row: Index) -> tuple[Polynomial, dict[Literal, Polynomial]]:
    """What of logits is spread over rows; and what stands at one row alone, such as a prior of the first position."""
    rest: list[Monomial] = []
    placed: dict[Literal, Polynomial] = {}
    for m in p.monomials:
        found = [(a, s) for a, e in m.powers if e == 1 and (s := _place(a, row)) is not None]
        others = tuple((a, e) for a, e in m.powers if all(a != b for b, _ in found))
        if len(found) != 1 or any(row in set(atom_indices(a)) for a, _ in others):
            rest.append(m)
            continue
        ((_, place),) = found
        placed[place] = add(placed.get(place, ZERO), Polynomial((Monomial(m.coefficient, others, m.bound),)))
    return Polynomial(tuple(rest)), placed


def _place(a: Atom, row: Index) -> Literal | None:
    """The one row at which ``δ[row, 0]`` is not zero."""
    sides = (a.left, a.right) if isinstance(a, Delta) else ()
    return next((s for s in sides if isinstance(s, Literal) and row in sides), None)


def _by_row(a: Atom, row: Index) -> bool:
    """Whether an atom can be computed for a block of rows: they are the first axis of every array in it."""
    match a:
        case Element() | Moment():
            places = [p for p, s in enumerate(a.subs) if row in set(indices_of(s))]
            return places == [0] and a.subs[0] == row
        case Function():
            inner = (b for p in arguments(a) for m in p.monomials for b in m.atoms)
            return all(_by_row(b, row) for b in inner if row in set(atom_indices(b)))
    return False


def _pair(m: Monomial, axes: tuple[Index, ...]) -> Pair | None:
    """A, where the feature is A[n,d] A[n,e] and else depends on neither d nor e."""
    if len(axes) != 2 or axes[0].size != axes[1].size:
        return None
    mine = [[(a, e) for a, e in m.powers if i in set(atom_indices(a))] for i in axes]
    if any(len(x) != 1 for x in mine) or mine[0] == mine[1]:
        return None
    ((left, power),), ((right, other),) = mine
    return (left, power) if power == other and substitute_atom(right, {axes[1]: axes[0]}) == left else None


def column_text(c: Column, derived: Derived) -> str:
    """A feature as a person writes it: ``x[n,d]·x[n,d']``."""
    names: dict[Index, Sub] = {}
    for i in (*(i for i in c.monomial.free if i.name == "row"), *c.axes):
        name = next((d.name for d in derived.model.indices if d.size == i.size), i.size)
        names[i] = Index(name + "'" * sum(j.size == i.size for j in names), i.size)
    m = c.monomial
    moved = Monomial(m.coefficient, tuple((substitute_atom(a, names), e) for a, e in m.powers), m.bound)
    return show(Polynomial((moved,)), derived.model.indices) + (" once a pair" if c.pair is not None else "")


def _reads(powers: Powers) -> Iterator[str]:
    for a in Polynomial((Monomial(Fraction(1), powers),)).atoms():
        if isinstance(a, Moment):
            yield from a.factor.split(",")
        if isinstance(a, Parameter):
            yield a.latent
