"""Every step of every derivation: both sides evaluated at an instance agree, or differ by a constant.

Both sides are functions of the factor's latents at one site; all other latents are averaged under the current q. A
parameter of the factor itself takes its claimed optimal value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import to_mpf
from cavi.verify.averages import Averages
from cavi.verify.evaluate import Plain, Position, positions
from cavi.verify.points import held_points
from cavi.verify.report import Check, Finding, worst
from cavi.verify.state import State


def check_steps(state: State) -> Iterator[Check]:
    """A row for every step of every factor's derivation."""
    for d in state.claim.plain["derivations"]:
        for number, step in enumerate(d["steps"], start=1):
            if step["relation"] == "→":
                continue  # what was put in the place of a term by choice: no equality, and another row says what it is
            factor = state.claim.factor_named[step["factor"]]
            yield Check(
                f"{d.get('title', step['factor'])}, step {number}: {step['rule']}",
                "derivation",
                state.digits,
                partial(_step, state, factor, step),
            )


def _step(state: State, factor: Mapping[str, Any], step: Mapping[str, Any]) -> Finding:
    sites = list(positions(factor["plates"], state.sizes))
    return worst(_at(state, factor, step, site) for site in dict.fromkeys([sites[0], sites[-1]]))


def _at(state: State, factor: Mapping[str, Any], step: Mapping[str, Any], site: Position) -> Finding:
    best = state.solve(factor, site)
    mixed = best.with_moments_of(state)
    binding = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
    weight = to_mpf(state.weight(factor, site))
    gaps: list[Any] = []
    scale = mpmath.mpf(1)
    for held in held_points(state, factor, site):
        averages = Averages(mixed, held)

        def side(e: Plain, averages: Averages = averages) -> list[Any]:
            return [to_mpf(x) for x in np.ravel(np.asarray(averages.expression(e, binding), dtype=object))]

        before, after = side(step["before"]), side(step["after"])
        length = max(len(before), len(after))
        before, after = (s * length if len(s) == 1 else s for s in (before, after))
        gaps += [(a, b) for a, b in zip(before, after, strict=True)]
        scale = max(scale, *map(abs, after))
    if not all(mpmath.isfinite(x) for pair in gaps for x in pair):  # a maximum passes over what is no number
        return Finding(0.0, f"not finite at {site}")
    if step["relation"] == "=":
        spread = min(max(abs(a * f - b) for a, b in gaps) for f in _copies(factor, weight))
    else:
        spread = min(max(a * f - b for a, b in gaps) - min(a * f - b for a, b in gaps) for f in _copies(factor, weight))
    digits = 60.0 if spread == 0 else float(-mpmath.log10(spread / scale))
    return Finding(max(0.0, min(60.0, digits)), f"the two sides differ by {float(spread):.3g} at {site}")


def _copies(factor: Mapping[str, Any], weight: Any) -> list[Any]:
    """The log joint counts every copy of an element; log q is that of one of them."""
    return [mpmath.mpf(1)] if factor["weight"] is None else [mpmath.mpf(1), 1 / weight]
