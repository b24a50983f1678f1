"""Reverse-mode derivatives of array functions: a formula is recorded once, then carried out for any number of draws.

A `Node` stands for an array whose first axis runs over draws; arrays without latents in them are computed at once and
have a first axis of length 1. `Tape.values` carries the recording out again for other draws, `Tape.gradient` goes
through it backward. Broadcasting is NumPy's; no operation knows how many draws there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray
Forward = Callable[..., Array]
# The gradient in each argument, of the gradient in the result, the result and the arguments.
Backward = Callable[..., Sequence[Array | None]]
Plain = Any  # an array or a number


class Tape:
    """A recording of array operations on one input of draws × coordinates."""

    def __init__(self, size: int) -> None:
        self.nodes: list[Node] = []
        self.input = Node(self, (), None, None, np.full((1, size), 0.3))

    def values(self, points: Array) -> list[Array]:
        """Every recorded array for these points (draws × coordinates)."""
        found: list[Array] = [points]
        for node in self.nodes[1:]:
            assert node.forward is not None
            found.append(node.forward(*(found[a.place] if isinstance(a, Node) else a for a in node.args)))
        return found

    def keep(self, outputs: Sequence[Node]) -> None:
        """Forget what none of these arrays is made of."""
        wanted = {0, *(n.place for n in outputs)}
        for node in reversed(self.nodes):
            if node.place in wanted:
                wanted |= {a.place for a in node.args if isinstance(a, Node)}
        self.nodes = [n for n in self.nodes if n.place in wanted]
        for place, node in enumerate(self.nodes):
            node.place = place

    def gradient(self, points: Array, output: Node) -> tuple[Array, Array]:
        """One number a draw, and its gradient in the coordinates of that draw."""
        values = self.values(points)
        slopes = self.slopes(values, output, (self.input,))
        return values[output.place].reshape(len(points)), slopes[0]

    def slopes(self, values: Sequence[Array], output: Node, nodes: Sequence[Node]) -> list[Array]:
        """The gradients of one number a draw in recorded arrays, from the values of all."""
        result = values[output.place]
        flowing: dict[int, Array] = {output.place: np.ones_like(result)}
        wanted = {n.place for n in nodes}
        for place in range(output.place, 0, -1):
            incoming = flowing.get(place)
            if incoming is None:
                continue
            if place not in wanted:
                del flowing[place]
            node = self.nodes[place]
            assert node.backward is not None
            args = [values[a.place] if isinstance(a, Node) else a for a in node.args]
            for a, g in zip(node.args, node.backward(incoming, values[place], *args), strict=True):
                if not isinstance(a, Node) or g is None:
                    continue
                own = summed_to(g, values[a.place].shape)
                flowing[a.place] = flowing[a.place] + own if a.place in flowing else own
        return [flowing.get(n.place, np.zeros_like(values[n.place])) for n in nodes]


class Node:
    """One recorded array, with its arguments, how it is made of them, and its value at an arbitrary point."""

    __array_ufunc__ = None  # an array on the left leaves the operation to the node

    def __init__(
        self, tape: Tape, args: tuple[Plain, ...], forward: Forward | None, backward: Backward | None, value: Array
    ) -> None:
        self.tape, self.args, self.forward, self.backward = tape, args, forward, backward
        self.value, self.place = value, len(tape.nodes)
        tape.nodes.append(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape at recording: one draw."""
        return tuple(self.value.shape)

    @property
    def ndim(self) -> int:
        """How many axes, that of draws included."""
        return int(self.value.ndim)

    def __add__(self, other: Plain) -> Plain:
        return apply(np.add, lambda g, r, a, b: (g, g), self, other)

    def __radd__(self, other: Plain) -> Plain:
        return self + other

    def __sub__(self, other: Plain) -> Plain:
        return apply(np.subtract, lambda g, r, a, b: (g, -g), self, other)

    def __rsub__(self, other: Plain) -> Plain:
        return apply(np.subtract, lambda g, r, a, b: (g, -g), other, self)

    def __mul__(self, other: Plain) -> Plain:
        if not isinstance(other, Node):
            return apply(np.multiply, lambda g, r, a, b: (g * b, None), self, other)
        return apply(np.multiply, lambda g, r, a, b: (g * b, g * a), self, other)

    def __rmul__(self, other: Plain) -> Plain:
        return self * other

    def __truediv__(self, other: Plain) -> Plain:
        if not isinstance(other, Node):
            return apply(np.divide, lambda g, r, a, b: (g / b, None), self, other)
        return apply(np.divide, lambda g, r, a, b: (g / b, -g * r / b), self, other)

    def __rtruediv__(self, other: Plain) -> Plain:
        return apply(np.divide, lambda g, r, a, b: (None, -g * r / b), other, self)

    def __neg__(self) -> Plain:
        return apply(np.negative, lambda g, r, a: (-g,), self)


