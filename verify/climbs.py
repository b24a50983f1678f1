"""Point parameters that are found by steps: the steps as generated code takes them, and what they promise.

With J the expected log joint at the best values of the points that follow, the claimed gradient g and curvature C must
be its derivatives, which are found by differences of quadratures, and the step C⁻¹ g:

    v·g = dJ/dt,    vᵀ C v = -d²J/dt²    along a + t v,      C (a₁ - a) = g
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Value, to_float, to_mpf
from cavi.verify.averages import Averages
from cavi.verify.check_families import compare
from cavi.verify.claim import Element
from cavi.verify.evaluate import Position, positions
from cavi.verify.report import Check, Finding, worst
from cavi.verify.state import State

ASKED = 7  # digits of a derivative by differences
WORKING = 20  # digits of the quadratures that differences are taken of
STEP = Fraction(1, 10**5)
SHORTEST, ROUNDING = 1e-9, 1e-13  # of a step, as generated code has them
MOST = 60  # steps of Newton's method, which needs a dozen
Merit = Callable[[State], Value]


def settled(state: State, factor: Mapping[str, Any]) -> State:
    """The state with the points that follow a factor at their claimed best."""
    for name in factor["climbs"]:
        follower = state.claim.factor_named[name]
        for site in positions(follower["plates"], state.sizes):
            state = state.solve(follower, site)
    return state


def climbed(state: State, factor: Mapping[str, Any], merit: Merit) -> State:
    """The state after one step of every element, each halved until nothing is lost."""
    before = state = settled(state, factor)
    for site in positions(factor["plates"], state.sizes):
        least = to_mpf(merit(state))
        least -= ROUNDING * (1 + abs(least))
        own = list(state.claim.elements(factor, site, state.sizes))
        after = before.solve(factor, site)
        moves = {x: after.params[x[0], "value"][x[1]] - before.params[x[0], "value"][x[1]] for x in own}
        found, share = settled(_moved(state, factor, site, moves, 1.0), factor), 1.0
        while not to_mpf(merit(found)) >= least and share > 0:
            share = share / 2 if share > SHORTEST else 0.0
            found = settled(_moved(state, factor, site, moves, share), factor)
        state = found
    return state


def _moved(state: State, factor: Mapping[str, Any], site: Position, moves: Mapping[Element, Any], share: Any) -> State:
    """The state with an element of a point elsewhere."""
    (latent,) = factor["latents"]
    part = state.engine.number(share)
    table = {at: state.params[latent, "value"][at] + part * by for (_, at), by in moves.items()}
    return state.with_parameters(factor, site, {(latent, "value"): table})


def at_the_top(state: State, factor: Mapping[str, Any], merit: Merit) -> State:
    """The state after as many steps as it takes."""
    (latent,) = factor["latents"]
    for _ in range(MOST):
        after = climbed(state, factor, merit)
        ends = (list(s.params[latent, "value"].values()) for s in (after, state))
        moved = max(abs(to_mpf(a) - to_mpf(b)) for a, b in zip(*ends, strict=True))
        state = after
        if moved <= mpmath.mpf(10) ** -(state.digits + 5):
            break
    return state


def check_climbs(state: State, factor: Mapping[str, Any]) -> Iterator[Check]:
    """The row of one such point: what its steps are made of."""
    low = State(state.claim, state.instance, state.engine, min(state.digits, WORKING))
    title = f"the step of {factor['name']} is that of Newton's method"
    yield Check(title, "optimality", min(ASKED, state.digits), partial(_each, low, factor))


def _each(state: State, factor: Mapping[str, Any]) -> Finding:
    state = settled(state, factor)
    sites = list(positions(factor["plates"], state.sizes))
    return worst(_newton(state, factor, site) for site in dict.fromkeys([sites[0], sites[-1]]))


def _newton(state: State, factor: Mapping[str, Any], site: Position) -> Finding:
    e = state.engine
    (latent,) = factor["latents"]
    own = list(state.claim.elements(factor, site, state.sizes))
    rng = np.random.default_rng(state.instance.seed + 7)
    v = {x: e.number(Fraction(int(rng.integers(20, 90)), 97)) for x in own}
    followers = {
        x
        for name in factor["climbs"]
        for place in positions(state.claim.factor_named[name]["plates"], state.sizes)
        for x in state.claim.elements(state.claim.factor_named[name], place, state.sizes)
    }

    def height(share: Value) -> Value:
        there = settled(_moved(state, factor, site, v, share), factor)
        return np.ravel(np.asarray(Averages(there).touching({*own, *followers}), dtype=object))[0]

    h = e.number(STEP)
    low, middle, high = height(-h), height(e.number(0)), height(h)
    slope, bend = (high - low) / (2 * h), (2 * middle - high - low) / (h * h)
    after = state.solve(factor, site)
    gradient = {x: _at(state, factor, after, "gradient", site, (x,)) for x in own}
    curvature = {(x, y): _at(state, factor, after, "curvature", site, (x, y)) for x in own for y in own}
    moves = {x: after.params[latent, "value"][x[1]] - state.params[latent, "value"][x[1]] for x in own}
    zero = e.number(0)
    along = sum((v[x] * gradient[x] for x in own), zero)
    curved = sum((v[x] * curvature[x, y] * v[y] for x in own for y in own), zero)
    findings = [_close(slope, along, f"slope at {site}"), _close(bend, curved, f"curvature at {site}")]
    findings += [
        compare(to_mpf(sum((curvature[x, y] * moves[y] for y in own), zero)), to_mpf(gradient[x]), f"step at {site}")
        for x in own
    ]
    return worst(iter(findings))


def _at(
    state: State, factor: Mapping[str, Any], after: State, name: str, site: Position, x: tuple[Element, ...]
) -> Value:
    """A parameter of the step at the event positions of some elements."""
    (latent,) = factor["latents"]
    axes = state.claim.axes(latent)
    plates = [list(a) for a in factor["plates"]]
    event = [k for k, a in enumerate(axes) if list(a) not in plates]
    return after.params[latent, name][(*site, *(y[1][k] for y in x for k in event))]


def _close(found: Value, expected: Value, what: str) -> Finding:
    gap = abs(to_float(found) - to_float(expected)) / (1 + abs(to_float(expected)))
    digits = 16.0 if gap == 0 else float(-np.log10(gap))
    return Finding(max(0.0, min(16.0, digits)), f"{what}: {to_float(found):.9g}, claimed {to_float(expected):.9g}")
