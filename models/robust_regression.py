"""Regression with Student-t noise as a Gamma scale mixture of Normals."""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised, table

SOURCE = "Tipping and Lawrence (2005), Variational inference for Student-t models; Bishop (2006), 2.3.7"
DATA = "Brownlee's stack loss: 21 days of a plant, three predictors"
FACTORS = (("w",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("robust_regression", title="Robust regression with Student-t noise")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha, a, b, nu = m.hyper("alpha_0 a_0 b_0 nu")
    x = m.covariate("X", n, d)
    tau = m.latent("tau", Gamma(a, b))
    lam = m.latent("lam", Gamma(nu / 2, nu / 2), n)
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", Normal(dot(w, x[n]), tau * lam[n]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = standardised(matrix("stackloss", "x_"))
    design = np.column_stack([np.ones(len(x)), x])
    y = standardised(table("stackloss")["y"])
    return Dataset({"X": design, "y": y}, {"alpha_0": 0.3, "a_0": 0.9, "b_0": 0.4, "nu": 4.5})
