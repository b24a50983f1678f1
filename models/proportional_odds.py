"""Proportional odds: the answers lie between cutpoints of a logistic response, which are learned with the effects."""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Gamma, Model, Normal, dot, ordered_logistic
from cavi.models import Dataset
from cavi.models.ordinal_regression import LIKING

SOURCE = "McCullagh (1980), JRSS B 42, 109-142, section 2; Agresti (2010), Analysis of Ordinal Categorical Data, 3.2"
DATA = "How 52 tasters liked each of four cheeses, on a scale of nine (McCullagh and Nelder 1989, table 5.1)"
FACTORS = (("w", "c"),)
BOUNDS = {"y": "jaakkola_jordan"}
APPROXIMATE = {"h": "quadrature"}


def declare() -> Model:
    """The model as on the whiteboard: c is the lowest cutpoint, h the widths of the categories between cutpoints."""
    m = Model("proportional_odds", title="Proportional odds regression")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    alpha, m0, gamma, a, b = m.hyper("alpha_0 m_0 gamma_0 a_0 b_0")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), d)
    c = m.latent("c", Normal(m0, gamma))
    h = m.latent("h", Gamma(a, b), k)
    m.observed("y", Categorical(ordered_logistic(dot(w, x[n]), c, h)), n)
    return m


def dataset() -> Dataset:
    """Indicators of the cheeses, answers from 0 to 8; a width is about one, and so is the log odds of a cheese."""
    cheese = np.repeat(np.arange(4), LIKING.sum(axis=1))
    answer = np.concatenate([np.repeat(np.arange(9), row) for row in LIKING])
    hyper = {"alpha_0": 0.5, "m_0": -4.0, "gamma_0": 0.1, "a_0": 2.0, "b_0": 2.0}
    return Dataset({"X": np.eye(4)[cheese], "y": answer}, hyper, {"K": 9})
