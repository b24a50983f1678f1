"""EM on the velocities of galaxies: each bound touches the log likelihood where it was made."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from scipy.optimize import minimize_scalar

from cavi.derive import Bernoulli, Normal, identities
from cavi.derive.identities.setting import PARAMETRIC
from cavi.templates.figures.evaluate import evaluate
from cavi.templates.figures.labels import claim, formula
from cavi.templates.figures.observations import GALAXIES
from cavi.templates.figures.style import BLACK, BLUE, GREY, ORANGE, VERMILION, canvas, note
from cavi.templates.figures.world import Array, Law, World, labels, member, observed

__all__ = ["em_bounds"]

# A wide component at rest and one that moves: its mean is the parameter.
SHARE, MOVING, RESTING = sympy.Rational(1, 3), sympy.Rational(1, 4), (sympy.Integer(21), sympy.Rational(1, 25))
START, STEPS = 16.0, 3


def em_bounds() -> Any:
    """The log likelihood of a parameter, and the bounds of three EM steps with their maxima."""
    identity = identities.load("em_bound")
    likelihood, _, bound = identity.claim
    (theta,) = PARAMETRIC.parameters
    (old,) = bound.free_symbols - likelihood.free_symbols
    world = _world().given(identity.assumptions)

    def total(e: sympy.Expr, at: float, touching: float) -> float:
        return float(evaluate(e, world.at({theta: at, old: touching})).sum())

    def curve(e: sympy.Expr, points: Array, touching: float) -> Array:
        return np.array([total(e, t, touching) for t in points])

    figure, (ax,) = canvas(size=(8.0, 4.8))
    thetas = np.linspace(13.5, 26.5, 160)
    heights = curve(likelihood, thetas, START)
    ax.plot(thetas, heights, color=BLACK, gid="likelihood")
    touching = START
    low = heights.min() - 0.35 * np.ptp(heights)
    for step, color in zip(range(STEPS), (VERMILION, ORANGE, BLUE), strict=True):
        best = float(minimize_scalar(lambda t, at=touching: -total(bound, t, at), bounds=(8, 30), method="bounded").x)
        lower = curve(bound, thetas, touching)
        ax.plot(thetas, np.where(lower > low, lower, np.nan), color=color, linewidth=1.6, gid=f"bound {step}")
        top = total(bound, best, touching)
        ax.plot([touching], [total(bound, touching, touching)], "o", color=color, gid=f"touch {step}")
        ax.plot([best, best], [top, total(likelihood, best, best)], ":", color=GREY, linewidth=1.2)
        ax.plot([best], [top], "^", color=color, gid=f"maximum {step}")
        if step == 0:
            note(ax, (touching - 0.2, total(bound, touching, touching)), formula(old), color, ha="right", va="bottom")
            words = f"maximum: the next {formula(old)}"
            arrow = {"arrowstyle": "-", "color": color, "linewidth": 0.8, "shrinkB": 0}
            ax.annotate(
                words,
                (best, top),
                (best + 1.2, top - 0.35 * np.ptp(heights)),
                ha="center",
                color=color,
                arrowprops=arrow,
            )
        touching = best
    ax.set_ylim(low, heights.max() + 0.12 * np.ptp(heights))
    ax.set_xlabel(f"{formula(theta)}, the mean of the moving component (1000 km/s)")
    ax.set_ylabel("nats")
    ax.set_title(claim(identity))
    note(ax, (thetas[-40] + 0.3, heights[-40]), formula(likelihood), BLACK)
    return figure


def _world() -> World:
    (x,), (z,), (theta,) = PARAMETRIC.x, PARAMETRIC.z, PARAMETRIC.parameters
    joint = member(Bernoulli(SHARE), z) + z * member(Normal(theta, MOVING), x) + (1 - z) * member(Normal(*RESTING), x)
    return World({x: observed(GALAXIES), z: labels(0, 1)}, {"p": Law((x, z), joint, (theta,))})
