"""Chords, tangents, and what Jensen's inequality gives away."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from cavi.derive import Bernoulli, Gamma, identities
from cavi.derive.identities.convexity import Convexity, convexity
from cavi.derive.identities.language import Unit, Variable
from cavi.templates.figures.evaluate import evaluate, number
from cavi.templates.figures.labels import claim, formula
from cavi.templates.figures.style import BLACK, BLUE, GREY, ORANGE, SKY, VERMILION, canvas, gap, note
from cavi.templates.figures.world import Axis, Law, World, grid, labels, member

__all__ = ["convex_concave", "jensen_gap"]

U, T = sympy.Symbol("u", positive=True), Unit("t")
# The identity has weights a/(a + b) and b/(a + b); with the sum one they are t and 1 - t.
SHARES = dict(zip(sympy.symbols("a b", positive=True), (T, 1 - T), strict=True))


def convex_concave() -> Any:
    """A chord above a convex function and below a concave one, at the point t x + (1 - t) y."""
    figure, (left, right) = canvas(1, 2, (9.0, 4.4))
    _chord(left, convexity(U * sympy.log(U), "positive"), (0.1, 2.6))
    _chord(right, convexity(sympy.log(U), "positive"), (0.2, 3.2))
    return figure


def _chord(ax: Any, found: Convexity, ends: tuple[float, float]) -> None:
    function, symbol = found.function, found.symbol
    identity = identities.load("chord")
    on_chord, on_curve = identity.start.xreplace(SHARES), identity.end.xreplace(SHARES)
    letters = {s.name: s for s in (on_chord + on_curve).free_symbols}
    world = World(functions={"f": sympy.Lambda(symbol, function)})
    between = on_curve.arguments[0]

    def at(share: Any) -> World:
        return world.at({T: share, letters["x"]: ends[0], letters["y"]: ends[1]})

    u = np.linspace(0.02, 3.6, 400)
    ax.plot(u, evaluate(function, world.at({symbol: u})), color=BLUE, gid="function")
    shares = at(np.linspace(0, 1, 50))
    ax.plot(evaluate(between, shares), evaluate(on_chord, shares), color=ORANGE, gid="chord")
    ax.plot(ends, evaluate(function, world.at({symbol: np.array(ends)})), "o", color=ORANGE, gid="ends")
    middle = at(0.45)
    x, high, low = (number(e, middle) for e in (between, on_chord, on_curve))
    gap(ax, x, low, high, "gap")
    side = 1 if high > low else -1
    _beside(ax, (x, high), formula(on_chord), side, ORANGE)
    _beside(ax, (x, low), formula(on_curve), -side, BLUE)
    strictly = "strictly " if found.strict else ""
    ax.set_title(f"{formula(function)} is {strictly}{found.verdict}\nsecond derivative {_sign(found)}")
    for name, end, to in zip("xy", ends, (9, -9), strict=True):
        at_end = (end, number(function, world.at({symbol: end})))
        place = {"textcoords": "offset points", "ha": "center", "va": "center", "color": GREY}
        ax.annotate(formula(letters[name]), at_end, (to if side > 0 else -to, 10 * side), **place)
    ax.margins(y=0.16)
    ax.set_xlabel(formula(symbol))
    ax.set_ylabel(formula(function))


def _sign(found: Convexity) -> str:
    """The second derivative with its sign, as the derivation proves it."""
    for step in found.derivation:
        if step.before == found.second_derivative and step.after == 0:
            return formula(step.before, step.relation, step.after)
    return formula(found.second_derivative)


def _beside(ax: Any, at: tuple[float, float], text: str, side: int, color: str) -> None:
    ax.annotate(
        text,
        at,
        (-44 * side, 38 * side),
        textcoords="offset points",
        ha="center",
        va="center",
        color=color,
        fontsize=12,
        arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.8},
    )


def jensen_gap() -> Any:
    """E[log g] below log E[g] for a law on two points and for a continuous one: the tangent at the mean."""
    z = Variable("z")
    two = World({z: labels(0, 1)}, {"q": Law((z,), member(Bernoulli(sympy.Rational(1, 2)), z))})
    two = World(two.axes, two.laws, {"g": sympy.Lambda(z, sympy.Rational(1, 4) + 4 * z)})
    many = World({z: grid(0.002, 14, 4001)}, {"q": Law((z,), member(Gamma(2, 1), z))}, {"g": sympy.Lambda(z, z)})
    figure, axes = canvas(2, 2, (9.0, 5.4), sharex="col", height_ratios=[4, 1])
    identity = identities.load("jensen_logarithm")
    for column, (world, title) in enumerate(((two, "two points"), (many, "a continuous law"))):
        _gap(axes[column], axes[2 + column], world, z)
        axes[column].set_title(title)
    figure.suptitle(claim(identity), fontsize=14)
    return figure


def _gap(ax: Any, below: Any, world: World, z: Variable) -> None:
    identity = identities.load("jensen_logarithm")
    lower, _, upper = identity.claim
    g = upper.args[0].body
    tangent = identity.steps[0].after.body
    u = np.linspace(0.15, 5.5, 300)
    ax.plot(u, evaluate(sympy.log(U), World(values={U: u})), color=BLUE, gid="log")
    mean = number(upper.args[0], world)
    points = np.ravel(evaluate(g, world))
    shown = (points >= 0.15) & (points <= 5.5)
    line = np.ravel(evaluate(tangent, world))
    ax.plot(points[shown], line[shown], color=GREY, linewidth=1.2, gid="tangent")
    low, high = number(lower, world), number(upper, world)
    gap(ax, mean, low, high, "gap")
    ax.plot([mean], [high], "o", color=BLUE, gid="upper", zorder=6)
    ax.plot([mean], [low], "o", color=VERMILION, gid="lower", zorder=6)
    note(ax, (mean - 0.1, high + 0.12), formula(upper), BLUE, ha="right", va="bottom")
    note(ax, (mean + 0.15, low - 0.06), formula(lower), VERMILION, va="top")
    note(ax, (3.5, np.interp(3.5, points, line) + 0.12), "tangent at the mean", GREY, ha="right", va="bottom")
    if len(points) == 2:
        ax.plot(points, np.ravel(evaluate(lower.body, world)), "o--", color=VERMILION, linewidth=1.0, gid="values")
    ax.set_ylabel(formula(sympy.log(U)))
    _mass(below, points, np.ravel(evaluate(identity.start.law, world)), world.axis(z))
    below.set_xlabel(formula(g))
    below.set_ylabel(formula(identity.start.law))
    ax.axvline(mean, color=BLACK, linewidth=0.6, linestyle=":")
    below.axvline(mean, color=BLACK, linewidth=0.6, linestyle=":")
    place = below.get_xaxis_transform()
    note(below, (mean + 0.1, 0.97), formula(upper.args[0]), BLACK, va="top", transform=place)
    ax.set_ylim(-1.9, 2.1)


def _mass(ax: Any, points: Any, density: Any, axis: Axis) -> None:
    if axis.weights is not None and np.all(axis.weights == 1):
        ax.vlines(points, 0, density, color=SKY, linewidth=5)
    else:
        ax.fill_between(points, density, color=SKY, alpha=0.6, linewidth=0)
    ax.set_xlim(0, 5.6)
    ax.set_ylim(0, 1.45 * float(density.max()))
    ax.set_yticks([0])
