"""A variable whose parameters read the element before: its first element, and the rule of the others.

At the first step a loop has its start in the place of what was drawn, and programs often ask there whether it is the
first; both are taken apart, so that neither the start nor the question is left in the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.derive.errors import DeclarationError
from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import Array, Node, axes, constant, expanded, take, walk
from cavi.templates.programs.sites import Drawn, precision

Change = Callable[[Node], Node | None]


@dataclass(frozen=True)
class Chain:
    """A variable along its first axis.

    Attributes:
        linked: the distribution of an element given the one before.
        initial: that of the first one, and of every other one at which a sequence starts.
        starts: where a sequence starts, one or zero for each position; None for a single sequence.
    """

    linked: Drawn
    initial: Drawn
    starts: Node | None = None


def chained(node: Node, drawn: Drawn) -> Chain | None:
    """The chain that a variable is; None where it is none.

    Args:
        node: of the variable.
        drawn: what it is drawn from.

    Raises:
        DeclarationError: for a parameter that reads what was before in another variable, and for a chain along another
            axis than the first.
    """
    links = [n for a in drawn.args.values() for n in walk(a) if n.op == "before" and len(n.args) == 2]
    sources = [s for s in map(_source, links) if s is not node]
    if any(s.op != "variable" for s in sources):
        raise DeclarationError(
            f"{node.name}: found a loop that hands on more than the element before, such as the one before that; "
            "expected a chain of order one: carry only what the step draws"
        )
    others = sorted({str(s.name) for s in sources})
    if others:
        raise DeclarationError(
            f"{node.name}: found the element before of {', '.join(others)} in its parameters; expected that of "
            f"{node.name} itself, or elements at the same position (declare it by cavi.derive)"
        )
    if not links:
        return None
    if any(n.detail for n in links):
        raise DeclarationError(f"{node.name}: found a chain along another axis than that of its loop; expected one")
    count, starts = node.shape[0], _starts(drawn)

    def made(change: Change, cut: bool) -> Drawn:
        changed = {n: _changed(a, change) for n, a in drawn.args.items()}
        return Drawn(drawn.family, {n: _at_first(a, count) if cut else a for n, a in changed.items()})

    if starts is None:
        first = made(lambda n: _start(n) or _chosen(n, slice(0, 1), count), cut=True)
        return Chain(made(lambda n: _chosen(n, slice(1, None), count), cut=False), first)
    at, rest = np.flatnonzero(starts), np.flatnonzero(~starts)
    linked, initial = made(lambda n: _chosen(n, rest, count), False), made(lambda n: _chosen(n, at, count), False)
    if any(n.op == "before" for a in initial.args.values() for n in walk(a)):
        raise DeclarationError(
            f"{node.name}: found the element before in its parameters where a new sequence starts; expected a choice "
            "there in every parameter that reads it"
        )
    return Chain(linked, initial, constant(starts.astype(int)))


def vectors(chain: Chain, length: int) -> Chain:
    """The chain as one of vectors, where elements of one step depend on several of the step before.

    Args:
        chain: of independent Normals whose last axis belongs to one value.
        length: of that axis.
    """
    sums = (n for n in walk(chain.linked.args["mean"]) if n.op == "sum")
    if not any(m.op == "before" for n in sums for m in walk(n)):
        return chain
    linked, initial = (_vector(d, length) for d in (chain.linked, chain.initial))
    return Chain(linked, initial, chain.starts)


def _vector(drawn: Drawn, length: int) -> Drawn:
    """A vector of independent Normals."""
    mean, std = (_spread(a, (*a.shape[:-1], length)) for a in (drawn.args["mean"], drawn.args["std"]))
    precise = precision(std)
    matrix = Node("diagonal", (precise,), (*precise.shape, length))
    return Drawn("MultivariateNormal", {"mean": mean, "precision": matrix})


def _starts(drawn: Drawn) -> Array | None:
    """Where a choice between a new sequence and the element before says that one starts, if it does after the first."""
    for argument in drawn.args.values():
        for n in walk(argument):
            if n.op != "where" or not n.args[0].known:
                continue
            asked = value(n.args[0], {})
            linked = [any(m.op == "before" for m in walk(branch)) for branch in n.args[1:]]
            if asked.ndim == 0 or linked[0] == linked[1]:
                continue
            flat = asked.reshape(len(asked), -1)
            if (flat == flat[:, :1]).all():
                new = flat[:, 0] != linked[0]
                if new[0] and new[1:].any():
                    return np.asarray(new, dtype=bool)
    return None


def _source(node: Node) -> Node:
    """The variable that an element before is of."""
    inner = node.args[0]
    while inner.op in ("axes", "take", "wrapped"):
        inner = inner.args[0]
    return inner


def _changed(node: Node, change: Change, done: dict[Node, Node] | None = None) -> Node:
    """The graph with nodes replaced, from the top down; what takes the place of a node is gone through too."""
    done = {} if done is None else done
    if node not in done:
        new = change(node)
        if new is not None and new is not node:
            done[node] = _changed(new, change, done)
        else:
            args = tuple(_changed(a, change, done) for a in node.args)
            done[node] = node if args == node.args else Node(node.op, args, node.shape, node.detail)
    return done[node]


def _chosen(node: Node, steps: Any, count: int) -> Node | None:
    """The branch of a choice that is the same at all of some steps."""
    if node.op != "where" or not node.args[0].known or not node.shape or node.shape[0] != count:
        return None
    condition, yes, no = node.args
    asked = value(condition, {})
    if asked.ndim and (asked.ndim != len(node.shape) or len(asked) != count):
        return None
    part = asked[steps] if asked.ndim else asked
    branch = yes if part.all() else no if not part.any() else None
    return None if branch is None else _spread(branch, node.shape)


def _spread(node: Node, shape: tuple[int, ...]) -> Node:
    """An array broadcast to a shape."""
    if node.shape == shape:
        return node
    new = len(shape) - len(node.shape)
    return axes(node, [None if a < new else a - new for a in range(len(shape))], shape)


def _start(node: Node) -> Node | None:
    """The start of the loop in the place of what was before."""
    if node.op == "before" and len(node.args) == 2:
        start = node.args[1]
        return axes(start, [None, *range(len(start.shape))], node.shape)
    return None


def _at_first(node: Node, count: int) -> Node:
    """The elements at the first step, an axis of one element kept for it."""
    if not node.shape or node.shape[0] != count:
        return node
    return expanded(take(node, [constant(0)]), [None, *range(len(node.shape) - 1)])
