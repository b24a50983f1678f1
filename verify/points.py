"""Generic points in the support of one element of a factor, at which an optimum is tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value, to_float
from cavi.verify.averages import Held
from cavi.verify.claim import Element
from cavi.verify.evaluate import Position
from cavi.verify.generic import generic, random_table
from cavi.verify.nodes import assignments
from cavi.verify.state import State

MOST_POINTS = 14


def held_points(state: State, factor: Mapping[str, Any], site: Position) -> Iterator[Held]:
    """The points, in as few groups as the kind of support allows; d statistics need d + 3 of them."""
    elements = list(state.claim.elements(factor, site, state.sizes))
    selecting = [x for x in elements if state.claim.selects(x[0])]
    size = (len(elements) - len(selecting)) // len(factor["latents"]) if factor["latents"] else 1
    count = min(MOST_POINTS, len(factor["statistics"]) * size**2 + 3)
    rng = np.random.default_rng(state.instance.seed + 101)
    points: dict[Element, Value] = {}
    for latent in factor["latents"]:
        own = [x for x in elements if x[0] == latent and x not in selecting]
        if not own:
            continue
        for x, values in zip(own, _points(state, factor, latent, site, own, count, rng), strict=True):
            points[x] = as_array(values)
    for assigned in assignments(set(selecting), state, {}):
        yield Held(assigned, points)


def _points(
    state: State,
    factor: Mapping[str, Any],
    latent: str,
    site: Position,
    own: list[Element],
    count: int,
    rng: np.random.Generator,
) -> list[list[Any]]:
    """Values of each element of a latent, one list for each."""
    e = state.engine
    support = state.claim.support(latent)
    bounded = support in ("above", "interval", "outside", "bounded_count")
    args = state.arguments(latent, site) if bounded and not factor["point"] else {}
    if support == "count_vector":
        unit = state.unit(factor, site)
        return [list(unit.values[x])[:40] for x in own]
    if support == "positive_definite":
        return _matrices(state, own, count, rng)
    if support == "simplex":
        raw = [[int(rng.integers(2, 14)) for _ in own] for _ in range(count)]
        return [[e.number(Fraction(row[k], sum(row))) for row in raw] for k in range(len(own))]
    if support == "count":
        return [[e.number(k) for k in range(count + 1)] for _ in own]
    if support == "bounded_count":
        return [[e.number(k) for k in range(round(to_float(args["total"])) + 1)] for _ in own]
    domain = {"vector": "real", "matrix": "real", "above": "positive", "interval": "unit", "outside": "real"}.get(
        support, support
    )
    if factor["point"] and domain == "real" and state.claim.variables[latent]["domain"] == "positive":
        domain = "positive"  # an array of places where a tangent touches
    drawn = [[e.number(generic(domain, rng)) for _ in range(count)] for _ in own]
    if support == "above":
        return [[args["minimum"] + x for x in row] for row in drawn]
    if support == "outside":
        return [[args["upper"] + x if to_float(x) > 0 else args["lower"] + x for x in row] for row in drawn]
    if support == "interval":
        return [[_inside(e, args, x) for x in row] for row in drawn]
    return drawn


def _matrices(state: State, own: list[Element], count: int, rng: np.random.Generator) -> list[list[Any]]:
    """Positive definite matrices at generic rationals; the last two subscripts are the row and the column."""
    axes = state.claim.axes(own[0][0])[-2:]
    found: dict[Position, list[Any]] = {}
    for lead in dict.fromkeys(x[1][:-2] for x in own):
        tables = [random_table("positive_definite", axes, state.sizes, rng) for _ in range(count)]
        for at in tables[0]:
            found[(*lead, *at)] = [state.engine.number(table[at]) for table in tables]
    return [found[x[1]] for x in own]


def _inside(e: Any, args: Mapping[str, Any], x: Any) -> Any:
    """A fraction x of the way through an interval, either end of which may be missing."""
    low, high = args.get("lower"), args.get("upper")
    if low is not None and not np.isfinite(to_float(low)):
        low = None
    if high is not None and not np.isfinite(to_float(high)):
        high = None
    if low is not None:
        return low + (3 if high is None else high - low) * x
    return 4 * x - 2 if high is None else high - 3 * x


def as_array(values: list[Any]) -> Value:
    """An object array of one axis."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
