"""A mixture of multivariate Student t distributions: clusters whose outliers do not pull them."""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Gamma, Model, MultivariateNormal, NormalWishart
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Archambeau and Verleysen (2007), Neural Networks 20, 129-138, equations 5-10, with known degrees of freedom"
DATA = "150 irises, four measurements (Fisher 1936), standardised"
FACTORS = (("mu", "Lambda"),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("student_mixture", title="Mixture of Student t distributions")
    n, k = m.index("n", "N"), m.index("k", "K")
    d, e = m.index("d", "D"), m.index("e", "D")
    kappa, eta, gamma, nu = m.hyper("kappa_0 eta_0 gamma_0 nu")
    theta, s0 = m.hyper("theta_0", d), m.hyper("S_0", d, e)
    pi = m.latent("pi", Dirichlet(kappa, over=k))
    mu, lam = m.latent("mu Lambda", NormalWishart(theta, eta, gamma, s0, over=d), k)
    z = m.latent("z", Categorical(pi), n)
    u = m.latent("u", Gamma(nu / 2, nu / 2), n)
    m.observed("x", MultivariateNormal(mu[z[n]], u[n] * lam[z[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = standardised(matrix("iris", "x_"))
    hyper = {"kappa_0": 1.0, "eta_0": 0.1, "gamma_0": 4.0, "nu": 4.0, "theta_0": np.zeros(4), "S_0": np.eye(4)}
    return Dataset({"x": x}, hyper, {"K": 3})
