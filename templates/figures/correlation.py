"""A correlated Gaussian and its two factorised projections: mean field is too narrow."""

from __future__ import annotations

from typing import Any

import sympy

from cavi.derive import Normal, identities
from cavi.derive.identities.language import Density, Variable
from cavi.templates.figures.contours import ring
from cavi.templates.figures.evaluate import number
from cavi.templates.figures.labels import formula
from cavi.templates.figures.style import BLUE, GREY, VERMILION, canvas
from cavi.templates.figures.world import Law, World, grid, member

__all__ = ["kl_correlated"]

FIRST, SECOND = Variable("z_1"), Variable("z_2")
CORRELATION = sympy.Rational(9, 10)


def kl_correlated() -> Any:
    """Contours of the truth, of the reverse and of the forward projection, each around half of the mass."""
    narrow, _, wide = identities.load("gaussian_variance").claim
    covariance = {s: 1.0 for s in wide.free_symbols | narrow.free_symbols}
    covariance |= {s: float(CORRELATION) for s in narrow.free_symbols if s.name == "Sigma_12"}
    values = World(values=covariance)
    figure, panels = canvas(1, 2, (9.0, 5.4), sharey=True, subplot_kw={"box_aspect": 1})
    words = ("mean field, the reverse projection", "matched moments, the forward projection")
    for ax, variance, words_, color, gid in zip(
        panels, (narrow, wide), words, (VERMILION, BLUE), ("reverse", "forward"), strict=True
    ):
        world = _world(number(variance, values))
        ring(ax, world, Density("p", (FIRST, SECOND)), GREY, "truth", fill=True)
        ring(ax, world, Density("q", (FIRST, SECOND)), color, gid)
        value = formula(variance, "=", f"{number(variance, values):.2f}")
        ax.set_title(f"{words_}\nvariance {value}", color=color, fontsize=13)
        ax.set(xlabel=formula(FIRST), xlim=(-3, 3), ylim=(-3, 3), xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    panels[0].set_ylabel(formula(SECOND))
    panels[0].text(1.3, 2.3, "the truth", color=GREY, ha="right")
    return figure


def _world(variance: float) -> World:
    axis = grid(-6, 6, 481)
    given_first = Normal(CORRELATION * FIRST, variance=1 - CORRELATION**2)
    factor = Normal(0, variance=variance)
    return World(
        {FIRST: axis, SECOND: axis},
        {
            "p": Law((FIRST, SECOND), member(Normal(0, 1), FIRST) + member(given_first, SECOND)),
            "q": Law((FIRST, SECOND), member(factor, FIRST) + member(factor, SECOND)),
        },
    )
