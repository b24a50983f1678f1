"""Tier 2, where no grid holds the posterior: log p(x) by bridge sampling, and the bound at least five errors below it.

An estimate with a standard error cannot show that both sides of log p(x) = L + KL agree to eight digits. It can show
that the claimed bound is one: if L were above log p(x), an estimate five standard errors above L would come about less
than once in a million reports. A wrong constant that raises the bound above log p(x) is seen, others are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cavi.verify.arithmetic import Value, to_float
from cavi.verify.claim import Claim, names_in
from cavi.verify.evaluate import Plain, positions, size_of
from cavi.verify.reference.evidence import Evidence, by_annealing, by_quadrature
from cavi.verify.reference.explore import explored
from cavi.verify.reference.joint import LogJoint, ReferenceError
from cavi.verify.reference.posterior import declaration
from cavi.verify.report import Check, Finding
from cavi.verify.state import State

NAME = "log p(x) > L(q), log p(x) by bridge sampling"
ASKED, ERRORS, MIXED, ENOUGH = 1, 5.0, 1.05, 400
CHAINS, DRAWS = 24, 500
FINITE_AT_ZERO = ("HalfCauchy", "HalfNormal", "Exponential")


def collapses(claim: Claim) -> bool:
    """Whether a Normal is divided by a scale whose density stays finite at zero.

    Its grid would have to hold the spikes at all scales, however small.
    """
    scales = {
        v["name"] for v in claim.nodes if v["distribution"]["name"] in FINITE_AT_ZERO and claim.is_random(v["name"])
    }
    return any(
        claim.is_random(v["name"]) and set(_divisors(v["distribution"]["args"].get("precision"))) & scales
        for v in claim.nodes
    )


def _divisors(e: Plain | None) -> list[str]:
    """Names inside negative powers."""
    if not isinstance(e, list) or not e:
        return []
    inside = list(names_in(e[1])) if e[0] == "pow" and str(e[2]).startswith("-") else []
    return inside + [n for part in e for n in _divisors(part)]


def sampled_joint(state: State) -> LogJoint | None:
    """The declared log joint on unconstrained coordinates; None where it has none."""
    try:
        return LogJoint(declaration(state.claim.plain), state.sizes, _known(state))
    except ReferenceError:
        return None


def _known(state: State) -> dict[str, np.ndarray]:
    found = {}
    for name, table in state.known.items():
        axes = state.claim.axes(name)
        found[name] = np.zeros([size_of(state.sizes, s) for _, s in axes])
        for at in positions(axes, state.sizes):
            found[name][at] = to_float(table[at])
    return found


def estimated(joint: LogJoint, seed: int) -> tuple[Evidence, str]:
    """log p(x), and why it is not to be trusted, if so."""
    rng = np.random.default_rng(seed)
    run = explored(joint.model, joint.sizes, joint.given, CHAINS, DRAWS, DRAWS, rng)
    doubt = "" if run.mixed(MIXED, ENOUGH) else f"the chains have not mixed: R-hat {run.r_hat:.3f}"
    if joint.size <= 3:
        return by_quadrature(run.joint.gradient, run.points)[0], doubt
    return by_annealing(run.density, rng.permutation(run.points)[:4000], run.step, rng), doubt


def check_sampled(state: State, joint: LogJoint, bound: Callable[[], Value]) -> Check:
    """The row: the bound of this q lies below the estimate."""

    def below() -> Finding:
        found, doubt = estimated(joint, state.instance.seed)
        value, error = to_float(bound()), ERRORS * max(found.error, 1e-9)
        excess = found.value - value
        detail = (
            f"log p(x) {found.value:.5g} ± {found.error:.1g} ({found.method}), L {value:.5g}, below by {excess:.3g}"
        )
        if doubt:
            return Finding(None, f"{doubt}; {detail}")
        if excess < -error:
            return Finding(0.0, detail)
        if excess < error:
            return Finding(None, f"less than {ERRORS:g} standard errors apart; {detail}")
        return Finding(-math.log10(error / max(1.0, abs(found.value))), detail)

    return Check(NAME, "identity", ASKED, below)
