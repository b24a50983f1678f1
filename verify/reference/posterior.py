"""A posterior computed from the declaration: moments, draws, how well the chains mixed, and the log evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.reference import evidence as bridging
from cavi.verify.reference.evidence import Evidence
from cavi.verify.reference.explore import Explored, explored, iterations, kept
from cavi.verify.reference.joint import LogJoint, ReferenceError
from cavi.verify.reference.labels import Labels
from cavi.verify.reference.tape import Array

__all__ = ["Evidence", "Reference", "ReferenceError", "declaration", "reference_posterior"]
Progress = Callable[[int, int], None]
MIXED, ENOUGH = 1.01, 400  # R-hat and effective draws with which a run counts as converged
BRIDGED = 4000  # draws for the evidence
LONGER = 4  # times the draws, of chains that have not converged


@dataclass(frozen=True)
class Reference:
    """The posterior of the continuous latents of a model.

    Attributes:
        mean: latent -> array of posterior means.
        sd: latent -> array of posterior standard deviations.
        draws: latent -> draws × axes.
        evidence: log p(x) with its error.
        r_hat: the largest, over coordinates.
        bulk: the least number of effective draws, over coordinates, for their centre.
        tail: likewise for their quantiles at 5 and 95 %.
        diverged: share of iterations whose energy got lost.
        joint: the log joint density on unconstrained coordinates.
        points: the draws in these coordinates.
        labels: the set whose elements nothing tells apart, where there is one: draws have one labelling.
    """

    mean: Mapping[str, Array]
    sd: Mapping[str, Array]
    draws: Mapping[str, Array]
    evidence: Evidence
    r_hat: float
    bulk: float
    tail: float
    diverged: float
    joint: LogJoint
    points: Array
    labels: Labels | None = None

    @property
    def converged(self) -> bool:
        """Whether the chains agree and are long enough for two digits of moments."""
        return self.r_hat < MIXED and min(self.bulk, self.tail) >= ENOUGH

    def as_dict(self) -> dict[str, Any]:
        """What was found as plain data, without the draws."""
        return {
            "log_evidence": self.evidence.value,
            "error": self.evidence.error,
            "method": self.evidence.method,
            "r_hat": self.r_hat,
            "effective_draws": min(self.bulk, self.tail),
            "effective_bulk": self.bulk,
            "effective_tail": self.tail,
            "diverged": self.diverged,
            "converged": self.converged,
            "mean": {n: a.tolist() for n, a in self.mean.items()},
            "sd": {n: a.tolist() for n, a in self.sd.items()},
        }


def declaration(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The declared model in the plain data of a derivation: without what a bound or an augmentation has brought in."""
    brought = {n for r in plain.get("relaxed") or () for n in r["variables"]}
    model = dict(plain["model"])
    return {**model, "variables": [v for v in model["variables"] if v["name"] not in brought]}


def reference_posterior(
    plain: Mapping[str, Any],
    data: Mapping[str, Any],
    hyper: Mapping[str, Any],
    sizes: Mapping[str, int],
    *,
    chains: int = 32,
    warmup: int = 600,
    draws: int = 600,
    seed: int = 0,
    progress: Progress | None = None,
) -> Reference:
    """The posterior by Hamiltonian Monte Carlo on the declared log joint, and the evidence.

    Args:
        plain: plain data of any derivation of the model; only the declaration is read.
        data: observed variables, covariates and observed indices.
        hyper: hyperparameters.
        sizes: every symbolic size.
        chains: run in step.
        warmup: iterations to adapt.
        draws: iterations to keep, of each chain; of those that have not converged, more.
        seed: of all random numbers.
        progress: called with (iterations done, in all).

    Raises:
        ReferenceError: for a model with latents that have no coordinates or cannot be summed out.
    """
    model = declaration(plain)
    given = {**known(model, hyper, sizes), **known(model, data, sizes)}
    rng = np.random.default_rng(seed)
    count = _Count(progress, iterations(model, warmup, draws))
    found = explored(model, sizes, given, chains, warmup, draws, rng, count)
    if not found.mixed(MIXED, ENOUGH):
        count.total += warmup + LONGER * draws
        found = kept(found.joint, found.draws[:, -1], warmup, LONGER * draws, rng, count)
    return _summarised(found, rng)


class _Count:
    """Counts iterations for who watches."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self) -> None:
        self.done += 1
        if self.progress is not None and (self.done % 10 == 0 or self.done == self.total):
            self.progress(self.done, self.total)


def _summarised(found: Explored, rng: np.random.Generator) -> Reference:
    joint, points = found.joint, found.points
    latents = {n: np.array(a) for n, a in joint.latents(points).items()}
    mean = {n: a.mean(axis=0) for n, a in latents.items()}
    sd = {n: a.std(axis=0) for n, a in latents.items()}
    if joint.size in bridging.POINTS:
        value_only = lambda u: (joint(u), np.empty(0))  # noqa: E731
        evidence, grid = bridging.by_quadrature(value_only, points)
        heavy = np.flatnonzero(grid.weights > grid.weights.max() * 1e-18)
        weight = grid.weights[heavy] / grid.weights[heavy].sum()
        for n, a in joint.latents(grid.nodes[heavy]).items():
            mean[n] = np.tensordot(weight, a, 1)
            sd[n] = np.sqrt(np.tensordot(weight, (a - mean[n]) ** 2, 1))
    else:
        apart = rng.permutation(points)[: min(len(points), BRIDGED, max(200, 2 * int(found.bulk)))]
        evidence = bridging.by_annealing(found.density, apart, found.step, rng)
    labels = None if found.folded is None else found.folded.labels
    return Reference(
        mean, sd, latents, evidence, found.r_hat, found.bulk, found.tail, found.diverged, joint, points, labels
    )


def known(model: Mapping[str, Any], given: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Array]:
    """Given values as arrays over the axes of their variables.

    Raises:
        ReferenceError: for a value of another shape.
    """
    by_name = {v["name"]: v for v in model["variables"]}
    found = {}
    for name, value in given.items():
        if name not in by_name:
            raise ReferenceError(f"{name} is no variable of {model['name']}; expected some of {', '.join(by_name)}")
        v = by_name[name]
        shape = tuple(int(s) if s.isdigit() else sizes[s] for _, s in [*v["plates"], *v["event"]])
        try:
            found[name] = np.array(np.broadcast_to(np.asarray(value, dtype=float), shape))
        except ValueError:
            raise ReferenceError(f"{name} has the shape {np.shape(value)}; expected {shape}") from None
    return found
