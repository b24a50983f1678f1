"""Draws of a declared model: chains whose coordinates are fitted to what they find, and one labelling of them.

Normals that depend on other latents begin in prior standard deviations. Short runs learn the sites of `sites` and find
out whether labels are free (`labels`); then all chains start from where they are, with one labelling, warm up and are
kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.reference.diagnostics import bulk_size, split_r_hat, tail_size
from cavi.verify.reference.hmc import Chains, Count, Gradient, sample
from cavi.verify.reference.joint import LogJoint, ReferenceError
from cavi.verify.reference.labels import Folded, free_labels
from cavi.verify.reference.sites import scalable
from cavi.verify.reference.tape import Array

FEW, MANY = 3, 4000  # points at which renamings are tried; draws that sites and pivots are made of


@dataclass(frozen=True)
class Explored:
    """Draws and how well they have mixed.

    Attributes:
        joint: the density in the coordinates of the draws.
        folded: the part that they lie in, where labels are free.
        draws: chains × draws × coordinates.
        r_hat: the largest over coordinates, of bulk and tails.
        bulk: the least effective number of draws for the centre of a coordinate.
        tail: likewise, for its quantiles at 5 and 95 %.
        diverged: share of iterations whose energy got lost.
        step: length of a leapfrog step, in standard deviations.
    """

    joint: LogJoint
    folded: Folded | None
    draws: Array
    r_hat: float
    bulk: float
    tail: float
    diverged: float
    step: float

    @property
    def points(self) -> Array:
        """The draws of all chains in rows."""
        return self.draws.reshape(-1, self.joint.size)

    @property
    def density(self) -> Gradient:
        """The density that the draws have, up to a factor, log p(x) included."""
        return self.joint.gradient if self.folded is None else self.folded

    def mixed(self, r_hat: float, effective: float) -> bool:
        """Whether R-hat is below one number and there are as many effective draws as another."""
        return self.r_hat < r_hat and min(self.bulk, self.tail) >= effective


def iterations(model: Mapping[str, Any], warmup: int, draws: int) -> int:
    """How many iterations `explored` takes."""
    return warmup + draws + 2 * (warmup // 4) * _rounds(model)


def explored(
    model: Mapping[str, Any],
    sizes: Mapping[str, int],
    known: Mapping[str, Array],
    chains: int,
    warmup: int,
    draws: int,
    rng: np.random.Generator,
    count: Count | None = None,
) -> Explored:
    """Run chains on the declared density.

    Args:
        model: plain data of a declaration.
        sizes: every symbolic size.
        known: data and hyperparameters.
        chains: run in step.
        warmup: iterations to adapt; half as many again in each run that learns coordinates.
        draws: iterations to keep.
        rng: of all random numbers.
        count: called after each iteration.

    Raises:
        ReferenceError: for a model that has no density on coordinates.
    """
    joint = LogJoint(model, sizes, known, scalable(model))
    if not joint.parts:
        raise ReferenceError(f"{model['name']}: every latent is a category; nothing is left to draw")
    start = rng.uniform(-1.0, 1.0, size=(chains, joint.size))
    for _ in range(_rounds(model)):
        run = sample(joint.gradient, start, warmup // 4, warmup // 4, rng, count)
        last, folded = run.draws[:, -1], _folded(joint, run, rng)
        last = last if folded is None else folded.inward(last)
        learned = joint.learned(_some(run.draws, rng)) if joint.sites else joint
        start, joint = learned.coordinates(joint.latents(last)), learned
    return kept(joint, start, warmup, draws, rng, count)


def kept(
    joint: LogJoint, start: Array, warmup: int, draws: int, rng: np.random.Generator, count: Count | None = None
) -> Explored:
    """Warm up from given points and keep what comes then."""
    run = sample(joint.gradient, start, warmup, draws, rng, count)
    folded, found = _folded(joint, run, rng), run.draws
    if folded is not None:
        found = folded.inward(found.reshape(-1, joint.size)).reshape(found.shape)
    r_hat = float(split_r_hat(found).max())
    bulk, tail = float(bulk_size(found).min()), float(tail_size(found).min())
    return Explored(joint, folded, found, r_hat, bulk, tail, run.diverged, run.step)


def _rounds(model: Mapping[str, Any]) -> int:
    """Two for sites, as the first are found from draws that the funnel has hindered."""
    return 2 if scalable(model) else 1


def _folded(joint: LogJoint, run: Chains, rng: np.random.Generator) -> Folded | None:
    labels = free_labels(joint, run.draws[:FEW, -1])
    return None if labels is None else Folded(joint, labels, _some(run.draws, rng))


def _some(draws: Array, rng: np.random.Generator) -> Array:
    return rng.permutation(draws.reshape(-1, draws.shape[-1]))[:MANY]
