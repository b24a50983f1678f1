"""Ordered categories between cutpoints: the shares σ(c_k - η) - σ(c_{k-1} - η), and how their cutpoints are read.

Programs give cutpoints, declarations the lowest one and the widths between them, which are positive. So each cutpoint
is read as a number, and the difference between neighbours must be one that is positive by its form: a running sum of
variables that are positive, whatever way it is written, or known numbers that increase.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cavi.derive.expression import AnySub, Expr, Number, map_subs, materialise
from cavi.derive.index import Index, Literal
from cavi.derive.operations import identity, ordered_logistic
from cavi.templates.language.evaluate import array as array_of
from cavi.templates.programs.algebra import add, difference, known, mul, number, positive
from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import Node, constant, expanded, take, walk
from cavi.templates.programs.normalised import same

if TYPE_CHECKING:
    from cavi.templates.programs.elements import Elements, Key

PROBIT = (
    "cutpoints that are learned can be read of an ordered logistic response; with known ones declare between which two "
    "each answer lies, by m.observed('cut', IntervalCensoredNormal(mean, 1, width[n]), n) of cavi.derive with the "
    "cutpoint below each answer and the way to that above it as data, and an open end forty standard deviations away"
)


def between_normals(node: Node) -> bool:
    """Whether arrays laid end to end are made from distribution functions of a Normal, as of an ordered probit."""
    return any(n.op in ("erf", "erfc", "probit") or (n.op == "unknown" and "erf" in str(n.detail)) for n in walk(node))


def ordered(location: Node, cutpoints: Node) -> Node:
    """The probabilities of the categories between cutpoints, which stand along a last axis, as the categories do."""
    batch = np.broadcast_shapes(location.shape, cutpoints.shape[:-1])
    return Node("ordered", (location, cutpoints), (*batch, cutpoints.shape[-1] + 1))


def shares(node: Node) -> Node:
    """The node, as ``ordered`` where it is the differences of 0, σ(c_1 - η), …, σ(c_{K-1} - η), 1 along a last axis."""
    if node.op != "sub" or not node.shape:
        return node
    whole, count = _run(node.args[0], 1), node.shape[-1]
    if whole is None or whole is not _run(node.args[1], 0) or whole.shape[-1] != count + 1:
        return node
    below, middle, above = whole.args if whole.op == "join" and len(whole.args) == 3 else (node, node, node)
    if not (_everywhere(below, 0.0) and _everywhere(above, 1.0) and middle.op == "sigmoid"):
        return node
    (inside,) = middle.args
    if inside.op == "sub" and inside.args[1].shape[-1:] == (1,):
        cutpoints, at = inside.args
        rank = len(at.shape)
        return ordered(take(at, [*[None] * (rank - 1), constant(0)]), _last(cutpoints, count - 1))
    return ordered(constant(0.0), _last(inside, count - 1))


def _last(node: Node, length: int) -> Node:
    """An array with a last axis, where it has none."""
    return node if node.shape else expanded(node, [None])


def _run(node: Node, start: int) -> Node | None:
    """The array of which these are the elements along the last axis but one, from a start."""
    if node.op != "take" or len(node.args) != 2 or not node.args[1].known:
        return None
    whole, last = node.args[0], len(node.args[0].shape) - 1
    here = all(place == (("axis", a) if a < last else ("key", 0)) for a, place in enumerate(node.detail.of))
    wanted = np.arange(start, start + whole.shape[-1] - 1)
    return whole if here and np.array_equal(value(node.args[1], {}), wanted) else None


def _everywhere(node: Node, wanted: float) -> bool:
    return node.known and node.shape[-1] == 1 and bool((np.asarray(value(node, {})) == wanted).all())


def sources(node: Node) -> Iterator[tuple[Node, int]]:
    """The arrays that cutpoints take the width of each category from at its own position, with the axis of each.

    The width of category k is what cutpoint k, counted from zero, adds to the one before.
    """
    length = node.shape[-1]
    stack, seen = [(node, len(node.shape) - 1, 0)], set()
    while stack:
        found, axis, offset = stack.pop()
        if (found, axis, offset) in seen:
            continue
        seen.add((found, axis, offset))
        if found.op in ("variable", "constant"):
            if offset == 0 and found.shape[axis] == length + 1:
                yield found, axis
            continue
        stack += _behind(found, axis, offset)


def _behind(node: Node, axis: int, offset: int) -> Iterator[tuple[Node, int, int]]:
    """The arguments with the axis of each that stands for an axis, and how far its elements are off."""
    match node.op:
        case "axes":
            source = node.detail[axis]
            if source is not None and node.args[0].shape[source] == node.shape[axis]:
                yield node.args[0], source, offset
        case "take":
            array, *keys = node.args
            for a, (kind, at) in enumerate(node.detail.of):
                if kind == "axis" and at == axis:
                    yield array, a, offset
                elif kind == "key" and node.detail.keyed == (axis,) and keys[at].known:
                    places = np.asarray(value(keys[at], {}))
                    if places.ndim == 1 and (np.diff(places) == 1).all() and len(places):
                        yield array, a, offset + int(places[0])
        case "join" if node.detail == axis:
            start = 0
            for part in node.args:
                yield part, axis, offset - start
                start += part.shape[axis]
        case "cumulative" | "join":
            yield from ((a, axis, offset) for a in node.args)
        case "sum" | "inverse" | "cholesky" | "diagonal" | "computed" | "unknown" | "ordered" | "before" | "wrapped":
            return
        case _:
            for part in node.args:
                own = axis - (len(node.shape) - len(part.shape))
                if own >= 0 and part.shape[own] == node.shape[axis]:
                    yield part, own, offset


def read(node: Node, subs: Sequence[Key], elements: Elements) -> Expr:
    """The probability of a category at subscripts.

    Raises:
        DeclarationError: for cutpoints that cannot be shown to increase.
    """
    location, cutpoints = node.args
    batch, over = node.shape[:-1], subs[-1]
    if not isinstance(over, Index):
        elements.refuse("the probability of one ordered category", "expected the whole of them, as in a Categorical")
    at = elements.element(location, elements.aligned(location, batch, subs[:-1]))
    cuts = _numbers(cutpoints)
    if cuts is None:
        outer = elements.aligned(cutpoints, (*batch, cutpoints.shape[-1]), [*subs[:-1], 0])[:-1]
        cuts = [elements.element(cutpoints, [*outer, k]) for k in range(cutpoints.shape[-1])]
    widths = [difference(upper, lower) for lower, upper in pairwise(cuts)]
    for k, width in enumerate(widths):
        if not positive(width):
            elements.refuse(
                f"the cutpoint {cuts[k + 1]} above {cuts[k]}, which cannot be shown to be larger,",
                "expected a first cutpoint and above it a running sum of positive widths, such as c + cumsum(h) where "
                "the elements of h are Gamma, or known numbers that increase",
            )
    whole = ordered_logistic(at, cuts[0], array_of(_over(widths, over, elements), over))
    return materialise(whole, over)


def _numbers(cutpoints: Node) -> list[Expr] | None:
    """Known cutpoints, where they are the same for every element."""
    if not cutpoints.known:
        return None
    values = value(cutpoints, {}).reshape(-1, cutpoints.shape[-1])
    return [known(c) for c in values[0].tolist()] if (values == values[0]).all() else None


def _over(widths: list[Expr], over: Index, elements: Elements) -> Expr:
    """The width of each category by its index; those of the outer ones do not count, and are those beside them."""
    if not widths:
        return number(1)
    if all(isinstance(w, Number) for w in widths):
        values = [float(w.value) for w in widths if isinstance(w, Number)]
        return elements.by_category([values[0], *values, values[-1]], over)
    if (found := _common(widths, over, elements)) is not None:
        return found
    same_as = identity(over)
    parts = [
        mul(same_as[over, k], w)  # type: ignore[index]
        for k, w in enumerate([widths[0], *widths, widths[-1]])
    ]
    return reduce(add, parts)


def _common(widths: list[Expr], over: Index, elements: Elements) -> Expr | None:
    """One expression for all widths, where they differ in fixed positions alone."""
    places: list[list[Literal]] = []
    for width in widths:
        own: list[Literal] = []
        hidden = map_subs(width, lambda sub, own=own: _hidden(sub, own))  # type: ignore[misc]
        if not places:
            form = hidden
        elif not same(form, hidden, {}):
            return None
        places.append(own)
    put = iter([_place(across, over, elements) for across in zip(*places, strict=True)])
    return map_subs(widths[0], lambda sub: next(put) if isinstance(sub, Literal) else sub)


def _hidden(sub: AnySub, found: list[Literal]) -> AnySub:
    if not isinstance(sub, Literal):
        return sub
    found.append(sub)
    return Literal(0, sub.size)


def _place(literals: Sequence[Literal], over: Index, elements: Elements) -> AnySub:
    """The position at each category: one for all, that of the category, or one by known integers."""
    values, size = [p.value for p in literals], literals[0].size
    if len(set(values)) == 1 and (len(values) > 1 or (size, values) != (over.size, [1])):
        return literals[0]
    if size == over.size and values == list(range(1, len(values) + 1)):
        return over
    return elements.place_by_category([values[0], *values, values[-1]], size, over)
