"""What a user writes around variables: `dot`, `Sum`, `log`, `exp`, `sqrt`, `sigmoid`, `size`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import count

from cavi.derive.errors import DeclarationError
from cavi.derive.expression import (
    AnySub,
    Apply,
    Expr,
    Mul,
    Number,
    Power,
    SizeOf,
    SumOver,
    as_expr,
    map_subs,
    materialise,
    replace_running,
)
from cavi.derive.index import Index

_anonymous = count()


def dot(left: object, right: object) -> Expr:
    """The inner product Σ_d left[d] right[d] over the one open index that both sides share.

    Raises:
        DeclarationError: when a side has no open index, or more than one, or their sizes differ.

    Example:
        >>> from cavi.derive import Model, Normal, dot
        >>> m = Model("regression")
        >>> n, d = m.index("n", "N"), m.index("d", "D")
        >>> w, x = m.latent("w", Normal(0, 1), d), m.covariate("X", n, d)
        >>> print(dot(w, x[n]))
        Sum(w[d]*X[n, d], d)
    """
    a, b = as_expr(left), as_expr(right)
    for side in (a, b):
        if len(side.open) != 1:
            raise DeclarationError(
                f"dot({a}, {b}): {side} has {len(side.open)} open indices, expected exactly one; "
                "leave out the last subscript of a variable declared over that index"
            )
    if a.open[0].size != b.open[0].size:
        raise DeclarationError(
            f"dot({a}, {b}): the sizes differ: {a.open[0].size} and {b.open[0].size}; "
            "declare both over an index of one size"
        )
    index = Index(f"{a.open[0].name}.{next(_anonymous)}", a.open[0].size)
    return SumOver(index, Mul((materialise(a, index), materialise(b, index))))


def Sum(expr: object, *indices: Index) -> Expr:
    """Σ expr over each index, over the whole of its set.

    Raises:
        DeclarationError: when an index is not an `Index` or does not occur.
    """
    body = as_expr(expr)
    if not indices:
        raise DeclarationError(f"Sum({body}): expected at least one index to sum over, for example Sum({body}, j)")
    for index in indices:
        if not isinstance(index, Index):
            raise DeclarationError(f"Sum({body}, {index}): expected an index made by m.index, found {index!r}")
        fresh = Index(f"{index.name}.{next(_anonymous)}", index.size)

        def change(sub: AnySub, old: Index = index, new: Index = fresh) -> AnySub:
            return replace_running(sub, old, new)

        body = SumOver(fresh, map_subs(body, change))
    return body


def _elementwise(name: str) -> Callable[[object], Expr]:
    def apply(value: object) -> Expr:
        return Apply(name, (as_expr(value),))

    apply.__name__ = name
    apply.__doc__ = f"The {name} of an expression, by elements."
    return apply


log = _elementwise("log")
exp = _elementwise("exp")
cos = _elementwise("cos")
sin = _elementwise("sin")


def sqrt(value: object) -> Expr:
    """The square root of an expression."""
    return Power(as_expr(value), Number(Fraction(1, 2)))


def sigmoid(value: object) -> Expr:
    """The logistic function 1 / (1 + exp(-value))."""
    return 1 / (1 + exp(-as_expr(value)))


def size(index: Index) -> Expr:
    """The number of elements that an index runs over, as a number in an expression."""
    if not isinstance(index, Index):
        raise DeclarationError(f"size({index!r}): expected an index made by m.index")
    return Number(Fraction(int(index.size))) if index.size.isdigit() else SizeOf(index.size)
