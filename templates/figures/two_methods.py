"""One declared model, its exact posterior, and q by both divergences: in closed-form mean field and by EP."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from cavi.derive import Bernoulli, Model, MultivariateNormal, Normal, derive, dot, identity, propagate, sigmoid
from cavi.derive.identities.language import KL, Density, Variable
from cavi.templates.figures.contours import ring
from cavi.templates.figures.evaluate import evaluate, number
from cavi.templates.figures.labels import formula
from cavi.templates.figures.runs import run
from cavi.templates.figures.style import BLUE, GREY, VERMILION, canvas
from cavi.templates.figures.world import Law, World, grid, member, observed

__all__ = ["kl_one_model"]

VARIANCE = 16
FIRST, SECOND, Y = Variable("w_1"), Variable("w_2"), Variable("y")
# The rows of the design and the observations: one number, then two that are correlated under the posterior.
ONE = (np.array([[3.0]]), np.array([1.0]))
TWO = (np.array([[3.0, 1.8], [1.5, 1.5], [2.25, -0.75], [-1.5, 0.3]]), np.array([1.0, 1.0, 1.0, 0.0]))
TARGET, OWN = "p", "q"
SIDES = (("reverse", VERMILION), ("forward", BLUE))


def kl_one_model() -> Any:
    """Both methods run on one declaration: with one site EP has the moments of the posterior, with more nearly so."""
    model = _model()
    modules = {"reverse": run(derive(model, approximate={"w": "cvi"})), "forward": run(propagate(model))}
    figure, (left, right) = canvas(1, 2, (10.0, 4.8))
    _density(left, {side: _normal(module, *ONE) for side, module in modules.items()})
    _contours(right, {side: _normal(module, *TWO) for side, module in modules.items()})
    return figure


def _model() -> Model:
    """A logistic regression with its weights kept together."""
    m = Model("logistic")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", MultivariateNormal(0, identity(d) / VARIANCE, over=d))
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return m


def _normal(module: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of q as the generated module finds them."""
    q = module.fit({"X": x, "y": y}, {}).params["w"]
    return np.asarray(q["mean"]), np.linalg.inv(q["precision"])


def _posterior(x: np.ndarray, y: np.ndarray) -> sympy.Expr:
    """The log joint density of the declaration at these data."""
    latents = (FIRST, SECOND)[: x.shape[1]]
    total = sympy.Add(*(member(Normal(0, variance=VARIANCE), w) for w in latents))
    for row, value in zip(x, y, strict=True):
        h = sympy.Add(*(sympy.nsimplify(float(c)) * w for c, w in zip(row, latents, strict=True)))
        total += member(Bernoulli(sigmoid(h)), sympy.Integer(int(value)))
    return total


def _density(ax: Any, found: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """One number: densities, and each divergence at its own minimum."""
    axis = grid(-16, 24, 2001)
    target = Law((Y, FIRST), _posterior(*ONE))
    p, q = Density(TARGET, (FIRST,), (Y,)), Density(OWN, (FIRST,))
    world = World({Y: observed(), FIRST: axis}, {TARGET: target})
    heights = np.ravel(evaluate(p, world))
    ax.fill_between(axis.points, heights, color=GREY, alpha=0.25, linewidth=0, gid="posterior")
    for (side, color), place in zip(SIDES, (0.98, 0.84), strict=True):
        mean, covariance = found[side]
        here = World(world.axes, {**world.laws, OWN: Law((FIRST,), _member(mean, covariance))})
        ax.plot(axis.points, np.ravel(evaluate(q, here)), color=color, gid=side)
        divergence = KL(q, p) if side == "reverse" else KL(p, q)
        words = (
            f"{side}: {formula(divergence, '=', f'{number(divergence, here):.3f}')}\nsd {covariance[0, 0] ** 0.5:.2f}"
        )
        ax.text(0.97, place, words, transform=ax.transAxes, ha="right", va="top", color=color)
    ax.set(xlabel=formula(FIRST), ylabel="density", xlim=(-5, 17), ylim=(0, 0.3))
    ax.set_title("one weight, one observation")


def _contours(ax: Any, found: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Two numbers: contours around half and nine tenths of the mass."""
    axes = {Y: observed(), FIRST: grid(-6, 18, 301), SECOND: grid(-11, 13, 301)}
    world = World(axes, {TARGET: Law((Y, FIRST, SECOND), _posterior(*TWO))})
    ring(ax, world, Density(TARGET, (FIRST, SECOND), (Y,)), GREY, "posterior", fill=True)
    for side, color in SIDES:
        law = Law((FIRST, SECOND), _member(*found[side]))
        ring(ax, World(axes, {**world.laws, OWN: law}), Density(OWN, (FIRST, SECOND)), color, side)
    ax.set(xlabel=formula(FIRST), ylabel=formula(SECOND), xlim=(-2, 13), ylim=(-8, 10))
    ax.set_title("two weights, four observations")
    for (side, color), y, words in zip(SIDES, (0.10, 0.03), ("mean field", "expectation propagation"), strict=True):
        ax.text(0.97, y, f"{side}: {words}", transform=ax.transAxes, ha="right", va="bottom", color=color)


def _member(mean: np.ndarray, covariance: np.ndarray) -> sympy.Expr:
    """The log density of a Normal as that of the first number, times that of the second given the first."""
    m, s = [sympy.Float(float(v)) for v in mean], [[sympy.Float(float(v)) for v in row] for row in covariance]
    total = member(Normal(m[0], variance=s[0][0]), FIRST)
    if len(m) == 2:
        gain = s[0][1] / s[0][0]
        total += member(Normal(m[1] + gain * (FIRST - m[0]), variance=s[1][1] - gain * s[0][1]), SECOND)
    return total
