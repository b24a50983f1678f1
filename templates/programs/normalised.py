"""exp(a_k) / Σ_j exp(a_j), recognised by its form: probabilities whatever a is."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from cavi.derive.expression import (
    Add,
    AnySub,
    Apply,
    Condition,
    Expr,
    Mul,
    Number,
    Power,
    Ref,
    SizeOf,
    SumOver,
    replace_running,
)
from cavi.derive.index import Index
from cavi.derive.operations import softmax


def normalised(expr: Expr, over: Index) -> Expr | None:
    """The softmax at an index that an expression is; None for any other expression."""
    match expr:
        case Mul(factors=(Apply(name="exp", args=(part,)) as above, Power(base=SumOver() as below, exponent=Number()))):
            if expr.factors[1].exponent.value == Fraction(-1) and over in part.free():  # type: ignore[attr-defined]
                if over not in below.free() and same(below.body, above, {below.index: over}):
                    return softmax(part, over=over)
    return None


def same(left: Expr, right: Expr, renamed: Mapping[Index, Index]) -> bool:
    """Whether two expressions are the same but for the names of indices: bound ones, and those that are `renamed`."""
    match left, right:
        case Number(), Number():
            return left.value == right.value
        case SizeOf(), SizeOf():
            return left.size == right.size
        case Ref(), Ref():
            return left.name == right.name and _subs(left.subs, right.subs, renamed)
        case Condition(), Condition():
            return left.name == right.name and _subs(left.subs, right.subs, renamed)
        case SumOver(), SumOver():
            if left.index.size != right.index.size:
                return False
            return same(left.body, right.body, {**renamed, left.index: right.index})
        case (Apply(), Apply()) if left.name != right.name:
            return False
        case (Add(), Add()) | (Mul(), Mul()) | (Power(), Power()) | (Apply(), Apply()):
            parts = left.children, right.children
            return len(parts[0]) == len(parts[1]) and all(same(a, b, renamed) for a, b in zip(*parts, strict=True))
    return False


def _subs(left: tuple[AnySub, ...], right: tuple[AnySub, ...], renamed: Mapping[Index, Index]) -> bool:
    def change(sub: AnySub) -> AnySub:
        for old, new in renamed.items():
            sub = replace_running(sub, old, new)
        return sub

    return tuple(map(change, left)) == right
