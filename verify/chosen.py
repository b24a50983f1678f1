"""Normal factors that were chosen: their steps, as generated code shortens them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Value, to_mpf
from cavi.verify.averages import Averages, Held
from cavi.verify.claim import Axes
from cavi.verify.evaluate import Position, positions
from cavi.verify.matrix import inverse
from cavi.verify.points import as_array
from cavi.verify.state import State

LAPLACE = "laplace"
HALVED, ROUNDING = 1e-9, 1e-13  # of a step, as generated code has them
MOST = 200  # steps of Newton's method, which needs a dozen; where the height is hardly concave, many more
Rows = list[list[Any]]


def stepped(state: State, factor: Mapping[str, Any], merit: Callable[[State], Value]) -> State:
    """The state after an update of the factor: a step to what the claim makes of it, for a mode as many as it takes."""
    if factor["chosen"] != LAPLACE:
        return _damped(state, factor, merit)
    for _ in range(MOST):
        after = _damped(state, factor, lambda s: height(s, factor))
        moved = max(
            abs(to_mpf(a) - to_mpf(b)) for a, b in zip(_means(after, factor), _means(state, factor), strict=True)
        )
        state = after
        if moved <= mpmath.mpf(10) ** -(state.digits + 5):
            break
    return state


def height(state: State, factor: Mapping[str, Any]) -> Value:
    """The expected log joint at the means, the terms of each element added up."""
    total: Value = state.engine.number(0)
    for site in positions(factor["plates"], state.sizes):
        own = list(state.claim.elements(factor, site, state.sizes))
        mean, _ = moments_at(state, factor, site)
        held = Held({}, {x: as_array([m]) for x, m in zip(own, mean, strict=True)})
        total = total + np.ravel(np.asarray(Averages(state, held).touching(set(own)), dtype=object))[0]
    return total


def _means(state: State, factor: Mapping[str, Any]) -> list[Value]:
    return list(state.params[factor["latents"][0], "mean"].values())


def _damped(state: State, factor: Mapping[str, Any], merit: Callable[[State], Value]) -> State:
    """One step for all elements, halved until nothing is lost."""
    least = to_mpf(merit(state))
    least -= ROUNDING * (1 + abs(least))
    after = state
    for site in positions(factor["plates"], state.sizes):
        after = after.solve(factor, site, state)
    found, share = after, 1.0
    while not to_mpf(merit(found)) >= least and share > 0:
        share = share / 2 if share > HALVED else 0.0
        found = _blended(state, after, factor, share)
    return found


def _blended(before: State, after: State, factor: Mapping[str, Any], share: float) -> State:
    e = before.engine
    part = e.number(share)
    found = before
    for site in positions(factor["plates"], before.sizes):
        (m0, p0), (m1, p1) = (moments_at(s, factor, site) for s in (before, after))
        size = range(len(m0))
        precision = [[(1 - part) * p0[i][j] + part * p1[i][j] for j in size] for i in size]
        h0, h1 = (times(p, m) for p, m in ((p0, m0), (p1, m1)))
        mean = times(inverse(e, precision), [(1 - part) * h0[i] + part * h1[i] for i in size])
        found = put(found, factor, site, mean, precision)
    return found


def times(matrix: Rows, vector: list[Any]) -> list[Any]:
    """A matrix times a vector."""
    return [sum((x * y for x, y in zip(row[1:], vector[1:], strict=True)), row[0] * vector[0]) for row in matrix]


def moments_at(state: State, factor: Mapping[str, Any], site: Position) -> tuple[list[Any], Rows]:
    """The mean and the precision of one element of a Normal factor, as a vector and a matrix."""
    return state.normal(factor, site)


def put(state: State, factor: Mapping[str, Any], site: Position, mean: list[Any], precision: Rows) -> State:
    """The state with another mean and precision at a site, and what follows from them."""
    (latent,) = factor["latents"]
    axes: dict[str, Axes] = {p["name"]: p["indices"] for p in state.claim.standard(latent)}
    flat = {"mean": mean, "precision": [x for row in precision for x in row]}
    tables = {}
    for name, values in flat.items():
        places = [at for at in positions(axes[name], state.sizes) if _at_site(at, axes[name], factor, site)]
        tables[name] = dict(zip(places, values, strict=True))
    return state.with_parameters(factor, site, tables)


def _at_site(at: Position, axes: Axes, factor: Mapping[str, Any], site: Position) -> bool:
    named = dict(zip((i for i, _ in axes), at, strict=True))
    return all(named[i] == p for (i, _), p in zip(factor["plates"], site, strict=True))
