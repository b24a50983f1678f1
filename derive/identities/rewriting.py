"""Where a rule may be applied, and what an inequality inside an expression says about the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy

from cavi.derive.derivation import Relation, Rule
from cavi.derive.identities.language import KL, At, Average, Expect, Mass, Node, Total

Change = Callable[[sympy.Expr], "sympy.Expr | Bound | None"]


@dataclass(frozen=True)
class Bound:
    """What an inequality puts in the place of an expression: ``expression  relation  value``.

    `gap` is the larger side minus the smaller one in a form that is seen to be non-negative.
    """

    value: sympy.Expr
    relation: Relation
    gap: sympy.Expr | None = None


@dataclass(frozen=True)
class Rewrite:
    """A named rule with its effect on one node; the effect is None where it does not apply."""

    rule: Rule
    change: Change
    conditions: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Outcome:
    """The expression after a rewrite, how the one before compares, and the gap of an inequality."""

    after: sympy.Expr
    relation: Relation
    gap: sympy.Expr | None = None


def rewritten(expr: sympy.Expr, rewrite: Rewrite, only: Callable[[sympy.Expr], bool] | None = None) -> Outcome | None:
    """The rule applied at every outermost place where it applies; None where there is none.

    An inequality is applied at its first place only, where the expression is monotone in it.
    """
    if rewrite.whole:
        found = rewrite.change(expr)
        return None if found is None else _outcome(expr, expr, found)
    for node in outermost(expr, lambda e: _applies(rewrite, e, only)):
        found = rewrite.change(node)
        if isinstance(found, Bound):
            return _outcome(expr, node, found)
        return Outcome(_everywhere(expr, rewrite, only), "=")
    return None


def within(kind: type[Node], rewrite: Rewrite) -> Rewrite:
    """The rule, an equality, applied only inside nodes of one kind."""

    def change(e: sympy.Expr) -> sympy.Expr | None:
        if not isinstance(e, kind):
            return None
        found = rewritten(e.args[0], rewrite)
        return None if found is None else rebuilt(e, [found.after, *e.args[1:]])

    return Rewrite(rewrite.rule, change, rewrite.conditions)


def _applies(rewrite: Rewrite, expr: sympy.Expr, only: Callable[[sympy.Expr], bool] | None) -> bool:
    if only is not None and not only(expr):
        return False
    found = rewrite.change(expr)
    return found is not None and found != expr


def _everywhere(expr: sympy.Expr, rewrite: Rewrite, only: Callable[[sympy.Expr], bool] | None) -> sympy.Expr:
    if only is None or only(expr):
        found = rewrite.change(expr)
        if isinstance(found, sympy.Expr) and found != expr:
            return found
    if not expr.args:
        return expr
    args = [_everywhere(a, rewrite, only) if isinstance(a, sympy.Expr) else a for a in expr.args]
    return expr if all(a is b for a, b in zip(args, expr.args, strict=True)) else rebuilt(expr, args)


def rebuilt(expr: sympy.Expr, args: list[sympy.Basic]) -> sympy.Expr:
    """A node with other arguments; nodes of the language keep them as they are."""
    if isinstance(expr, Node):
        return sympy.Expr.__new__(type(expr), *args)
    return expr.func(*args)


def outermost(expr: sympy.Expr, wanted: Callable[[sympy.Expr], bool]) -> Iterator[sympy.Expr]:
    """The outermost subexpressions with a property."""
    if wanted(expr):
        yield expr
        return
    for a in expr.args:
        if isinstance(a, sympy.Expr):
            yield from outermost(a, wanted)


def _outcome(expr: sympy.Expr, node: sympy.Expr, found: sympy.Expr | Bound) -> Outcome | None:
    if not isinstance(found, Bound):
        return Outcome(found, "=")
    sign = polarity(expr, node)
    if sign is None:
        return None
    relation = found.relation if sign > 0 else flipped(found.relation)
    after = expr.xreplace({node: found.value})
    gap = None
    if found.gap is not None:
        gap = _linear_gap(expr, node, found.gap, sign)
        if gap is None:
            # Where the whole is not linear in the node, the node is written as its bound less (or plus) the gap.
            own = found.value - found.gap if found.relation == "≤" else found.value + found.gap
            difference = after - expr.xreplace({node: own})
            gap = difference if relation == "≤" else -difference
    return Outcome(after, relation, gap)


def flipped(relation: Relation) -> Relation:
    """The relation read from right to left."""
    turned: dict[str, Relation] = {"≤": "≥", "≥": "≤"}
    return turned.get(relation, relation)


def _linear_gap(expr: sympy.Expr, node: sympy.Expr, gap: sympy.Expr, sign: int) -> sympy.Expr | None:
    """The gap of the whole, where the whole is linear in the node."""
    if expr == node:
        return gap
    hole = sympy.Dummy(real=True)
    around = expr.xreplace({node: hole})
    if any(hole in n.free_symbols for n in around.atoms(sympy.log, sympy.exp, sympy.Pow)):
        return None
    inside = [n for n in around.atoms(Node) if hole in n.free_symbols]
    if any(not isinstance(n, Expect | Mass) for n in inside) or len(inside) > 1:
        return None
    if not inside:
        return sympy.expand(sign * around.diff(hole) * gap)
    (outer,) = inside
    body = sympy.expand(outer.args[0].diff(hole) * gap)
    slope = sympy.Dummy(real=True)
    factor = around.xreplace({outer: slope}).diff(slope)
    return sympy.expand(sign * factor) * rebuilt(outer, [body, *outer.args[1:]])


def polarity(expr: sympy.Expr, node: sympy.Expr) -> int | None:
    """+1 where the expression grows with the node, -1 where it falls, None where neither is certain."""
    if expr == node:
        return 1
    holders = [a for a in expr.args if isinstance(a, sympy.Basic) and (a == node or a.has(node))]
    if len(holders) != 1:
        return None
    (holder,) = holders
    inner = polarity(holder, node)
    if inner is None:
        return None
    match expr:
        case sympy.Add() | sympy.log() | sympy.exp():
            return inner
        case sympy.Mul():
            rest = expr / holder
            if rest.is_positive or rest.is_nonnegative:
                return inner
            return -inner if rest.is_negative or rest.is_nonpositive else None
        case sympy.Pow() if holder == expr.base and holder.is_positive:
            if expr.exp.is_positive:
                return inner
            return -inner if expr.exp.is_negative else None
        case Expect() | Mass() | Total() | Average() | At() if holder == expr.args[0]:
            return inner
        case KL():
            return None
    return None
