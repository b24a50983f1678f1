"""Multilevel Poisson regression: rates with an intercept, slopes and effects of groups, each a Normal by choice."""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, Normal, Poisson, dot, exp
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Gelman and Hill (2007), section 15.1 (the model); Khan and Lin (2017), section 3 (the method)"
DATA = "Incidents of damage to 34 groups of cargo ships by their months of service (McCullagh and Nelder 1989, 6.3.2)"
FACTORS = (("w",),)
APPROXIMATE = {"a": "cvi", "w": "cvi", "u": "cvi"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("multilevel_poisson_regression", title="Multilevel Poisson regression")
    n, d, g = m.index("n", "N"), m.index("d", "D"), m.index("g", "G")
    shape, rate, alpha = m.hyper("a_0 b_0 alpha_0")
    x, exposure = m.covariate("X", n, d), m.covariate("exposure", n)
    group = m.observed_index("group", n, over=g)
    tau = m.latent("tau", Gamma(shape, rate))
    a = m.latent("a", Normal(0, alpha))
    w = m.latent("w", Normal(0, alpha), d)
    u = m.latent("u", Normal(0, tau), g)
    m.observed("y", Poisson(exposure[n] * exp(a + dot(w, x[n]) + u[group[n]])), n)
    return m


def dataset() -> Dataset:
    """Five types of ship; indicators of the periods of building after the first and of operation after 1975."""
    found = table("ships")
    design = np.column_stack([*(found["built"] == year for year in (1965, 1970, 1975)), found["operated"] == 1975])
    data = {
        "X": design.astype(float),
        "exposure": found["months"] / 1000,
        "group": found["type"].astype(int) - 1,
        "y": found["incidents"],
    }
    return Dataset(data, {"a_0": 1.0, "b_0": 0.5, "alpha_0": 0.25})
