"""A matrix as a product of two thin ones, observed at listed entries with Normal noise."""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, Normal, Sum
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Salakhutdinov and Mnih (2008), Bayesian probabilistic matrix factorization; Lim and Teh (2007)"
DATA = "Thirteen measurements of 178 wines, standardised, nine entries in ten kept"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gaussian_matrix_factorisation", title="Gaussian matrix factorisation")
    n, k = m.index("n", "N"), m.index("k", "K")
    i, j = m.index("i", "I"), m.index("j", "J")
    lam, a, b = m.hyper("lambda_0 a_0 b_0")
    row, column = m.observed_index("row", n, over=i), m.observed_index("column", n, over=j)
    tau = m.latent("tau", Gamma(a, b))
    u = m.latent("u", Normal(0, lam), i, k)
    v = m.latent("v", Normal(0, lam), j, k)
    m.observed("x", Normal(Sum(u[row[n], k] * v[column[n], k], k), tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = standardised(matrix("wine", "x_"))
    row, column = np.nonzero(np.random.default_rng(0).random(x.shape) < 0.9)
    hyper = {"lambda_0": 1.2, "a_0": 1.1, "b_0": 0.9}
    return Dataset({"x": x[row, column], "row": row, "column": column}, hyper, {"K": 3})
