"""Sums over components as products of vectors and matrices: ``Σ_de x_d Λ_de y_e`` is ``xᵀΛy``.

A monomial is read as a graph: its factors are the nodes, an index that two of them share under the sum is an edge.
A path is a product, ``aᵀMb``, ``Mb`` or ``M₁M₂``; a cycle is a trace. What is not of this form stays in components.
Inside a polynomial a folded part is the function ``fold`` of its components, which is the identity: its value is that
of its argument, whatever is written for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive.canonical import collect, normalise
from cavi.derive.index import Index, Sub
from cavi.derive.term import (
    Atom,
    Delta,
    Element,
    Function,
    Matrix,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    atom_indices,
)
from cavi.templates.term_order import stable_key

FOLD = "fold"

Patterns = Callable[[Moment], Polynomial | None]


@dataclass(frozen=True)
class Leaf:
    """One vector or matrix: an atom, and the indices that it is a vector or a matrix over, row first.

    `inner` is what a moment is the expectation of, folded; `identity` a Kronecker delta of two open indices.
    """

    atom: Atom
    slots: tuple[Index, ...]
    transposed: bool = False
    inner: tuple[Folded, ...] = ()


@dataclass(frozen=True)
class Folded:
    """``c · Π products`` of the open indices: scalars, then at most one vector or matrix, or a vector times a row."""

    coefficient: Fraction
    products: tuple[Product, ...]


@dataclass(frozen=True)
class Product:
    """A product of leaves from left to right; `trace` closes it. `rank` counts its open indices."""

    leaves: tuple[Leaf, ...]
    rank: int
    trace: bool = False


@dataclass(frozen=True)
class Vectors:
    """What may be folded: the sizes that vectors have, and the patterns of moments."""

    sizes: frozenset[str] = frozenset()
    pattern: Patterns = lambda moment: None

    # --- polynomials ---------------------------------------------------------------------------

    def fold(self, p: Polynomial, opened: tuple[Index, ...] = ()) -> Polynomial | None:
        """The polynomial with its sums folded; None if an open index cannot be left out in every term."""
        if not self.sizes:
            return None if opened else p
        total: list[Monomial] = []
        for m in p.monomials:
            folded = self._monomial(m, opened)
            if folded is None:
                return None
            total.append(folded)
        return Polynomial(tuple(total))

    def _monomial(self, m: Monomial, opened: tuple[Index, ...]) -> Monomial | None:
        """The monomial with each foldable part as one atom."""
        copies, rest = copies_of(m.powers)
        lengths = self._lengths(m)
        copies = [a for a in copies if a not in lengths]
        allowed = self._contracted(m, copies, rest)
        parts = _components(copies, allowed, opened)
        if parts is None:
            return None
        powers: list[tuple[Atom, Fraction]] = list(rest)
        powers += [(self._atom((a,), {i}), Fraction(1)) for a, i in lengths.items()]
        bound = set(m.bound) - set(lengths.values())
        outside: list[Atom] = []
        ends: list[tuple[Atom, ...]] = []
        for part, inside in parts:
            used = {i for a in part for i in atom_indices(a)}
            open_here = used & set(opened)
            if not inside and not open_here:
                outside += part
                continue
            if self._product(part, inside, tuple(i for i in opened if i in open_here)) is None:
                if open_here:
                    return None
                outside += part
                continue
            if open_here:
                ends.append(tuple(part))
            else:
                powers.append((self._atom(part, inside), Fraction(1)))
            bound -= inside
        if opened:
            everything = tuple(a for part in ends for a in part)
            inside = {i for a in everything for i in atom_indices(a)} & set(m.bound) - bound
            closed = {i for a in everything for i in atom_indices(a)}
            if not set(opened) <= closed or len(ends) > len(opened):
                return None
            if any(i in opened for a, _ in rest for i in atom_indices(a)):
                return None
            powers.append((self._atom(everything, inside), Fraction(1)))
        powers += [(a, Fraction(1)) for a in outside]
        merged: dict[Atom, Fraction] = {}
        for a, e in powers:
            merged[a] = merged.get(a, Fraction(0)) + e
        return Monomial(m.coefficient, tuple(merged.items()), tuple(i for i in m.bound if i in bound))

    def _lengths(self, m: Monomial) -> dict[Atom, Index]:
        """The moments of squares, ``E[x_q^2]``, summed over a vector on their own: ``E[xᵀx]``."""
        found: dict[Atom, Index] = {}
        for a, e in m.powers:
            if e != 1 or not isinstance(a, Moment) or not a.subs or not isinstance(a.subs[-1], Index):
                continue
            last = a.subs[-1]
            elsewhere = sum(i == last for b, _ in m.powers for i in atom_indices(b)) > 1
            if last in m.bound and last.size in self.sizes and not elsewhere and self.squared(a) is not None:
                found[a] = last
        return found

    def squared(self, atom: Moment) -> Polynomial | None:
        """The pattern of a moment if it is the square of one element of a vector."""
        pattern = self.pattern(atom)
        if pattern is None or len(pattern.monomials) != 1:
            return None
        (m,) = pattern.monomials
        if m.coefficient != 1 or m.bound or len(m.powers) != 1:
            return None
        ((element, exponent),) = m.powers
        whole = isinstance(element, Element) and exponent == 2 and element.subs == atom.subs
        return pattern if whole else None

    @staticmethod
    def _atom(part: Sequence[Atom], inside: set[Index]) -> Function:
        value = normalise(Fraction(1), [(a, Fraction(1)) for a in part], tuple(sorted(inside, key=lambda i: i.name)))
        return Function(FOLD, (collect([value]),))

    def _contracted(self, m: Monomial, copies: list[Atom], rest: list[tuple[Atom, Fraction]]) -> set[Index]:
        """The summed indices of vectors that stand twice, as plain subscripts, and nowhere else."""
        found = set()
        elsewhere = {i for a, _ in rest for i in atom_indices(a)}
        for i in m.bound:
            if i.size not in self.sizes or i in elsewhere:
                continue
            plain = sum(s == i for a in copies for s in subs_of(a))
            used = sum(j == i for a in copies for j in atom_indices(a))
            if plain == used == 2:
                found.add(i)
        return found

    # --- products ------------------------------------------------------------------------------

    def folded(self, value: Polynomial, opened: tuple[Index, ...] = ()) -> tuple[Folded, ...] | None:
        """Every monomial as products of vectors and matrices; None where one is not."""
        found = []
        for m in value.monomials:
            copies, rest = copies_of(m.powers)
            allowed = self._contracted(m, copies, rest)
            if rest or allowed != set(m.bound):
                return None
            parts = _components(copies, allowed, opened)
            if parts is None:
                return None
            products = []
            for part, inside in parts:
                used = {i for a in part for i in atom_indices(a)}
                one = self._product(part, inside, tuple(i for i in opened if i in used))
                if one is None:
                    return None
                products.append(one)
            if sum(p.rank for p in products) != len(opened):
                return None
            if len(opened) == 2 and all(p.rank < 2 for p in products):
                ends = {i: p for p in products if p.rank for i in _open_of(p, opened)}
                scalars = [p for p in products if not p.rank]
                products = [*scalars, ends[opened[0]], ends[opened[1]]]
            found.append(Folded(m.coefficient, tuple(sorted(products, key=lambda p: p.rank))))
        return tuple(found)

    def _product(self, part: Sequence[Atom], inside: set[Index], opened: tuple[Index, ...]) -> Product | None:
        """A component of the graph as a product; None if it branches or an atom is no vector or matrix."""
        nodes = []
        for a in part:
            leaf = self.leaf(a, inside | set(opened))
            if leaf is None:
                return None
            nodes.append(leaf)
        if not inside and not opened:
            return Product(tuple(nodes), 0) if len(nodes) == 1 else None
        best: tuple[tuple[int, list[str]], Product] | None = None
        for start, leaf in enumerate(nodes):
            for entry in range(len(leaf.slots)):
                found = _walk(nodes, start, entry, opened)
                if found is None:
                    continue
                score = (sum(n.transposed for n in found.leaves if len(n.slots) == 2), [_rank(n) for n in found.leaves])
                if best is None or score < best[0]:
                    best = score, found
        return best[1] if best else None

    def leaf(self, atom: Atom, used: set[Index]) -> Leaf | None:
        """An atom as a vector or matrix over those of the used indices that it has; None if it is neither."""
        slots = tuple(s for s in subs_of(atom) if isinstance(s, Index) and s in used)
        if len(slots) > 2 or any(i in used and i not in slots for i in atom_indices(atom)):
            return None
        if slots and subs_of(atom)[-len(slots) :] != slots and not isinstance(atom, Delta):
            return None
        if len(slots) == 1 and is_symmetric(atom):
            return None  # a row of a matrix is no vector of its own
        match atom:
            case Moment():
                pattern = self.pattern(atom)
                if pattern is None:
                    return None
                inner = self.folded(pattern, slots) if len(set(slots)) == len(slots) else None
                return None if inner is None else Leaf(atom, slots, inner=inner)
            case Matrix():
                return Leaf(atom, slots) if named_matrix(atom) is not None and len(slots) == 2 else None
            case Delta():
                return Leaf(atom, slots) if len(slots) == 2 else None
            case _:
                return Leaf(atom, slots)


def subs_of(atom: Atom) -> tuple[Sub, ...]:
    """The subscripts of an element, a moment, a parameter, an inverse or a delta."""
    match atom:
        case Element() | Moment() | Parameter() | Matrix():
            return atom.subs
        case Delta():
            return (atom.left, atom.right)
    return ()


def named_matrix(atom: Matrix) -> Element | Parameter | Moment | None:
    """The array that an inverse or a log-determinant is of, if it is one array as it stands."""
    if len(atom.value.monomials) != 1:
        return None
    (m,) = atom.value.monomials
    if m.coefficient != 1 or m.bound or len(m.powers) != 1 or m.powers[0][1] != 1:
        return None
    inner = m.powers[0][0]
    if isinstance(inner, Element | Parameter | Moment) and set(inner.subs[-2:]) == {atom.row, atom.column}:
        return inner
    return None


def copies_of(powers: Powers) -> tuple[list[Atom], list[tuple[Atom, Fraction]]]:
    """Atoms that can be vectors, a square as two of them; and the other factors."""
    copies: list[Atom] = []
    rest: list[tuple[Atom, Fraction]] = []
    for a, e in powers:
        array = isinstance(a, Element | Moment | Parameter | Delta) or (isinstance(a, Matrix) and a.name == "inverse")
        if array and e.denominator == 1 and 0 < e <= 2 and any(True for _ in atom_indices(a)):
            copies += [a] * int(e)
        else:
            rest.append((a, e))
    return copies, rest


def _components(
    copies: list[Atom], allowed: set[Index], opened: tuple[Index, ...]
) -> list[tuple[list[Atom], set[Index]]] | None:
    """Atoms joined by contracted indices, with those; None if an open index stands more than once."""
    for i in opened:
        if sum(j == i for a in copies for j in atom_indices(a)) != 1:
            return None
    groups: list[tuple[list[Atom], set[Index]]] = []
    for a in copies:
        mine = {i for i in atom_indices(a) if i in allowed}
        joined = [g for g in groups if g[1] & mine]
        groups = [g for g in groups if not g[1] & mine]
        groups.append(([*(b for g in joined for b in g[0]), a], mine.union(*(g[1] for g in joined))))
    return groups


def _walk(nodes: list[Leaf], start: int, entry: int, opened: tuple[Index, ...]) -> Product | None:
    """The product that starts at a node, entered by one of its slots."""
    first = nodes[start]
    if len(first.slots) == 1:
        # A vector at the left end: a row if its index is summed, a column if it is open.
        if first.slots[0] in opened:
            return Product((first,), 1) if len(nodes) == 1 else None
        leaves = [Leaf(first.atom, first.slots, True, first.inner)]
        leave: Index = first.slots[0]
        closing = None
    else:
        came = first.slots[entry]
        leave = first.slots[1 - entry]
        leaves = [_turned(first, entry)]
        closing = None if came in opened else came
        if opened and came != opened[0]:
            return None
        if leave in opened:
            return Product(tuple(leaves), 2) if len(nodes) == 1 else None
    seen = {start}
    while leave != closing:
        nexts = [(p, n) for p, n in enumerate(nodes) if p not in seen and leave in n.slots]
        if len(nexts) != 1:
            return None
        place, node = nexts[0]
        seen.add(place)
        if len(node.slots) == 1:
            leaves.append(node)
            rank = int(len(opened) > 0)
            return Product(tuple(leaves), rank) if len(seen) == len(nodes) and len(opened) == rank else None
        way = node.slots.index(leave)
        leaves.append(_turned(node, way))
        leave = node.slots[1 - way]
        if leave in opened:
            # A row times matrices that ends open is the transpose of a vector; the other direction writes it.
            return Product(tuple(leaves), 2) if len(seen) == len(nodes) and len(first.slots) == 2 else None
    return Product(tuple(leaves), 0, True) if len(seen) == len(nodes) and not opened else None


def _turned(leaf: Leaf, entry: int) -> Leaf:
    return Leaf(leaf.atom, leaf.slots, entry == 1 and not is_symmetric(leaf.atom), leaf.inner)


def is_symmetric(atom: Atom) -> bool:
    """Whether the rows and columns of a matrix can change places."""
    match atom:
        case Element() | Moment() | Parameter():
            return atom.symmetric == 1
        case Matrix() | Delta():
            return True
    return False


def _rank(leaf: Leaf) -> str:
    """What decides where a product starts: data first."""
    return f"{0 if isinstance(leaf.atom, Element) else 1}{stable_key(leaf.atom)}"


def _open_of(p: Product, opened: tuple[Index, ...]) -> Iterable[Index]:
    return [i for i in opened if any(i in n.slots for n in p.leaves)]
