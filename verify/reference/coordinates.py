"""Coordinates on the whole line for the latents of a model, with the logarithms of the determinants of the maps.

| support | x | log |dx/du| |
|---|---|---|
| real, vector, matrix | u | 0 |
| positive | exp u | u |
| unit | 1 / (1 + exp(-u)) | log x (1 - x) |
| simplex | exp(u_k) / Σ exp(u), the last u zero | Σ log x_k |
| positive definite | L Lᵀ, L triangular, log L_ii = u | K log 2 + Σ (K - i + 2) log L_ii, i from 1 |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import size_of
from cavi.verify.reference.functions import nodes
from cavi.verify.reference.tape import Array, Node, Plain, apply, log_sum_exp, reshaped, taken, total

E = nodes()
MAPPED = ("real", "vector", "matrix", "positive", "unit", "simplex", "positive_definite")


@dataclass(frozen=True)
class Part:
    """The coordinates of one latent: where they start among all, and the array that they make."""

    name: str
    support: str
    shape: tuple[int, ...]
    start: int

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


def parts(variables: Sequence[Mapping[str, Any]], sizes: Mapping[str, int]) -> tuple[Part, ...]:
    """The coordinates of latents, one after another.

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
        found.append(Part(v["name"], support, shape, start))
        start += found[-1].size
    return tuple(found)


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
            found = np.log(x[..., :-1]) - np.log(x[..., -1:])
        case "positive_definite":
            root = np.linalg.cholesky(x)
            rows, columns = np.tril_indices(part.shape[-1])
            found = root[..., rows, columns]
            found = np.where(rows == columns, np.log(np.abs(found)), found)
        case _:
            found = x
    return np.reshape(found, (len(x), part.size))


def _simplex(part: Part, own: Plain) -> tuple[Plain, Plain]:
    free = reshaped(own, (*part.shape[:-1], part.shape[-1] - 1))
    last = free.ndim - 1

    def forward(a: Array) -> Array:
        return np.concatenate([a, np.zeros((*a.shape[:-1], 1))], axis=-1)

    padded = apply(forward, lambda g, r, a: (g[..., :-1],), free)
    logs = padded - log_sum_exp(padded, (last,))
    return E("exp", logs), total(logs, tuple(range(1, last + 1)))


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
