"""A mixture of multivariate Normals with full precision matrices: clusters of any shape and orientation."""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Model, MultivariateNormal, NormalWishart
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Bishop (2006), section 10.2, equations 10.36-10.66"
DATA = "150 irises, four measurements (Fisher 1936), standardised"
FACTORS = (("mu", "Lambda"),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gaussian_mixture_full", title="Gaussian mixture with full covariances")
    n, k = m.index("n", "N"), m.index("k", "K")
    d, e = m.index("d", "D"), m.index("e", "D")
    alpha, beta, nu = m.hyper("alpha_0 beta_0 nu_0")
    m0, w0 = m.hyper("m_0", d), m.hyper("W_0", d, e)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    mu, lam = m.latent("mu Lambda", NormalWishart(m0, beta, nu, w0, over=d), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", MultivariateNormal(mu[z[n]], lam[z[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = standardised(matrix("iris", "x_"))
    hyper = {"alpha_0": 1.0, "beta_0": 0.1, "nu_0": 4.0, "m_0": np.zeros(4), "W_0": np.eye(4)}
    return Dataset({"x": x}, hyper, {"K": 3})
