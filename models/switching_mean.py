"""A switching mean: every observation picks a state with its own mean; states share a variance by group."""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Kim and Nelson (1999), chapter 4, without the chain; Bishop (2006), section 10.2"
DATA = "Velocities of 82 galaxies in 1000 km/s (Roeder 1990), two states in one variance group"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("switching_mean", title="Switching mean with shared variances")
    n, k, j = m.index("n", "N"), m.index("k", "K"), m.index("j", "J")
    alpha, m0, kappa, a, b = m.hyper("alpha_0 m_0 kappa_0 a_0 b_0")
    group = m.observed_index("group", k, over=j)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    mu = m.latent("mu", Normal(m0, kappa), k)
    tau = m.latent("tau", Gamma(a, b), j)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[group[z[n]]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    hyper = {"alpha_0": 1.5, "m_0": 20.0, "kappa_0": 0.02, "a_0": 2.0, "b_0": 3.0}
    return Dataset({"x": table("galaxies")["x"], "group": np.array([0, 0])}, hyper)
