"""How the data of a model can be cut into shards: which sizes are cut, and which factors belong to single rows.

Cut along an index n, the data fall into shards of rows. A latent with a plate over n is a row's *own*; all others are
*shared*. An observed integer `doc[n]` that points into the set over which the data are cut (documents) brings its rows
along: a shard holds some documents and all of their words. Given the shared factors the shards are then independent,
and the shared factors depend on them through sums over rows alone: exactly the structure of local and global variables
of stochastic variational inference (Hoffman, Blei, Wang and Paisley 2013, section 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import CaviError, Derived, Update
from cavi.derive.canonical import fresh_index, map_subs
from cavi.derive.index import Gather, Index, Shift, indices_of
from cavi.derive.term import (
    Atom,
    Delta,
    Element,
    Link,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Size,
    arguments,
    atom_indices,
)
from cavi.derive.text import show
from cavi.templates.numpy.statistics import Taken, statistics_of


@dataclass(frozen=True)
class Split:
    """A way to cut the data.

    Attributes:
        index: the declared name of the index along which the data are cut, and its size.
        sizes: the sizes that are cut: that of the index first, then those of rows that point into it.
        pointers: the observed integers that bring their rows along.
        own: the factors that belong to single rows, in the order in which they are updated.
        shared: the other factors.
    """

    index: Index
    sizes: tuple[str, ...]
    pointers: tuple[str, ...]
    own: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def cut(self) -> frozenset[str]:
        """The sizes that are cut."""
        return frozenset(self.sizes)


def candidates(derived: Derived) -> tuple[Index, ...]:
    """The indices along which data might be cut, those with most latents of their own first."""
    model = derived.model
    known = model.with_role("observed", "covariate", "observed_index")
    sizes = {v.plates[0].size for v in known if v.plates}
    sizes |= {v.over.size for v in model.with_role("observed_index") if v.over is not None}
    named = {i.size: i for i in reversed(model.indices) if i.size in sizes and not i.size.isdigit()}

    def rank(index: Index) -> tuple[int, int]:
        """Most latents of their own, and of these most categories: they belong to the smallest units."""
        own = own_latents(split_along(derived, index), derived)
        return -len(own), -sum(model.variable(latent).over is not None for latent in own)

    return tuple(sorted(named.values(), key=rank))


def split_along(derived: Derived, index: Index) -> Split:
    """Cut along an index; whether the formulas allow it is for `check_own` and the writer to say."""
    sizes, pointers = [index.size], list[str]()
    pointing = derived.model.with_role("observed_index")
    for size in sizes:
        for v in pointing:
            if v.over is not None and v.over.size == size and len(v.plates) == 1 and v.name not in pointers:
                pointers.append(v.name)
                if v.plates[0].size not in sizes:
                    sizes.append(v.plates[0].size)
    own = tuple(u.factor.name for u in derived.updates if any(i.size in sizes for i in _axes(u, derived)))
    shared = tuple(u.factor.name for u in derived.updates if u.factor.name not in own)
    return Split(index, tuple(sizes), tuple(pointers), own, shared)


def _axes(update: Update, derived: Derived) -> Iterator[Index]:
    for latent in update.factor.latents:
        yield from derived.model.variable(latent).indices


def own_latents(split: Split, derived: Derived) -> set[str]:
    """The latents that belong to single rows."""
    return {latent for name in split.own for latent in derived.update(name).factor.latents}


def sequences(derived: Derived) -> dict[str, str]:
    """Sizes along which sequences lie end to end -> the data that mark where each starts: there they can be cut."""
    found: dict[str, set[str | None]] = {}
    for v in derived.model.variables:
        if v.chain is not None:
            marks = {r.name for r in v.chain.starts.refs()} if v.chain.starts is not None else {None}
            found.setdefault(v.chain.index.size, set()).update(marks)
    return {size: mark for size, marks in found.items() for mark in marks if len(marks) == 1 and mark is not None}


def check_data(split: Split, derived: Derived) -> None:
    """Refuse data with two axes that are cut, and rows that point to two elements of what is cut: no shard has them."""
    for v in derived.model.with_role("observed", "covariate", "observed_index"):
        found = [i.size for i in v.indices if i.size in split.sizes]
        if len(found) > 1:
            raise refuse(split, f"{v.name} has the axes {', '.join(found)}, which would both be cut")
    rows = [derived.model.variable(p).plates[0].size for p in split.pointers]
    torn = sorted(set(sequences(derived)) & set(rows))
    if torn:
        raise refuse(split, f"elements of one sequence along {' and '.join(torn)} may point into different shards")
    doubled = {size for size in rows if rows.count(size) > 1 or size == split.index.size}
    twice = [p for p, size in zip(split.pointers, rows, strict=True) if size in doubled]
    if twice:
        raise refuse(split, f"{' and '.join(twice)} may point into different shards")


def check_own(split: Split, derived: Derived) -> None:
    """Refuse a split under which a row's own factor depends on rows of other shards.

    Raises:
        CaviError: naming the factor and the term.
    """
    for update in derived.updates:
        if update.way_back:
            raise refuse(
                split,
                f"q({update.factor.name}) was chosen by {update.chosen} for a block or a chain, which is kept whole",
            )
    sequence, own = set(sequences(derived)), own_latents(split, derived)
    near = split.cut - sequence  # what stands before the start of a sequence is not read
    for name in split.own:
        update = derived.update(name)
        plates = {i.size for i in update.factor.plates} | {
            f.along[0].size for f in update.formulas if f.along is not None and f.along[0].size in sequence
        }
        if not plates & split.cut or any(i.size in split.cut for i in update.factor.sequential):
            raise refuse(split, f"q({name}) is not a product over {split.index.name}")
        for f in update.formulas:
            if f.along is None and isinstance(f.value, Polynomial):
                for m in f.value.monomials:
                    if not _stays(m, split, own, near):
                        text = show(Polynomial((m,)), derived.model.indices)
                        raise refuse(split, f"q({name}) depends on other rows through {text}")


def _stays(m: Monomial, split: Split, own: set[str], near: frozenset[str]) -> bool:
    """Whether a term of a row's own factor reads nothing of rows of another shard.

    A sum over rows may stand there only under δ[d, doc[n]], which leaves those rows that point to this one.
    """
    for a in Polynomial((m,)).atoms():
        subs = a.subs if isinstance(a, Moment | Parameter | Element) else ()
        mine = a.factor in split.own if isinstance(a, Moment) else isinstance(a, Parameter) and a.latent in own
        if any(isinstance(s, Shift) and s.size in near for s in subs):
            return False
        if (isinstance(a, Link) and a.sub.size in near) or (isinstance(a, Size) and a.name in split.cut):
            return False
        if mine and any(isinstance(s, Gather) and s.size in split.cut and s.name not in split.pointers for s in subs):
            return False
    linked = _brought(m, split)
    running = {i for i in m.bound if i.size in split.cut}
    beside = {i for a in m.atoms if linked & set(atom_indices(a)) for i in atom_indices(a)}
    return running <= linked | beside


def _brought(m: Monomial, split: Split) -> set[Index]:
    """The rows of a sum that point to one element which is not summed: δ[d, doc[n]] leaves those n of its shard."""
    return {
        i
        for a in m.atoms
        if isinstance(a, Delta) and isinstance(a.right, Gather) and a.right.name in split.pointers
        for i in indices_of(a.right)
        if isinstance(a.left, Index) and a.left not in m.bound
    }


def is_additive(m: Monomial, split: Split) -> bool:
    """Whether a sum over rows that are cut is not inside a function of it: log Σ_n x[n] is not a sum over shards.

    Under δ[d, doc[n]] a sum runs over rows of one element that is cut, all of which are in its shard.
    """
    for p in (p for a in m.atoms for p in arguments(a)):
        for inner in p.monomials:
            if {i for i in inner.bound if i.size in split.cut} - _brought(inner, split) or not is_additive(
                inner, split
            ):
                return False
    return True


def lifted(m: Monomial, split: Split) -> Monomial:
    """E[β[k, w[n]]] of a shared factor under a sum over rows as Σ_v E[β[k, v]] δ[v, w[n]]: then the rows come first."""
    running = {i for i in m.bound if i.size in split.cut}
    places: dict[Gather, Index] = {}

    def moved(a: Atom) -> Atom:
        if not isinstance(a, Moment) or a.factor not in split.shared:
            return a
        for s in a.subs:
            if isinstance(s, Gather) and running & set(indices_of(s)):
                places.setdefault(s, fresh_index(s.size))
        return map_subs(a, lambda s: places.get(s, s) if isinstance(s, Gather) else s)

    powers = tuple((moved(a), e) for a, e in m.powers)
    deltas = tuple((Delta(place, gather), Fraction(1)) for gather, place in places.items())
    return Monomial(m.coefficient, (*powers, *deltas), (*m.bound, *places.values()))


def pulled(m: Monomial, split: Split, latents: dict[str, tuple[str, ...]]) -> Taken | None:
    """A monomial with all that is contracted with the rows inside the sum over them, whatever factors it is of.

    Σ_nd x[n,d] x[n,e] f[n] E[w[d]] is then one vector and no matrix. None where nothing runs over rows.
    """
    near = {i for i in m.bound if i.size in split.cut}
    if not near:
        return None
    while True:
        beside = [set(atom_indices(a)) for a in m.atoms if near & set(atom_indices(a))]
        wider = near.union(*(found & set(m.bound) for found in beside))
        if wider == near:
            break
        near = wider
    over = [(a, e) for a, e in m.powers if near & set(atom_indices(a))]
    rest = tuple((a, e) for a, e in m.powers if not near & set(atom_indices(a)))
    left = tuple(i for i in m.bound if i not in near)
    return Taken(tuple(statistics_of(over, near, latents)), Monomial(m.coefficient, rest, left))


def refuse(split: Split, reason: str) -> CaviError:
    """The error that says why the data cannot be cut."""
    return CaviError(
        f"the data cannot be cut along {split.index.name} (1…{split.index.size}): {reason}; expected factors that are "
        "products over rows, and shared factors that depend on rows through sums; cut along another index, or use "
        "the plain NumPy module"
    )
