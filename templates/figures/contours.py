"""Contours of densities of two variables around given shares of their mass."""

from __future__ import annotations

from typing import Any

import numpy as np

from cavi.derive.identities.language import Density
from cavi.templates.figures.evaluate import evaluate
from cavi.templates.figures.world import Array, World

__all__ = ["SHARES", "level", "ring"]

SHARES = (0.5, 0.9)


def level(heights: Array, mass: Array, share: float) -> float:
    """The height above which the given share of the mass lies: the edge of the smallest such region."""
    order = np.argsort(np.ravel(heights))[::-1]
    below = np.cumsum(np.ravel(mass)[order])
    return float(np.ravel(heights)[order][np.searchsorted(below, share * below[-1])])


def ring(ax: Any, world: World, density: Density, color: str, gid: str, fill: bool = False, **options: Any) -> None:
    """Contours of a density around half and nine tenths of its mass, the first variable to the right."""
    first, second = density.variables
    heights = np.squeeze(evaluate(density, world))
    if world.place(first) < world.place(second):
        heights = heights.T
    across, up = world.axis(first), world.axis(second)
    assert across.weights is not None and up.weights is not None
    mass = heights * across.weights * up.weights[:, None]
    levels = sorted(level(heights, mass, share) for share in SHARES)
    if fill:
        ax.contourf(
            across.points, up.points, heights, [*levels, heights.max()], colors=[color, color], alpha=0.18
        ).set_gid(f"{gid} region")
    ax.contour(across.points, up.points, heights, levels, colors=color, **{"linewidths": 1.8, **options}).set_gid(gid)
