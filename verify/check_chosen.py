"""Tier 3 for Normal factors that were chosen: there is no optimum to compare, but what each method promises is checked.

A step of conjugate-computation VI, from (m, P) to (m₁, P₁), must be the natural gradient of the bound there, which is
found by differences of quadratures:

    ∂L/∂m = P₁ (m₁ - m),   ∂L/∂Σ = ½ (P - P₁)

so that it changes nothing exactly where the bound is stationary. The delta method is the same for its approximated
bound. Of Laplace's method the mean must be a mode of the expected log joint, and the precision its curvature.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value, to_float
from cavi.verify.averages import Averages, Held
from cavi.verify.check_identity import entropy
from cavi.verify.chosen import LAPLACE, height, moments_at, put, stepped, times
from cavi.verify.evaluate import Position, positions
from cavi.verify.matrix import inverse
from cavi.verify.points import as_array
from cavi.verify.report import Check, Finding, worst
from cavi.verify.state import State

ASKED = 7  # digits of a derivative by differences
WORKING = 18  # digits of the quadratures that differences are taken of
STEP = Fraction(1, 10**5)
TITLE = {
    "cvi": "the step of {} is the natural gradient of the bound",
    "delta": "the step of {} is the natural gradient of the approximated bound",
    LAPLACE: "{} is at a mode, with its curvature",
}


def check_chosen(state: State, factor: Mapping[str, Any]) -> Iterator[Check]:
    """The row of one chosen factor."""
    method = factor["chosen"]
    check = _mode if method == LAPLACE else _gradient
    low = State(state.claim, state.instance, state.engine, min(state.digits, WORKING))
    title = TITLE[method].format(f"q({factor['name']})")
    yield Check(title, "optimality", min(ASKED, state.digits), partial(_each, low, factor, check))


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
    e = state.engine
    mean, precision = moments_at(state, factor, site)
    target_mean, target = moments_at(state.solve(factor, site), factor, site)
    size = range(len(mean))
    rng = np.random.default_rng(state.instance.seed + 5)
    v = [e.number(Fraction(int(rng.integers(20, 90)), 97)) for _ in size]
    h = e.number(STEP)
    pull = times(target, [a - b for a, b in zip(target_mean, mean, strict=True)])
    expected = _dot(v, pull)

    def at_mean(sign: int) -> Value:
        moved = [m + sign * h * x for m, x in zip(mean, v, strict=True)]
        return _bound(put(state, factor, site, moved, precision), factor, site)

    first = _close((at_mean(1) - at_mean(-1)) / (2 * h), expected, f"∂L/∂mean at {site}")
    covariance = inverse(e, precision)
    # Along v vᵀ the derivative in the covariance is ½ vᵀ (P - P₁) v.
    apart = [[a - b for a, b in zip(x, y, strict=True)] for x, y in zip(precision, target, strict=True)]
    expected = _dot(v, times(apart, v)) / 2
    small = h * min((covariance[i][i] for i in size), key=to_float)

    def at_spread(sign: int) -> Value:
        moved = [[covariance[i][j] + sign * small * v[i] * v[j] for j in size] for i in size]
        return _bound(put(state, factor, site, mean, inverse(e, moved)), factor, site)

    second = _close((at_spread(1) - at_spread(-1)) / (2 * small), expected, f"∂L/∂covariance at {site}")
    return worst(iter([first, second]))


def _mode(state: State, factor: Mapping[str, Any], site: Position) -> Finding:
    e = state.engine
    mean, precision = moments_at(state, factor, site)
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
        curvature = _dot(v, times(precision, v))
        findings.append(_close(slope / curvature, e.number(0), f"slope at {site}"))
        findings.append(_close(-bend, curvature, f"curvature at {site}"))
    return worst(iter(findings))


def _dot(a: list[Any], b: list[Any]) -> Value:
    return times([a], b)[0]


def _close(found: Value, expected: Value, what: str) -> Finding:
    gap = abs(to_float(found) - to_float(expected)) / (1 + abs(to_float(expected)))
    digits = 16.0 if gap == 0 else float(-np.log10(gap))
    return Finding(max(0.0, min(16.0, digits)), f"{what}: {to_float(found):.9g}, claimed {to_float(expected):.9g}")
