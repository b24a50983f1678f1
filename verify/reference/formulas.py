"""Plain expressions as arrays: every free index is an axis, so that a formula is a few array operations.

An array has one axis for draws, one for each enumerated category (`Scope.enumerated`), then one for each index of the
context, of length 1 where it does not depend on it. A shifted subscript that points outside is clipped: terms with one
are multiplied by a mark that is zero there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from cavi.verify.evaluate import size_of
from cavi.verify.reference.functions import nodes
from cavi.verify.reference.tape import (
    Array,
    Node,
    Plain,
    contracted,
    determinant,
    inverted,
    repeated,
    reshaped,
    taken,
    total,
)

Expr = list[Any]
Context = tuple[tuple[str, str], ...]  # indices in scope with their sizes, outermost first
ENGINE = nodes()


@dataclass(frozen=True)
class Scope:
    """Values of variables (draws × axes), and the categories that are enumerated.

    Attributes:
        values: known arrays with a first axis of length 1, and nodes.
        sizes: symbolic size -> number of elements.
        enumerated: categorical latent -> number of categories, in the order of their axes.
        fixed: index -> its value, where it is no axis.
    """

    values: Mapping[str, Plain]
    sizes: Mapping[str, int]
    enumerated: Mapping[str, int]
    fixed: Mapping[str, int] = field(default_factory=dict)

    def rank(self, context: Context) -> int:
        """How many axes an array has in a context, that of draws included."""
        return 1 + len(self.enumerated) + len(context)

    def binding(self, names: Iterable[str]) -> Scope:
        """The scope inside a sum over indices, which are axes there whatever they were outside."""
        bound = set(names)
        return replace(self, fixed={i: k for i, k in self.fixed.items() if i not in bound})

    def along(self, numbers: Array, axis: int, context: Context) -> Array:
        """A vector of numbers along one axis."""
        return np.reshape(numbers, [len(numbers) if i == axis else 1 for i in range(self.rank(context))])

    def categories(self, name: str, context: Context) -> Array:
        """The categories of a latent that is enumerated, along its axis."""
        axis = 1 + list(self.enumerated).index(name)
        return self.along(np.arange(self.enumerated[name]), axis, context)


def evaluate(e: Expr, scope: Scope, context: Context) -> Plain:
    """The value of an expression as an array or a node with an axis for each index of the context.

    Raises:
        NotImplementedError: for expectations, moments and what else is in no declaration.
    """
    match e:
        case ["num", value]:
            return float(Fraction(value))
        case ["const", name]:
            return ENGINE.constants(name)
        case ["size", name]:
            return float(size_of(scope.sizes, name))
        case ["ref", name, subs]:
            return element(name, subs, scope, context)
        case ["is", name, subs, category]:
            value = element(name, subs, scope, context)
            if isinstance(value, Node):
                raise NotImplementedError(f"{name} is no category that is enumerated")
            return (value == subscript(category, scope, context)).astype(float)
        case ["delta", left, right]:
            return (subscript(left, scope, context) == subscript(right, scope, context)).astype(float)
        case ["before", left, right]:
            return (subscript(left, scope, context) < subscript(right, scope, context)).astype(float)
        case ["link", sub]:
            at = subscript(sub, scope, context)
            return ((at >= 1) & (at <= _extent(sub, scope) - 1)).astype(float)
        case ["add", terms]:
            values = [evaluate(t, scope, context) for t in terms]
            return sum(values[1:], values[0])
        case ["mul", factors]:
            product: Plain = 1.0
            for f in factors:
                value = evaluate(f, scope, context)
                product = value if isinstance(product, float) and product == 1.0 else product * value
            return product
        case ["pow", base, exponent]:
            return power(evaluate(base, scope, context), Fraction(exponent))
        case ["sum", axes, body]:
            inner = (*context, *((i, s) for i, s in axes))
            inside = scope.binding(i for i, _ in axes)
            product = _as_product(axes, body, inside, inner)
            return summed(evaluate(body, inside, inner), scope, context, inner) if product is None else product
        case ["logdet", row, column, body]:
            return determinant(_matrix(row, column, body, scope, context))
        case ["inverse", row, column, body, left, right]:
            found = inverted(_matrix(row, column, body, scope, context))
            return _entry(found, subscript(left, scope, context), subscript(right, scope, context))
        case ["fn", name, args]:
            return ENGINE(name, *(evaluate(a, scope, context) for a in args))
    raise NotImplementedError(f"no rule for {str(e)[:80]} in a declaration")


def _as_product(axes: Sequence[Sequence[str]], body: Expr, scope: Scope, inner: Context) -> Plain | None:
    """A sum over one index of (what depends on latents) × (what is known) as a product of matrices."""
    if len(axes) != 1 or body[0] != "mul":
        return None
    unknown: Plain = 1.0
    known_: Plain = 1.0
    for f in body[1]:
        value = evaluate(f, scope, inner)
        if isinstance(value, Node):
            unknown = value * unknown
        else:
            known_ = known_ * value
    full = size_of(scope.sizes, axes[0][1])
    if not isinstance(unknown, Node) or np.ndim(known_) == 0:
        return None
    known_ = np.asarray(known_)
    apart = all(a == 1 or b == 1 for a, b in zip(unknown.shape[1:-1], known_.shape[1:-1], strict=True))
    return contracted(unknown, known_) if apart and unknown.shape[-1] == known_.shape[-1] == full else None


def is_number(value: Plain) -> bool:
    """Whether a value has no axes."""
    return not isinstance(value, Node) and np.ndim(value) == 0


def power(base: Plain, exponent: Fraction) -> Plain:
    """A rational power: roots and products where they do."""
    if exponent == 1:
        return base
    if exponent.denominator == 2:
        return power(ENGINE("sqrt", base), Fraction(exponent.numerator))
    if exponent.denominator != 1:
        return ENGINE("pow", base, float(exponent))
    product = base
    for _ in range(abs(exponent.numerator) - 1):
        product = product * base
    return product if exponent > 0 else 1.0 / product


def summed(value: Plain, scope: Scope, context: Context, inner: Context) -> Plain:
    """The sum over the indices that the inner context has more; what does not depend on one is taken as often."""
    extra = len(inner) - len(context)
    counts = [size_of(scope.sizes, s) for _, s in inner[len(context) :]]
    if is_number(value):
        return value * float(np.prod(counts))
    axes = tuple(range(value.ndim - extra, value.ndim))
    times = np.prod([n for n, a in zip(counts, axes, strict=True) if value.shape[a] == 1 and n != 1])
    out = total(value, axes)
    return out if times == 1 else out * float(times)


def whole(value: Plain, scope: Scope, context: Context) -> Plain:
    """With every axis of the context at its full length."""
    shape = tuple(size_of(scope.sizes, s) for _, s in context)
    if is_number(value):
        value = np.full((1,) * scope.rank(context), value)
    front = value.shape[1 : 1 + len(scope.enumerated)]
    return repeated(value, (*front, *shape))


def subscript(s: Expr, scope: Scope, context: Context) -> Array:
    """The positions that a subscript points at, along the axes of the context (and those of categories)."""
    match s:
        case ["index", name, _] if name in scope.fixed:
            return np.full((1,) * scope.rank(context), scope.fixed[name])
        case ["index", name, size]:
            inner = [i for i, _ in reversed(context)].index(name)  # a sum may bind a name anew
            axis = scope.rank(context) - 1 - inner
            return scope.along(np.arange(size_of(scope.sizes, size)), axis, context)
        case ["int", value, _]:
            return np.full((1,) * scope.rank(context), int(value))
        case ["shift", inner, k]:
            return subscript(inner, scope, context) + int(k)
        case ["gather" | "select", name, subs, _]:
            found = element(name, subs, scope, context)
            if isinstance(found, Node):
                raise NotImplementedError(f"{name} is no category that is enumerated")
            return np.asarray(found).astype(np.intp)
    raise NotImplementedError(f"no rule for the subscript {str(s)[:80]}")


def element(name: str, subs: Sequence[Expr], scope: Scope, context: Context) -> Plain:
    """The elements of a variable at subscripts."""
    if name in scope.enumerated:
        return scope.categories(name, context)
    value = scope.values[name]
    if not subs:
        return reshaped(value, (1,) * (scope.rank(context) - 1))
    shape = value.shape[1:]
    places = np.zeros((1,) * scope.rank(context), dtype=np.intp)
    for s, n in zip(subs, shape, strict=True):
        places = places * n + np.clip(subscript(s, scope, context), 0, n - 1)
    if isinstance(value, Node):
        size = int(np.prod(shape))
        return taken(reshaped(value, (size,)), places[0], size)
    return np.asarray(value).reshape(len(value), -1)[:, places[0]]


def _extent(sub: Expr, scope: Scope) -> int:
    return _extent(sub[1], scope) if sub[0] == "shift" else size_of(scope.sizes, sub[-1])


def _matrix(row: Sequence[str], column: Sequence[str], body: Expr, scope: Scope, context: Context) -> Plain:
    inner = (*context, (row[0], row[1]), (column[0], column[1]))
    value = evaluate(body, scope.binding((row[0], column[0])), inner)
    if is_number(value):
        value = np.full((1,) * scope.rank(inner), value)
    n = size_of(scope.sizes, row[1])
    return repeated(value, (*value.shape[1:-2], n, n))


def _entry(matrix: Plain, left: Array, right: Array) -> Plain:
    """Elements of one matrix."""
    if any(k != 1 for k in matrix.shape[1:-2]):
        raise NotImplementedError("the inverse of a matrix for each element of a plate")
    n = matrix.shape[-1]
    return taken(reshaped(matrix, (n * n,)), (left * n + right)[0], n * n)
