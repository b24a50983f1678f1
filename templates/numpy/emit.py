"""Polynomials as NumPy code: each monomial a contraction, the sum of them broadcast."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from cavi.derive.canonical import map_subs
from cavi.derive.index import Gather, Index, Sub, indices_of
from cavi.derive.term import Atom, Delta, Moment, Monomial, Polynomial, atom_indices
from cavi.templates.numpy.arrays import Axes, Operand, Scope, atom, indexed, is_free_scatter, name_it, power, spread
from cavi.templates.numpy.contraction import contract, is_product, product
from cavi.templates.numpy.current import part_kept
from cavi.templates.numpy.marks import lifted, multiplied, product_of


def polynomial(p: Polynomial, scope: Scope, target: Axes | None = None) -> Operand:
    """The polynomial as an expression; with a target its axes come in that order (missing ones broadcast)."""
    if not p.monomials:
        return Operand("0.0")
    terms = [(m.coefficient, monomial(m, scope)) for m in p.monomials]
    axes = target if target is not None else tuple(dict.fromkeys(i for _, t in _by_rank(terms) for i in t.axes))
    if len(terms) == 1:
        (coefficient, term) = terms[0]
        code = spread(term, axes) if term.axes != axes else term.code
        return _scaled(coefficient, Operand(code, _present(term, axes), term.plain or code != term.code))
    pieces = []
    for position, (coefficient, term) in enumerate(sorted(terms, key=lambda ct: ct[0] < 0)):
        code = spread(term, axes) if term.axes != axes else term.code
        one = Operand(code, axes, term.plain or code != term.code)
        pieces.append(_signed(coefficient, one, first=position == 0))
    present = tuple(i for i in axes if any(i in t.axes for _, t in terms))
    return Operand("".join(pieces), present, plain=False)


def _by_rank(terms: list[tuple[Fraction, Operand]]) -> list[tuple[Fraction, Operand]]:
    return sorted(terms, key=lambda ct: -len(ct[1].axes))


def _present(term: Operand, axes: Axes) -> Axes:
    """Axes after spreading: leading ones that broadcasting would add are absent."""
    here = [i for i in axes if i in term.axes]
    return axes[axes.index(here[0]) :] if here else ()


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else repr(float(value)) if _exact(value) else f"{value}"


def _exact(value: Fraction) -> bool:
    return Fraction(float(value)) == value


def _scaled(coefficient: Fraction, o: Operand) -> Operand:
    if coefficient == 1:
        return o
    if coefficient == -1:
        return Operand(f"-{o.code}" if o.plain or " @ " in o.code else f"-({o.code})", o.axes, plain=False)
    if o.code == "1":
        return Operand(f"{_number(coefficient)}" if coefficient > 0 else f"({_number(coefficient)})", o.axes)
    code = o.code if o.plain or is_product(o.code) else f"({o.code})"
    return Operand(f"{_number(coefficient)} * {code}", o.axes, plain=False)


def _signed(coefficient: Fraction, o: Operand, first: bool) -> str:
    magnitude = _scaled(abs(coefficient), o).code
    if first:
        return magnitude if coefficient > 0 else f"-({magnitude})" if " @ " in magnitude else f"-{magnitude}"
    return f" + {magnitude}" if coefficient > 0 else f" - {magnitude}"


def monomial(m: Monomial, scope: Scope) -> Operand:
    """A monomial without its coefficient: sums contracted, the rest multiplied."""
    bound = set(m.bound)
    below = [(a, e) for a, e in m.powers if e < 0 and not bound & set(atom_indices(a))]
    if below:
        rest = tuple((a, e) for a, e in m.powers if (a, e) not in below)
        top = monomial(Monomial(m.coefficient, rest, m.bound), scope)
        return _divide(top, product([power(atom(a, scope), -e) for a, e in below]))
    m, statistics = _statistics(m, scope)
    m, products = _products(m, scope)
    statistics += products
    m, current = part_kept(m, statistics, scope)
    statistics += current
    m, read = _read_once(m, scope)
    statistics += read
    bound = set(m.bound)
    scatters, same = _scatters(m, bound, scope)
    operands = [
        power(atom(same.get(a) or _gathered(a, scatters, bound), scope), e) for a, e in m.powers if a not in scatters
    ]
    operands += statistics
    if not operands and not scatters:
        return Operand("1")
    outer = [o for o in operands if not bound & set(o.axes)]
    inner = [o for o in operands if bound & set(o.axes)]
    if not bound:
        return product(outer)
    summed = _segments(inner, scatters, scope) if scatters else _contracted(inner, bound, scope)
    return product([*outer, summed]) if outer else summed


def _scatters(m: Monomial, bound: set[Index], scope: Scope) -> tuple[list[Delta], dict[Atom, Delta]]:
    """The sums by segments; δ[i, first[n]] δ[i, second[n]] is one of them and says that first[n] = second[n]."""
    scatters: dict[Sub, Delta] = {}
    same: dict[Atom, Delta] = {}
    for a, _ in m.powers:
        if isinstance(a, Delta) and is_free_scatter(a, bound, scope):
            if a.left in scatters:
                same[a] = Delta(scatters[a.left].right, a.right)
            else:
                scatters[a.left] = a
    return list(scatters.values()), same


def _statistics(m: Monomial, scope: Scope) -> tuple[Monomial, list[Operand]]:
    """The sums over rows that are functions of the module as calls, and the monomial that is left."""
    if scope.planner is None or scope.statistic:
        return m, []
    taken = scope.planner.split(m, scope.function, scope.own)
    if taken is None:
        return m, []
    calls = [indexed(f"{scope.planner.called(s)}(state)", subs, scope) for s, subs in taken.statistics]
    return taken.rest, calls


def _products(m: Monomial, scope: Scope) -> tuple[Monomial, list[Operand]]:
    """What is a product with a sparse matrix of data, and the monomial that is left."""
    planner = scope.planner
    if planner is None or not planner.sparse or scope.batch:
        return m, []
    whole = lifted(m)
    found = product_of(whole, planner.derived.model)
    if found is None or {*found.places, *found.lines, *found.summed} & set(scope.fixed):
        return m, []
    made = name_it(multiplied(found, planner.marks(found.marks), scope), "total", scope)
    powers = tuple((a, e) for a, e in whole.powers if a not in found.atoms)
    return Monomial(m.coefficient, powers, tuple(i for i in m.bound if i not in found.summed)), [made]


def _read_once(m: Monomial, scope: Scope) -> tuple[Monomial, list[Operand]]:
    """What rows read of other factors in one turn of a loop, by a name, and the monomial that is left.

    Elements that are updated one after another have several sums over rows of the same product of gathered moments:
    with data, with a sum that is kept current, of its squares. It is made once a turn.
    """
    if scope.current is None or scope.batch:
        return m, []
    groups: dict[tuple[frozenset[Index], Fraction], list[Moment]] = {}
    for a, e in m.powers:
        if isinstance(a, Moment) and a.factor != scope.own and any(isinstance(s, Gather) for s in a.subs):
            axes = frozenset(atom_indices(a)) - set(scope.fixed)
            inside = {i for s in a.subs if isinstance(s, Gather) for i in indices_of(s)}
            if len(axes) == 1 and axes == inside:
                groups.setdefault((axes, e), []).append(a)
    found = [
        power(name_it(product([atom(a, scope) for a in group]), "part", scope), e) for (_, e), group in groups.items()
    ]
    taken = {a for group in groups.values() for a in group}
    return Monomial(m.coefficient, tuple((a, e) for a, e in m.powers if a not in taken), m.bound), found


def _gathered(a: Atom, scatters: list[Delta], bound: set[Index]) -> Atom:
    """Under δ[j, col[n]] an atom over j that is summed with others is read at col[n] instead."""
    if not bound & set(atom_indices(a)):
        return a
    places = {d.left: d.right for d in scatters}
    return map_subs(a, lambda s: places[s] if isinstance(s, Index) and s in places else s)


def _divide(top: Operand, bottom: Operand) -> Operand:
    """A quotient, broadcast over the axes of both."""
    axes = tuple(dict.fromkeys((*top.axes, *bottom.axes)))
    under = spread(bottom, axes)
    if not bottom.plain and under == bottom.code:
        under = f"({under})"
    over = spread(top, axes)
    if not top.plain and over == top.code and not is_product(over):
        over = f"({over})"
    return Operand(f"{over} / {under}", axes, plain=False)


def _contracted(inner: list[Operand], bound: set[Index], scope: Scope) -> Operand:
    groups = _connected(inner, bound)
    return product([_temporary(g, scope, bound) for g in groups])


def _connected(inner: list[Operand], bound: set[Index]) -> list[list[Operand]]:
    """Operands in groups that share no summed axis: Σ_ij a_i b_j = (Σ a)(Σ b)."""
    groups: list[list[Operand]] = []
    for o in inner:
        touching = [g for g in groups if any(set(o.axes) & set(x.axes) & bound for x in g)]
        merged = [x for g in touching for x in g] + [o]
        groups = [g for g in groups if g not in touching] + [merged]
    return groups


def _temporary(group: list[Operand], scope: Scope, bound: set[Index]) -> Operand:
    keep = {i for o in group for i in o.axes} - bound
    result = contract(group, keep, scope)
    return name_it(result, "total", scope)


def _segments(inner: list[Operand], deltas: list[Delta], scope: Scope) -> Operand:
    """Σ_n a[n, …] δ[i, doc[n]] …: a sum over the segments that the observed integers mark."""
    running = tuple(dict.fromkeys(i for d in deltas for i in indices_of(d.right)))
    rest = tuple(dict.fromkeys(i for o in inner for i in o.axes if i not in running))
    free = tuple(i for i in rest if not _is_bound(i))
    lefts = [d.left for d in deltas if isinstance(d.left, Index)]
    sizes = [scope.size(i.size) for i in lefts]
    if inner:
        values = contract(inner, {*running, *free}, scope)
        code = spread(values, (*running, *free))
        lacks = [i for i in running if i not in values.axes]
    else:
        code, lacks = "1.0", list(running)
    if lacks:
        shape = ", ".join(scope.size(i.size) for i in (*running, *free))
        code = (
            f"np.broadcast_to({code}, ({shape},))"
            if len(running) + len(free) == 1
            else f"np.broadcast_to({code}, ({shape}))"
        )
    helper = scope.helper("segment_sum")
    size = sizes[0] if len(sizes) == 1 else f"({', '.join(sizes)})"
    gathers = [d.right for d in deltas if isinstance(d.right, Gather)]
    whole = all(isinstance(s, Index) and s not in scope.fixed for g in gathers for s in g.subs)
    if scope.planner is not None and whole:  # made once: which rows share an index is a matter of the data alone
        members = f"{scope.planner.segments(tuple(deltas))}(state)"
    else:
        members = segments(deltas, scope)
    return name_it(Operand(f"{helper}({code}, {members}, {size})", (*lefts, *free)), "total", scope)


def segments(deltas: Iterable[Delta], scope: Scope) -> str:
    """Which rows share observed integers, as code."""
    deltas = list(deltas)
    running = tuple(dict.fromkeys(i for d in deltas for i in indices_of(d.right)))
    indexes, sizes = [], []
    for d in deltas:
        assert isinstance(d.right, Gather)
        indexes.append(spread(indexed(scope.name(d.right.name), d.right.subs, scope), running))
        sizes.append(scope.size(d.left.size))
    index, size = (x[0] if len(x) == 1 else f"({', '.join(x)})" for x in (indexes, sizes))
    return f"{scope.helper('segments')}({index}, {size})"


def _is_bound(index: Index) -> bool:
    return "." in index.name
