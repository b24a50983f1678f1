"""The degree of a declared log density as a polynomial in a latent: where Gauss-Hermite rules are exact."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from cavi.verify.evaluate import Plain


def polynomial_degree(node: Mapping[str, Any], name: str) -> int:
    """Degree of the log density of a node as a polynomial in the elements of a latent; 99 if it is none."""
    args = dict(node["distribution"]["args"])
    mean = args.pop("mean", None) if node["distribution"]["name"] == "Normal" else None
    if any(_degree(e, name) != 0 for e in args.values()):
        return 99
    own = 1 if node["name"] == name else 0
    if mean is None:
        return 99 if own or any(_degree(e, name) for e in args.values()) else 0
    return 2 * max(own, _degree(mean, name))


def _degree(e: Plain, name: str) -> int:
    match e:
        case ["ref", n, _]:
            return int(n == name)
        case ["add", terms]:
            return max((_degree(t, name) for t in terms), default=0)
        case ["mul", factors]:
            return sum(_degree(f, name) for f in factors)
        case ["sum", _, body]:
            return _degree(body, name)
        case ["pow", base, exponent]:
            inner, power = _degree(base, name), Fraction(exponent)
            if not inner:
                return 0
            return inner * int(power) if power.denominator == 1 and power > 0 else 99
        case ["fn", _, args]:
            return 99 if any(_degree(a, name) for a in args) else 0
    return 0
