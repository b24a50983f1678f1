"""Sums over the elements of a factor that are updated one after another, kept current while they change.

Where the update of element k reads Σ_l a[n,l] E[u[i[n],l]], the sum is the same for every k but for what has changed
meanwhile. It is made once before the loop over k, and after each element a[n,k] (new - old)[i[n]] is added: what is
fitted so far, from which residuals are told. So a sweep costs the rows times the elements, not times their square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive.canonical import map_subs, substitute_atom
from cavi.derive.index import Gather, Index, Sub
from cavi.derive.term import Atom, Delta, Moment, Monomial, Parameter, Polynomial, Powers, atom_indices
from cavi.templates.numpy.arrays import Axes, Operand, Scope
from cavi.templates.numpy.contraction import LARGE, extent
from cavi.templates.numpy.statistics import ONE, canonical_group


@dataclass(frozen=True)
class Current:
    """A sum that is kept current.

    Attributes:
        name: its local variable.
        value: what is summed.
        axes: of the sum.
        moment: the expectation in it whose elements change, at `over`.
        over: the index over these elements.
    """

    name: str
    value: Monomial
    axes: Axes
    moment: Moment
    over: Index

    def change(self, loop: Index) -> Monomial:
        """What is added to it after the element `loop` has changed; the difference is a parameter of its own."""
        at: dict[Index, Sub] = {self.over: loop}
        difference = Parameter(self.moment.factor, changed(self.moment.key), _subs(self.moment, at))
        powers = tuple((difference if a == self.moment else substitute_atom(a, at), e) for a, e in self.value.powers)
        return Monomial(ONE, powers, tuple(i for i in self.value.bound if i != self.over))


def changed(key: str) -> str:
    """What the difference of a moment is called among parameters."""
    return f"change of {key}"


def part_kept(m: Monomial, beside: Sequence[Operand], scope: Scope) -> tuple[Monomial, list[Operand]]:
    """What of a monomial is such a sum, by its name, and the monomial that is left; `beside` multiplies it."""
    read = {i for o in beside for i in o.axes}
    found = None if scope.current is None or scope.batch else _found(m, read, scope)
    if found is None:
        return m, []
    group, summed, over = found
    value, here = canonical_group(group, summed)
    kept = scope.current if scope.current is not None else {}
    if value not in kept:
        (moment,) = (a for a in value.atoms if isinstance(a, Moment) and a.factor == scope.own)
        at = moment.subs[_place(moment, scope)]
        assert isinstance(at, Index) and at.size == over.size
        axes = tuple(Index(f"?{p}", i.size) for p, i in enumerate(here))
        kept[value] = Current(f"current_{len(kept) + 1}", value, axes, moment, at)
    rest = tuple((a, e) for a, e in m.powers if over not in set(atom_indices(a)))
    left = Monomial(m.coefficient, rest, tuple(i for i in m.bound if i not in summed))
    return left, [Operand(kept[value].name, here)]


def _found(
    m: Monomial, beside: set[Index], scope: Scope
) -> tuple[list[tuple[Atom, Fraction]], set[Index], Index] | None:
    """The factors of such a sum, the indices that it sums over, and that of the elements among them."""
    if len(scope.fixed) != 1:
        return None
    (loop,) = scope.fixed
    mine = [(a, e) for a, e in m.powers if any(_is_own(x, scope) for x in _inside(a))]
    match mine:
        case [(Moment() as moment, power)] if power == 1 and _is_own(moment, scope):
            over = moment.subs[_place(moment, scope)]
        case _:
            return None
    if not isinstance(over, Index) or over not in m.bound or over in beside or moment.subs.count(over) > 1:
        return None
    read: dict[Sub, Sub] = {
        a.left: a.right for a in m.atoms if isinstance(a, Delta) and isinstance(a.right, Gather) and over != a.left
    }
    touching = [(a, e) for a, e in m.powers if over in set(atom_indices(a))]
    if any(isinstance(a, Delta) or loop in set(atom_indices(a)) for a, _ in touching):
        return None
    group = [(map_subs(a, lambda s: read.get(s, s)), e) for a, e in touching]
    outside = beside | {i for a, _ in m.powers if over not in set(atom_indices(a)) for i in atom_indices(a)}
    inside = {i for a, _ in group for i in atom_indices(a)}
    summed = {over} | {i for i in inside if i in m.bound and i not in outside}
    room = max(LARGE, extent(moment_axes(moment, scope), scope))
    return (group, summed, over) if extent(inside - summed, scope) <= room else None


def moment_axes(moment: Moment, scope: Scope) -> Axes:
    """The indices of an expectation as declared."""
    assert scope.planner is not None
    specs = scope.planner.derived.update(moment.factor).moment_specs
    return next(s.indices for s in specs if s.key == moment.key)


def _place(moment: Moment, scope: Scope) -> int:
    """Where the elements that are updated one after another stand among the subscripts of an expectation."""
    (loop,) = scope.fixed
    return moment_axes(moment, scope).index(loop)


def _is_own(a: Atom, scope: Scope) -> bool:
    return isinstance(a, Moment) and a.factor == scope.own


def _inside(a: Atom) -> Sequence[Atom]:
    powers: Powers = ((a, ONE),)
    return tuple(Polynomial((Monomial(ONE, powers),)).atoms())


def _subs(moment: Moment, at: dict[Index, Sub]) -> tuple[Sub, ...]:
    found = substitute_atom(moment, at)
    assert isinstance(found, Moment)
    return found.subs
