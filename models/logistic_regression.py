"""Logistic regression by the tangent bound of the logistic function, quadratic in the weights."""

from __future__ import annotations

import numpy as np

from cavi.derive import Bernoulli, Model, Normal, dot, sigmoid
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Bishop (2006), section 10.6, equations 10.144-10.163; Jaakkola and Jordan (2000)"
DATA = "23 launches of the space shuttle: temperature, and whether an O-ring was in distress (Dalal et al. 1989)"
FACTORS = (("w",),)
BOUNDS = {"y": "jaakkola_jordan"}


def declare() -> Model:
    """The model as on the whiteboard."""
    return logistic("logistic_regression", "Bayesian logistic regression")


def logistic(name: str, title: str) -> Model:
    """The declaration, which several relaxations share."""
    m = Model(name, title=title)
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha = m.hyper("alpha_0")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return m


def dataset() -> Dataset:
    """The data with a weakly informative prior."""
    found = table("challenger")
    design = np.column_stack([np.ones(len(found["distress"])), standardised(found["temperature"])])
    return Dataset({"X": design, "y": found["distress"]}, {"alpha_0": 0.1})
