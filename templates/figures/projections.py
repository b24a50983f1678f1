"""A target with two bumps and its projections onto the Normal family, in both directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from scipy.optimize import root

from cavi.derive import Bernoulli, Normal, identities
from cavi.derive.families import CATALOGUE
from cavi.derive.families.base import X as ARGUMENT
from cavi.derive.identities import Identity
from cavi.derive.identities.exponential_family import I
from cavi.derive.identities.language import Density, Variable
from cavi.templates.figures.evaluate import evaluate, number
from cavi.templates.figures.labels import formula
from cavi.templates.figures.style import BLACK, BLUE, GREY, SKY, VERMILION, canvas, note
from cavi.templates.figures.world import Array, Law, World, grid, labels, member

__all__ = ["kl_forward_reverse"]

BUMP = Variable("k")
CENTRES, PRECISION, WEIGHT = (-2, sympy.Rational(5, 2)), sympy.Rational(5, 4), sympy.Rational(2, 5)
MEAN, LOG_PRECISION = sympy.symbols("m ell", real=True)


def kl_forward_reverse() -> Any:
    """The forward projection covers both bumps, each reverse one sits on one of them."""
    forward, reverse = identities.load("moment_matching"), identities.load("mode_seeking")
    target, member_density = _densities(reverse)
    world = _world(target, member_density)
    figure, (ax,) = canvas(size=(8.0, 4.6))
    x = world.axis(target.variables[0]).points
    heights = np.ravel(evaluate(target, world))
    ax.fill_between(x, heights, color=SKY, alpha=0.35, linewidth=0)
    ax.plot(x, heights, color=GREY, linewidth=1.2, gid="target")
    note(ax, (CENTRES[0] + 0.1, 0.04), formula(target), BLACK, ha="center")
    _draw(ax, forward, world, (0.0, -1.0), "forward", BLUE, "-", tail=True)
    for number_, centre in enumerate(map(float, CENTRES), start=1):
        _draw(ax, reverse, world, (centre, 0.0), f"reverse {number_}", VERMILION, "-" if number_ == 1 else "--")
    ax.set_xlabel(formula(target.variables[0]))
    ax.set_ylabel("density")
    ax.set_xlim(-7.6, 7)
    ax.set_ylim(0, 0.5)
    return figure


def _densities(identity: Identity) -> tuple[Density, Density]:
    own, target = identity.start.args[0].args
    return target, own


def _world(target: Density, own: Density) -> World:
    (x,) = target.variables
    low, high = CENTRES
    bumps = member(Bernoulli(WEIGHT), BUMP) + member(Normal(low + BUMP * (high - low), PRECISION), x)
    normal = member(Normal(MEAN, sympy.exp(LOG_PRECISION)), x)
    statistics = tuple(sympy.Lambda(ARGUMENT, t) for t in CATALOGUE["Normal"].statistics)
    return World(
        {x: grid(-16, 16, 2001), BUMP: labels(0, 1)},
        {target.name: Law((x, BUMP), bumps), own.name: Law((x,), normal, (MEAN, LOG_PRECISION))},
        {"t": statistics},
    )


def _projected(identity: Identity, world: World, start: tuple[float, float]) -> World:
    """Where the derived slope of the divergence vanishes, for every statistic, on the way from a start."""
    slope = identity.end
    (eta,) = _parameters(identity)

    def slopes(point: Array) -> list[float]:
        return [number(slope, world.at({eta: point, I: i})) for i in (1, 2)]

    found = root(slopes, np.array(start), tol=1e-12)
    return world.at({eta: found.x})


def _parameters(identity: Identity) -> tuple[sympy.Symbol, ...]:
    return next(d.parameters for d in identity.start.atoms(Density) if d.parameters)


def _draw(
    ax: Any,
    identity: Identity,
    world: World,
    start: tuple[float, float],
    gid: str,
    color: str,
    style: str,
    tail: bool = False,
) -> None:
    divergence = identity.start.args[0]
    own = next(d for d in divergence.atoms(Density) if d.parameters)
    found = _projected(identity, world, start)
    (x,) = own.variables
    heights = np.ravel(evaluate(own, found))
    points = world.axis(x).points
    ax.plot(points, heights, style, color=color, gid=gid)
    # A label at the top, or on the left tail where the bumps leave room.
    top = int(np.searchsorted(heights, heights.max() / 5) if tail else heights.argmax())
    name = gid.split()[0]
    words = f"{name} projection\n{formula(divergence, '=', f'{number(divergence, found):.2f}')}"
    arrow = {"arrowstyle": "-", "color": color, "linewidth": 0.8, "shrinkB": 0}
    place = {"ha": "center", "va": "bottom", "color": color, "textcoords": "offset points", "arrowprops": arrow}
    ax.annotate(words, (points[top], heights[top]), (-34, 60) if tail else (0, 10), **place)
