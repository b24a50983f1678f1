"""Normal vectors whose precision is a diagonal and a sum of outer products of rows: with fewer rows than elements.

q(w) of a regression has the precision A + Σ_n s[n] x[n] x[n]ᵀ, D x D. With N < D rows its covariance is A⁻¹ less a
product of N rows (Woodbury), and what the others read of it, E[w], E[w[d]²] and E[(x[n]·w)²] of rows or in the sum
with s, needs no matrix of D x D numbers. Which form is used is decided when a module runs, by the sizes of its data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cavi.derive import Derived, Update
from cavi.derive.canonical import substitute
from cavi.derive.index import Index
from cavi.derive.result import Formula
from cavi.derive.term import Atom, Delta, Element, Moment, Monomial, Parameter, Polynomial, atom_indices
from cavi.templates.numpy.statistics import Statistic, row_sizes, take_apart

FORMULAS = "linear precision covariance logdet_precision mean".split()


@dataclass(frozen=True)
class Dual:
    """A factor of vectors that has a form with as many rows as the data.

    Attributes:
        update: the update of its factor.
        row, element: the index over rows of the data, and that over elements of the vector.
        data: the name of the rows.
        gram: the sum of outer products of rows that its precision reads, with the weights that depend on the row.
        mean, second, square: the keys of E[w[d]], E[w[d] w[d']] and E[w[d]²]; the last is empty where there is none.
    """

    update: Update
    row: Index
    element: Index
    data: str
    gram: Statistic
    mean: str
    second: str
    square: str

    @property
    def latent(self) -> str:
        """The vector."""
        return self.update.factor.latents[0]

    def weights(self) -> Polynomial:
        """What multiplies the outer products in the precision, over rows."""
        (m,) = (m for m in _precision(self.update.formulas).monomials if not _diagonal(m))
        rest = tuple((a, e) for a, e in m.powers if not _is_row(a, self.data))
        return Polynomial((Monomial(m.coefficient, rest, tuple(i for i in m.bound if i != self.row_of(m))),))

    def row_of(self, m: Monomial) -> Index:
        """The index over rows in a monomial with an outer product."""
        row = next(a.subs[0] for a in m.atoms if isinstance(a, Element) and a.name == self.data)
        assert isinstance(row, Index)
        return row

    def diagonal(self, formulas: Sequence[Formula]) -> Polynomial:
        """The diagonal part of the precision, over elements."""
        d, other = next(f for f in formulas if f.name == "precision").indices
        parts = [m for m in _precision(formulas).monomials if _diagonal(m)]
        left = tuple(
            Monomial(m.coefficient, tuple((a, e) for a, e in m.powers if not isinstance(a, Delta)), m.bound)
            for m in parts
        )
        return substitute(Polynomial(left), {other: d})


def duals(derived: Derived, chosen: Mapping[Statistic, str]) -> dict[str, Dual]:
    """Latent -> its plan, for vectors whose products the others read in sums over the rows of the precision alone."""
    found = (_dual(u, derived, chosen) for u in derived.updates)
    return {d.latent: d for d in found if d is not None}


def _precision(formulas: Sequence[Formula]) -> Polynomial:
    value = next(f.value for f in formulas if f.name == "precision")
    assert isinstance(value, Polynomial)
    return value


def _diagonal(m: Monomial) -> bool:
    return any(isinstance(a, Delta) for a in m.atoms)


def _is_row(a: Atom, data: str) -> bool:
    return isinstance(a, Element) and a.name == data


def _dual(update: Update, derived: Derived, chosen: Mapping[Statistic, str]) -> Dual | None:
    names = [f.name for f in update.formulas]
    if names != FORMULAS or len(update.factor.latents) != 1 or update.factor.sequential:
        return None
    linear, precision = update.formulas[:2]
    if len(linear.indices) != 1 or any(f.along is not None for f in update.formulas):
        return None
    value, pair = _precision(update.formulas), precision.indices
    outer = [m for m in value.monomials if not _diagonal(m)]
    plain = [m for m in value.monomials if _diagonal(m)]
    if len(outer) != 1 or not plain or not all(_is_diagonal(m, pair) for m in plain):
        return None
    if update.initial and not _starts_diagonal(update):
        return None
    rows, latents = row_sizes(derived), {u.factor.name: u.factor.latents for u in derived.updates}
    place = _outer(outer[0], pair, rows)
    keys = _keys(update)
    if place is None or keys is None or place[0] not in outer[0].bound:
        return None
    taken = take_apart(outer[0], rows, latents)
    if taken is None or len(taken.statistics) != 1 or taken.statistics[0][0] not in chosen:
        return None
    gram = taken.statistics[0][0]
    plan = Dual(update, place[0], linear.indices[0], place[1], gram, *keys)
    return plan if _only_in_sums(plan, derived, rows, latents) else None


def _starts_diagonal(update: Update) -> bool:
    """Whether a start has a diagonal precision."""
    if [f.name for f in update.initial] != FORMULAS:
        return False
    return all(_is_diagonal(m, update.initial[1].indices) for m in _precision(update.initial).monomials)


def _is_diagonal(m: Monomial, pair: tuple[Index, ...]) -> bool:
    """Whether a monomial is δ[d, d'] times what depends on one of them at most."""
    deltas = [a for a, e in m.powers if isinstance(a, Delta) and {a.left, a.right} == set(pair) and e == 1]
    rest = {i for a in m.atoms if not isinstance(a, Delta) for i in atom_indices(a)}
    return len(deltas) == 1 and sum(isinstance(a, Delta) for a in m.atoms) == 1 and pair[1] not in rest


def _outer(m: Monomial, pair: Sequence[object], rows: frozenset[str]) -> tuple[Index, str] | None:
    """The row and the data of X[n, d] X[n, d'] …, where nothing else has d or d'; None where a term is another."""
    here = [(a, e) for a, e in m.powers if {*pair} & set(atom_indices(a))]
    match here:
        case [(Element(name, (Index() as n, d)), 1), (Element(other, (k, e)), 1)]:
            if name == other and n == k and n.size in rows and {d, e} == {*pair} and n not in pair:
                return n, name
    return None


def _keys(update: Update) -> tuple[str, str, str] | None:
    """The keys of the mean, the products and the squares; None where there are other moments."""
    found: dict[str, str] = {}
    for s in update.moment_specs:
        names = {a.name for a in s.value.atoms() if isinstance(a, Parameter)} if s.value is not None else set()
        kind = {(1, 1): "mean", (2, 2): "second", (1, 2): "square"}.get((len(s.indices), len(names)))
        if kind is None or kind in found or not names <= {"mean", "covariance"}:
            return None
        found[kind] = s.key
    return (found["mean"], found["second"], found.get("square", "")) if {"mean", "second"} <= set(found) else None


def _only_in_sums(plan: Dual, derived: Derived, rows: frozenset[str], latents: dict[str, tuple[str, ...]]) -> bool:
    """Whether products are read of rows of the data alone, in sums over them through the sum of outer products."""
    for m, own in _monomials(plan, derived):
        seconds = [a for a in m.atoms if isinstance(a, Moment) and (a.factor, a.key) == (plan.latent, plan.second)]
        taken = take_apart(m, rows, latents)
        statistics = [s for s, _ in taken.statistics] if taken is not None else []
        if seconds:
            pair = seconds[0].subs
            rest = Monomial(m.coefficient, tuple((a, e) for a, e in m.powers if a != seconds[0]), m.bound)
            inside = len(seconds) == 1 and set(pair) <= set(m.bound) and len(set(pair)) == 2
            place = _outer(rest, pair, rows)
            if not inside or place is None or place[1] != plan.data:
                return False
            if place[0] in m.bound and plan.gram not in statistics:
                return False
        elif plan.gram in statistics and not own:
            return False
        if any(isinstance(a, Parameter) and a.latent == plan.latent and a.name in ("precision", "covariance")
               for a in m.atoms):  # fmt: skip
            return False
    return True


def _monomials(plan: Dual, derived: Derived) -> Iterator[tuple[Monomial, bool]]:
    """All that a module computes but the parameters and moments of the factor itself; whether it is its precision."""
    for u in derived.updates:
        mine = u is plan.update
        for f in (*u.formulas, *u.initial, *u.from_marginals):
            if isinstance(f.value, Polynomial) and not (mine and f.name not in ("linear", "precision")):
                yield from ((m, mine and f.name == "precision") for m in f.value.monomials)
        for s in () if mine else u.moment_specs:
            yield from ((m, False) for m in (s.value.monomials if s.value is not None else ()))
    for t in derived.elbo.closed_terms:
        yield from ((m, False) for m in t.value.monomials)
