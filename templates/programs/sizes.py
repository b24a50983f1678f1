"""Which axes run over one set: found from how arrays meet, not from their lengths.

Two axes are one where they stand at one place of an elementwise operation, where a product contracts them, and where
the values of a category or of known integers select along one. So three groups and three observations stay apart, and
an axis that a program names (a dimension, a plate) names all that it meets.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cavi.derive.errors import DeclarationError
from cavi.templates.programs.graph import Array, Node, Selection, walk
from cavi.templates.programs.ordered import sources

Axis = tuple[Hashable, Hashable]


@dataclass
class Sizes:
    """Axes joined to sets.

    Attributes:
        categories: the names of the variables whose values select, and how many values each has, if that is known.
    """

    categories: Mapping[str, int | None]
    above: dict[Axis, Axis] = field(default_factory=dict)
    length: dict[Axis, int] = field(default_factory=dict)
    labels: dict[Axis, str] = field(default_factory=dict)
    fixed: set[Axis] = field(default_factory=set)
    seen: set[Node] = field(default_factory=set)

    def root(self, axis: Axis) -> Axis:
        """What stands for the set of an axis."""
        while axis in self.above:
            axis = self.above[axis]
        return axis

    def axis(self, node: Node, at: int) -> Axis:
        """An axis of an array."""
        axis = (node, at % len(node.shape))
        self.length.setdefault(self.root(axis), node.shape[at])
        return axis

    def values(self, name: str) -> Axis:
        """The set that the values of a category run over."""
        return ("values of", name)

    def join(self, left: Axis, right: Axis, where: str) -> None:
        """Two axes run over one set."""
        a, b = self.root(left), self.root(right)
        if a == b:
            return
        lengths = {self.length[r] for r in (a, b) if r in self.length}
        if len(lengths) > 1:
            raise DeclarationError(f"{where}: found axes of {' and '.join(map(str, sorted(lengths)))} elements as one")
        self.above[b] = a
        self.length.update(dict.fromkeys([a], lengths.pop()) if lengths else {})
        if b in self.labels:
            self.labels.setdefault(a, self.labels[b])
        if b in self.fixed:
            self.fixed.add(a)

    def label(self, axis: Axis, name: str | None) -> None:
        """The name that the program gives an axis; axes of one name are one."""
        if name is not None:
            self.labels.setdefault(self.root(axis), name)
            self.join(("label", name), axis, f"the axis {name}")
            self.labels.setdefault(self.root(axis), name)

    def aligned(self, node: Node, axes: Sequence[Axis], where: str) -> None:
        """The axes of an array that broadcasts against given ones from the right."""
        for at in range(1, min(len(node.shape), len(axes)) + 1):
            other = self.root(axes[-at])
            if node.shape[-at] == self.length.get(other):
                self.join(other, self.axis(node, -at), where)

    def read(self, graph: Node, where: str) -> None:
        """Join the axes that meet in a graph."""
        for node in walk(graph, self.seen):
            self._node(node, where)

    def _node(self, node: Node, where: str) -> None:
        own = [self.axis(node, at) for at in range(len(node.shape))]
        match node.op:
            case "constant":
                if identity_multiple(node.array) is not None:
                    self.join(own[-1], own[-2], where)
            case "variable" | "unknown" | "computed":
                pass
            case "wrapped" | "before":
                self.aligned(node.args[0], own, where)
            case "axes":
                for at, source in enumerate(node.detail):
                    if source is not None and node.args[0].shape[source] == node.shape[at]:
                        self.join(self.axis(node.args[0], source), own[at], where)
            case "sum":
                left = [at for at in range(len(node.args[0].shape)) if at not in node.detail]
                for mine, at in zip(own, left, strict=True):
                    self.join(self.axis(node.args[0], at), mine, where)
            case "join":
                for a in node.args:
                    for at in range(len(own)):
                        if at != node.detail:
                            self.join(self.axis(a, at), own[at], where)
            case "inverse" | "cholesky":
                self.aligned(node.args[0], own, where)
                self.join(own[-1], own[-2], where)
            case "diagonal":
                self.aligned(node.args[0], own[:-1], where)
                self.join(own[-1], own[-2], where)
            case "take":
                self._take(node, own, where)
            case "ordered":
                self._ordered(node, own, where)
            case _:
                for a in node.args:
                    self.aligned(a, own, where)

    def _ordered(self, node: Node, own: Sequence[Axis], where: str) -> None:
        """The categories have one more element than their cutpoints; what gives each its width runs over them."""
        location, cutpoints = node.args
        self.aligned(location, own[:-1], where)
        for at in range(2, len(cutpoints.shape) + 1):
            if cutpoints.shape[-at] == node.shape[-at]:
                self.join(own[-at], self.axis(cutpoints, -at), where)
        for source, at in sources(cutpoints):
            self.join(own[-1], self.axis(source, at), where)

    def _take(self, node: Node, own: Sequence[Axis], where: str) -> None:
        selection: Selection = node.detail
        array, *keys = node.args
        keyed = [own[a] for a in selection.keyed]
        for k in keys:
            self.aligned(k, keyed, where)
        for axis, (kind, at) in enumerate(selection.of):
            mine = self.axis(array, axis)
            if kind == "axis":
                self.join(mine, own[at], where)
                continue
            found = pointer(keys[at])
            if found.op == "variable" and str(found.name) in self.categories:
                self.join(mine, self.values(str(found.name)), where)
            elif found.op == "constant" and found.array.ndim:
                length = array.shape[axis]
                self.join(mine, self.axis(found, 0) if is_range(found, length) else positions(found, length), where)


def pointer(key: Node) -> Node:
    """Where the integers of a key come from, whatever is done to its axes."""
    while key.op in ("axes", "take", "wrapped", "before"):
        key = key.args[0]
    return key


def positions(node: Node, length: int) -> Axis:
    """The set of a length that known integers point into."""
    return ("positions", (node, length))


def is_range(node: Node, length: int) -> bool:
    """Whether integers are just 0, 1, 2, … along the whole of an axis: a running index."""
    return (
        node.op == "constant"
        and node.array.shape == (length,)
        and bool((node.array == np.arange(length)).all())
        and length > 1
    )


def identity_multiple(array: Array) -> float | None:
    """The c of a known matrix that is c times the identity."""
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] < 2 or array.dtype.kind == "O":
        return None
    c = float(array[0, 0])
    return c if bool((array == c * np.eye(len(array))).all()) else None


def unique(names: Iterable[str], taken: set[str]) -> str:
    """The first of some names that nothing has."""
    return next(n for n in names if n not in taken)
