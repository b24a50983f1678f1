"""Tier 2, on the model as a whole: log p(x) = L(q) + KL(q ‖ p(z | x)) with the evidence by elimination on grids.

For a model with one factor the optimal q is the posterior, so that its claimed ELBO *is* the log evidence: that
proves update and ELBO at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value, to_float
from cavi.verify.averages import Averages, Held, Infeasible
from cavi.verify.check_families import compare
from cavi.verify.check_identity import claimed_elbo, declared_elbo, elbo_by_quadrature
from cavi.verify.check_sampled import check_sampled, collapses, sampled_joint
from cavi.verify.claim import Element
from cavi.verify.elimination import DIGITS, MAX_WIDTH, log_evidence, width
from cavi.verify.evaluate import evaluate, positions
from cavi.verify.points import as_array, held_points
from cavi.verify.report import Check, Finding
from cavi.verify.state import State
from cavi.verify.units import log_q_at


def by_bayes(state: State, best: State, factor: Mapping[str, Any]) -> Value:
    """log p(x, z) - log q*(z) at one point z: the evidence if q*, which is normalised, is the posterior."""
    assigned: dict[Element, int] = {}
    points: dict[Element, Value] = {}
    log_q: Value = state.engine.number(0)
    for site in positions(factor["plates"], state.sizes):
        held = next(iter(held_points(state, factor, site)))
        own = {x: as_array([value[0]]) for x, value in held.points.items()}
        log_q = log_q + state.weight(factor, site) * log_q_at(best, factor, site, held.assigned, own)
        assigned |= held.assigned
        points |= own
    log_p = Averages(state, Held(assigned, points)).log_joint()
    return np.ravel(np.asarray(log_p - log_q, dtype=object))[0]


def check_evidence(state: State) -> Iterator[Check]:
    """A row for the identity; if q has a single factor, one for exactness and one for the evidence it states."""
    asked = min(DIGITS, state.digits)
    known: dict[str, tuple[Value, float]] = {}
    refused: list[Infeasible] = []

    def evidence() -> Value:
        if refused:
            raise refused[0]
        if "value" not in known:
            try:
                found = log_evidence(state)
                if not math.isfinite(to_float(found[0])):
                    raise Infeasible("the quadrature of the evidence over- or underflows")
                known["value"] = found
            except Infeasible as error:
                refused.append(error)
                raise
        return known["value"][0]

    def agreed(finding: Finding) -> Finding:
        digits = known["value"][1]
        if digits < asked:
            return Finding(None, f"the grids of the evidence establish {math.floor(max(digits, 0.0))} digits only")
        got = None if finding.digits is None else min(finding.digits, digits)
        return Finding(got, finding.detail)

    def identity() -> Finding:
        log_p = evidence()
        # KL(q ‖ posterior) = E_q[log q - log p(x, z)] + log p(x), each by quadrature of the declared densities.
        divergence = log_p - elbo_by_quadrature(state)
        if to_float(divergence) < -(10.0**-asked):
            return agreed(Finding(0.0, f"KL(q || posterior) = {to_float(divergence):.6g} is negative"))
        return agreed(compare(claimed_elbo(state) + divergence, log_p, f"KL {to_float(divergence):.6g}"))

    def exact() -> Finding:
        best = state
        for site in positions(factor["plates"], state.sizes):
            best = best.solve(factor, site)
        try:
            return agreed(compare(claimed_elbo(best), evidence(), "(evidence)"))
        except Infeasible:
            return compare(claimed_elbo(best), by_bayes(state, best, factor), "(p(x, z) / q*(z) at one point)")

    def stated() -> Finding:
        best = state
        for site in positions(factor["plates"], state.sizes):
            best = best.solve(factor, site)
        claimed = evaluate(claim.plain["exact"]["evidence"], best, {})
        return compare(claimed, by_bayes(state, best, factor), "(p(x, z) / q*(z) at one point)")

    def with_gap() -> Finding:
        log_p, declared = evidence(), declared_elbo(state)
        divergence, gap = log_p - declared, declared - elbo_by_quadrature(state)
        if to_float(divergence) < -(10.0**-asked):
            return agreed(Finding(0.0, f"KL(q || posterior) = {to_float(divergence):.6g} is negative"))
        if to_float(gap) < -(10.0**-asked):
            return agreed(Finding(0.0, f"the gap of the bounds is {to_float(gap):.6g}, negative"))
        detail = f"KL {to_float(divergence):.6g}, gap of the bounds {to_float(gap):.6g}"
        return agreed(compare(claimed_elbo(state) + divergence + gap, log_p, detail))

    def beyond_grids() -> bool:
        if not collapses(state.claim):
            return width(state) > MAX_WIDTH
        try:
            evidence()
        except Infeasible:
            return True
        return known["value"][1] < asked

    if state.claim.expanded:
        return  # the bound is approximated, and the evidence says nothing of it
    if len(state.claim.factors) > 1 and beyond_grids() and (joint := sampled_joint(state)) is not None:
        yield check_sampled(state, joint, lambda: claimed_elbo(state))
        return
    if any(r["kind"] == "bound" for r in state.claim.relaxed.values()):
        yield Check("log p(x) = L(q) + KL(q || posterior) + gap of the bounds", "identity", asked, with_gap)
        return
    yield Check("log p(x) = L(q) + KL(q || posterior)", "identity", asked, identity)
    claim, factors = state.claim, state.claim.factors
    factor = factors[0]
    if len(factors) == 1 and not (factor["point"] or factor["sequential"] or factor.get("chosen")):
        yield Check("the optimum is the posterior: L(q*) = log p(x)", "identity", asked, exact)
        if claim.plain.get("exact") is not None:
            yield Check("the evidence in the parameters of the posterior", "identity", state.digits, stated)
