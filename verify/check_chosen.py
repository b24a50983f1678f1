"""Tier 3 for Normal factors that were chosen: there is no optimum to compare, but what each method promises is checked.

A step of conjugate-computation VI, from natural parameters (h, P) to (h₁, P₁), must be the natural gradient of the
bound there. So along every change of the standard parameters, by differences of quadratures,

    dL = (h₁ - h)·dm - ½ tr((P₁ - P) d(Σ + m mᵀ))

with m and Σ those of the density of all elements as one vector; it changes nothing exactly where the bound is
stationary. The delta method is the same for its approximated bound. Of Laplace's method the mean must be a mode of the
expected log joint, and the precision its curvature. A step that is shortened is to lie on the straight line between the
natural parameters, whatever parameters the claim keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value, digits_of, to_float
from cavi.verify.averages import Averages, Held
from cavi.verify.check_identity import entropy
from cavi.verify.chosen import LAPLACE, between, height, places_of, stepped
from cavi.verify.evaluate import Position, positions
from cavi.verify.generic import random_table
from cavi.verify.joint_normal import times
from cavi.verify.matrix import inverse
from cavi.verify.points import as_array
from cavi.verify.report import Check, Finding, worst
from cavi.verify.state import State, Tables

ASKED = 7  # digits of a derivative by differences
WORKING = 18  # digits of the quadratures that differences are taken of
STEP = Fraction(1, 10**4)
SHARE = Fraction(3, 8)
TITLE = {
    "cvi": "the step of {} is the natural gradient of the bound",
    "delta": "the step of {} is the natural gradient of the approximated bound",
    LAPLACE: "{} is at a mode, with its curvature",
}


def check_chosen(state: State, factor: Mapping[str, Any]) -> Iterator[Check]:
    """The rows of one chosen factor."""
    method = factor["chosen"]
    check = _mode if method == LAPLACE else _gradient
    low = State(state.claim, state.instance, state.engine, min(state.digits, WORKING))
    title = TITLE[method].format(f"q({factor['name']})")
    yield Check(title, "optimality", min(ASKED, state.digits), partial(_each, low, factor, check))
    if factor.get("way_back"):
        title = f"a shortened step of q({factor['name']}) is on the line between natural parameters"
        yield Check(title, "optimality", state.digits, partial(_on_the_line, state, factor))


def _each(state: State, factor: Mapping[str, Any], check: Any) -> Finding:
    sites = list(positions(factor["plates"], state.sizes))
    if check is _mode:
        state = stepped(state, factor, lambda s: height(s, factor))
    return worst(check(state, factor, site) for site in dict.fromkeys([sites[0], sites[-1]]))


def _bound(state: State, factor: Mapping[str, Any], site: Position) -> Value:
    """The terms of the bound that depend on one element."""
    own = set(state.claim.elements(factor, site, state.sizes))
    return Averages(state).touching(own) + entropy(state, factor)


def _gradient(state: State, factor: Mapping[str, Any], site: Position) -> Finding:
    """The change of the bound along each standard parameter, and what the step says of it."""
    e = state.engine
    mean, precision = state.normal(factor, site)
    target_mean, target = state.solve(factor, site).normal(factor, site)
    pull = [a - b for a, b in zip(times(target, target_mean), times(precision, mean), strict=True)]
    bend = [[a - b for a, b in zip(x, y, strict=True)] for x, y in zip(target, precision, strict=True)]

    def said(s: State) -> Value:
        """The step as a linear function of the mean parameters."""
        m, square = _moments(s, factor, site)
        zero = e.number(0)
        linear = sum((a * b for a, b in zip(pull, m, strict=True)), zero)
        rows = zip(bend, square, strict=True)
        return linear - sum((a * b for x, y in rows for a, b in zip(x, y, strict=True)), zero) / 2

    findings = []
    for what, at in _directions(state, factor, site):
        ends = {k: state.with_parameters(factor, site, at(e.number(k * STEP))) for k in (-2, -1, 1, 2)}
        found = _derivative({k: _bound(s, factor, site) for k, s in ends.items()}, e.number(STEP))
        expected = _derivative({k: said(s) for k, s in ends.items()}, e.number(STEP))
        findings.append(_close(found, expected, f"∂L along {what} at {site}"))
    return worst(iter(findings))


def _derivative(at: Mapping[int, Value], h: Value) -> Value:
    """By central differences of the fourth order."""
    return (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * h)


def _directions(
    state: State, factor: Mapping[str, Any], site: Position
) -> Iterator[tuple[str, Callable[[Value], Tables]]]:
    """Every standard parameter in turn, so far towards other values of its domain."""
    e = state.engine
    rng = np.random.default_rng(state.instance.seed + 5)
    for latent in factor["latents"]:
        for p in state.claim.standard(latent):
            other = random_table(p["domain"], p["indices"], state.sizes, rng)
            key, now = (latent, p["name"]), state.params[latent, p["name"]]
            away = {at: e.number(other[at]) - now[at] for at in places_of(state, factor, latent, p["name"], site)}

            def at(share: Value, key: tuple[str, str] = key, now: Any = now, away: Any = away) -> Tables:
                return {key: {place: now[place] + share * x for place, x in away.items()}}

            yield f"{latent}.{p['name']}", at


def _moments(state: State, factor: Mapping[str, Any], site: Position) -> tuple[list[Value], list[list[Value]]]:
    """E[x] and E[x xᵀ]."""
    mean, precision = state.normal(factor, site)
    covariance = inverse(state.engine, precision)
    return mean, [[c + a * b for c, b in zip(row, mean, strict=True)] for row, a in zip(covariance, mean, strict=True)]


def _on_the_line(state: State, factor: Mapping[str, Any]) -> Finding:
    """Natural parameters part of the way, by the way back of the claim and of the density of all elements."""
    sites = list(positions(factor["plates"], state.sizes))
    after = state
    for site in sites:
        after = after.solve(factor, site, state)
    part = state.engine.number(SHARE)
    middle = between(state, after, factor, part)

    def one(site: Position) -> Finding:
        (m0, p0), (m1, p1), (m, p) = (s.normal(factor, site) for s in (state, after, middle))
        h0, h1, h = times(p0, m0), times(p1, m1), times(p, m)
        pairs = [((1 - part) * a + part * b, c) for a, b, c in zip(h0, h1, h, strict=True)]
        for x, y, z in zip(p0, p1, p, strict=True):
            pairs += [((1 - part) * a + part * b, c) for a, b, c in zip(x, y, z, strict=True)]
        return worst(
            Finding(digits_of(a, b), f"{to_float(b):.9g}, on the line {to_float(a):.9g} at {site}") for a, b in pairs
        )

    return worst(map(one, sites))


def _mode(state: State, factor: Mapping[str, Any], site: Position) -> Finding:
    e = state.engine
    mean, precision = state.normal(factor, site)
    own = list(state.claim.elements(factor, site, state.sizes))
    size = range(len(mean))
    h = e.number(STEP)
    rng = np.random.default_rng(state.instance.seed + 6)
    findings = []
    for _ in size:
        v = [e.number(Fraction(int(rng.integers(-90, 90)) or 1, 97)) for _ in size]
        points = {x: as_array([mean[i] + k * h * v[i] for k in (-1, 0, 1)]) for i, x in enumerate(own)}
        low, middle, high = Averages(state, Held({}, points)).touching(set(own))
        slope, bend = (high - low) / (2 * h), (high - 2 * middle + low) / (h * h)
        curvature = times([v], times(precision, v))[0]
        findings.append(_close(slope / curvature, e.number(0), f"slope at {site}"))
        findings.append(_close(-bend, curvature, f"curvature at {site}"))
    return worst(iter(findings))


def _close(found: Value, expected: Value, what: str) -> Finding:
    gap = abs(to_float(found) - to_float(expected)) / (1 + abs(to_float(expected)))
    digits = 16.0 if gap == 0 else float(-np.log10(gap))
    return Finding(max(0.0, min(16.0, digits)), f"{what}: {to_float(found):.9g}, claimed {to_float(expected):.9g}")
