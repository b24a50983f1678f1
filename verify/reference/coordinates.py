"""Coordinates on the whole line for the latents of a model, with the logarithms of the determinants of the maps.

| support | x | log |dx/du| |
|---|---|---|
| real, vector, matrix | u | 0 |
| positive | exp u | u |
| unit | 1 / (1 + exp(-u)) | log x (1 - x) |
| simplex | b_k Π_{j<k} (1 - b_j), the last b one; logit b_k = h(u_k) | Σ log h'(u) b (1 - b) + Σ log rests |
| positive definite | L Lᵀ, L triangular, log L_ii = u | K log 2 + Σ (K - i + 2) log L_ii, i from 1 |

where h(u) = s(u)² / 2c' - s(-u)² / 2c with s the softplus function. The logit of a fraction b ~ Beta(c, c') has tails
exp(c h) and exp(-c' h), the longer the smaller c, where no step is right for all of it; those of u are about Normal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.claim import names_in
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import size_of
from cavi.verify.reference.formulas import Scope, evaluate, whole
from cavi.verify.reference.functions import nodes
from cavi.verify.reference.tape import Array, Node, Plain, apply, reshaped, taken, total

E = nodes()
MAPPED = ("real", "vector", "matrix", "positive", "unit", "simplex", "positive_definite")

SHARPEST = 1e-3  # the least concentration whose tails are followed


@dataclass(frozen=True, eq=False)
class Part:
    """The coordinates of one latent: where they start among all, and the array that they make."""

    name: str
    support: str
    shape: tuple[int, ...]
    start: int
    tails: tuple[Array, Array] | None = None  # of a simplex: c and c' of its fractions

    @property
    def size(self) -> int:
        """How many coordinates."""
        return self.size_of(self.support, self.shape)

    @staticmethod
    def size_of(support: str, shape: Sequence[int]) -> int:
        """How many coordinates an array of a support has."""
        if support == "simplex":
            return int(np.prod(shape[:-1])) * (shape[-1] - 1)
        if support == "positive_definite":
            return int(np.prod(shape[:-2])) * shape[-1] * (shape[-1] + 1) // 2
        return int(np.prod(shape))


def parts(
    variables: Sequence[Mapping[str, Any]], sizes: Mapping[str, int], known: Mapping[str, Array]
) -> tuple[Part, ...]:
    """The coordinates of latents, one after another.

    Args:
        variables: the latents.
        sizes: every symbolic size.
        known: data and hyperparameters, with a first axis of length 1.

    Raises:
        NotImplementedError: for a support that has no map here.
    """
    found: list[Part] = []
    start = 0
    for v in variables:
        support = FAMILIES[v["distribution"]["name"]].support
        if support not in MAPPED:
            raise NotImplementedError(
                f"{v['name']} is on a support ({support}) that has no coordinates on the line here"
            )
        shape = tuple(size_of(sizes, s) for _, s in [*v["plates"], *v["event"]])
        tails = _of_dirichlet(v, shape, sizes, known) if support == "simplex" else None
        found.append(Part(v["name"], support, shape, start, tails))
        start += found[-1].size
    return tuple(found)


def _of_dirichlet(
    v: Mapping[str, Any], shape: tuple[int, ...], sizes: Mapping[str, int], known: Mapping[str, Array]
) -> tuple[Array, Array]:
    """c and c' of the fractions of a Dirichlet, and of another simplex those of a flat one."""
    context = tuple((i, s) for i, s in [*v["plates"], *v["event"]])
    e = v["distribution"]["args"].get("concentration")
    c = np.ones(shape)
    if e is not None and set(names_in(e)) <= set(known):
        c = np.broadcast_to(
            np.asarray(whole(evaluate(e, Scope(known, sizes, {}), context), Scope(known, sizes, {}), context))[0], shape
        )
    rest = np.cumsum(c[..., ::-1], axis=-1)[..., ::-1]
    return np.maximum(c[..., :-1], SHARPEST), np.maximum(rest[..., 1:], SHARPEST)


def mapped(part: Part, u: Node) -> tuple[Plain, Plain | None]:
    """The latent as a node of draws × its axes, and the log determinant of each draw (None for zero)."""
    own = taken(u, np.arange(part.start, part.start + part.size), u.shape[1])
    match part.support:
        case "positive":
            x = E("exp", own)
            return reshaped(x, part.shape), total(own, (1,))
        case "unit":
            x = 1.0 / (1.0 + E("exp", -own))
            return reshaped(x, part.shape), -total(E("softplus", own) + E("softplus", -own), (1,))
        case "simplex":
            return _simplex(part, own)
        case "positive_definite":
            return _positive_definite(part, own)
    return reshaped(own, part.shape), None


