"""What a module for sparse data is given, and what it gives back: cells in the place of whole arrays.

A claim speaks of all cells of y[u,i]. A module that is declared to take y by its cells is given those that are not
zero, and has the parameters of latents over u and i at these cells only; what the claim says is read there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from cavi.verify.claim import Axes, Claim
from cavi.verify.instance import Instance

Cells = dict[str, Any]


def thinned(claim: Claim, instance: Instance, rng: np.random.Generator) -> Instance:
    """The instance with about half the cells of its sparse arrays at zero, but not all of them."""
    data = dict(instance.data)
    for name in _sparse(claim):
        table = data[name]
        first = min((at for at, value in table.items() if value), default=min(table))
        gone = {at for at in sorted(table) if rng.random() < 0.5} - {first}
        data[name] = {at: Fraction(0) if at in gone else value for at, value in table.items()}
        data[name][first] = table[first] or Fraction(1)
    return replace(instance, data=data)


def given_cells(claim: Claim, name: str, array: Any) -> Cells:
    """An array as the integers and the values of its cells, as a module may be given it."""
    at = np.nonzero(array)
    return {**{axis: a for (axis, _), a in zip(claim.axes(name), at, strict=True)}, "value": array[at]}


def at_cells(claim: Claim, data: Mapping[str, Any], latent: str, axes: Axes, array: Any) -> Any:
    """A parameter of a latent at the cells of the sparse array that it belongs to, these first; else as it is."""
    for name in _sparse(claim):
        plates = claim.axes(name)
        if all(p in claim.factor_of[latent]["plates"] for p in plates):
            places = [axes.index(p) for p in plates]
            rest = [p for p in range(len(axes)) if p not in places]
            at = tuple(data[name][axis] for axis, _ in plates)
            return np.transpose(array, (*places, *rest))[at]
    return array


def belongs_to_cells(claim: Claim, latent: str) -> bool:
    """Whether a latent has a factor at the cells of a sparse array, which a result need not hold."""
    plates = claim.factor_of[latent]["plates"]
    return any(all(p in plates for p in claim.axes(name)) for name in _sparse(claim))


def _sparse(claim: Claim) -> list[str]:
    return [name for name, v in claim.variables.items() if v.get("sparse")]
