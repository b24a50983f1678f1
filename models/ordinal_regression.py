"""Ordered probit regression: each answer tells between which two cutpoints of a scale a Normal response lies."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from cavi.derive import IntervalCensoredNormal, Model, Normal, dot
from cavi.models import Dataset

SOURCE = "Albert and Chib (1993), JASA 88, 669-679, section 4; McCullagh and Nelder (1989), section 5.6"
DATA = "How 52 tasters liked each of four cheeses, on a scale of nine (McCullagh and Nelder 1989, table 5.1)"
FACTORS = (("w",),)
AUGMENT = {"cut": "ordered_probit"}
FAR = 40.0  # where the open ends of the scale are, in standard deviations of the response
LIKING = np.array(
    [
        [0, 0, 1, 7, 8, 8, 19, 8, 1],
        [6, 9, 12, 11, 7, 6, 1, 0, 0],
        [1, 1, 6, 8, 23, 7, 5, 1, 0],
        [0, 0, 0, 1, 3, 7, 14, 16, 11],
    ]
)


def declare() -> Model:
    """The model as on the whiteboard: cut is the one below an answer, width the way to that above it."""
    m = Model("ordinal_regression", title="Ordered probit regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha = m.hyper("alpha_0")
    x, width = m.covariate("X", n, d), m.covariate("width", n)
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("cut", IntervalCensoredNormal(dot(w, x[n]), 1, width[n]), n)
    return m


def dataset() -> Dataset:
    """Indicators of the cheeses; under the prior the answers have the shares that they have over all cheeses."""
    alpha = 1.0
    shares = np.cumsum(LIKING.sum(axis=0))[:-1] / LIKING.sum()
    spread = NormalDist(0.0, (1 + 1 / alpha) ** 0.5)
    cuts = np.array([-FAR, *(spread.inv_cdf(float(p)) for p in shares), FAR])
    cheese = np.repeat(np.arange(4), LIKING.sum(axis=1))
    answer = np.concatenate([np.repeat(np.arange(9), row) for row in LIKING])
    data = {"X": np.eye(4)[cheese], "cut": cuts[answer], "width": np.diff(cuts)[answer]}
    return Dataset(data, {"alpha_0": alpha})
