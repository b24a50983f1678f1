"""Sums over the rows of the data that are worth a function of their own: sufficient statistics.

A monomial Σ_n x[n,d] x[n,e] E[z[n]=k] E[Λ[k,d,e]] is taken apart: what runs over rows is contracted first, to
S[d,e,k] = Σ_n x[n,d] x[n,e] E[z[n]=k], and the rest is a contraction of small arrays. Written in one canonical way S is
the same in every update and in the bound, so that it is computed once for the present q(z); a sum of data alone is
computed once in a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from cavi.derive import Derived
from cavi.derive.canonical import fresh_index, map_subs, monomial_key, normalise, orders_of, substitute_atom
from cavi.derive.index import Gather, Index, Sub, indices_of
from cavi.derive.term import (
    Atom,
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    arguments,
    atom_indices,
)
from cavi.derive.text import show

ONE = Fraction(1)


@dataclass(frozen=True)
class Statistic:
    """A sum over rows, free of everything else.

    Attributes:
        monomial: the sum, its free indices named canonically.
        axes: these indices.
        reads: the latents on whose factors it depends; none where it is of data alone.
    """

    monomial: Monomial
    axes: tuple[Index, ...]
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Marks:
    """A sparse matrix of data: what occurs together, at lines and columns that are observed integers or run themselves.

    Attributes:
        lines, columns: the subscripts of both, over indices called by their sizes.
        weight: data that count instead of one.
    """

    lines: tuple[Sub, ...]
    columns: tuple[Sub, ...]
    weight: Powers


@dataclass(frozen=True)
class Taken:
    """A monomial taken apart: the statistics with the subscripts at which they stand, and what is left."""

    statistics: tuple[tuple[Statistic, tuple[Sub, ...]], ...]
    rest: Monomial


def row_sizes(derived: Derived) -> frozenset[str]:
    """The sizes that may be large: first axes of what was observed."""
    known = derived.model.with_role("observed", "covariate", "observed_index")
    return frozenset(v.plates[0].size for v in known if v.plates and not v.plates[0].size.isdigit())


@dataclass
class Planner:
    """Which statistics a module has: those of data alone, and those that several of its functions need.

    In a first pass over all functions `uses` is filled; `choose` then names the statistics that are worth it.
    """

    derived: Derived
    names: dict[object, str]
    uses: dict[Statistic, set[str]] = field(default_factory=dict)
    chosen: dict[Statistic, str] = field(default_factory=dict)
    choosing: bool = True
    scattered: dict[str, tuple[Delta, ...]] = field(default_factory=dict)
    marked: dict[Marks, str] = field(default_factory=dict)
    sparse: bool = True
    traced: dict[str, str] = field(default_factory=dict)  # products of a vector -> the sum they are contracted with

    def __post_init__(self) -> None:
        self.rows = row_sizes(self.derived)
        self.latents = {u.factor.name: u.factor.latents for u in self.derived.updates}

    def choose(self, taken: Iterable[str], always: Iterable[str] = ()) -> None:
        """End the first pass; what reads some latents is always chosen."""
        self.choosing = False
        names = set(taken)
        for statistic, functions in self.uses.items():
            summed = bool(statistic.monomial.bound)
            if not statistic.reads or len(functions) > 1 or (summed and set(always) & set(statistic.reads)):
                name = name_of(statistic, self.names, self.derived)
                while name in names:
                    name += "_"
                names.add(name)
                self.chosen[statistic] = name

    def called(self, statistic: Statistic) -> str:
        """The function that a statistic is."""
        return self.chosen[statistic]

    def segments(self, deltas: tuple[Delta, ...]) -> str:
        """The function that tells which rows share observed integers."""
        name = "segments_" + "_".join(self.names[d.right.name] for d in deltas if isinstance(d.right, Gather))
        self.scattered[name] = deltas
        return name

    def marks(self, marks: Marks) -> str:
        """The function that makes a sparse matrix of data."""
        if marks not in self.marked:
            words = [self.names[s.name] for s in (*marks.lines, *marks.columns) if isinstance(s, Gather)]
            name = "_".join(["marks", *words, *(w for a, e in marks.weight for w in _words(a, e, self.names))])
            while name in self.marked.values():
                name += "_"
            self.marked[marks] = name
        return self.marked[marks]

    def clear(self) -> None:
        """Forget the matrices that functions have asked for: they are written once more."""
        self.scattered.clear()
        self.marked.clear()

    def shared(self, a: Function, function: str) -> tuple[str, tuple[Sub, ...]] | None:
        """A function of a whole parameter that several functions of the module need, and its subscripts."""
        match a:
            case Function("digamma" | "log" | "lgamma", (p,)) if len(p.monomials) == 1:
                m = p.monomials[0]
            case _:
                return None
        match m.powers:
            case ((Parameter() as parameter, 1),) if m.coefficient == 1 and not local_to(function, parameter):
                if not parameter.subs or not all(isinstance(s, Index) for s in parameter.subs):
                    return None
            case _:
                return None
        statistic, here = _statistic([(a, ONE)], set(), self.latents)
        if self.choosing:
            self.uses.setdefault(statistic, set()).add(function)
        name = self.chosen.get(statistic)
        return None if name is None else (name, here)

    def split(self, m: Monomial, function: str, own: str | None) -> Taken | None:
        """A monomial taken apart, if its statistics have been chosen; `own` is a factor that changes meanwhile."""
        taken = take_apart(m, self.rows, self.latents)
        if taken is None or any(own is not None and own in s.reads for s, _ in taken.statistics):
            return None
        if any(local_to(function, a) for s, _ in taken.statistics for a in _all_atoms(s.monomial.powers)):
            return None
        for s, _ in taken.statistics:
            if self.choosing:
                self.uses.setdefault(s, set()).add(function)
            elif s not in self.chosen:
                return None
        return None if self.choosing else taken


def local_to(function: str, a: Atom) -> bool:
    """Whether a parameter is a local variable of the function that is being written, not yet in the state."""
    kind, _, factor = function.partition(" ")
    return isinstance(a, Parameter) and kind not in ("elbo", "moments") and a.latent in factor.split(",")


def take_apart(m: Monomial, rows: frozenset[str], latents: dict[str, tuple[str, ...]]) -> Taken | None:
    """The sums over rows in a monomial, or None where they would themselves have an axis over rows."""
    lifted = _lifted(m, rows, latents)
    for candidate in (lifted, m) if lifted is not None else (m,):
        found = sums_over_rows(candidate, rows, latents, groups_of(candidate))
        if found is not None:
            return found
    return None


def groups_of(m: Monomial) -> frozenset[Sub]:
    """What stands left in δ[d, doc[n]]: it runs over groups of rows, even where these have data of their own."""
    return frozenset(a.left for a in m.atoms if isinstance(a, Delta) and isinstance(a.right, Gather))


def sums_over_rows(
    m: Monomial, rows: frozenset[str], latents: dict[str, tuple[str, ...]], groups: frozenset[Sub] = frozenset()
) -> Taken | None:
    """As `take_apart`, of the monomial as it stands; `groups` are not counted as rows."""
    running = {i for i in m.bound if i.size in rows and i not in groups}
    over = [(a, e) for a, e in m.powers if running & set(atom_indices(a))]
    rest = [(a, e) for a, e in m.powers if not running & set(atom_indices(a))]
    if not over:
        return None
    outside = {i for a, _ in rest for i in atom_indices(a)}
    inside = {i for a, _ in over for i in atom_indices(a)}
    summed = running | {i for i in inside if i in m.bound and i not in outside}
    if any(i.size in rows for i in inside - summed - groups):
        return None
    left = tuple(i for i in m.bound if i not in summed)
    return Taken(tuple(statistics_of(over, summed, latents)), Monomial(m.coefficient, tuple(rest), left))


def statistics_of(
    over: list[tuple[Atom, Fraction]], summed: set[Index], latents: dict[str, tuple[str, ...]]
) -> Iterator[tuple[Statistic, tuple[Sub, ...]]]:
    """A product under a sum as canonical statistics, one for what hangs together, each with its subscripts here."""
    return (_statistic(group, summed, latents) for group in _connected(over, summed))


def _lifted(m: Monomial, rows: frozenset[str], latents: dict[str, tuple[str, ...]]) -> Monomial | None:
    """E[theta[doc[n]]] … summed over n as Σ_d E[theta[d]] Σ_n δ[d, doc[n]] …: the sum by segments comes first.

    Of moments at several observed integers that of the factor that is updated last is lifted: the sum is then of what
    has been updated before, and the update of that factor has made it.
    """
    running = {i for i in m.bound if i.size in rows}
    gathers: set[Gather] = set()
    movable: list[tuple[Moment, Fraction]] = []
    for a, e in m.powers:
        if not running & set(atom_indices(a)):
            continue
        found = set(gathers_of(a))
        gathers |= found
        direct = running & {i for s in _subs(a) if not isinstance(s, Gather) for i in indices_of(s)}
        if isinstance(a, Moment) and found and not direct:
            movable.append((a, e))
    if not movable:
        return None
    if len(gathers) > 1:
        order = list(latents)
        last = max((a for a, _ in movable), key=lambda a: (order.index(a.factor), repr(a)))
        gathers = set(gathers_of(last))
        movable = [(a, e) for a, e in movable if set(gathers_of(a)) == gathers]
        others = [a for a, e in m.powers if (a, e) not in movable and running & set(atom_indices(a))]
        if sum(isinstance(a, Moment) for a in others) != 1 or any(isinstance(a, Delta) for a in others):
            return None  # data alone, or a product of moments that would have the axes of all
        if len(gathers) > 1:
            return None  # a sum at every pair of groups
    places = {g: fresh_index(g.size) for g in sorted(gathers, key=repr)}
    at: dict[Sub, Sub] = {g: i for g, i in places.items()}
    moved = [(map_subs(a, lambda s: at.get(s, s)), e) for a, e in movable]
    kept = [(a, e) for a, e in m.powers if (a, e) not in movable]
    deltas = [(Delta(place, g), ONE) for g, place in places.items()]
    return Monomial(m.coefficient, (*kept, *moved, *deltas), (*m.bound, *places.values()))


def _subs(a: Atom) -> tuple[Sub, ...]:
    match a:
        case Element() | Moment() | Parameter():
            return a.subs
        case Indicator():
            return (*a.subs, a.value)
        case Delta():
            return (a.left, a.right)
    return ()


def gathers_of(a: Atom) -> Iterator[Gather]:
    """The observed integers that are subscripts in an atom."""
    for s in _subs(a):
        if isinstance(s, Gather):
            yield s
    for p in arguments(a):
        for inner in p.atoms():
            yield from gathers_of(inner)


def _connected(over: list[tuple[Atom, Fraction]], summed: set[Index]) -> list[list[tuple[Atom, Fraction]]]:
    """Factors in groups that share no summed index: Σ_ij a_i b_j = (Σ a)(Σ b)."""
    groups: list[list[tuple[Atom, Fraction]]] = []
    for one in over:
        mine = summed & set(atom_indices(one[0]))
        near = [g for g in groups if any(mine & set(atom_indices(a)) for a, _ in g)]
        groups = [g for g in groups if g not in near] + [[*(x for g in near for x in g), one]]
    return groups


def _statistic(
    group: list[tuple[Atom, Fraction]], summed: set[Index], latents: dict[str, tuple[str, ...]]
) -> tuple[Statistic, tuple[Sub, ...]]:
    """The canonical statistic and the subscripts of its axes here: the least over namings of the free indices."""
    m, here = canonical_group(group, summed)
    axes = tuple(Index(f"?{p}", i.size) for p, i in enumerate(here))
    reads = {n for a in _all_atoms(m.powers) for n in _read(a, latents)}
    return Statistic(m, axes, tuple(sorted(reads))), here


def canonical_group(
    group: Iterable[tuple[Atom, Fraction]], summed: set[Index], row: Index | None = None
) -> tuple[Monomial, tuple[Index, ...]]:
    """The product with its free indices called ?0, ?1, … in the way that gives the least key; and which these were.

    `row` is one more free index, which is called `row`.
    """
    group = list(group)
    here = tuple(dict.fromkeys(i for a, _ in group for i in atom_indices(a)))
    free = [i for i in here if i not in summed and i != row]
    sizes = sorted({i.size for i in free})
    best: tuple[str, Monomial, tuple[Index, ...]] | None = None
    whole = normalise(ONE, group, ())
    assert whole is not None
    alike = [orders_of([i for i in free if i.size == s], dict(whole.powers), set(here)) for s in sizes]
    for choice in product(*alike):
        ordered = tuple(i for part in choice for i in part)
        mapping: dict[Index, Sub] = {i: Index(f"?{p}", i.size) for p, i in enumerate(ordered)}
        if row is not None:
            mapping[row] = Index("row", row.size)
        m = normalise(ONE, [(substitute_atom(a, mapping), e) for a, e in group], [i for i in here if i in summed])
        assert m is not None
        if best is None or monomial_key(m) < best[0]:
            best = monomial_key(m), m, ordered
    assert best is not None
    return best[1], best[2]


def _all_atoms(powers: Powers) -> Iterator[Atom]:
    return Polynomial((Monomial(ONE, powers),)).atoms()


def _read(a: Atom, latents: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    match a:
        case Moment():
            return latents[a.factor]
        case Parameter():
            return (a.latent,)
    return ()


def name_of(s: Statistic, names: dict[object, str], derived: Derived) -> str:
    """``sum_n_x_x_E_z``."""
    declared = {i.size: i.name for i in reversed(derived.model.indices)}
    over = [re.sub(r"\W", "", declared.get(i.size, i.size)) for i in s.monomial.bound]
    words = [w for a, e in s.monomial.powers for w in _words(a, e, names)]
    return "_".join([*(["sum", *over] if over else []), *words])


def flops(s: Statistic) -> str:
    """The operations of a sum as a product of sizes: two for each term; a sum by segments has one term a row."""
    scattered = {a.left for a in s.monomial.atoms if isinstance(a, Delta) and isinstance(a.right, Gather)}
    return "·".join(["2", *(i.size for i in (*s.monomial.bound, *s.axes) if i not in scattered)])


def statistic_text(s: Statistic, derived: Derived) -> str:
    """The formula of a statistic, its indices named as declared."""
    names: dict[Index, Sub] = {}
    for i in s.axes:
        name = next((d.name for d in derived.model.indices if d.size == i.size), i.size)
        names[i] = Index(name + "'" * sum(j.size == i.size for j in names), i.size)
    m = s.monomial
    moved = Monomial(m.coefficient, tuple((substitute_atom(a, names), e) for a, e in m.powers), m.bound)
    return show(Polynomial((moved,)), derived.model.indices)


def _words(a: Atom, e: Fraction, names: dict[object, str]) -> list[str]:
    power = {ONE: "", Fraction(2): "_sq", Fraction(-1): "_inv"}.get(e, re.sub(r"\W", "_", f"_pow_{e}"))
    match a:
        case Element() | Indicator():
            return [names[a.name] + power]
        case Moment():
            return [names[a.factor, a.key] + power]
        case Parameter():
            return [names["parameter", a.latent, a.name] + power]
        case Delta():
            return ["by_" + "_".join(names[g.name] for g in gathers_of(a))] if list(gathers_of(a)) else ["at"]
        case Function(name="normal_mean", args=(f, *_)):
            names_of = dict.fromkeys(b.name for b in f.atoms() if isinstance(b, Function))
            return ["_".join(["mean", *names_of]) + power]
        case Function():
            inner = [w for p in a.args for m in p.monomials for b, x in m.powers for w in _words(b, x, names)]
            total = ["sum"] if any(m.bound for p in a.args for m in p.monomials) else []
            return ["_".join([a.name, *total, *inner]) + power]
        case Link():
            return ["linked"]
    return [type(a).__name__.lower()]
