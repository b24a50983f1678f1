"""Fits of the generated variational module at a setting, and draws from the q that they find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.calibration.declared import Values, World, declared_latents
from cavi.verify.calibration.setting import Setting
from cavi.verify.generated import Generated


@dataclass(frozen=True)
class Fitted:
    """What a fit found.

    Attributes:
        world: the data, and the parameters of q, from which its latents are drawn.
        bound: the bound at the end.
        converged: whether the fit says so.
    """

    world: World
    bound: float
    converged: bool

    def draw(self, rng: np.random.Generator) -> Values:
        """One draw of every latent from q."""
        self.world.draw_q(rng)
        return {n: self.world.values[n] for n in declared_latents(self.world.claim)}


class Fitter:
    """A generated module that fits."""

    def __init__(self, setting: Setting, source: str) -> None:
        self.setting, self.module = setting, Generated(source).module

    def __call__(self, data: Values, seed: int) -> Fitted:
        """Fit data.

        Raises:
            ArithmeticError: when the bound falls or is not finite.
            ValueError: when the module does not take the data.
        """
        setting = self.setting
        found = self.module.fit(data, setting.hyper, setting.sizes, seed=seed, tol=1e-12, max_iter=5000)
        world = World(setting.claim, setting.sizes, {**setting.hyper, **data}, found.params)
        return Fitted(world, float(found.elbo), bool(found.converged))


def is_exact(setting: Setting) -> bool:
    """Whether the derivation claims the posterior itself: one factor, nothing lost by factorising."""
    return setting.claim.plain.get("exact") is not None


def refuse_points(setting: Setting, derived: Any) -> None:
    """Only a model with a prior for everything has a posterior to compare with.

    Raises:
        ValueError: for latents that are maximised over.
    """
    points = [n for f in setting.claim.factors if f["point"] for n in f["latents"]]
    if points:
        raise ValueError(
            f"{derived.model.name}: {', '.join(points)} is maximised over; expected a prior for each latent"
        )
