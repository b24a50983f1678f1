"""Array expressions of other languages as a small graph: what every reader makes and what `elements` reads.

A dozen kinds of nodes are all there is. Elementwise operations broadcast from the right, as NumPy's do; a product of
matrices is a sum over an elementwise product, so that it needs no kind of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Node:
    """An array.

    Attributes:
        op: ``constant``, ``variable``, ``axes``, ``sum``, ``take``, ``before`` (in a chain), ``inverse``, ``cholesky``,
            ``diagonal``, ``join``, ``cumulative`` (running sums), ``ordered`` (probabilities between cutpoints),
            ``wrapped`` (positions that may be counted from the end), ``computed``, ``unknown``, or the name of an
            elementwise operation.
        args: the arrays that it is made from.
        shape: its shape.
        detail: of a constant its array and name, of a variable its name, of ``axes`` the argument's axis behind each
            (None for a new one), of ``sum`` the axes, of ``before``, ``join`` and ``cumulative`` the axis, of ``take``
            a `Selection`, of ``wrapped`` the length, of ``computed`` what it is and a function of the arguments'
            values, of ``unknown`` what was found.
        known: whether no random variable and nothing unknown stands below.
    """

    op: str
    args: tuple[Node, ...] = ()
    shape: Shape = ()
    detail: Any = None
    known: bool = field(init=False)

    def __post_init__(self) -> None:
        known = self.op not in ("variable", "unknown") and all(a.known for a in self.args)
        object.__setattr__(self, "known", known)

    @property
    def array(self) -> Array:
        """The values of a constant."""
        found: Array = self.detail[0]
        return found

    @property
    def name(self) -> str | None:
        """The name of a constant or variable."""
        found: str | None = self.detail[1] if self.op == "constant" else self.detail
        return found


@dataclass(frozen=True)
class Selection:
    """How ``take`` selects: of each axis of the array, the axis of the result or the number of the key.

    Attributes:
        of: for each axis ``("axis", i)`` or ``("key", j)``; the keys are the arguments after the array.
        keyed: the axes of the result that the keys run over.
    """

    of: tuple[tuple[str, int], ...]
    keyed: tuple[int, ...]


def constant(value: object, name: str | None = None) -> Node:
    """Known values; one without a name does not keep the axes along which it does not change."""
    array = np.asarray(value)
    whole = Node("constant", (), array.shape, (array, name))
    if name is not None or array.size <= 1:
        return whole
    kept = [a for a in range(array.ndim) if array.shape[a] > 1 and not _uniform(array, a)]
    if len(kept) == array.ndim:
        return whole
    small = array[tuple(slice(None) if a in kept else 0 for a in range(array.ndim))]
    inner = Node("constant", (), small.shape, (small, None))
    return axes(inner, [kept.index(a) if a in kept else None for a in range(array.ndim)], array.shape)


def _uniform(array: Array, axis: int) -> bool:
    return bool((array == array.take([0], axis)).all())


def variable(name: str, shape: Sequence[int]) -> Node:
    """The value of a random variable."""
    return Node("variable", (), tuple(shape), name)


def before(node: Node, axis: int = -1, start: Node | None = None) -> Node:
    """The element before along an axis, the last one by default; `start` is what the first has before it."""
    return Node("before", (node,) if start is None else (node, start), node.shape, axis % len(node.shape))


def unknown(what: str, args: Sequence[Node], shape: Sequence[int]) -> Node:
    """What has no notation; it is refused where it is read."""
    return Node("unknown", tuple(args), tuple(shape), what)


def elementwise(op: str, *args: Node) -> Node:
    """An operation by elements."""
    return Node(op, args, tuple(np.broadcast_shapes(*(a.shape for a in args))))


def axes(node: Node, order: Sequence[int | None], shape: Sequence[int]) -> Node:
    """The same elements with axes in another order, added, left out where they have one element, or repeated."""
    if list(order) == list(range(len(node.shape))) and tuple(shape) == node.shape:
        return node
    return Node("axes", (node,), tuple(shape), tuple(order))


def expanded(node: Node, order: Sequence[int | None]) -> Node:
    """`axes` that repeats nothing."""
    return axes(node, order, [1 if a is None else node.shape[a] for a in order])


def reshaped(node: Node, shape: Sequence[int]) -> Node:
    """The same elements in another shape, where only axes of one element come or go."""
    kept = [a for a, size in enumerate(node.shape) if size != 1]
    if [node.shape[a] for a in kept] != [s for s in shape if s != 1]:
        return unknown(f"a reshape from {node.shape} to {tuple(shape)}", (node,), shape)
    rest = iter(kept)
    return axes(node, [None if s == 1 else next(rest) for s in shape], shape)


def total(node: Node, over: Sequence[int]) -> Node:
    """The sum over some axes."""
    left = tuple(s for a, s in enumerate(node.shape) if a not in over)
    return Node("sum", (node,), left, tuple(over)) if over else node


def contract(
    left: Node,
    right: Node,
    contracted: tuple[Sequence[int], Sequence[int]],
    batch: tuple[Sequence[int], Sequence[int]] = ((), ()),
) -> Node:
    """The sum over paired axes of a product; the axes are those in common, then what is left of each side."""
    rest = [
        [a for a in range(len(side.shape)) if a not in (*contracted[i], *batch[i])]
        for i, side in enumerate((left, right))
    ]
    first = expanded(left, [*batch[0], *rest[0], *[None] * len(rest[1]), *contracted[0]])
    second = expanded(right, [*batch[1], *[None] * len(rest[0]), *rest[1], *contracted[1]])
    product = elementwise("mul", first, second)
    return total(product, range(len(product.shape) - len(contracted[0]), len(product.shape)))


def matmul(left: Node, right: Node) -> Node:
    """The product of matrices and vectors as NumPy's ``@`` has it."""
    m, n = len(left.shape), len(right.shape)
    if n == 1 or m <= 2 == n:
        return contract(left, right, ((m - 1,), (0,)))
    if m == 1:
        return contract(left, right, ((0,), (n - 2,)))
    first = expanded(left, [*range(m - 1), None, m - 1])
    second = expanded(right, [*range(n - 2), None, n - 1, n - 2])
    product = elementwise("mul", first, second)
    return total(product, (len(product.shape) - 1,))