def apply(forward: Forward, backward: Backward, *args: Plain) -> Plain:
    """Record an operation, or carry it out where no argument is a node."""
    args = tuple(float(a) if isinstance(a, Fraction) else a for a in args)
    tape = next((a.tape for a in args if isinstance(a, Node)), None)
    value = forward(*(a.value if isinstance(a, Node) else a for a in args))
    return value if tape is None else Node(tape, args, forward, backward, np.asarray(value))


def summed_to(g: Array, shape: tuple[int, ...]) -> Array:
    """The gradient in an array that was broadcast: summed over what it was repeated along."""
    if g.shape == shape:
        return g
    if g.ndim > len(shape):
        g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    repeated = tuple(i for i, (have, want) in enumerate(zip(g.shape, shape, strict=True)) if want == 1 and have != 1)
    return np.broadcast_to(g.sum(axis=repeated, keepdims=True) if repeated else g, shape)


def total(x: Plain, axes: tuple[int, ...], keep: bool = False) -> Plain:
    """The sum over axes, none of which is that of draws."""

    def back(g: Array, r: Array, a: Array) -> tuple[Array]:
        return (np.broadcast_to(g if keep else np.expand_dims(g, axes), a.shape),)

    return apply(lambda a: a.sum(axis=axes, keepdims=keep), back, x)


def log_sum_exp(x: Plain, axes: tuple[int, ...]) -> Plain:
    """log Σ exp over axes, which stay with length 1."""

    def forward(a: Array) -> Array:
        top = a.max(axis=axes, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        return np.asarray(top + np.log(np.exp(a - top).sum(axis=axes, keepdims=True)))

    return apply(forward, lambda g, r, a: (g * np.exp(a - r),), x)


def reshaped(x: Plain, shape: tuple[int, ...]) -> Plain:
    """The same numbers in another shape after that of draws."""
    return apply(lambda a: a.reshape(len(a), *shape), lambda g, r, a: (g.reshape(a.shape),), x)


def moved(x: Plain, order: tuple[int, ...]) -> Plain:
    """Axes in another order; the first stays."""
    back = tuple(int(i) for i in np.argsort(order))
    return apply(lambda a: a.transpose(order), lambda g, r, a: (g.transpose(back),), x)


def repeated(x: Plain, shape: tuple[int, ...]) -> Plain:
    """Broadcast to a shape after that of draws."""
    return apply(lambda a: np.broadcast_to(a, (len(a), *shape)), lambda g, r, a: (g,), x)


def taken(x: Plain, places: Array, size: int) -> Plain:
    """Elements of an array of draws × size at an array of places.

    The gradient adds up what was taken several times.
    """
    flat = places.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(flat[order]) != 0])
    where = flat[order][starts]

    def back(g: Array, r: Array, a: Array) -> tuple[Array]:
        out = np.zeros((len(g), size))
        out[:, where] = np.add.reduceat(g.reshape(len(g), -1)[:, order], starts, axis=1)
        return (out,)

    return apply(lambda a: a[:, places], back, x)


def joined(parts: Sequence[Plain], axis: int = -1) -> Plain:
    """Arrays of equal shapes side by side along a new axis, the last."""
    assert axis == -1

    def forward(*arrays: Array) -> Array:
        return np.stack(np.broadcast_arrays(*arrays), axis=-1)

    return apply(forward, lambda g, r, *arrays: [g[..., i] for i in range(len(arrays))], *parts)


