"""A binary matrix as a product of two thin ones, through the logistic function.

For what is there or not by pairs: clicks, links, words in texts; entries that are missing are left out.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Bernoulli, Model, Normal, Sum, sigmoid
from cavi.models import Dataset
from cavi.models._files import matrix

SOURCE = "Tipping (1999), NIPS 11, 592-598; Johnson (2014), Logistic matrix factorization; Bishop (2006), 10.6"
DATA = "Dark pixels of 15 handwritten digits"
FACTORS = (("u",), ("v",))
BOUNDS = {"y": "jaakkola_jordan"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("logistic_matrix_factorisation", title="Logistic matrix factorisation")
    n, k = m.index("n", "N"), m.index("k", "K")
    i, j = m.index("i", "I"), m.index("j", "J")
    tau_u, tau_v, tau_b = m.hyper("tau_u tau_v tau_b")
    row, column = m.observed_index("row", n, over=i), m.observed_index("column", n, over=j)
    u = m.latent("u", Normal(0, tau_u), i, k)
    v = m.latent("v", Normal(0, tau_v), j, k)
    b = m.latent("b", Normal(0, tau_b), j)
    m.observed("y", Bernoulli(sigmoid(b[column[n]] + Sum(u[row[n], k] * v[column[n], k], k))), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative priors."""
    dark = matrix("digits", "x_")[:15] >= 8
    row, column = (a.ravel() for a in np.indices(dark.shape))
    hyper = {"tau_u": 1.0, "tau_v": 0.25, "tau_b": 0.1}
    return Dataset({"y": dark.ravel().astype(float), "row": row, "column": column}, hyper, {"K": 2})