def take(node: Node, keys: Sequence[Node | None]) -> Node:
    """Elements at positions as in NumPy: a key for each of the first axes, None for the whole axis."""
    keys = [*keys, *[None] * (len(node.shape) - len(keys))]
    given = [at for at, k in enumerate(keys) if k is not None]
    chosen = [k for k in keys if k is not None]
    common = tuple(np.broadcast_shapes(*(k.shape for k in chosen)))
    # Keys that stand side by side leave their axes where they stand, others put them first.
    first = given[0] if given == list(range(given[0], given[-1] + 1)) else 0
    before = [at for at, k in enumerate(keys) if k is None and at < first]
    after = [at for at, k in enumerate(keys) if k is None and at >= first]
    shape = [*(node.shape[a] for a in before), *common, *(node.shape[a] for a in after)]
    places = {a: i for i, a in enumerate(before)} | {a: len(before) + len(common) + i for i, a in enumerate(after)}
    of = tuple(("axis", places[a]) if a in places else ("key", given.index(a)) for a in range(len(keys)))
    keyed = tuple(range(len(before), len(before) + len(common)))
    return Node("take", (node, *chosen), tuple(shape), Selection(of, keyed))


def joined(parts: Sequence[Node], axis: int) -> Node:
    """Arrays laid end to end along an axis."""
    axis %= len(parts[0].shape)
    parts = [p for part in parts for p in (part.args if part.op == "join" and part.detail == axis else (part,))]
    shape = [*parts[0].shape[:axis], sum(p.shape[axis] for p in parts), *parts[0].shape[axis + 1 :]]
    return parts[0] if len(parts) == 1 else Node("join", tuple(parts), tuple(shape), axis)


def cumulative(node: Node, axis: int) -> Node:
    """Running sums along an axis."""
    return Node("cumulative", (node,), node.shape, axis % len(node.shape))


def inverse(node: Node) -> Node:
    """The inverse of the matrix along the last two axes; that of an inverse is the matrix itself."""
    known = inverted(node)
    return Node("inverse", (node,), node.shape) if known is None else known


def inverted(node: Node) -> Node | None:
    """The matrix that an array is the inverse of, also where other axes were arranged or selected from since."""
    n = len(node.shape)
    match node.op:
        case "inverse":
            return node.args[0]
        case "axes":
            ends: object = tuple(len(node.args[0].shape) - i for i in (2, 1))
            kept = node.detail[-2:] == ends and node.args[0].shape[-2:] == node.shape[-2:]
        case "take":
            kept = node.detail.of[-2:] == (("axis", n - 2), ("axis", n - 1))
        case _:
            return None
    inner = inverted(node.args[0]) if kept else None
    return None if inner is None else Node(node.op, (inner, *node.args[1:]), node.shape, node.detail)


def softmax(node: Node) -> Node:
    """Probabilities along the last axis."""
    above, last = elementwise("exp", node), len(node.shape) - 1
    return elementwise("div", above, expanded(total(above, (last,)), [*range(last), None]))


def transposed(node: Node) -> Node:
    """The last two axes exchanged."""
    n = len(node.shape)
    return expanded(node, [*range(n - 2), n - 1, n - 2])


def walk(node: Node, seen: set[Node] | None = None) -> Iterator[Node]:
    """Every node below, the arguments before what is made from them, each once."""
    seen = set() if seen is None else seen
    stack = [(node, False)]
    while stack:
        found, ready = stack.pop()
        if ready:
            yield found
        elif found not in seen:
            seen.add(found)
            stack.append((found, True))
            stack += [(a, False) for a in reversed(found.args)]
