"""Generic points in the support of one element of a factor, at which an optimum is tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value, to_float
from cavi.verify.averages import Held
from cavi.verify.claim import Element
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import Position, size_of
from cavi.verify.instance import generic
from cavi.verify.state import State

MOST_POINTS = 14


def held_points(state: State, factor: Mapping[str, Any], site: Position) -> Iterator[Held]:
    """The points, in as few groups as the kind of support allows; d statistics need d + 3 of them."""
    elements = list(state.claim.elements(factor, site, state.sizes))
    selecting = [x for x in elements if state.claim.selects(x[0])]
    if selecting:
        (element,) = elements
        v = state.claim.variables[element[0]]
        for k in range(size_of(state.sizes, v["over"][1]) if v["over"] else 2):
            yield Held({element: k}, {})
        return
    size = len(elements) // len(factor["latents"]) if factor["latents"] else 1
    count = min(MOST_POINTS, len(factor["statistics"]) * size**2 + 3)
    rng = np.random.default_rng(state.instance.seed + 101)
    points: dict[Element, Value] = {}
    for latent in factor["latents"]:
        own = [x for x in elements if x[0] == latent]
        for x, values in zip(own, _points(state, factor, latent, site, own, count, rng), strict=True):
            points[x] = as_array(values)
    yield Held({}, points)


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
    family = state.claim.family(latent)
    support = FAMILIES[family].support
    args = {} if factor["point"] else state.arguments(latent, site)
    if support == "count_vector":
        unit = state.unit(factor, site)
        return [list(unit.values[x])[:40] for x in own]
    if support == "simplex":
        raw = [[int(rng.integers(2, 14)) for _ in own] for _ in range(count)]
        return [[e.number(Fraction(row[k], sum(row))) for row in raw] for k in range(len(own))]
    if support == "count":
        return [[e.number(k) for k in range(count + 1)] for _ in own]
    if support == "bounded_count":
        return [[e.number(k) for k in range(round(to_float(args["total"])) + 1)] for _ in own]
    domain = {"vector": "real", "above": "positive", "interval": "unit"}.get(support, support)
    drawn = [[e.number(generic(domain, rng)) for _ in range(count)] for _ in own]
    if support == "above":
        return [[args["minimum"] + x for x in row] for row in drawn]
    if support == "interval":
        return [[_inside(e, args, x) for x in row] for row in drawn]
    return drawn


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
