"""Principal components with a precision for every column of the loadings: columns without use shrink to zero."""

from __future__ import annotations

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Bishop (2006), section 12.2.3, equation 12.60; Bishop (1999), Variational principal components"
DATA = "178 wines, 13 measurements (UCI), standardised"
FACTORS = (("W",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("bayesian_pca", title="Bayesian principal component analysis")
    n, d, q = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    a_alpha, b_alpha, beta, a_tau, b_tau = m.hyper("a_alpha b_alpha beta_0 a_tau b_tau")
    alpha = m.latent("alpha", Gamma(a_alpha, b_alpha), q)
    w = m.latent("W", Normal(0, alpha[q]), d, q)
    mu = m.latent("mu", Normal(0, beta), d)
    tau = m.latent("tau", Gamma(a_tau, b_tau))
    z = m.latent("z", MultivariateNormal(0, 1, over=q), n)
    m.observed("x", Normal(dot(w[d], z[n]) + mu[d], tau), n, d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = standardised(matrix("wine", "x_"))
    hyper = {"a_alpha": 1.0, "b_alpha": 1.0, "beta_0": 0.1, "a_tau": 1.0, "b_tau": 1.0}
    return Dataset({"x": x}, hyper, {"Q": 4})
