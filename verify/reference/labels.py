"""Labels that nothing tells apart: draws renamed to one of the equal parts that the posterior then has.

Where the density stays what it is when the elements of a set are renamed in all latents, it has K! copies of every
mode, and the mean over them describes none. Each draw is renamed to lie nearest to one point (the pivot; Marin,
Mengersen and Robert 2005, section 3.2; Stephens 2000). What is drawn so has the density K! p on the points that are
nearest as they are, 0 elsewhere, which integrates to what p does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from math import lgamma
from typing import Any

import numpy as np

from cavi.verify.reference.joint import LogJoint
from cavi.verify.reference.tape import Array

MOST = 5  # elements of a set whose renamings are all tried
ALIKE = 1e-9  # relative difference of log densities that rounding makes
ROUNDS = 4  # of the pivot as the mean of the draws renamed to it


@dataclass(frozen=True)
class Labels:
    """A set whose elements may be renamed.

    Attributes:
        size: its symbol.
        count: how many elements.
        axes: latent -> its axes over the set.
    """

    size: str
    count: int
    axes: Mapping[str, tuple[int, ...]]

    def renamed(self, latents: Mapping[str, Array], order: tuple[int, ...], first: int = 0) -> dict[str, Array]:
        """Latents whose axes start at `first` with their elements in another order."""
        found = dict(latents)
        for name, axes in self.axes.items():
            for axis in axes if name in found else ():
                found[name] = np.take(found[name], order, axis=first + axis)
        return found

    @property
    def orders(self) -> list[tuple[int, ...]]:
        """All renamings, the one that changes nothing first."""
        return list(permutations(range(self.count)))


def free_labels(joint: LogJoint, points: Array) -> Labels | None:
    """The set whose renaming leaves the density as it is at points (a few rows); None where there is none.

    Of several the one with the most elements.
    """
    by_name = {v["name"]: v for v in joint.model["variables"]}
    axes: dict[str, dict[str, tuple[int, ...]]] = {}
    for part in joint.parts:
        sizes = [s for _, s in [*by_name[part.name]["plates"], *by_name[part.name]["event"]]]
        for s in {s for s in sizes if not s.isdigit() and 1 < joint.sizes[s] <= MOST}:
            axes.setdefault(s, {})[part.name] = tuple(i for i, own in enumerate(sizes) if own == s)
    found = [Labels(s, joint.sizes[s], places) for s, places in sorted(axes.items())]
    free = [labels for labels in found if _unchanged(joint, labels, points)]
    return max(free, key=lambda labels: labels.count, default=None)


def _unchanged(joint: LogJoint, labels: Labels, points: Array) -> bool:
    """Whether exchanging neighbours, of which all renamings are made, changes no density."""
    latents, before = joint.latents(points), joint.on_latents(points)
    for i in range(labels.count - 1):
        order = (*range(i), i + 1, i, *range(i + 2, labels.count))
        after = joint.on_latents(joint.coordinates(labels.renamed(latents, order, 1)))
        if not np.all(np.abs(after - before) <= ALIKE * (1.0 + np.abs(before))):
            return False
    return True


class Folded:
    """The density on one of the equal parts, and draws renamed to lie in it.

    Attributes:
        joint: on all points.
        labels: what may be renamed.
        pivot: what points of the part are nearest to.
    """

    def __init__(self, joint: LogJoint, labels: Labels, points: Array) -> None:
        """From draws (rows), of which the pivot is made."""
        self.joint, self.labels = joint, labels
        self.height = lgamma(labels.count + 1.0)
        features = self._features(points)
        self.scale = {n: a.std(axis=(0, *(1 + i for i in labels.axes[n])), keepdims=True) for n, a in features.items()}
        self.scale = {n: np.where(s > 0, s, 1.0) for n, s in self.scale.items()}
        best = int(np.argmax(joint(points)))
        self.pivot = {n: a[best : best + 1] for n, a in features.items()}
        for _ in range(ROUNDS):
            nearest = self._nearest(features)
            renamed = [labels.renamed({n: a[nearest == k] for n, a in features.items()}, order, 1)
                       for k, order in enumerate(labels.orders)]  # fmt: skip
            self.pivot = {n: np.concatenate([r[n] for r in renamed]).mean(axis=0, keepdims=True) for n in features}

    def __call__(self, points: Array) -> tuple[Array, Array]:
        """Log density and gradient."""
        value, slope = self.joint.gradient(points)
        inside = self._nearest(self._features(points)) == 0
        return np.where(inside, value + self.height, -np.inf), np.where(inside[:, None], slope, 0.0)

    def inward(self, points: Array) -> Array:
        """Points (rows) renamed to lie in the part."""
        nearest = self._nearest(self._features(points))
        found = np.array(points)
        for k, order in enumerate(self.labels.orders):
            rows = np.flatnonzero(nearest == k)
            if k and len(rows):
                latents = self.labels.renamed(self.joint.latents(points[rows]), order, 1)
                found[rows] = self.joint.coordinates(latents)
        return found

    def _features(self, points: Array) -> dict[str, Array]:
        """The latents that a renaming changes, on scales on which their distances mean something."""
        supports = {p.name: p.support for p in self.joint.parts}
        found: dict[str, Any] = {}
        for n, a in self.joint.latents(points).items():
            if n in self.labels.axes:
                with np.errstate(all="ignore"):
                    a = np.log(a) if supports[n] == "positive" else np.sqrt(a) if supports[n] == "simplex" else a
                found[n] = np.nan_to_num(a)
        return found

    def _nearest(self, features: Mapping[str, Array]) -> Array:
        """The number of the renaming that brings each point nearest to the pivot."""
        distances = []
        for order in self.labels.orders:
            there = self.labels.renamed(features, order, 1)
            gaps = [(((there[n] - self.pivot[n]) / self.scale[n]) ** 2).reshape(len(there[n]), -1) for n in there]
            distances.append(np.sum([g.sum(axis=1) for g in gaps], axis=0))
        return np.asarray(np.argmin(distances, axis=0))
