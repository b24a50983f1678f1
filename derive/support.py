"""Supports of distributions that stand alone: their ends, and whether one holds another."""

from __future__ import annotations

import sympy

from cavi.derive.errors import CaviError
from cavi.derive.standalone import Standalone

DISCRETE = ("binary", "count", "bounded_count")


def ends(member: Standalone) -> tuple[sympy.Expr, sympy.Expr]:
    """The least and the largest value, or the limits of an open interval."""
    known = member.known
    match member.family.support:
        case "real":
            return -sympy.oo, sympy.oo
        case "positive" | "count":
            return sympy.S.Zero, sympy.oo
        case "unit" | "binary":
            return sympy.S.Zero, sympy.S.One
        case "angle":
            return -sympy.pi, sympy.pi
        case "above":
            return known["minimum"], sympy.oo
        case "interval":
            return known["lower"], known["upper"]
        case "bounded_count":
            return sympy.S.Zero, known["total"]
    raise CaviError(f"the support {member.family.support} of {member} has no ends")


def contains(outer: Standalone, inner: Standalone) -> bool:
    """Whether every value of `inner` (up to probability zero) is a value of `outer`.

    Raises:
        CaviError: when only one is discrete or on the circle, or it depends on parameters of unknown order.
    """
    kinds = [(m.family.support in DISCRETE, m.family.support == "angle") for m in (outer, inner)]
    if kinds[0] != kinds[1]:
        words = [_kind(m) for m in (inner, outer)]
        raise CaviError(
            f"{inner.family} and {outer.family} cannot be compared: the first is {words[0]}, the second {words[1]}; "
            "give two distributions of one kind"
        )
    (low, high), (inner_low, inner_high) = ends(outer), ends(inner)
    return _below(low, inner_low, outer, inner) and _below(inner_high, high, outer, inner)


def _kind(member: Standalone) -> str:
    if member.family.support in DISCRETE:
        return "discrete"
    return "on the circle" if member.family.support == "angle" else "on the line"


def _below(a: sympy.Expr, b: sympy.Expr, outer: Standalone, inner: Standalone) -> bool:
    """a ≤ b.

    Raises:
        CaviError: when it is not known.
    """
    if a == b or a == -sympy.oo or b == sympy.oo:
        return True
    found = (b - a).is_nonnegative
    if found is None:
        raise CaviError(
            f"whether {outer.family} puts mass wherever {inner.family} does depends on whether {a} <= {b}; "
            "give numbers, or symbols of known sign"
        )
    return bool(found)
