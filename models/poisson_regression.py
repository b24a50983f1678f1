"""Poisson regression with the canonical link: the weights have a Normal factor by conjugate-computation steps."""

from __future__ import annotations

import numpy as np

from cavi.derive import Model, Normal, Poisson, dot, exp
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Khan and Lin (2017), section 3 (the method); Dobson (1990), chapter 3 (the data)"
DATA = "Deaths from AIDS in Australia in 14 quarters from 1983 on (Whyte et al. 1987)"
FACTORS = (("w",),)
APPROXIMATE = {"w": "cvi"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("poisson_regression", title="Poisson regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha = m.hyper("alpha_0")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", Poisson(exp(dot(w, x[n]))), n)
    return m


def dataset() -> Dataset:
    """The counts against the logarithm of the quarter, centred, with a weakly informative prior."""
    found = table("aids")
    time = np.log(found["quarter"])
    design = np.column_stack([np.ones(len(time)), time - time.mean()])
    return Dataset({"X": design, "y": found["deaths"]}, {"alpha_0": 0.1})
