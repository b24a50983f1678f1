"""Counts with zeros of their own process: a hurdle that is crossed or not, and a Poisson without its zero beyond it."""

from __future__ import annotations

import numpy as np

from cavi.derive import Beta, Gamma, HurdlePoisson, Model
from cavi.models import Dataset

SOURCE = "Mullahy (1986), Journal of Econometrics 33, 341-365; Johnson, Kemp and Kotz (2005), chapter 4"
DATA = "Decayed, missing and filled teeth of 797 children of Belo Horizonte (Böhning et al. 1999)"
AUGMENT = {"y": "geometric"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("hurdle_poisson", title="Hurdle Poisson")
    n = m.index("n", "N")
    a, b, c, e = m.hyper("a_0 b_0 c_0 d_0")
    crossing = m.latent("phi", Beta(a, b))
    rate = m.latent("rate", Gamma(c, e))
    m.observed("y", HurdlePoisson(rate, crossing), n)
    return m


def dataset() -> Dataset:
    """How many children had 0, 1, … 8 of the eight deciduous molars concerned, written out."""
    children = [172, 73, 96, 80, 95, 83, 85, 65, 48]
    y = np.repeat(np.arange(len(children)), children).astype(float)
    return Dataset({"y": y}, {"a_0": 1.1, "b_0": 1.3, "c_0": 1.2, "d_0": 0.7})
