"""Bernoulli outcomes in groups whose rates share a fixed Beta prior."""

from __future__ import annotations

import numpy as np

from cavi.derive import Bernoulli, Beta, Model
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Efron and Morris (1975); Gelman et al. (2013), section 5.3"
DATA = "Hits in the first 45 turns at bat of 18 baseball players, 1970"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("beta_bernoulli", title="Beta-Bernoulli rates in groups")
    n, g = m.index("n", "N"), m.index("g", "G")
    a, b = m.hyper("a_0 b_0")
    player = m.observed_index("player", n, over=g)
    p = m.latent("p", Beta(a, b), g)
    m.observed("x", Bernoulli(p[player[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    hits = table("baseball")["hits"].astype(int)
    player = np.repeat(np.arange(len(hits)), 45)
    x = np.concatenate([np.arange(45) < h for h in hits]).astype(float)
    return Dataset({"x": x, "player": player}, {"a_0": 20.0, "b_0": 55.0})
