"""Sums of products: which two arrays to contract next, and how to write it.

The order is chosen when the code is generated, with nominal sizes (observed plates large, all others
small): always the pair whose result is smallest. A contraction of two arrays becomes a matrix product
where it is one, all elements of two arrays a `vdot`, else an `einsum` of two operands, so that no array over more
axes than needed exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from cavi.derive.index import Index
from cavi.templates.numpy.arrays import Axes, Operand, Scope, name_it, spread
from cavi.templates.numpy.layout import WIDTH

LARGE, SMALL = 100_000, 10


def contract(operands: Sequence[Operand], keep: Iterable[Index], scope: Scope) -> Operand:
    """Σ over every axis not in `keep` of the product of the operands."""
    keep = set(keep)
    work = _quadratic(list(operands), keep, scope)
    while len(work) > 1:
        i, j = min(combinations(range(len(work)), 2), key=lambda ij: _cost(work, ij, keep, scope))
        pair = (work[i], work[j])
        rest = [w for k, w in enumerate(work) if k not in (i, j)]
        needed = keep | {a for w in rest for a in w.axes}
        found = _two(*pair, needed, scope)
        if rest and len(found.code) > WIDTH:
            found = name_it(found, "part", scope)
        work = [*rest, found]
    return _reduce(work[0], keep, scope)


def _quadratic(work: list[Operand], keep: set[Index], scope: Scope) -> list[Operand]:
    """Σ_de x[n,d] x[n,e] M[…,d,e] over many rows as one operand: products of packed pairs, block by block."""
    for x, y in combinations(work, 2):
        if x.code != y.code or len(x.axes) != 2 or x.axes[0] != y.axes[0] or x.axes[0].size not in scope.large:
            continue
        (row, d), (_, e) = x.axes, y.axes
        rest = [w for w in work if w is not x and w is not y]
        near = [w for w in rest if {d, e} & set(w.axes)]
        if row not in keep | {i for w in rest for i in w.axes} or {d, e} & keep or d == e or len(near) != 1:
            continue
        (matrix,) = near
        lead = tuple(i for i in matrix.axes if i not in (d, e))
        if not {d, e} <= set(matrix.axes) or row in lead:
            continue
        code = spread(matrix, (*lead, d, e))
        traced = scope.planner is not None and matrix.code in scope.planner.traced
        helper = scope.helper("squares_of" if traced else "quadratic_forms")
        forms = Operand(f"{helper}({x.code}, {matrix.code if traced else code})", (row, *lead))
        return [*(w for w in rest if w is not matrix), forms]
    return work


def extent(axes: Iterable[Index], scope: Scope) -> int:
    """The nominal number of elements of an array."""
    total = 1
    for i in axes:
        total *= int(i.size) if i.size.isdigit() else LARGE if i.size in scope.large else SMALL
    return total


def _cost(work: Sequence[Operand], pair: tuple[int, int], keep: set[Index], scope: Scope) -> tuple[int, int]:
    a, b = (work[p] for p in pair)
    rest = {x for k, w in enumerate(work) if k not in pair for x in w.axes}
    union = set(a.axes) | set(b.axes)
    return extent(union & (keep | rest), scope), extent(union, scope)


def _reduce(operand: Operand, keep: set[Index], scope: Scope) -> Operand:
    summed = [p for p, i in enumerate(operand.axes) if i not in keep]
    if not summed:
        return operand
    name = operand.code.removesuffix(" ** 2")
    if name != operand.code and name.isidentifier() and scope.large & {operand.axes[p].size for p in summed}:
        return _squares(name, operand.axes, keep)
    code = operand.code if operand.plain else f"({operand.code})"
    if len(summed) == len(operand.axes):
        return Operand(f"{code}.sum()", ())
    axis = str(summed[0]) if len(summed) == 1 else str(tuple(summed))
    return Operand(f"{code}.sum(axis={axis})", tuple(i for i in operand.axes if i in keep))


def _squares(name: str, axes: Axes, keep: set[Index]) -> Operand:
    """Σ x² over many rows, with no array of squares."""
    if len(axes) == 1:
        return Operand(f"{name} @ {name}", (), plain=False)
    letters = {i: "abcdefghijklmnop"[p] for p, i in enumerate(axes)}
    out = tuple(i for i in axes if i in keep)
    one, left = "".join(letters.values()), "".join(letters[i] for i in out)
    return Operand(f'np.einsum("{one},{one}->{left}", {name}, {name})', out)


def _two(a: Operand, b: Operand, needed: set[Index], scope: Scope) -> Operand:
    a = _reduce(a, needed | set(b.axes), scope)
    b = _reduce(b, needed | set(a.axes), scope)
    if a.code == b.code and "(" in a.code and scope.large & {i.size for i in a.axes}:  # what is long is made once
        named = name_it(a, "part", scope)
        a, b = named, Operand(named.code, b.axes)
    summed = [i for i in a.axes if i in b.axes and i not in needed]
    if not summed:
        return product([a, b])
    if len(summed) == 1 and (found := _matrix_product(a, b, summed[0])) is not None:
        return found
    if len(summed) == 2 and scope.planner is not None:
        for x, y in ((a, b), (b, a)):
            if (
                x.code in scope.planner.traced
                and y.code == scope.planner.traced[x.code]
                and len(x.axes) == len(y.axes) == 2
            ):
                scope.helper("Outer")
                return Operand(f"trace_of_product({x.code}, {y.code})")
    turned = a.axes != b.axes and scope.large & {i.size for i in a.axes}  # of many rows vdot would make a copy
    if not needed & set(a.axes) and set(a.axes) == set(b.axes) and not turned:
        return Operand(f"np.vdot({a.code}, {spread(b, a.axes)})", ())
    if len(a.code) + len(b.code) > WIDTH:
        a, b = (name_it(o, "part", scope) if len(o.code) > WIDTH // 3 else o for o in (a, b))
    out = tuple(dict.fromkeys(i for i in (*a.axes, *b.axes) if i in needed))
    letters = {i: "abcdefghijklmnop"[p] for p, i in enumerate(dict.fromkeys((*a.axes, *b.axes)))}
    spec = ",".join("".join(letters[i] for i in o.axes) for o in (a, b))
    spec += "->" + "".join(letters[i] for i in out)
    return Operand(f'np.einsum("{spec}", {a.code}, {b.code}, optimize=True)', out)


def _bare(o: Operand) -> str:
    return o.code if o.plain else f"({o.code})"


def _matrix_product(a: Operand, b: Operand, over: Index) -> Operand | None:
    """`@` where no axis but the summed one is shared and both have at most two axes."""
    if set(a.axes) & set(b.axes) != {over} or len(a.axes) > 2 or len(b.axes) > 2:
        return None
    left = _bare(a) if a.axes[-1] == over else f"{_bare(a)}.T"
    right = _bare(b) if b.axes[0] == over else f"{_bare(b)}.T"
    axes = tuple(i for i in (*a.axes, *b.axes) if i != over)
    return Operand(f"{left} @ {right}", axes, plain=False)


def product(operands: Sequence[Operand]) -> Operand:
    """The broadcast product over the union of the axes, longest operand's order first."""
    if len(operands) == 1:
        return operands[0]
    axes: Axes = tuple(dict.fromkeys(i for o in sorted(operands, key=lambda o: -len(o.axes)) for i in o.axes))
    codes = []
    for o in operands:
        code = spread(o, axes)
        bare = code != o.code or o.plain or is_product(code)
        codes.append(code if bare else f"({code})")
    return Operand(" * ".join(codes), axes, plain=False)


def is_product(code: str) -> bool:
    """Whether the code is a product with no sum at its top level, safe to scale without brackets."""
    if code.startswith("-"):
        return False
    depth = 0
    for position, c in enumerate(code):
        depth += c in "([{"
        depth -= c in ")]}"
        if depth == 0 and code[position : position + 3] in (" + ", " - ", " @ ", " / "):
            return False
    return True
