"""Sums of what stands at observed integers, as products with sparse matrices.

Σ_j A[k, j, y[n, j]] is (S A)[n, k], where S has a one at (n; j, v) if y[n, j] = v; its transpose gives
Σ_n E[z[n]=k] δ[v, y[n, j]]. S is of the data alone and is made once, for all sums that need it; no array has rows and
what A has beside. A may be a product: in Σ_n E[u[row[n], k]] E[v[col[n], k]] E[v[col[n], l]] δ[i, row[n]] the first
factor is E[u[i, k]] and stands outside, and S multiplies what is left, over columns, k and l.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import Model
from cavi.derive.canonical import map_subs, substitute_atom
from cavi.derive.index import Gather, Index, Sub, indices_of
from cavi.derive.term import Atom, Delta, Element, Moment, Monomial, Polynomial, Powers, atom_indices
from cavi.templates.numpy.arrays import Operand, Scope, atom, indexed, power, spread
from cavi.templates.numpy.contraction import product
from cavi.templates.numpy.statistics import ONE, Marks, gathers_of


@dataclass(frozen=True)
class Product:
    """A part of a monomial as a product with a sparse matrix.

    Attributes:
        marks: the matrix, and whether its transpose is taken.
        table: the product that is multiplied, over the axes `places` and then over `rest`.
        lines: the axes of the result that stand before `rest`.
        atoms: the factors that the product is of.
        summed: the indices over which it adds up.
    """

    marks: Marks
    turned: bool
    table: Powers
    places: tuple[Index, ...]
    rest: tuple[Index, ...]
    lines: tuple[Index, ...]
    atoms: tuple[Atom, ...]
    summed: frozenset[Index]


@dataclass(frozen=True)
class _Part:
    """Factors of a monomial over the indices of its observed integers: δ[i, doc[n]], data, and moments at one place."""

    running: frozenset[Index]
    deltas: tuple[tuple[Index, Gather], ...]
    data: Powers
    table: tuple[tuple[Moment, Fraction], ...]
    read: tuple[Sub, ...]
    atoms: tuple[Atom, ...]


def _part(m: Monomial, model: Model) -> _Part | None:
    """What of a monomial is such a part; None where there is none, or where it has more in it."""
    gathers = {g for a in m.atoms for g in gathers_of(a)}
    running = frozenset(i for g in gathers for i in indices_of(g))
    plain = all(isinstance(s, Index) for g in gathers for s in g.subs)
    if not plain or len({i.size for i in running}) < len(running):
        return None
    if not any(set(indices_of(g)) == running for g in gathers):
        return None  # nothing says what occurs together
    deltas, data, tables = list[tuple[Index, Gather]](), list[tuple[Atom, Fraction]](), list[tuple[Moment, Fraction]]()
    here = [(a, e) for a, e in m.powers if running & set(atom_indices(a))]
    for a, e in here:
        match a:
            case Delta(left=Index() as left, right=Gather() as right) if e == 1 and left not in running:
                deltas.append((left, right))
            case Element() if not model.variable(a.name).is_random:
                if set(atom_indices(a)) - running or list(gathers_of(a)):
                    return None
                data.append((a, e))
            case Moment() if all(isinstance(s, Index | Gather) for s in a.subs) and len(set(a.subs)) == len(a.subs):
                tables.append((a, e))
            case _:
                return None
    lefts = [left for left, _ in deltas]
    reads = {tuple(s for s in a.subs if isinstance(s, Gather) or s in running) for a, _ in tables}
    if len(reads) != 1 or len(set(lefts)) < len(lefts) or any(set(lefts) & set(a.subs) for a, _ in tables):
        return None
    (read,) = reads
    return _Part(running, tuple(deltas), tuple(data), tuple(tables), read, tuple(a for a, _ in here))


def lifted(m: Monomial) -> Monomial:
    """A monomial in which moments at an observed integer that has to be i, by δ[i, doc[n]], are those at i."""
    held: dict[Sub, Sub] = {
        a.right: a.left
        for a in m.atoms
        if isinstance(a, Delta) and isinstance(a.left, Index) and isinstance(a.right, Gather) and a.left not in m.bound
    }
    powers = tuple((map_subs(a, lambda s: held.get(s, s)) if isinstance(a, Moment) else a, e) for a, e in m.powers)
    return Monomial(m.coefficient, powers, m.bound)


def product_of(m: Monomial, model: Model) -> Product | None:
    """The part of a monomial that is Σ (data) × (one moment at observed integers, or by them)."""
    part = _part(m, model)
    if part is None:
        return None
    running, read = part.running, part.read
    outside = {i for a in m.atoms if a not in part.atoms for i in atom_indices(a)}
    kept = [i for i in sorted(running, key=repr) if i not in m.bound or i in outside]
    summed = running - set(kept)
    if not summed or not (part.deltas or kept) or not (kept or any(isinstance(s, Gather) for s in read)):
        return None  # nothing is added up, or all of it is, or it is a sum by segments
    names: dict[Index, Sub] = {i: Index(f"?{i.size}", i.size) for i in running}
    into = [(_named(right, names), left) for left, right in part.deltas] + [(names[i], i) for i in kept]
    out = [(_named(s, names), Index(f"?at{p}", s.size)) for p, s in enumerate(read)]
    at: dict[Sub, Sub] = dict(zip(read, [i for _, i in out], strict=True))
    lines, columns = (sorted(side, key=lambda x: repr(x[0])) for side in (into, out))
    left, right = (tuple(s for s, _ in side) for side in (lines, columns))
    turned = repr(right) < repr(left)
    weight = tuple(sorted(((substitute_atom(a, names), e) for a, e in part.data), key=repr))
    return Product(
        Marks(right, left, weight) if turned else Marks(left, right, weight),
        turned,
        tuple((map_subs(a, lambda s: at.get(s, s)), e) for a, e in part.table),
        tuple(i for _, i in columns),
        tuple(dict.fromkeys(s for a, _ in part.table for s in a.subs if isinstance(s, Index) and s not in running)),
        tuple(i for _, i in lines),
        part.atoms,
        summed,
    )


def _named(sub: Sub, names: dict[Index, Sub]) -> Sub:
    if isinstance(sub, Gather):
        return Gather(sub.name, tuple(names.get(s, s) if isinstance(s, Index) else s for s in sub.subs), sub.size)
    return names.get(sub, sub) if isinstance(sub, Index) else sub


def multiplied(p: Product, name: str, scope: Scope) -> Operand:
    """A product as code; `name` is the function that makes its matrix."""
    table = product([power(atom(a, scope), e) for a, e in p.table])
    rest = tuple(i for i in p.rest if i not in scope.fixed)
    code = spread(table, (*p.places, *rest))
    if len(p.places) > 1 or len(rest) > 1:
        plain = table.plain or code != table.code
        shape = _lengths(p.places, scope) if rest else ""
        code = f"{code if plain else f'({code})'}.reshape({f'{shape}, -1' if shape else '-1'})"
    elif not table.plain:
        code = f"({code})"
    matrix = f"{name}(state){'.T' if p.turned else ''}"
    axes = (*p.lines, *rest)
    if len(p.lines) > 1 or len(rest) > 1:
        sizes = ", ".join(scope.size(i.size) for i in axes)
        return Operand(f"({matrix} @ {code}).reshape({sizes})", axes)
    return Operand(f"{matrix} @ {code}", axes, plain=False)


def _lengths(axes: tuple[Index, ...], scope: Scope) -> str:
    return " * ".join(scope.size(i.size) for i in axes)


def matrix_code(marks: Marks, scope: Scope) -> str:
    """The matrix of some marks as code."""
    from cavi.templates.numpy.emit import polynomial

    subs = (*marks.lines, *marks.columns)
    running = tuple(dict.fromkeys(i for s in subs for i in indices_of(s)))
    sides = []
    for side in (marks.lines, marks.columns):
        where = [spread(_place(s, scope), running) for s in side]
        sizes = [scope.size(s.size) for s in side]
        sides.append(f"({_tuple(where)}, {_tuple(sizes)})")
    if marks.weight:
        sides.append(spread(polynomial(Polynomial((Monomial(ONE, marks.weight),)), scope), running))
    return f"{scope.helper('marks')}({', '.join(sides)})"


def sides_text(marks: Marks, model: Model) -> tuple[str, str]:
    """The lines and columns of a matrix as a person writes them: ``(j, y[n, j])`` and ``n``."""
    names = {i.size: i.name for i in reversed(model.indices)}

    def one(s: Sub) -> str:
        return f"{s.name}[{', '.join(map(one, s.subs))}]" if isinstance(s, Gather) else names.get(s.size, s.size)

    lines, columns = (", ".join(map(one, side)) for side in (marks.lines, marks.columns))
    return (
        f"({lines})" if len(marks.lines) > 1 else lines,
        f"({columns})" if len(marks.columns) > 1 else columns,
    )


def _place(s: Sub, scope: Scope) -> Operand:
    if isinstance(s, Gather):
        return indexed(scope.name(s.name), s.subs, scope)
    assert isinstance(s, Index)
    return Operand(f"np.arange({scope.size(s.size)})", (s,))


def _tuple(parts: list[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
