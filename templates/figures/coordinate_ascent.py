"""Coordinate ascent at work: the derived updates of two small models, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from cavi.derive import Gamma, Model, Normal, derive
from cavi.derive.identities.language import Density, Elbo, Variable
from cavi.derive.identities.setting import ABSTRACT
from cavi.templates.figures.contours import ring
from cavi.templates.figures.labels import formula
from cavi.templates.figures.observations import PASSAGE_TIMES
from cavi.templates.figures.runs import run, state
from cavi.templates.figures.style import BLUE, GREY, VERMILION, canvas, note
from cavi.templates.figures.world import Law, World, grid, member, observed

__all__ = ["elbo_path", "mean_field_ellipse"]

X, MU, TAU = Variable("x"), Variable("mu"), Variable("tau")
BOUND = Elbo(ABSTRACT.q, ABSTRACT.joint)
START = (21.0, 25.0)
# What has happened -> the updates that make it happen.
STAGES: tuple[tuple[str, Sequence[sympy.Symbol]], ...] = (
    ("at the start", ()),
    (f"after the update of q({formula(MU)})", (MU,)),
    (f"after the update of q({formula(TAU)})", (TAU,)),
    ("at convergence", (MU, TAU) * 50),
)


def mean_field_ellipse() -> Any:
    """The exact posterior of mean and precision, and the factorised q after each update."""
    data = np.array(PASSAGE_TIMES)
    hyper = {"m_0": 25.0, "kappa_0": 0.1, "a_0": 2.0, "b_0": 20.0}
    module = run(derive(_mean_and_precision()))
    start = {"mu": {"mean": 24.0, "precision": 0.6}, "tau": {"shape": 9.0, "rate": 90.0}}
    found = state(module, {"x": data}, hyper, start)
    posterior = _posterior(data, hyper)
    figure, panels = canvas(2, 2, (8.4, 6.6), sharex=True, sharey=True)
    bounds = []
    for ax, (words, updates) in zip(panels, STAGES, strict=True):
        for update in updates:
            module.UPDATES[update.name](found)
        bounds.append(module.elbo(found))
        world = World(posterior.axes, {**posterior.laws, "q": Law((MU, TAU), _factors(found.params))})
        ring(ax, world, Density("p", (MU, TAU), (X,)), GREY, "posterior", fill=True)
        ring(ax, world, Density("q", (MU, TAU)), VERMILION, "q")
        ax.set_title(words)
        bound = formula(BOUND, "=", f"{bounds[-1]:.2f}")
        ax.text(0.97, 0.95, bound, transform=ax.transAxes, ha="right", va="top", color=VERMILION, gid="bound")
    for ax in panels[2:]:
        ax.set_xlabel(formula(MU))
    for ax in panels[::2]:
        ax.set_ylabel(formula(TAU))
    note(panels[0], (31.6, 0.085), formula(Density("p", (MU, TAU), (X,))), GREY)
    note(panels[0], (20.9, 0.16), formula(Density("q", (MU, TAU))), VERMILION, ha="center")
    return figure


def _posterior(data: Any, hyper: dict[str, Any]) -> World:
    h = {k: sympy.nsimplify(v) for k, v in hyper.items()}
    joint = member(Gamma(h["a_0"], h["b_0"]), TAU) + member(Normal(h["m_0"], h["kappa_0"] * TAU), MU)
    joint += sympy.Add(*(member(Normal(MU, TAU), sympy.nsimplify(v)) for v in map(float, data)))
    return World({X: observed(), MU: grid(18, 36, 241), TAU: grid(0.001, 0.2, 241)}, {"p": Law((X, MU, TAU), joint)})


def _factors(params: Any) -> sympy.Expr:
    mu, tau = ({k: sympy.Float(float(v)) for k, v in params[n].items()} for n in ("mu", "tau"))
    return member(Normal(mu["mean"], mu["precision"]), MU) + member(Gamma(tau["shape"], tau["rate"]), TAU)


def elbo_path() -> Any:
    """The ELBO over the means of two factors, and the steps of coordinate ascent, each along one axis."""
    module = run(derive(_two_effects()))
    data, hyper = {"x": np.array(PASSAGE_TIMES)}, {"m_0": 12.0, "kappa_0": 0.02, "tau": 0.03}
    found = state(module, data, hyper, {n: {"mean": 3.0, "precision": 1.0} for n in ("a", "b")})
    for name in ("a", "b"):  # the precisions do not depend on the other factor: one update settles them
        module.UPDATES[name](found)
    for name, value in zip("ab", START, strict=True):
        found.store(name, mean=value)
        found.refresh(name)
    path, bounds = [START], [module.elbo(found)]
    for _ in range(12):
        for name in ("a", "b"):
            module.UPDATES[name](found)
            path.append((float(found.params["a"]["mean"]), float(found.params["b"]["mean"])))
            bounds.append(module.elbo(found))
    figure, (ax,) = canvas(size=(6.0, 6.0), subplot_kw={"box_aspect": 1})
    _surface(ax, module, found, bounds[-1])
    ax.plot(*np.array(path).T, color=VERMILION, marker="o", markersize=4, linewidth=1.6, gid="path")
    ax.plot(*START, "o", color=VERMILION, gid="start")
    note(ax, (START[0] - 0.3, START[1] - 0.4), formula(f"{bounds[0]:.1f}"), VERMILION, ha="right", va="top")
    note(ax, (path[-1][0] - 0.6, path[-1][1] - 0.6), formula(f"{bounds[-1]:.1f}"), VERMILION, ha="right", va="top")
    ax.set_xlabel("mean of q(a)")
    ax.set_ylabel("mean of q(b)")
    ax.set_title(f"{formula(BOUND)}: each update moves along one axis")
    return figure


def _surface(ax: Any, module: Any, found: Any, top: float) -> None:
    points = np.linspace(1, 27, 91)
    heights = np.empty((91, 91))
    for i, b in enumerate(points):
        for j, a in enumerate(points):
            for name, value in (("a", a), ("b", b)):
                found.store(name, mean=value)
                found.refresh(name)
            heights[i, j] = module.elbo(found)
    levels = top - np.array([24, 16, 10, 6, 3, 1, 0.25])
    drawn = ax.contour(points, points, heights, levels, colors=BLUE, linewidths=1.0, linestyles="solid")
    drawn.set_gid("elbo")


def _mean_and_precision() -> Model:
    """Measurements with unknown mean and precision (Bishop 2006, 10.1.3)."""
    m = Model("mean_and_precision", title="Normal with unknown mean and precision")
    n, (centre, kappa, a, b) = m.index("n", "N"), m.hyper("m_0 kappa_0 a_0 b_0")
    tau = m.latent("tau", Gamma(a, b))
    mu = m.latent("mu", Normal(centre, kappa * tau))
    m.observed("x", Normal(mu, tau), n)
    return m


def _two_effects() -> Model:
    """Measurements of a sum of two effects, which the data alone cannot tell apart."""
    m = Model("two_effects", title="The sum of two effects")
    n, (centre, kappa, tau) = m.index("n", "N"), m.hyper("m_0 kappa_0 tau")
    a, b = (m.latent(name, Normal(centre, kappa)) for name in ("a", "b"))
    m.observed("x", Normal(a + b, tau), n)
    return m
