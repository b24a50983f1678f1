"""The line that each kind of support is mapped to, and the leaves there as balls and as jets.

real: x = t. positive: x = exp t. unit: x = 1 / (1 + exp(-t)). angle: x = t on (-π, π].
"""

from __future__ import annotations

from typing import Any

from flint import acb

from cavi.verify.rigorous.deferred import Leaf, leaf
from cavi.verify.rigorous.jet import Jet, jets

KINDS = {"real": "real", "vector": "real", "positive": "positive", "unit": "unit", "angle": "angle"}


def on_balls(key: Any, kind: str, t: Any) -> dict[Leaf, Any]:
    """The leaves of a coordinate at a complex ball."""
    t = acb(t)
    if kind == "positive":
        return {(key, "x"): t.exp(), (key, "log_x"): t}
    if kind == "unit":
        up, down = 1 + (-t).exp(), 1 + t.exp()
        # Along the line both logarithms are analytic in the strip |Im t| < π, where 1 + exp ∓t avoids the cut.
        return {(key, "x"): 1 / up, (key, "rest"): 1 / down, (key, "log_x"): -_log(up), (key, "log_rest"): -_log(down)}
    return {(key, "x"): t}


def _log(z: Any) -> Any:
    return z.log(analytic=True)


def on_jets(key: Any, kind: str, t: Any, slope: Any) -> dict[Leaf, Jet]:
    """The leaves of a coordinate on an interval, with their derivatives along t (times the slope; None for zero)."""
    at = Jet(t, slope)
    if kind == "positive":
        return {(key, "x"): jets("exp", (at,)), (key, "log_x"): at}
    if kind == "unit":
        down = Jet(-t, None if slope is None else -slope)
        return {
            (key, "x"): jets("logistic", (at,)),
            (key, "rest"): jets("logistic", (down,)),
            (key, "log_x"): jets("log_logistic", (at,)),
            (key, "log_rest"): jets("log_logistic", (down,)),
        }
    return {(key, "x"): at}


def log_slope(key: Any, kind: str) -> Any:
    """log |dx/dt|, an expression in the leaves."""
    if kind == "positive":
        return leaf(key, "log_x", kind)
    if kind == "unit":
        return leaf(key, "log_x", kind) + leaf(key, "log_rest", kind)
    return None


def with_slope(log_density: Any, keys: dict[Any, str]) -> Any:
    """The log density on the line: with the logarithm of the derivative of every coordinate."""
    total = log_density
    for key, kind in keys.items():
        slope = log_slope(key, kind)
        total = total if slope is None else total + slope
    return total
