"""Data with fewer rows, and data in which every element stands for itself: what a long run can be afforded on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.claim import names_in
from cavi.verify.density import FAMILIES
from cavi.verify.reference.joint import ReferenceError
from cavi.verify.reference.sites import SUMMED
from cavi.verify.reference.tape import Array


@dataclass(frozen=True)
class Given:
    """Everything that is known of a model: data, hyperparameters and every size."""

    data: dict[str, Array]
    hyper: dict[str, Array]
    sizes: dict[str, int]

    def along(self, model: Mapping[str, Any], size: str, rows: Array) -> Given:
        """Only these elements of every array along the axes of a size, in this order, repeated ones as often."""
        axes = {v["name"]: [s for _, s in [*v["plates"], *v["event"]]] for v in model["variables"]}
        pointing = [
            v["name"] for v in model["variables"] if v["over"] and v["over"][1] == size and v["role"] != "latent"
        ]
        if any(v["role"] == "observed_index" and v["name"] in pointing for v in model["variables"]):
            raise ReferenceError(f"{', '.join(pointing)} points into {size}, whose elements cannot be taken apart")

        def picked(arrays: Mapping[str, Array]) -> dict[str, Array]:
            out = {}
            for name, a in arrays.items():
                a = np.asarray(a)
                own = axes.get(name, [])
                for place, s in enumerate(own if a.ndim == len(own) else ()):
                    a = np.take(a, rows, axis=place) if s == size else a
                out[name] = a
            return out

        return Given(picked(self.data), picked(self.hyper), {**self.sizes, size: len(rows)})


def thinned(model: Mapping[str, Any], given: Given, rows: int) -> Given:
    """So many elements of the longest set that data run over: spread evenly, or the first along a chain."""
    sizes = [s for v in model["variables"] if v["role"] == "observed" for _, s in v["plates"] if not s.isdigit()]
    if not sizes:
        return given
    longest = max(sizes, key=lambda s: given.sizes[s])
    count = given.sizes[longest]
    if rows >= count:
        return given
    chained = any(v["chain"] and v["chain"]["index"][1] == longest for v in model["variables"] if v.get("chain"))
    kept = np.arange(rows) if chained else np.linspace(0, count - 1, rows).round().astype(int)
    return given.along(model, longest, kept)


def single_copies(model: Mapping[str, Any], given: Given) -> Given:
    """Elements of latents that stand for several, one for each instead; data that stand beside them as well.

    Raises:
        ReferenceError: for weights that are not whole numbers, or not one for each element of a set.
    """
    for v in model["variables"]:
        if v["role"] != "latent" or v["weight"] is None:
            continue
        if FAMILIES[v["distribution"]["name"]].support in SUMMED:
            continue  # copies of a category are the same to the power of their number
        names = sorted(set(names_in(v["weight"])) & set(given.data))
        plates = [s for _, s in v["plates"]]
        if v["weight"][0] != "ref" or len(names) != 1 or len(plates) != 1:
            raise ReferenceError(
                f"{v['name']} has a weight that is no covariate of its elements; give rows of weight one"
            )
        weight = np.asarray(given.data[names[0]], dtype=float)
        if np.any(weight != np.round(weight)) or np.any(weight < 0):
            raise ReferenceError(
                f"{names[0]} has {weight.min():g} to {weight.max():g}; expected whole numbers of copies"
            )
        whole = given.along(model, plates[0], np.repeat(np.arange(len(weight)), weight.astype(int)))
        return Given({**whole.data, names[0]: np.ones(whole.sizes[plates[0]])}, whole.hyper, whole.sizes)
    return given
