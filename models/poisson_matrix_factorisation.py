"""Counts as a product of two thin Gamma matrices, with auxiliary counts for each component."""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, Poisson, Sum
from cavi.models import Dataset
from cavi.models._files import matrix

SOURCE = "Cemgil (2009), Bayesian inference for nonnegative matrix factorisation models; Gopalan et al. (2015)"
DATA = "Pixel intensities of 60 handwritten digits"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("poisson_matrix_factorisation", title="Poisson matrix factorisation")
    n, k = m.index("n", "N"), m.index("k", "K")
    i, j = m.index("i", "I"), m.index("j", "J")
    a, b, c, e = m.hyper("a_0 b_0 c_0 d_0")
    row, column = m.observed_index("row", n, over=i), m.observed_index("column", n, over=j)
    u = m.latent("u", Gamma(a, b), i, k)
    v = m.latent("v", Gamma(c, e), j, k)
    s = m.latent("s", Poisson(u[row[n], k] * v[column[n], k]), n, k)
    m.observed("x", Sum(s[n, k], k), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = matrix("digits", "x_")[:60]
    row, column = (a.ravel() for a in np.indices(x.shape))
    hyper = {"a_0": 0.6, "b_0": 0.4, "c_0": 0.7, "d_0": 0.3}
    return Dataset({"x": x.ravel(), "row": row, "column": column}, hyper, {"K": 3})
