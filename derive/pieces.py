"""A family in terms of another: a Laplace is a mirrored Exponential, a Normal above c a truncated one.

Each piece of a distribution is (probability, x as a function of `X`, the family of `X`), so that
E[f(x)] = Σ probability · E[f(x(X))].
Source: Johnson, Kotz and Balakrishnan (1994, 1995), chapters 13, 19, 20 and 24.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from cavi.derive.evaluable import interval_probability
from cavi.derive.families import lookup
from cavi.derive.families.split import X
from cavi.derive.standalone import Standalone


@dataclass(frozen=True)
class Piece:
    """With this probability, x is `value` of an `X` that has the member's distribution."""

    probability: sympy.Expr
    value: sympy.Expr
    member: Standalone


def mirrored(member: Standalone) -> tuple[Piece, Piece] | None:
    """The two halves of a Laplace, m ± an Exponential; None for another family."""
    if member.family != "Laplace":
        return None
    half, location = sympy.Rational(1, 2), member.args["location"]
    side = Standalone(lookup("Exponential"), {"rate": 1 / member.args["scale"]})  # type: ignore[arg-type]
    return Piece(half, location + X, side), Piece(half, location - X, side)


def above(member: Standalone, c: sympy.Expr) -> Piece | None:
    """The part of a distribution above a value inside its support; None where the catalogue has no family for it."""
    args = member.args
    match member.family.name:
        case "Normal" | "TruncatedNormal" | "HalfNormal":
            return _normal_above(args.get("mean", sympy.S.Zero), args["precision"], _bounds(member), c)
        case "Exponential":
            return Piece(sympy.exp(-args["rate"] * c), c + X, member)
        case "Pareto":
            part = Standalone(member.family, {**args, "minimum": c})
            return Piece((args["minimum"] / c) ** args["shape"], X, part)
    return None


def _bounds(member: Standalone) -> tuple[sympy.Expr, sympy.Expr]:
    lower = sympy.S.Zero if member.family == "HalfNormal" else -sympy.oo
    return member.args.get("lower", lower), member.args.get("upper", sympy.oo)


def _normal_above(
    mean: sympy.Expr, precision: sympy.Expr, bounds: tuple[sympy.Expr, sympy.Expr], c: sympy.Expr
) -> Piece:
    def standard(value: sympy.Expr) -> sympy.Expr:
        return value if value.is_infinite else sympy.sqrt(precision) * (value - mean)

    low, high = bounds
    whole = interval_probability(standard(low), standard(high))
    part = Standalone(
        lookup("TruncatedNormal"),  # type: ignore[arg-type]
        {"mean": mean, "precision": precision, "lower": c, "upper": high},
    )
    return Piece(interval_probability(standard(c), standard(high)) / whole, X, part)
