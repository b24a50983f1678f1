"""Sums of products over many axes, one axis at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from cavi.verify.arithmetic import Value
from cavi.verify.averages import Infeasible

MAX_POINTS = 1_000_000


def contract(factors: Sequence[Value], count: int) -> Value:
    """Σ over the first `count` axes of the product of factors that broadcast against each other.

    The axis whose sum leaves the smallest table goes first; only the factors that depend on it are multiplied out.

    >>> a, b = np.array([[1], [2]], dtype=object), np.array([3, 4], dtype=object)
    >>> contract([a, b], 1)
    array([9, 12], dtype=object)

    Raises:
        Infeasible: for a table of more than `MAX_POINTS`.
    """
    if not count:
        affordable(factors)
        return reduce(lambda a, b: a * b, factors)
    rank = max(np.ndim(f) for f in factors)
    left = [_padded(f, rank) for f in factors]
    open_axes = list(range(count))
    while open_axes:
        axis = min(open_axes, key=lambda i: _size([f for f in left if f.shape[i] > 1]))
        on = [f for f in left if f.shape[axis] > 1] or left[:1]
        left = [f for f in left if not any(f is g for g in on)]
        left.append(product(on).sum(axis=axis, keepdims=True))
        open_axes.remove(axis)
    found = product(left)
    found = found.reshape(found.shape[count:])
    return found if found.ndim else found.item()


def product(factors: Sequence[Value]) -> Value:
    """The product, small tables being absorbed by larger ones first."""
    rest = sorted(factors, key=np.size)
    merged: list[Value] = []
    while rest:
        first = rest.pop(0)
        for k, other in enumerate(rest):
            if all(a in (1, b) for a, b in zip(first.shape, other.shape, strict=True)):
                rest[k] = other * first
                break
        else:
            merged.append(first)
    affordable(merged)
    return reduce(lambda a, b: a * b, merged)


def affordable(values: Sequence[Value]) -> None:
    """Refuse what would broadcast to too large a table.

    Raises:
        Infeasible: for more than `MAX_POINTS`.
    """
    size = _size(values)
    if size > MAX_POINTS:
        raise Infeasible(f"a sum over {size} points; at most {MAX_POINTS} are affordable")


def _size(values: Sequence[Value]) -> int:
    return int(np.prod(np.broadcast_shapes(*(np.shape(v) for v in values)), dtype=np.int64))


def _padded(x: Value, rank: int) -> Value:
    if not isinstance(x, np.ndarray):
        out = np.empty((1,) * rank, dtype=object)
        out[...] = x
        return out
    return x.reshape((1,) * (rank - x.ndim) + x.shape)
