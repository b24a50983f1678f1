"""The degree of a declared log density as a polynomial in a latent: where Gauss-Hermite rules are exact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from cavi.verify.evaluate import Plain

Names = Collection[str]
NORMALS = ("Normal", "MultivariateNormal", "MatrixNormal")
QUADRATIC_IN_MEAN = (*NORMALS, "LogNormal")


def polynomial_degree(node: Mapping[str, Any], names: Names) -> int:
    """Degree of the log density of a node as a polynomial in the elements of latents together; 99 if it is none."""
    chain = node.get("chain")
    ends = [] if chain is None else [chain["initial"]]
    return max(_of_distribution(node, d, names) for d in (node["distribution"], *ends))


def _of_distribution(node: Mapping[str, Any], distribution: Mapping[str, Any], names: Names) -> int:
    args = dict(distribution["args"])
    mean = args.pop("mean", None) if distribution["name"] in QUADRATIC_IN_MEAN else None
    if any(degree(e, names) != 0 for e in args.values()):
        return 99
    own = 1 if node["name"] in names else 0
    if own and distribution["name"] not in NORMALS:
        return 99
    if mean is None:
        return 99 if own or any(degree(e, names) for e in args.values()) else 0
    return 2 * max(own, degree(mean, names))


def degree(e: Plain, names: Names) -> int:
    """Degree of an expression as a polynomial in the elements of latents together; 99 if it is none."""
    match e:
        case ["ref", n, _]:
            return int(n in names)
        case ["add", terms]:
            return max((degree(t, names) for t in terms), default=0)
        case ["mul", factors]:
            return sum(degree(f, names) for f in factors)
        case ["inverse" | "logdet", _, _, body, *_]:
            return 99 if degree(body, names) else 0
        case ["sum", _, body]:
            return degree(body, names)
        case ["pow", base, exponent]:
            inner, power = degree(base, names), Fraction(exponent)
            if not inner:
                return 0
            return inner * int(power) if power.denominator == 1 and power > 0 else 99
        case ["fn", _, args]:
            return 99 if any(degree(a, names) for a in args) else 0
    return 0
