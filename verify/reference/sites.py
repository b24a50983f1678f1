"""Coordinates of a Normal given other latents, in standard deviations of what the prior and the data leave together.

    u = Rᵀ (x - a),   R Rᵀ = Λ + S,   (Λ + S) a = Λ m + S c

for x ~ Normal(m, Λ⁻¹) given latents, all elements in one vector, and a site: the data say of x about what a Normal of
precision S at c would. Without a site (S = 0) u is x in prior standard deviations; with a strong one it is x itself,
moved and scaled. Between them no funnel is left, however Λ varies: Papaspiliopoulos, Roberts and Sköld (2007) on when
to centre, Gorinova, Moore and Hoffman (2020) on learning how much. A site changes how draws are made and never what
they are drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.claim import names_in
from cavi.verify.density import FAMILIES
from cavi.verify.reference.formulas import Context, Scope, evaluate, whole
from cavi.verify.reference.tape import (
    Array,
    Plain,
    as_row,
    determinant,
    inverted,
    repeated,
    reshaped,
    total,
    unrooted,
)

SUMMED = ("category", "binary")
NORMALS = ("Normal", "MultivariateNormal")
TOGETHER = 64  # elements up to which the site of a latent couples all of them, beyond which those of one event alone
RIDGE = 1e-9  # of a regression on what may hardly vary


@dataclass(frozen=True)
class Site:
    """What data say of a Normal latent, as a Normal; of its elements in groups, each a vector.

    Attributes:
        precision: groups × side × side; 0 where they say nothing.
        centre: groups × side.
    """

    precision: Array
    centre: Array


@dataclass(frozen=True)
class Placed:
    """A latent made of its coordinates, with what its site is found from.

    Attributes:
        value: the latent.
        height: log |dx/du|.
        mean: under its prior, given the latents before it: groups × side.
        precision: likewise, groups × side × side.
    """

    value: Plain
    height: Plain
    mean: Plain
    precision: Plain


def scalable(model: Mapping[str, Any]) -> tuple[str, ...]:
    """Normal latents whose mean or precision depends on latents declared before them."""
    found, before = [], set[str]()
    for v in model["variables"]:
        if v["role"] != "latent":
            continue
        if v["distribution"]["name"] in NORMALS and not v.get("chain"):
            named = {n for e in v["distribution"]["args"].values() for n in names_in(e)}
            found += [v["name"]] if named & before else []
        before |= {v["name"]} if FAMILIES[v["distribution"]["name"]].support not in SUMMED else set()
    return tuple(found)


def groups(shape: tuple[int, ...], vector: bool) -> tuple[int, int]:
    """How many groups a latent of a shape has, and how many elements each."""
    count = int(np.prod(shape))
    if count <= TOGETHER:
        return 1, count
    side = shape[-1] if vector else 1
    return count // side, side


def nothing(shape: tuple[int, ...], vector: bool) -> Site:
    """The site of which nothing is known."""
    number, side = groups(shape, vector)
    return Site(np.zeros((number, side, side)), np.zeros((number, side)))


def placed(u: Plain, v: Mapping[str, Any], site: Site, scope: Scope) -> Placed:
    """The latent at coordinates (draws × its axes)."""
    shape = u.shape[1:]
    number, side = site.centre.shape
    mean, precision = _prior(v, scope, shape)
    apart = precision.shape[1:3]  # elements of the plates, and of one event
    weighted = total(precision * as_row(mean), (3,))
    if number == 1:
        across = np.eye(apart[0])[None, :, None, :, None]
        precision = reshaped(precision, (*apart, 1, apart[1])) * across
    both = reshaped(precision, (number, side, side)) + site.precision[None]
    pull = np.einsum("gij,gj->gi", site.precision, site.centre)[None]
    middle = total(inverted(both) * as_row(reshaped(weighted, (number, side)) + pull), (3,))
    value = middle + unrooted(both, reshaped(u, (number, side)))
    return Placed(
        reshaped(value, shape),
        total(determinant(both), (1,)) * -0.5,
        reshaped(mean, (number, side)),
        reshaped(precision, (number, side, side)),
    )


def _prior(v: Mapping[str, Any], scope: Scope, shape: tuple[int, ...]) -> tuple[Plain, Plain]:
    """Mean and precision as plates × event and plates × event × event."""
    plates: Context = tuple((i, s) for i, s in v["plates"])
    event = tuple((i, s) for i, s in v["event"])
    inner = (*plates, *event)
    square = (*inner, *((f"{i}'", s) for i, s in event))
    args, side = v["distribution"]["args"], shape[-1] if event else 1
    count = int(np.prod(shape)) // side
    mean = whole(evaluate(args["mean"], scope, inner), scope, inner)
    precision = whole(evaluate(args["precision"], scope, square), scope, square)
    lengths = shape[: len(plates)]
    mean, precision = repeated(mean, shape), repeated(precision, (*lengths, *(side,) * (2 * len(event))))
    return reshaped(mean, (count, side)), reshaped(precision, (count, side, side))


def coordinates(x: Array, mean: Array, precision: Array, site: Site) -> Array:
    """u of values, given mean and precision: draws × groups × side."""
    both = precision + site.precision
    pull = np.einsum("gij,gj->gi", site.precision, site.centre)
    weighted = np.einsum("ngij,ngj->ngi", precision, mean) + pull
    middle = np.linalg.solve(both, weighted[..., None])[..., 0]
    return np.asarray(np.einsum("ngij,ngi->ngj", np.linalg.cholesky(both), x - middle))


def found_site(x: Array, mean: Array, precision: Array, slope: Array) -> Site:
    """The site of a latent from draws: its likelihood's slope by regression on the latent.

    Args:
        x: draws × groups × side.
        mean: under the prior, at the same draws.
        precision: likewise, with one more axis.
        slope: of the log joint density in the latent, at the same draws, all other coordinates held.
    """
    own = slope + np.einsum("ngij,ngj->ngi", precision, x - mean)  # S (c - x), and noise
    middle, drift = x.mean(axis=0), own.mean(axis=0)
    sd = np.maximum(x.std(axis=0), 1e-150)
    z = (x - middle) / sd
    spread = np.einsum("ngi,ngj->gij", z, z) / len(x) + RIDGE * np.eye(x.shape[-1])
    fall = -np.einsum("ngi,ngj->gij", z, own - drift) / len(x)
    raw = np.linalg.solve(spread, fall) / sd[..., None]
    value, axes = np.linalg.eigh(0.5 * (raw + raw.swapaxes(-1, -2)))
    known = np.einsum("gik,gk,gjk->gij", axes, np.maximum(value, 0.0), axes)
    return Site(known, middle + np.einsum("gij,gj->gi", np.linalg.pinv(known, hermitian=True), drift))
