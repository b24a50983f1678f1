"""Normal factors that were chosen: their steps, as generated code shortens them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Value, to_mpf
from cavi.verify.averages import Averages, Held
from cavi.verify.claim import Axes
from cavi.verify.evaluate import Position, bindings, evaluate, positions
from cavi.verify.joint_normal import times
from cavi.verify.matrix import inverse
from cavi.verify.points import as_array
from cavi.verify.state import State, Tables

LAPLACE = "laplace"
HALVED, ROUNDING = 1e-9, 1e-13  # of a step, as generated code has them
MOST = 200  # steps of Newton's method, which needs a dozen near the mode


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
        mean, _ = state.normal(factor, site)
        held = Held({}, {x: as_array([m]) for x, m in zip(own, mean, strict=True)})
        total = total + np.ravel(np.asarray(Averages(state, held).touching(set(own)), dtype=object))[0]
    return total


def _means(state: State, factor: Mapping[str, Any]) -> list[Value]:
    return [m for n in factor["latents"] for m in state.params[n, "mean"].values()]


def _damped(state: State, factor: Mapping[str, Any], merit: Callable[[State], Value]) -> State:
    """One step for all elements, halved until nothing is lost."""
    least = to_mpf(merit(state))
    least -= ROUNDING * (1 + abs(least))
    after = state
    for site in positions(factor["plates"], state.sizes):
        after = after.solve(factor, site, after if factor["sequential"] else state)
    found, share = after, 1.0
    while not to_mpf(merit(found)) >= least and share > 0:
        share = share / 2 if share > HALVED else 0.0
        found = between(state, after, factor, share)
    return found


def between(before: State, after: State, factor: Mapping[str, Any], share: float | Value) -> State:
    """The factor whose natural parameters lie so far from those of the first state to those of the second."""
    part = before.engine.number(share) if isinstance(share, float) else share
    found = before
    for site in positions(factor["plates"], before.sizes):
        old, new = (_natural(s, factor, site) for s in (before, after))
        tables = {
            key: {at: (1 - part) * x + part * new[key][at] for at, x in table.items()} for key, table in old.items()
        }
        found = _put(found, factor, site, tables)
    return found


def _natural(state: State, factor: Mapping[str, Any], site: Position) -> Tables:
    """The natural parameters at a site: by the claimed way back, or precision and linear coefficient."""
    if not factor.get("way_back"):
        mean, precision = state.normal(factor, site)
        (latent,) = factor["latents"]
        flat = {"mean": times(precision, mean), "precision": [x for row in precision for x in row]}
        return {
            (latent, n): dict(zip(places_of(state, factor, latent, n, site), x, strict=True)) for n, x in flat.items()
        }
    outer = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
    found: Tables = {}
    for f in factor["way_back"]:
        free = [a for a in f["indices"] if a[0] not in outer]
        table = found[f["latent"], f["name"]] = {}
        for b in bindings(free, state.sizes, outer):
            table[tuple(b[i] for i, _ in f["indices"])] = evaluate(f["value"], state, b)
    return found


def _put(state: State, factor: Mapping[str, Any], site: Position, natural: Tables) -> State:
    """The state with other natural parameters at a site, and what follows from them."""
    if factor.get("way_back"):
        return state.with_natural(factor, site, natural)
    (latent,) = factor["latents"]
    linear, square = (list(natural[latent, n].values()) for n in ("mean", "precision"))
    size = len(linear)
    rows = [square[i * size : (i + 1) * size] for i in range(size)]
    mean = times(inverse(state.engine, rows), linear)
    places = places_of(state, factor, latent, "mean", site)
    tables = {**natural, (latent, "mean"): dict(zip(places, mean, strict=True))}
    return state.with_parameters(factor, site, tables)


def places_of(state: State, factor: Mapping[str, Any], latent: str, name: str, site: Position) -> Iterator[Position]:
    """Where a standard parameter of one element stands."""
    axes: Axes = next(p["indices"] for p in state.claim.standard(latent) if p["name"] == name)
    plates = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
    for at in positions(axes, state.sizes):
        named = dict(zip((i for i, _ in axes), at, strict=True))
        if all(named[i] == p for i, p in plates.items()):
            yield at
