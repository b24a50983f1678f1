"""A linear dynamical system with unknown dynamics and loadings, and precisions that switch off unneeded states.

For several series driven by few hidden states that evolve linearly. The noise of the states has unit variance; each
column of A and of C has a precision of its own (automatic relevance determination), so that states which the data
do not need are switched off.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, diag, dot
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Beal (2003), sections 5.1-5.3, without inputs and with Gamma priors on alpha and gamma"
DATA = "Quarterly changes of six macroeconomic series, United States, 100 quarters to 2009, standardised"
FACTORS = (("A",), ("C", "rho"))


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("linear_dynamical_system", title="Bayesian linear dynamical system")
    t, d = m.index("t", "T"), m.index("d", "D")
    i, j = m.index("i", "K"), m.index("j", "K")
    a, b = m.hyper("a_0 b_0")
    alpha = m.latent("alpha", Gamma(a, b), j)
    gamma = m.latent("gamma", Gamma(a, b), j)
    rho = m.latent("rho", Gamma(a, b), d)
    dynamics = m.latent("A", MultivariateNormal(0, diag(alpha), over=j), i)
    loadings = m.latent("C", MultivariateNormal(0, rho[d] * diag(gamma), over=j), d)
    x = m.latent(
        "x",
        lambda x: MultivariateNormal(dynamics @ x[t - 1], 1, over=i),
        t,
        initial=MultivariateNormal(0, 1, over=i),
    )
    m.observed("y", Normal(dot(loadings[d], x[t]), rho[d]), t, d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("macro")
    level = np.column_stack([np.log(columns[c]) for c in ("realgdp", "realcons", "realinv", "cpi")])
    series = np.column_stack([level, columns["tbilrate"], columns["unemp"]])
    return Dataset({"y": standardised(np.diff(series[-101:], axis=0))}, {"a_0": 0.01, "b_0": 0.01}, {"K": 3})
