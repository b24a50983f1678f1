"""log p(x) = L(q) + KL(q ‖ p(z|x)) for the unknown mean of a few measurements, while q moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from cavi.derive import Model, Normal, derive, identities
from cavi.derive.identities.language import Elbo
from cavi.derive.identities.setting import ABSTRACT
from cavi.templates.figures.evaluate import number
from cavi.templates.figures.labels import claim, formula
from cavi.templates.figures.observations import PASSAGE_TIMES
from cavi.templates.figures.runs import run
from cavi.templates.figures.style import BLACK, BLUE, DARK_ORANGE, GREY, ORANGE, canvas, note
from cavi.templates.figures.world import Law, World, grid, member, observed

__all__ = ["evidence_split_bar", "evidence_split_curve"]

# The spread of one measurement, and the prior, are taken as known.
PRECISION, PRIOR = sympy.Rational(1, 36), (sympy.Integer(20), sympy.Rational(1, 49))
MEAN, SPREAD = sympy.Symbol("m", real=True), sympy.Symbol("s", positive=True)


def _world() -> World:
    (x,), (z,) = ABSTRACT.x, ABSTRACT.z
    joint = member(Normal(*PRIOR), z) + sympy.Add(
        *(member(Normal(z, PRECISION), sympy.nsimplify(value)) for value in PASSAGE_TIMES)
    )
    q = member(Normal(MEAN, std=SPREAD), z)
    return World({x: observed(), z: grid(-60, 110, 4001)}, {"p": Law((x, z), joint), "q": Law((z,), q)})


def _posterior() -> tuple[float, float]:
    """Mean and standard deviation of the posterior, by the derived update of the same model."""
    m = Model("mean_of_measurements")
    n, (centre, kappa, tau) = m.index("n", "N"), m.hyper("m_0 kappa_0 tau")
    mu = m.latent("mu", Normal(centre, kappa))
    m.observed("x", Normal(mu, tau), n)
    hyper = {"m_0": float(PRIOR[0]), "kappa_0": float(PRIOR[1]), "tau": float(PRECISION)}
    q = run(derive(m)).fit({"x": np.array(PASSAGE_TIMES)}, hyper).params["mu"]
    return float(q["mean"]), float(q["precision"]) ** -0.5


def evidence_split_bar() -> Any:
    """Bars of L(q) and KL that end at the same height, log p(x), whatever q is."""
    identity = identities.load("elbo")
    evidence, _, parts = identity.claim
    bound, divergence = sorted(parts.args, key=lambda t: not isinstance(t, Elbo))
    mean, spread = _posterior()
    prior = (float(PRIOR[0]), float(PRIOR[1]) ** -0.5)
    cases = {
        "the prior": prior,
        "too far left": (mean - 4, spread),
        "too narrow": (mean, spread / 4),
        "too wide": (mean, 3 * spread),
        "the posterior": (mean, spread),
    }
    world = _world()
    worlds = [world.at({MEAN: m, SPREAD: s}) for m, s in cases.values()]
    lower, rest = (np.array([number(e, w) for w in worlds]) for e in (bound, divergence))
    top = number(evidence, world)
    floor = np.floor(lower.min()) - 1
    figure, (ax,) = canvas(size=(7.6, 4.6))
    at = np.arange(len(cases))
    for bar in ax.bar(at, lower - floor, bottom=floor, color=BLUE, width=0.62):
        bar.set_gid("elbo")
    for bar in ax.bar(at, rest, bottom=lower, color=ORANGE, width=0.62):
        bar.set_gid("kl")
    ax.axhline(top, color=BLACK, linewidth=1.4, gid="evidence")
    for k, (low, more) in enumerate(zip(lower, rest, strict=True)):
        ax.text(k, (floor + low) / 2, formula(f"{low:.2f}"), color="white", ha="center", va="center")
        _amount(ax, k, low, more, top)
    note(ax, (-0.42, top + 0.08), formula(evidence, "=", f"{top:.2f}"), va="bottom")
    ax.text(-0.42, (floor + lower[0]) / 2, formula(bound), color=BLUE, ha="right", va="center")
    ax.text(-0.42, lower[0] + rest[0] / 2, formula(divergence), color=DARK_ORANGE, ha="right", va="center")
    ax.set_xlim(-1.75, len(cases) - 0.5)
    ax.set_xticks(at, list(cases))
    ax.set_xlabel("q(z) is …")
    ax.set_ylabel("nats")
    ax.set_ylim(floor, top + 0.8)
    ax.set_title(claim(identity))
    return figure


def _amount(ax: Any, k: int, low: float, more: float, top: float) -> None:
    inside = more > 0.35
    height, edge = (low + more / 2, "center") if inside else (top + 0.08, "bottom")
    ax.text(k, height, formula(f"{more:.2f}"), ha="center", va=edge, color=BLACK if inside else DARK_ORANGE)


def evidence_split_curve() -> Any:
    """L(q) and KL against the mean and the width of q: their sum stays, and L is highest at the posterior."""
    identity = identities.load("elbo")
    mean, spread = _posterior()
    figure, axes = canvas(2, 2, (9.0, 5.8), sharex="col", sharey="row", height_ratios=[3, 2])
    means = np.linspace(mean - 9, mean + 9, 121)
    _sweep(axes[0], axes[2], {MEAN: means, SPREAD: np.full(121, spread)}, MEAN, mean)
    widths = np.linspace(0.3 * spread, 4 * spread, 149)
    _sweep(axes[1], axes[3], {MEAN: np.full(149, mean), SPREAD: widths}, SPREAD, spread)
    axes[0].set_ylabel("nats")
    axes[2].set_ylabel("nats")
    axes[2].set_xlabel(f"mean {formula(MEAN)} of q(z)")
    axes[3].set_xlabel(f"standard deviation {formula(SPREAD)} of q(z)")
    figure.suptitle(claim(identity), fontsize=14)
    return figure


def _sweep(ax: Any, below: Any, values: dict[sympy.Symbol, Any], moving: sympy.Symbol, best: float) -> None:
    evidence, _, parts = identities.load("elbo").claim
    bound, divergence = sorted(parts.args, key=lambda t: not isinstance(t, Elbo))
    world, x = _world(), values[moving]
    worlds = [world.at(dict(zip(values, row, strict=True))) for row in zip(*values.values(), strict=True)]
    curves = {e: np.array([number(e, w) for w in worlds]) for e in (bound, divergence, parts)}
    top = number(evidence, world)
    ax.plot(x, np.full_like(x, top), color=BLACK, linewidth=1.4, gid="evidence")
    ax.plot(x[::10], curves[parts][::10], "o", color=BLACK, markersize=4, gid="sum")
    ax.fill_between(x, curves[bound], top, color=ORANGE, alpha=0.25, linewidth=0)
    ax.plot(x, curves[bound], color=BLUE, gid="elbo")
    below.plot(x, curves[divergence], color=ORANGE, gid="kl")
    for panel in (ax, below):
        panel.axvline(best, color=GREY, linewidth=0.8, linestyle=":", gid="posterior")
    if moving == MEAN:
        note(ax, (x[0], top + 0.25), formula(evidence), BLACK, va="bottom")
        note(ax, (x[20], curves[bound][20]), formula(bound), BLUE, ha="right", va="bottom")
        note(below, (best, 0.5 * curves[divergence].max()), formula(divergence), DARK_ORANGE, ha="center")
        note(ax, (best, top - 6.5), "the posterior", GREY, ha="center")
    else:
        note(ax, (x[-1], top + 0.25), formula(parts), BLACK, ha="right", va="bottom")
    below.locator_params(axis="x", nbins=7)
    ax.set_ylim(top - 7.5, top + 1.5)
