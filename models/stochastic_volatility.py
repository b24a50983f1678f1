"""A variance that follows a random walk on the log scale, by the logarithm of squares and a mixture of seven Normals.

For returns whose size comes in spells: with r = exp(h/2) ε the logarithm of r² is h plus that of a squared standard
Normal, which seven Normals with known weights match; given which of them it was, the walk is observed with Normal
noise.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Kim, Shephard and Chib (1998), Review of Economic Studies 65, 361-393, section 3.1, equations 7-11, table 4"
DATA = "Quarterly changes of the rate of inflation, United States 1959-2009"

# Weights, means and variances of the Normals that match the logarithm of a squared standard Normal less its mean.
WEIGHTS = (0.00730, 0.10556, 0.00002, 0.04395, 0.34001, 0.24566, 0.25750)
MEANS = (-10.12999, -3.97281, -8.56686, 2.77786, 0.61942, 1.79518, -1.08819)
VARIANCES = (5.79596, 2.61369, 5.17950, 0.16735, 0.64009, 0.34023, 1.26261)
MEAN_OF_LOG_SQUARE = -1.2704


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("stochastic_volatility", title="Stochastic volatility by a mixture of Normals")
    t, k = m.index("t", "N"), m.index("k", "K")
    a1, p1, a, b = m.hyper("a_1 P_1 a_0 b_0")
    q, mean, variance = m.hyper("q", k), m.hyper("m", k), m.hyper("v", k)
    tau = m.latent("tau", Gamma(a, b))
    h = m.latent("h", lambda h: Normal(h[t - 1], tau), t, initial=Normal(a1, variance=p1))
    s = m.latent("s", Categorical(q), t)
    m.observed("y", Normal(h[t] + mean[s[t]], variance=variance[s[t]]), t)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters; a small constant keeps the logarithm of a square finite."""
    returns = np.diff(100 * np.diff(np.log(table("macro")["cpi"])))
    hyper = {
        "a_1": -1.0,
        "P_1": 4.0,
        "a_0": 2.0,
        "b_0": 0.1,
        "q": np.array(WEIGHTS),
        "m": np.array(MEANS) + MEAN_OF_LOG_SQUARE,
        "v": np.array(VARIANCES),
    }
    return Dataset({"y": np.log(returns**2 + 1e-3)}, hyper)
