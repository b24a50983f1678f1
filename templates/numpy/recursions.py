"""Recursions along a chain, taken apart: what is affine in its neighbour, and what repeats once it has settled.

A Gaussian chain has covariances that depend on no data, P[t] = f(P[t-1]), and means that are affine given these,
x[t] = A[t] x[t-1] + b[t]. Which formulas are the one and which the other is read off them; what an affine recursion
does to any x before a block of positions is a matrix, so that blocks can run in step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive.canonical import rewrite, substitute
from cavi.derive.index import Index, Shift, Sub, indices_of
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.term import (
    Atom,
    Delta,
    Element,
    Function,
    Link,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    atom_indices,
)

FROM = Index("?from", "?")


@dataclass(frozen=True)
class Affine:
    """x[t, i] = Σ_j steps[t, i, j] x[t∓1, j] + values[t, i]; without i and j for a number.

    Attributes:
        carried: the formula of x.
        axes: t and i; `before`: j.
        steps, values: what it is multiplied by, and what is added.
        others: formulas that follow from x at the same position and the one before.
    """

    carried: Formula
    axes: tuple[Index, ...]
    before: tuple[Index, ...]
    steps: Polynomial
    values: Polynomial
    others: tuple[Formula, ...]


def components(group: Sequence[Formula]) -> list[tuple[Formula, ...]]:
    """The formulas of a recursion in parts that refer to each other, each after those that it refers to."""
    names = {f.name for f in group}
    reach = {f.name: _referred(f) & names for f in group}
    for _ in group:
        reach = {n: found.union(*(reach[x] for x in found)) for n, found in reach.items()}
    left, parts = list(group), list[tuple[Formula, ...]]()
    while left:
        mine = next(
            part
            for f in left
            if (part := {f.name} | {n for n in reach[f.name] if f.name in reach[n]})
            and not (reach[f.name] - part) & {g.name for g in left}
        )
        parts.append(tuple(f for f in left if f.name in mine))
        left = [f for f in left if f.name not in mine]
    return parts


def _referred(f: Formula) -> set[str]:
    if isinstance(f.value, ArrayOperation):
        return {f.value.argument}
    if not isinstance(f.value, Polynomial):
        return set()
    return {a.name for a in f.value.atoms() if isinstance(a, Parameter) and a.latent == f.latent}


def affine(part: Sequence[Formula], index: Index, outer: Collection[Index]) -> Affine | None:
    """A part of a recursion as an affine map of what it was one position before; None where it is another."""
    own = {f.name for f in part}
    if any(not isinstance(f.value, Polynomial) for f in part):
        return None
    asked = {
        a.name for f in part for a in _atoms(f) if isinstance(a, Parameter) and a.name in own and _beside(a, index)
    }
    if len(asked) != 1:
        return None
    (carried,) = (f for f in part if f.name in asked)
    axes = tuple(i for i in carried.indices if i not in outer)
    value = _inserted(carried, [f for f in part if f is not carried], index)
    if axes[:1] != (index,) or len(axes) > 2 or value is None:
        return None
    before = tuple(Index(FROM.name, i.size) for i in axes[1:])
    steps, values = list[Monomial](), list[Monomial]()
    for m in value.monomials:
        mine = [(a, e) for a, e in m.powers if isinstance(a, Parameter) and a.name in own]
        rest = tuple((a, e) for a, e in m.powers if (a, e) not in mine)
        if any(isinstance(a, Parameter) and a.name in own for a in Polynomial((Monomial(Fraction(1), rest),)).atoms()):
            return None
        if not mine:
            values.append(m)
        elif len(mine) > 1 or mine[0][1] != 1:
            return None
        else:
            steps.append(_step(m, mine[0][0], rest, axes, before))
    others = tuple(f for f in part if f is not carried)
    return Affine(carried, axes, before, Polynomial(tuple(steps)), Polynomial(tuple(values)), others)


def _step(
    m: Monomial, x: Atom, rest: tuple[tuple[Atom, Fraction], ...], axes: tuple[Index, ...], before: tuple[Index, ...]
) -> Monomial:
    """What multiplies x at the position before, over t, i and j."""
    if not before:
        return Monomial(m.coefficient, rest, m.bound)
    assert isinstance(x, Parameter)
    inner, j = x.subs[-1], before[0]
    if isinstance(inner, Index) and inner in m.bound:
        bound = tuple(i for i in m.bound if i != inner)
        (moved,) = substitute(Polynomial((Monomial(m.coefficient, rest, bound),)), {inner: j}).monomials
        return moved
    return Monomial(m.coefficient, (*rest, (Delta(axes[1], j), Fraction(1))), m.bound)


def _inserted(carried: Formula, others: Sequence[Formula], index: Index) -> Polynomial | None:
    """The formula of x with the others at its position put in."""
    assert isinstance(carried.value, Polynomial)
    by_name = {f.name: f for f in others}
    value, odd = carried.value, list[Atom]()

    def put_in(a: Atom, exponent: Fraction) -> Polynomial | None:
        f = by_name.get(a.name) if isinstance(a, Parameter) and a.latent == carried.latent else None
        if f is None or not isinstance(a, Parameter) or not isinstance(f.value, Polynomial):
            return None
        if exponent != 1 or _beside(a, index):
            odd.append(a)
            return None
        return substitute(f.value, dict(zip(f.indices, a.subs, strict=True)))

    for _ in others:
        value = rewrite(value, put_in)
    left = any(isinstance(a, Parameter) and a.latent == carried.latent and a.name in by_name for a in value.atoms())
    return None if odd or left else value


def varies(f: Formula, index: Index, formulas: Mapping[str, Formula]) -> bool:
    """Whether a parameter is of something that differs from position to position, but for where it has neighbours."""
    seen, left = set[str](), [f.name]
    while left:
        g = formulas.get(left.pop())
        if g is None or g.name in seen:
            continue
        seen.add(g.name)
        left += sorted(_referred(g))
        if any(isinstance(a, Element | Moment) and index in set(atom_indices(a)) for a in _atoms(g)):
            return True
    return False


def inputs(part: Sequence[Formula], along: tuple[Index, str], outer: Collection[Index]) -> list[object] | None:
    """What a part of a recursion reads at its position: keys of arrays over positions; None where that is not all."""
    index, direction = along
    linked: Sub = index if direction == "forward" else Shift(index, 1)
    own, keys = {f.name for f in part}, dict[object, None]()
    for f in part:
        if isinstance(f.value, ArrayOperation) and f.value.argument not in own:
            return None
        for a in _atoms(f):
            if index not in set(atom_indices(a)) or isinstance(a, Function):
                continue
            if isinstance(a, Parameter) and a.latent == f.latent and a.name in own:
                continue
            if isinstance(a, Link) and a.sub == linked and a.starts is None:
                continue
            if not isinstance(a, Parameter | Moment | Element):
                return None
            subs = [s for s in a.subs if s not in outer]
            if subs[:1] != [index] or (len(subs) < len(a.subs) and not isinstance(a, Parameter)):
                return None
            if any(index in set(indices_of(s)) for s in subs[1:]):
                return None
            match a:
                case Parameter():
                    keys["parameter", a.latent, a.name] = None
                case Moment():
                    keys[a.factor, a.key] = None
                case Element():
                    keys[a.name] = None
    return list(keys)


def sequences(part: Sequence[Formula], index: Index) -> str | None:
    """The known marks of where sequences start, where every neighbour that a part refers to is of the same one."""
    marks = {a.starts for f in part for a in _atoms(f) if isinstance(a, Link)}
    found = {m[0] for m in marks if m is not None and set(m[1]) <= {index, Shift(index, 1)}}
    return found.pop() if len(found) == 1 and all(m is not None and m[0] in found for m in marks) else None


def _atoms(f: Formula) -> list[Atom]:
    return list(f.value.atoms()) if isinstance(f.value, Polynomial) else []


def _beside(a: Parameter, index: Index) -> bool:
    return any(isinstance(s, Shift) and s.base == index for s in a.subs)
