"""A mixture of Normals with independent dimensions, each component with its own means and precisions."""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Bishop (2006), section 10.2, with diagonal precision"
DATA = "Fisher's iris: four measurements of 150 flowers"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("diagonal_gaussian_mixture", title="Gaussian mixture with diagonal covariance")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    alpha, m0, kappa, a, b = m.hyper("alpha_0 m_0 kappa_0 a_0 b_0")
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    tau = m.latent("tau", Gamma(a, b), k, d)
    mu = m.latent("mu", Normal(m0, kappa * tau[k, d]), k, d)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n], d], tau[z[n], d]), n, d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    hyper = {"alpha_0": 1.0, "m_0": 0.0, "kappa_0": 0.1, "a_0": 2.0, "b_0": 1.0}
    return Dataset({"x": standardised(matrix("iris", "x_"))}, hyper, {"K": 3})
