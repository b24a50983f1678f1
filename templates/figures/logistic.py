"""Quadratic bounds of the logistic function from below and from above."""

from __future__ import annotations

from typing import Any

import numpy as np

from cavi.derive import identities
from cavi.derive.identities import Identity
from cavi.templates.figures.evaluate import evaluate
from cavi.templates.figures.labels import formula
from cavi.templates.figures.style import BLACK, BLUE, VERMILION, canvas
from cavi.templates.figures.world import World

__all__ = ["logistic_bounds"]

CONTACT = 2.5


def logistic_bounds() -> Any:
    """The tangent in x² below log σ touches at ±ξ; the parabola above the softplus function touches at ξ."""
    figure, (left, right) = canvas(1, 2, (10.0, 4.8))
    _panel(left, identities.load("jaakkola_jordan"), (-CONTACT, CONTACT), BLUE)
    _panel(right, identities.load("boehning"), (CONTACT,), VERMILION)
    return figure


def _panel(ax: Any, identity: Identity, contacts: tuple[float, ...], color: str) -> None:
    function, relation, bound = identity.claim
    (x,) = function.free_symbols
    (xi,) = bound.free_symbols - {x}
    points = np.linspace(-7, 7, 281)

    def values(e: Any, at: Any) -> Any:
        return evaluate(e, World(values={x: at, xi: CONTACT}))

    ax.plot(points, values(function, points), color=BLACK, gid="function")
    ax.plot(points, values(bound, points), color=color, gid="bound")
    at = np.array(contacts)
    ax.plot(at, values(bound, at), "o", color=color, gid="contact")
    ax.set_xticks([*contacts, 0, -6, 6], [*(formula(xi if c > 0 else -xi) for c in contacts), "0", "−6", "6"])
    ax.set_xlabel(formula(x))
    ax.set_ylabel(formula(function))
    ax.set_title(f"{formula(relation, bound)}", color=color, fontsize=14)