def chosen(condition: Array, yes: Plain, no: Plain) -> Plain:
    """One array where a known condition holds, the other elsewhere."""

    def back(g: Array, r: Array, a: Array, b: Array) -> tuple[Array, Array]:
        return np.where(condition, g, 0.0), np.where(condition, 0.0, g)

    def forward(a: Array, b: Array) -> Array:
        return np.asarray(np.where(condition, a, b))

    return apply(forward, back, yes, no)


def contracted(x: Plain, known: Array) -> Plain:
    """Σ over the last axis of x × known, where no axis but that is longer than one in both: a product of matrices."""
    size = known.shape[-1]
    flat = np.ascontiguousarray(known.reshape(-1, size))
    long = [i for i in range(1, known.ndim - 1) if known.shape[i] > 1]
    mine = [i for i in range(1, known.ndim - 1) if i not in long]
    order = [0, *mine, *long]
    back = [int(i) for i in np.argsort(order)]

    def forward(a: Array) -> Array:
        left = [a.shape[i] for i in mine]
        out = a.reshape(-1, size) @ flat.T
        shaped = out.reshape(len(a), *left, *(known.shape[i] for i in long))
        return np.asarray(shaped.transpose(back))

    def backward(g: Array, r: Array, a: Array) -> tuple[Array]:
        return ((g.transpose(order).reshape(-1, len(flat)) @ flat).reshape(a.shape),)

    return apply(forward, backward, x)


def determinant(x: Plain) -> Plain:
    """log |X| over the last two axes."""
    return apply(
        lambda a: np.linalg.slogdet(a)[1],
        lambda g, r, a: (np.expand_dims(g, (-1, -2)) * _inverse(a).swapaxes(-1, -2),),
        x,
    )


def as_row(x: Plain) -> Plain:
    """With an axis of length 1 before the last."""
    return apply(lambda a: a[..., None, :], lambda g, r, a: (g[..., 0, :],), x)


def as_column(x: Plain) -> Plain:
    """With an axis of length 1 after the last."""
    return apply(lambda a: a[..., :, None], lambda g, r, a: (g[..., :, 0],), x)


def inverted(x: Plain) -> Plain:
    """X⁻¹ over the last two axes."""

    def back(g: Array, r: Array, a: Array) -> tuple[Array]:
        t = r.swapaxes(-1, -2)
        return (-(t @ g @ t),)

    return apply(_inverse, back, x)


def unrooted(x: Plain, u: Plain) -> Plain:
    """R⁻ᵀ u over the last axes, X = R Rᵀ with R triangular (its derivative: Murray 2016, equation 9)."""

    def forward(a: Array, b: Array) -> Array:
        return np.asarray(np.linalg.solve(_root(a).swapaxes(-1, -2), b[..., None])[..., 0])

    def back(g: Array, r: Array, a: Array, b: Array) -> tuple[Array, Array]:
        root = _root(a)
        inward = np.linalg.solve(root, g[..., None])
        low = np.tril(root.swapaxes(-1, -2) @ -(r[..., :, None] * inward.swapaxes(-1, -2)))
        low = low - 0.5 * low * np.eye(a.shape[-1])
        half = np.linalg.solve(root.swapaxes(-1, -2), low)
        slope = np.linalg.solve(root.swapaxes(-1, -2), half.swapaxes(-1, -2))
        return 0.5 * (slope + slope.swapaxes(-1, -2)), inward[..., 0]

    return apply(forward, back, x, u)


def _root(a: Array) -> Array:
    """Triangular roots, of what has none not a number, as `_inverse`."""
    try:
        return np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        finite = np.isfinite(a).all(axis=(-1, -2))[..., None, None]
        safe = np.where(finite, a, np.eye(a.shape[-1]))
        good = finite & (
            np.linalg.eigvalsh(safe)[..., :1, None] > 1e-14 * np.abs(safe).max(axis=(-1, -2), keepdims=True)
        )
        return np.where(good, np.linalg.cholesky(np.where(good, safe, np.eye(a.shape[-1]))), np.nan)


def _inverse(a: Array) -> Array:
    """Inverses, not a number where there is none: one chain that has gone too far is no error of the others."""
    singular = ~np.isfinite(np.linalg.slogdet(a)[1])
    found = np.linalg.inv(np.where(singular[..., None, None], np.eye(a.shape[-1]), a))
    return np.where(singular[..., None, None], np.nan, found)
