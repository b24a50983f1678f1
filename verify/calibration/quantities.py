"""The scalar quantities whose distribution is looked at: elements of latents, and functions that do not see labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from cavi.verify.calibration.declared import Values
from cavi.verify.claim import Claim
from cavi.verify.density import FAMILIES

MOST = 12
DISCRETE = ("category", "binary", "count", "bounded_count", "natural", "count_vector")


@dataclass(frozen=True)
class Quantity:
    """A scalar function of the latents.

    `reduce` is applied to the elements at `places` of the latent's array: one element, or several that labels exchange.
    """

    name: str
    latent: str
    places: tuple[tuple[int, ...], ...]
    reduce: Callable[[np.ndarray], float]

    def __call__(self, values: Mapping[str, np.ndarray]) -> float:
        """The value of the quantity."""
        return float(self.reduce(np.array([values[self.latent][at] for at in self.places])))


def quantities(claim: Claim, values: Values, invariant: bool = False, most: int = MOST) -> tuple[Quantity, ...]:
    """The elements of every latent, at most so many of each, evenly spread, and the mean of those that have more.

    With `invariant`, elements along the axis of a latent category count together, by their mean and their largest, and
    categories themselves not at all: exchanging labels changes none of these.
    """
    labels = {v["over"][1] for v in claim.nodes if claim.is_random(v["name"]) and v["over"] is not None}
    found: list[Quantity] = []
    for name, array in values.items():
        axes = [size for _, size in claim.axes(name)]
        shared = [i for i, size in enumerate(axes) if size in labels] if invariant else []
        if invariant and claim.selects(name) and claim.variables[name]["over"] is not None:
            continue
        if shared:
            whole = _sums_to_one(claim, name) and {axes.index(e[1]) for e in claim.variables[name]["event"]} <= {
                *shared
            }
            found += _across(name, array, shared, most, whole)
        else:
            found += _elements(claim, name, array, most)
    return tuple(found)


def _elements(claim: Claim, name: str, array: np.ndarray, most: int) -> list[Quantity]:
    places = list(np.ndindex(array.shape))
    event = claim.variables[name]["event"]
    if len(event) == 2 and FAMILIES[claim.variables[name]["distribution"]["name"]].support == "positive_definite":
        places = [at for at in places if at[-2] <= at[-1]]  # a symmetric matrix has its elements twice
    chosen = [places[i] for i in sorted({round(x) for x in np.linspace(0, len(places) - 1, min(most, len(places)))})]
    found = [Quantity(f"{name}{_at(at)}", name, (at,), _first) for at in chosen]
    if len(places) > len(chosen) and not _sums_to_one(claim, name):
        found.append(Quantity(f"mean of {name}", name, tuple(places), _mean))
    return found


def _across(name: str, array: np.ndarray, shared: list[int], most: int, whole: bool) -> list[Quantity]:
    found: list[Quantity] = []
    kept = [range(n) if i not in shared else range(1) for i, n in enumerate(array.shape)]
    free = [range(n) if i in shared else None for i, n in enumerate(array.shape)]
    for at in list(product(*kept))[:most]:
        places = tuple(product(*(f if f is not None else (a,) for f, a in zip(free, at, strict=True))))
        shown = "[" + ",".join("·" if i in shared else str(a) for i, a in enumerate(at)) + "]"
        if not whole:
            found.append(Quantity(f"mean of {name}{shown}", name, places, _mean))
        found.append(Quantity(f"largest of {name}{shown}", name, places, _largest))
    return found


def _sums_to_one(claim: Claim, latent: str) -> bool:
    """Whether the latent consists of probabilities, whose mean is known."""
    return FAMILIES[claim.variables[latent]["distribution"]["name"]].support == "simplex"


def discrete(claim: Claim, latent: str) -> bool:
    """Whether the latent takes countably many values, so that a draw may repeat."""
    return FAMILIES[claim.variables[latent]["distribution"]["name"]].support in DISCRETE


def _at(at: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, at))}]" if at else ""


def _first(x: np.ndarray) -> float:
    return float(x[0])


def _mean(x: np.ndarray) -> float:
    return float(x.mean())


def _largest(x: np.ndarray) -> float:
    return float(x.max())
