"""What a user writes around variables: `dot`, `Sum`, `log`, `exp`, `sqrt`, `sigmoid`, `probit`, `softmax`, `size`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cavi.derive.errors import DeclarationError
from cavi.derive.expression import (
    AnySub,
    Apply,
    Array,
    Condition,
    Expr,
    InverseOf,
    Mul,
    Number,
    Ordered,
    Power,
    Probabilities,
    SizeOf,
    Softmax,
    SumOver,
    as_expr,
    fresh,
    map_subs,
    materialise,
    matmul,
    not_a_number,
    replace_running,
)
from cavi.derive.index import Index, shifted


def dot(left: object, right: object) -> Expr:
    """The inner product Σ_d left[d] right[d] over the last open index of the left side, the first of the right one.

    Further open indices stay open: ``dot(W, z[n])`` is the vector W z_n, the same as ``W @ z[n]``.

    Raises:
        DeclarationError: when a side has no open index, or their sizes differ.

    Examples:
        >>> from cavi.derive import Model, Normal, dot
        >>> m = Model("regression")
        >>> n, d = m.index("n", "N"), m.index("d", "D")
        >>> w, x = m.latent("w", Normal(0, 1), d), m.covariate("X", n, d)
        >>> print(dot(w, x[n]))
        Sum(w[d]*X[n, d], d)
    """
    a, b = as_expr(left), as_expr(right)
    for side in (a, b):
        if not side.open:
            raise DeclarationError(
                f"dot({a}, {b}): {side} has 0 open indices, expected one to contract; "
                "leave out the last subscript of a variable declared over that index"
            )
    if a.open[-1].size != b.open[0].size:
        raise DeclarationError(
            f"dot({a}, {b}): the sizes differ: {a.open[-1].size} and {b.open[0].size}; "
            "declare both over an index of one size"
        )
    return matmul(a, b)


def Sum(expr: object, *indices: Index) -> Expr:
    """Σ expr over each index, over the whole of its set.

    Raises:
        DeclarationError: when an index is not an `Index` or does not occur.
    """
    if (found := not_a_number(expr)) is not None:
        raise DeclarationError(f"Sum({found}): expected an expression or a finite number")
    body = as_expr(expr)
    if not indices:
        raise DeclarationError(f"Sum({body}): expected at least one index to sum over, for example Sum({body}, j)")
    for index in indices:
        if not isinstance(index, Index):
            raise DeclarationError(f"Sum({body}, {index}): expected an index made by m.index, found {index!r}")
        summed = fresh(index)

        def change(sub: AnySub, old: Index = index, new: Index = summed) -> AnySub:
            return replace_running(sub, old, new)

        body = SumOver(summed, map_subs(body, change))
    return body


def identity(index: Index) -> Expr:
    """The identity matrix over an index."""
    i, j = fresh(_index(index, "identity")), fresh(index)
    return Array(Condition("same", (i, j)), (i, j), f"identity({index.name})")


def diag(values: object) -> Expr:
    """The diagonal matrix of a vector (one open index)."""
    v = _open(values, 1, "diag")
    i, j = fresh(v.open[0]), fresh(v.open[0])
    return Array(Mul((Condition("same", (i, j)), materialise(v, i))), (i, j), f"diag({v})")


def outer(left: object, right: object) -> Expr:
    """The outer product left[i] right[j] of two vectors."""
    a, b = _open(left, 1, "outer"), _open(right, 1, "outer")
    i, j = fresh(a.open[0]), fresh(b.open[0])
    return Array(Mul((materialise(a, i), materialise(b, j))), (i, j), f"outer({a}, {b})")


def inverse(matrix: object) -> Expr:
    """The inverse of a symmetric positive-definite matrix (two open indices of one size)."""
    m = _open(matrix, 2, "inverse")
    if m.open[0].size != m.open[1].size:
        raise DeclarationError(f"inverse({m}): the matrix is not square: {m.open[0].size} by {m.open[1].size}")
    row, column, i, j = (fresh(m.open[0]) for _ in range(4))
    body = materialise(materialise(m, row), column)
    return Array(InverseOf(body, row, column, (i, j)), (i, j), f"inverse({m})")


def stick_breaking(fractions: object, over: Index | None = None) -> Expr:
    """Probabilities π_k = v_k Π_{j<k} (1 - v_j) from fractions v in (0, 1): a vector, or an expression in `over`.

    The last takes the rest, so that the last fraction has no influence: the truncated construction of a Dirichlet
    process; with v = σ(a) the sequential (continuation-ratio) logit of ordered answers.
    Source: Sethuraman (1994); Blei and Jordan (2006), equation 10; Linderman, Johnson and Adams (2015), section 2.

    Raises:
        DeclarationError: unless exactly one index is open, or `over` is given and occurs.

    Examples:
        >>> from cavi.derive import Model, Normal, dot, sigmoid, stick_breaking
        >>> m = Model("stages")
        >>> n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
        >>> w, x = m.latent("w", Normal(0, 1), d), m.covariate("X", n, d)
        >>> a = m.latent("a", Normal(0, 1), k)
        >>> print(stick_breaking(sigmoid(a[k] - dot(w, x[n])), over=k))
        stick_breaking(sigmoid(a[k] - Sum(w[d]*X[n, d], d)), over=k)
    """
    part, k, label = _vector_over(fractions, over, "stick_breaking")
    j = fresh(k)
    at_j = map_subs(part, lambda sub: replace_running(sub, k, j))
    own = Mul((Condition("link", (shifted(k, 1),)), log(part)))
    before = SumOver(j, Mul((Condition("before", (j, k)), log(1 - at_j))))
    return Probabilities(Array(exp(own + before), (k,), label), part, label)


def _vector_over(values: object, over: Index | None, where: str) -> tuple[Expr, Index, str]:
    """The element of a vector, or of an expression in `over`, at a new index; that index; and how it is written."""
    a = as_expr(values)
    if over is None:
        a = _open(a, 1, where)
        k = fresh(a.open[0])
        return materialise(a, k), k, f"{where}({a})"
    label = f"{where}({a}, over={_index(over, where).name})"
    if a.open or over not in a.free():
        raise DeclarationError(
            f"{label}: expected a number for each {over.name} with no open index; write {where}(a[{over.name}], "
            f"over={over.name}), or {where}(a) for a vector a"
        )
    k = fresh(over)
    return map_subs(a, lambda sub: replace_running(sub, over, k)), k, label


def softmax(logits: object, over: Index | None = None) -> Expr:
    """Probabilities exp(a_k) / Σ_j exp(a_j) from any real numbers a: a vector, or an expression in the index `over`.

    Source: Bishop (2006), 4.104.

    Raises:
        DeclarationError: unless exactly one index is open, or `over` is given and occurs.

    Examples:
        >>> from cavi.derive import Model, Normal, dot, softmax
        >>> m = Model("classes")
        >>> n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
        >>> w, x = m.latent("w", Normal(0, 1), k, d), m.covariate("X", n, d)
        >>> print(softmax(dot(w[k], x[n]), over=k))
        softmax(Sum(w[k, d]*X[n, d], d), over=k)
    """
    part, k, label = _vector_over(logits, over, "softmax")
    j = fresh(k)
    below = SumOver(j, exp(map_subs(part, lambda sub: replace_running(sub, k, j))))
    body = Mul((exp(part), Power(below, Number(Fraction(-1)))))
    return Softmax(Array(body, (k,), label), part, label, k, k)


def ordered_logistic(location: object, first: object, widths: object) -> Expr:
    """Probabilities of ordered categories: the shares of the line between cutpoints under a logistic density.

        P(y ≤ k) = σ(c_k - η),    c_1 = first,   c_k = c_1 + h_2 + … + h_k
        π_k = σ(c_k - η) σ(η - c_{k-1}) (1 - exp(-h_k)) = σ(c_k - η) - σ(c_{k-1} - η)

    with η the location and h_k the width of category k on the scale of η, positive. The outer categories are open: the
    first has the factor σ(c_1 - η) alone, the last σ(η - c_{K-1}) alone, and their widths have no influence.
    Source: McCullagh (1980), JRSS B 42, 109-142, section 2 (proportional odds).

    Raises:
        DeclarationError: unless exactly one index of the widths is open, and none of the others.

    Examples:
        >>> from cavi.derive import Gamma, Model, Normal, ordered_logistic
        >>> m = Model("answers")
        >>> n, k = m.index("n", "N"), m.index("k", "K")
        >>> eta, c, h = m.latent("eta", Normal(0, 1), n), m.latent("c", Normal(0, 1)), m.latent("h", Gamma(1, 1), k)
        >>> print(ordered_logistic(eta[n], c, h))
        ordered_logistic(eta[n], c, h)
    """
    at, lowest, h = as_expr(location), as_expr(first), _open(widths, 1, "ordered_logistic")
    label = f"ordered_logistic({at}, {lowest}, {h})"
    for name, value in (("location", at), ("first cutpoint", lowest)):
        if value.open:
            raise DeclarationError(
                f"{label}: the {name} {value} has the open index {value.open[0].name}; expected a number: give the "
                f"index, for example {value}[{value.open[0].name}]"
            )
    k, j = fresh(h.open[0]), fresh(h.open[0])
    has_lower, has_upper = Condition("link", (k,)), Condition("link", (shifted(k, 1),))
    inner = Mul((Condition("link", (j,)), Condition("before", (j, k)), materialise(h, j)))
    lower = lowest + SumOver(j, inner)
    upper = lower + Mul((has_lower, materialise(h, k)))
    between = Mul((has_lower, has_upper, log(1 - exp(-materialise(h, k)))))
    body = Mul((has_upper, log(sigmoid(upper - at)))) + Mul((has_lower, log(sigmoid(at - lower)))) + between
    return Ordered(Array(exp(body), (k,), label), materialise(h, k), label, k, k, at, lowest)


def distinct(left: Index, right: Index) -> Expr:
    """The condition that two indices of one size differ, for ``where=``."""
    if _index(left, "distinct").size != _index(right, "distinct").size:
        raise DeclarationError(f"distinct({left.name}, {right.name}): expected two indices of one size")
    return 1 - Condition("same", (left, right))


def _index(index: object, where: str) -> Index:
    if not isinstance(index, Index):
        raise DeclarationError(f"{where}({index!r}): expected an index made by m.index")
    return index


def _open(value: object, count: int, where: str) -> Expr:
    expr = as_expr(value)
    if len(expr.open) != count:
        words = {1: "a vector (one open index)", 2: "a matrix (two open indices)"}[count]
        raise DeclarationError(f"{where}({expr}): expected {words}, found {len(expr.open)} open indices")
    return expr


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


def probit(value: object) -> Expr:
    """Φ(value), the probability that a standard Normal is below it: the response function of probit regression."""
    return Apply("probit", (as_expr(value),))


def size(index: Index) -> Expr:
    """The number of elements that an index runs over, as a number in an expression."""
    if not isinstance(index, Index):
        raise DeclarationError(f"size({index!r}): expected an index made by m.index")
    return Number(Fraction(int(index.size))) if index.size.isdigit() else SizeOf(index.size)
