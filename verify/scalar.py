"""The quadrature rule of a scalar family, by its support."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.rules import (
    Map,
    Rule,
    counting_rule,
    half_line,
    interval,
    line_rule,
    periodic_rule,
    real_line,
    stretched_line,
)

# Families whose log density is not smooth at a point -> the parameter that says where.
HEAVY = ("StudentT",)  # tails that are powers
KINKS = {"Laplace": "location", "AsymmetricLaplace": "mean"}


def scalar_rule(engine: Engine, family: str, args: Mapping[str, Any], digits: int) -> Rule:
    """The rule of a scalar family, by its support."""

    def density(x: Value) -> Value:
        return log_density(engine, family, x, args)

    support = FAMILIES[family].support
    if support == "angle":
        return periodic_rule(engine, density, digits, family)
    if support == "count":
        return counting_rule(engine, density, digits, None)
    if support == "bounded_count":
        return counting_rule(engine, density, digits, round(to_float(args["total"])))
    if support == "binary":
        return _table(engine, [1 - args["prob"], args["prob"]])
    if support == "category":
        return _table(engine, args["probs"])
    if support == "outside":
        return outside_rule(engine, density, args, digits, family)
    if family in KINKS:
        kink = args[KINKS[family]]
        return _both(*(line_rule(engine, density, half_line(kink, s), digits, family) for s in (-1, 1)))
    line = stretched_line() if family in HEAVY else real_line()
    maps: dict[str, Map] = {"real": line, "positive": half_line(), "unit": interval(0, 1)}
    if support == "above":
        maps["above"] = half_line(args["minimum"])
    if support == "interval":
        maps["interval"] = bounded_map(args)
    return line_rule(engine, density, maps[support], digits, family)


def outside_rule(
    engine: Engine, log_density: Callable[[Value], Value], args: Mapping[str, Any], digits: int, family: str
) -> Rule:
    """Below the one bound and above the other."""
    ends = ((args["lower"], -1), (args["upper"], 1))
    return _both(*(line_rule(engine, log_density, half_line(end, s), digits, family) for end, s in ends))


def _both(left: Rule, right: Rule) -> Rule:
    return Rule(
        np.concatenate([left.nodes, right.nodes]),
        np.concatenate([left.weights, right.weights]),
        np.concatenate([left.log_density, right.log_density]),
    )


def bounded_map(args: Mapping[str, Any]) -> Map:
    """The map onto an interval, either end of which may be missing."""
    low, high = to_float(args.get("lower", -np.inf)), to_float(args.get("upper", np.inf))
    if np.isfinite(low) and np.isfinite(high):
        return interval(args["lower"], args["upper"])
    if np.isfinite(low):
        return half_line(args["lower"])
    return half_line(args["upper"], -1) if np.isfinite(high) else real_line()


def _table(engine: Engine, probs: list[Any]) -> Rule:
    nodes, weights = np.empty(len(probs), dtype=object), np.empty(len(probs), dtype=object)
    nodes[:], weights[:] = range(len(probs)), probs
    return Rule(nodes, weights, engine("log", weights))
