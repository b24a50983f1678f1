"""Domains of functions: reading the one that was given, finding the natural one, refusing what is not defined."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sympy as sp

from cavi.derive.errors import CaviError
from cavi.derive.identities.sign import GIVES_UP, Box, Requirement, analytic, holds, requirements, roots_between, sample

Expr = Any

WORDS: dict[str, Expr] = {
    "real": sp.S.Reals,
    "positive": sp.Interval.open(0, sp.oo),
    "nonnegative": sp.Interval(0, sp.oo),
    "unit": sp.Interval.open(0, 1),
}


def as_interval(domain: object, symbol: Expr) -> Expr:
    """Return `domain` as a SymPy Interval of positive length with constant ends.

    Raises:
        CaviError: it is no interval, is empty or a point, has symbolic ends, or contradicts the symbol.
    """
    found = WORDS.get(domain) if isinstance(domain, str) else domain
    if found is None:
        raise CaviError(f"unknown domain {domain!r}; give a SymPy Interval or one of {', '.join(map(repr, WORDS))}")
    if found == sp.S.Reals:
        found = sp.Interval(-sp.oo, sp.oo)
    if isinstance(found, sp.Union):
        raise CaviError(f"the domain {found} of {symbol} is not convex; give one interval")
    if not isinstance(found, sp.Interval):
        raise CaviError(f"the domain of {symbol} must be an interval of positive length, found {found!s}")
    if found.free_symbols or not found.start.is_extended_real or not found.end.is_extended_real:
        raise CaviError(f"the ends of the domain {found} of {symbol} must be numbers")
    for flag, natural, holds_on in (
        (symbol.is_positive, "positive", found.start >= 0 and 0 not in found),
        (symbol.is_nonnegative, "nonnegative", found.start >= 0),
        (symbol.is_negative, "negative", found.end <= 0 and 0 not in found),
        (symbol.is_nonpositive, "nonpositive", found.end <= 0),
    ):
        if flag and not holds_on:
            raise CaviError(f"{symbol} is declared {natural}, but its domain is {found}; make the two agree")
    return found


def declared_interval(symbol: Expr) -> Expr:
    """Return the largest interval that the assumptions of the symbol allow."""
    low_open, high_open = (
        not symbol.is_nonnegative or symbol.is_positive,
        not symbol.is_nonpositive or symbol.is_negative,
    )
    low = sp.S.Zero if symbol.is_nonnegative else -sp.oo
    high = sp.S.Zero if symbol.is_nonpositive else sp.oo
    return sp.Interval(low, high, bool(low_open), bool(high_open))


def natural_interval(expr: Expr, symbol: Expr) -> Expr:
    """Return the set on which `expr` is real and defined, when that is an interval.

    Raises:
        CaviError: it is no interval, or no rule finds it: the message asks for the domain.
    """
    found = declared_interval(symbol)
    for need in requirements(expr, (symbol,)):
        box = Box(((symbol, found.start, found.end),))
        if need.kind == "unknown" or holds(need, box):
            continue
        inner = _where(need, symbol, found)
        if inner is None:
            raise CaviError(
                f"the domain of {expr} is not evident from {need.expr} {need.kind}; give domain=, a SymPy Interval"
            )
        found = inner
    return found


def _where(need: Requirement, symbol: Expr, within: Expr) -> Expr | None:
    """Return the part of `within` on which the requirement holds, if it is one interval with rational-function ends."""
    if need.expr.free_symbols != {symbol} or not need.expr.is_rational_function(symbol):
        return None
    roots = switching_points(need.expr, symbol, within.start, within.end)
    if roots is None:
        return None
    ends = [within.start, *roots, within.end]
    cells = list(pairwise(ends))
    good = [c for c in cells if need.kind == "≠ 0" or need.expr.subs(symbol, sample(*c)).is_positive]
    if len(good) != 1:
        return None
    low, high = good[0]
    closed = need.node.is_Pow and need.node.exp.is_positive
    left = within.left_open if low == within.start else not closed
    right = within.right_open if high == within.end else not closed
    return sp.Interval(low, high, left, right)


def switching_points(expr: Expr, symbol: Expr, low: Expr, high: Expr) -> list[Expr] | None:
    """Return, in order, the zeros and poles of a rational function strictly inside; None if they cannot be told."""
    points: set[Expr] = set()
    try:
        for part in sp.fraction(sp.together(expr)):
            for factor, _ in sp.Poly(part, symbol, domain="QQ").factor_list()[1]:
                roots = roots_between(factor, low, high)
                if roots is None:
                    return None
                points.update(roots)
    except GIVES_UP:
        return None
    return sorted(points, key=sp.N)


def refuse_undefined(expr: Expr, shown: Expr, boxes: dict[Expr, Expr], box: Box) -> tuple[Requirement, ...]:
    """Return the requirements of `expr` that are not proved on the open box, refusing one that visibly fails.

    Raises:
        CaviError: at a point that the message names the function is not real or not defined.
    """
    unmet = tuple(need for need in requirements(expr, box.symbols) if not holds(need, box))
    for need in unmet:
        if len(box.symbols) == 1:
            _refuse_at_a_point(need, box.symbols[0], boxes[box.symbols[0]])
        elif need.kind != "unknown":
            _refuse_in_a_box(need, box)
    return unmet


def _refuse_at_a_point(need: Requirement, symbol: Expr, interval: Expr) -> None:
    if need.expr.free_symbols != {symbol} or need.kind == "unknown":
        return
    low, high = interval.start, interval.end
    points = [p for p in map(sp.Rational, ("-1", "0", "1", "1/2", "-1/2", "2", "-2", "3", "-3", "10", "-10"))]
    points = [p for p in points if low < p < high] + [sample(low, high)]
    if need.kind == "≠ 0" or need.node.func == sp.log or (need.node.is_Pow and need.node.exp.is_negative):
        points += switching_points(need.expr, symbol, low, high) or []
    for point in points:
        value = sp.N(need.expr.subs(symbol, point), 30)
        if not value.is_extended_real or (need.kind != "≠ 0" and value < 0):
            remedy = _inside(need.node, symbol)
            raise CaviError(f"{need.node} is not real at {symbol} = {point}; give a domain{remedy}")
    if need.node.is_Pow and not need.node.exp.is_negative:
        return
    if need.kind == "≠ 0" and analytic(need.expr, Box(((symbol, low, high),))):
        _refuse_a_change_of_sign(need, symbol, points)
    for point in points:
        if need.expr.subs(symbol, point).is_zero:
            raise CaviError(
                f"{need.node} is not defined at {symbol} = {point}; give a domain that does not contain {point}"
            )


def _refuse_a_change_of_sign(need: Requirement, symbol: Expr, points: list[Expr]) -> None:
    """Refuse a continuous denominator that takes both signs and is zero at no point that was looked at."""
    values = {point: sp.N(need.expr.subs(symbol, point), 30) for point in points}
    above = [point for point, value in values.items() if value > sp.Float("1e-20")]
    below = [point for point, value in values.items() if value < sp.Float("-1e-20")]
    if above and below and not any(need.expr.subs(symbol, point).is_zero for point in points):
        first, last = sorted((above[0], below[0]))
        raise CaviError(
            f"{need.node} is not defined at a point between {symbol} = {first} and {symbol} = {last}; "
            "give a domain on one side of it"
        )


def _inside(node: Expr, symbol: Expr) -> str:
    try:
        return f" inside {_written(natural_interval(node, symbol))}"
    except CaviError:
        return " where it is real"


def _written(interval: Expr) -> str:
    left = "(" if interval.left_open else "["
    return f"{left}{interval.start}, {interval.end}{')' if interval.right_open else ']'}"


def _refuse_in_a_box(need: Requirement, box: Box) -> None:
    lattice: list[dict[Expr, Expr]] = [{}]
    for symbol, low, high in box.ranges:
        points = [p for p in (sp.S.Zero, sp.S.One, -sp.S.One, sp.Integer(3)) if low < p < high] or [sample(low, high)]
        lattice = [known | {symbol: point} for known in lattice for point in points]
    for point in lattice:
        value = need.expr.subs(point)
        if not value.is_number:
            return
        if (value.is_negative and need.kind == "> 0") or (
            value.is_zero and (need.kind == "≠ 0" or need.node.func == sp.log)
        ):
            where = ", ".join(f"{s} = {v}" for s, v in point.items())
            what = "real" if value.is_negative else "defined"
            raise CaviError(f"{need.node} is not {what} at {where}; give a smaller domain")
