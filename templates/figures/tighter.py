"""Bounds between the ELBO and the evidence: more samples, and other orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from cavi.derive import Binomial, Poisson, identities
from cavi.derive.identities.setting import ABSTRACT
from cavi.templates.figures.evaluate import number
from cavi.templates.figures.labels import formula
from cavi.templates.figures.style import BLACK, BLUE, GREY, VERMILION, canvas, note
from cavi.templates.figures.world import Law, World, labels, member, observed

__all__ = ["importance_weighted"]

# A rate with five possible values, one observed count, and a q that is too timid.
VALUES, COUNT = 5, sympy.Integer(9)
SAMPLES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


def _world() -> World:
    (x,), (z,) = ABSTRACT.x, ABSTRACT.z
    joint = member(Binomial(VALUES - 1, sympy.Rational(1, 2)), z) + member(Poisson(1 + 2 * z), COUNT)
    q = member(Binomial(VALUES - 1, sympy.Rational(2, 5)), z)
    return World({x: observed(), z: labels(*range(VALUES))}, {"p": Law((x, z), joint), "q": Law((z,), q)})


def importance_weighted() -> Any:
    """L_K rises with K from the ELBO towards log p(x); the Rényi bound falls from above it to the ELBO."""
    figure, (left, right) = canvas(1, 2, (9.4, 4.6), sharey=True)
    weighted, _, evidence = identities.load("importance_weighted").claim
    power, _, elbo = identities.load("renyi_above_elbo").claim
    world = _world()
    top, bottom = number(evidence, world), number(elbo, world)
    (count,) = weighted.law.count.free_symbols
    left.plot(SAMPLES, [number(weighted, world.at({count: k})) for k in SAMPLES], "o-", color=BLUE, gid="weighted")
    left.set_xscale("log", base=2)
    left.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    left.set_xlabel(f"number of samples {formula(count)}")
    left.set_ylabel("nats")
    (order,) = power.free_symbols - world.axes.keys() - elbo.free_symbols
    orders = np.linspace(2.0, 0.02, 100)
    right.plot(1 - orders, [number(power, world.at({order: s})) for s in orders], color=VERMILION, gid="power")
    right.set_xlabel(formula(sympy.Symbol("alpha"), "=", 1 - order))
    for ax in (left, right):
        ax.axhline(top, color=BLACK, linewidth=1.4, gid="evidence")
        ax.axhline(bottom, color=GREY, linewidth=1.4, linestyle="--", gid="elbo")
    note(left, (1, top + 0.03), formula(evidence), BLACK, va="bottom")
    note(left, (12, bottom + 0.03), formula(elbo), GREY, va="bottom")
    right.plot([0], [number(power, world.at({order: 1}))], "o", color=VERMILION, gid="order zero")
    left.set_title(formula(weighted), color=BLUE, fontsize=13)
    right.set_title(formula(power), color=VERMILION, fontsize=19)
    right.locator_params(axis="x", nbins=5)
    return figure
