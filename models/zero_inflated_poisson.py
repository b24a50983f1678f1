"""Counts with more zeros than a Poisson has: which zeros are in excess is an auxiliary of each observation."""

from __future__ import annotations

import numpy as np

from cavi.derive import Beta, Gamma, Model, ZeroInflatedPoisson
from cavi.models import Dataset

SOURCE = "Lambert (1992), Technometrics 34, 1-14; Ghosh, Mukhopadhyay and Lu (2006), J. Stat. Plan. Inference 136"
DATA = "Movements of a fetal lamb in 240 intervals of five seconds (Leroux and Puterman 1992)"
AUGMENT = {"y": "excess"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("zero_inflated_poisson", title="Zero-inflated Poisson")
    n = m.index("n", "N")
    a, b, c, e = m.hyper("a_0 b_0 c_0 d_0")
    inflation = m.latent("phi", Beta(a, b))
    rate = m.latent("rate", Gamma(c, e))
    m.observed("y", ZeroInflatedPoisson(rate, inflation), n)
    return m


def dataset() -> Dataset:
    """How many intervals had 0, 1, 2, … movements, written out."""
    intervals = [182, 41, 12, 2, 2, 0, 0, 1]
    y = np.repeat(np.arange(len(intervals)), intervals).astype(float)
    return Dataset({"y": y}, {"a_0": 1.1, "b_0": 1.3, "c_0": 1.2, "d_0": 0.7})
