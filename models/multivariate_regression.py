"""Regression of several responses at once, with correlated noise: the matrix Normal-Wishart posterior is exact."""

from __future__ import annotations

import numpy as np

from cavi.derive import MatrixNormal, Model, MultivariateNormal, Wishart
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Minka (2000), Bayesian linear regression; Box and Tiao (1973), section 8.4; Murphy (2012), section 7.6"
DATA = "150 irises (Fisher 1936): petal measurements on sepal measurements, standardised"
FACTORS = (("W", "Lambda"),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("multivariate_regression", title="Multivariate linear regression")
    n, p = m.index("n", "N"), m.index("p", "P")
    d, e = m.index("d", "D"), m.index("e", "D")
    alpha, nu = m.hyper("alpha_0 nu_0")
    v0 = m.hyper("V_0", d, e)
    x = m.covariate("X", n, p)
    lam = m.latent("Lambda", Wishart(nu, v0, over=d))
    w = m.latent("W", MatrixNormal(0, lam, alpha, over=(d, p)))
    m.observed("y", MultivariateNormal(w @ x[n], lam), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = standardised(matrix("iris", "x_"))
    hyper = {"alpha_0": 0.1, "nu_0": 2.0, "V_0": np.eye(2)}
    return Dataset({"X": x[:, :2], "y": x[:, 2:]}, hyper)
