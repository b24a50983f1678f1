"""Which elements a declaration keeps, apart from how often it counts each: a weight taken to pieces.

``where=i < j`` reaches a variable as a factor [i < j] of its weight. An author writes it beside the plates, i < j,
and only what remains of the weight as a number of copies.
"""

from __future__ import annotations

from dataclasses import dataclass

from cavi.derive.expression import Add, Condition, Expr, Mul, Number
from cavi.derive.index import Index
from cavi.templates.layout import LESS, NOT_EQUAL, Box, row
from cavi.templates.scope import index_box


@dataclass(frozen=True)
class Restriction:
    """Two indices of one size of which only ordered (`before`) or only different pairs are kept."""

    left: Index
    right: Index
    before: bool

    def box(self) -> Box:
        """``i < j`` or ``i ≠ j``."""
        return row(index_box(self.left.name), LESS if self.before else NOT_EQUAL, index_box(self.right.name))


def split_weight(weight: Expr | None) -> tuple[tuple[Restriction, ...], tuple[Expr, ...]]:
    """The restrictions on plates among a weight's factors, and the other factors in their order."""
    restrictions: list[Restriction] = []
    others: list[Expr] = []
    for factor in _factors(weight):
        found = _restriction(factor)
        if found is None:
            others.append(factor)
        else:
            restrictions.append(found)
    return tuple(restrictions), tuple(others)


def _factors(e: Expr | None) -> list[Expr]:
    if e is None:
        return []
    if isinstance(e, Mul):
        return [f for part in e.factors for f in _factors(part)]
    return [e]


def _restriction(e: Expr) -> Restriction | None:
    match e:
        case Condition(name="before", subs=(Index() as left, Index() as right)):
            return Restriction(left, right, before=True)
        case Add(terms=terms):
            ones = [t for t in terms if isinstance(t, Number) and t.value == 1]
            equal = [c for t in terms if (c := _minus_same(t)) is not None]
            if len(terms) == 2 and len(ones) == len(equal) == 1:
                return Restriction(*equal[0], before=False)
    return None


def _minus_same(e: Expr) -> tuple[Index, Index] | None:
    """The two indices of -[i = j]."""
    if isinstance(e, Mul):
        signs = [f for f in e.factors if isinstance(f, Number) and f.value == -1]
        same = [f for f in e.factors if isinstance(f, Condition) and f.name == "same"]
        if len(e.factors) == 2 and len(signs) == len(same) == 1:
            left, right = same[0].subs
            if isinstance(left, Index) and isinstance(right, Index):
                return left, right
    return None