def unmapped(part: Part, x: Array) -> Array:
    """The coordinates of values of a latent: draws × axes to draws × coordinates."""
    match part.support:
        case "positive":
            found = np.log(x)
        case "unit":
            found = np.log(x) - np.log1p(-x)
        case "simplex":
            rest = np.cumsum(x[..., ::-1], axis=-1)[..., ::-1][..., 1:]
            found = _unbent(np.log(x[..., :-1]) - np.log(rest), *_tails(part))
        case "positive_definite":
            root = np.linalg.cholesky(x)
            rows, columns = np.tril_indices(part.shape[-1])
            found = root[..., rows, columns]
            found = np.where(rows == columns, np.log(np.abs(found)), found)
        case _:
            found = x
    return np.reshape(found, (len(x), part.size))


def _simplex(part: Part, own: Plain) -> tuple[Plain, Plain]:
    u = reshaped(own, (*part.shape[:-1], part.shape[-1] - 1))
    low, high = _tails(part)
    up, down = E("softplus", u), E("softplus", -u)
    logit = up * up * (0.5 / high) - down * down * (0.5 / low)
    slope = up * E("exp", -down) * (1.0 / high) + down * E("exp", -up) * (1.0 / low)
    yes, no = -E("softplus", -logit), -E("softplus", logit)

    def forward(a: Array, b: Array) -> Array:  # log x_k: of the fraction, and of what those before have left
        left = np.cumsum(b, axis=-1)
        first = np.zeros((*a.shape[:-1], 1))
        return np.asarray(np.concatenate([a, first], axis=-1) + np.concatenate([first, left], axis=-1))

    def back(g: Array, r: Array, a: Array, b: Array) -> tuple[Array, Array]:
        return g[..., :-1], np.cumsum(g[..., ::-1], axis=-1)[..., ::-1][..., 1:]

    logs = apply(forward, back, yes, no)
    rests = no * np.arange(part.shape[-1] - 2.0, -1.0, -1.0)  # the rest before each fraction, added up
    return E("exp", logs), total(yes + no + rests + E("log", slope), tuple(range(1, u.ndim)))


def _tails(part: Part) -> tuple[Array, Array]:
    """How the logits of the fractions of a simplex fall off."""
    assert part.tails is not None
    return part.tails


def _unbent(logit: Array, low: Array, high: Array) -> Array:
    """u of h(u), by halving: h rises."""
    below, above = np.full(logit.shape, -80.0), np.full(logit.shape, 80.0)
    for _ in range(70):
        u = 0.5 * (below + above)
        up, down = np.logaddexp(0.0, u), np.logaddexp(0.0, -u)
        small = up**2 * (0.5 / high) - down**2 * (0.5 / low) < logit
        below, above = np.where(small, u, below), np.where(small, above, u)
    return np.asarray(0.5 * (below + above))


def _positive_definite(part: Part, own: Plain) -> tuple[Plain, Plain]:
    size, lead = part.shape[-1], part.shape[:-2]
    count = size * (size + 1) // 2
    u = reshaped(own, (*lead, count))
    rows, columns = np.tril_indices(size)
    diagonal = rows == columns

    def root(a: Array) -> Array:
        out = np.zeros((*a.shape[:-1], size, size))
        with np.errstate(over="ignore"):
            out[..., rows, columns] = np.where(diagonal, np.exp(np.where(diagonal, a, 0.0)), a)
        return out

    def forward(a: Array) -> Array:
        low = root(a)
        return np.asarray(low @ low.swapaxes(-1, -2))

    def back(g: Array, r: Array, a: Array) -> tuple[Array]:
        low = root(a)
        slope = ((g + g.swapaxes(-1, -2)) @ low)[..., rows, columns]
        return (np.where(diagonal, slope * low[..., rows, columns], slope),)

    # 2^K Π L_ii^(K - i + 1) for X of L, and one L_ii more for its logarithm
    powers = np.where(diagonal, size - rows + 1.0, 0.0)
    height = total(u * powers, tuple(range(1, u.ndim)))
    return apply(forward, back, u), height + float(np.prod(lead)) * size * np.log(2.0)
