"""Latents integrated out: the claimed log marginal against the integral of the declared densities, at single points.

With every other latent at a random value, log ∫ Π p(node | parents) d(integrated out) is found by elimination on
grids, or by completing the square numerically where all that is left are Normals.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cavi.verify.averages import Averages, Held
from cavi.verify.check_families import compare
from cavi.verify.claim import Element
from cavi.verify.elimination import log_evidence
from cavi.verify.evaluate import positions
from cavi.verify.points import as_array, held_points
from cavi.verify.report import Check, Finding, worst
from cavi.verify.state import State

POINTS = 3


def check_marginal(state: State) -> Iterator[Check]:
    """One row for a derivation with latents integrated out, none for others."""
    claimed = state.claim.marginal
    if claimed is not None:
        names = ", ".join(sorted(state.claim.marginalised))
        yield Check(
            f"log of the joint density with {names} integrated out", "identity", state.digits, partial(_marginal, state)
        )


def _marginal(state: State) -> Finding:
    claimed = state.claim.marginal
    assert claimed is not None
    asked = state.digits

    def one(number: int) -> Finding:
        held = random_values(state, number)
        found, digits = log_evidence(state, asked + 1, held, claimed["nodes"])
        value = Averages(state, held).expression(claimed["value"], {})
        finding = compare(np.ravel(np.asarray(value, dtype=object))[0], found, "(at random values of the others)")
        if finding.digits is None or finding.digits < min(asked, digits - 1) or digits >= asked:
            return finding
        return Finding(None, f"the grids establish {digits:.0f} digits only, to which the two agree; {finding.detail}")

    return worst(one(k) for k in range(POINTS))


def random_values(state: State, number: int) -> Held:
    """One random value for every element of every latent of q; points keep theirs."""
    rng = np.random.default_rng((state.instance.seed, number))
    assigned: dict[Element, int] = {}
    points: dict[Element, Any] = {}
    for factor in state.claim.factors:
        if factor["point"]:
            continue
        for site in positions(factor["plates"], state.sizes):
            groups = list(held_points(state, factor, site))
            chosen = groups[int(rng.integers(len(groups)))]
            assigned |= chosen.assigned
            points |= {x: as_array([values[number % len(values)]]) for x, values in chosen.points.items()}
    return Held(assigned, points)
