"""The Bayesian lasso: Laplace priors of the weights, with a rate that is learned, as mixtures of Normals."""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Laplace, Model, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised, table

SOURCE = "Park and Casella (2008), JASA 103, 681-686; Andrews and Mallows (1974)"
DATA = "Progression of diabetes in 442 patients, ten predictors (Efron et al. 2004)"
FACTORS = (("w",),)
AUGMENT = {"w": "normal_mixture"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("bayesian_lasso", title="Bayesian lasso")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, b, c, e = m.hyper("a_0 b_0 c_0 d_0")
    x = m.covariate("X", n, d)
    rate = m.latent("lam", Gamma(c, e))
    tau = m.latent("tau", Gamma(a, b))
    w = m.latent("w", Laplace(0, rate=rate), d)
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    design = standardised(matrix("diabetes", "x_"))
    y = standardised(np.asarray(table("diabetes")["y"]))
    return Dataset({"X": design, "y": y}, {"a_0": 1.2, "b_0": 0.6, "c_0": 1.1, "d_0": 0.3})
