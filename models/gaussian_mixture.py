"""A mixture of univariate Normals with unknown weights, means and precisions."""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Bishop (2006), section 10.2, equations 10.37-10.49 and 10.57-10.66"
DATA = "Velocities of 82 galaxies in 1000 km/s (Roeder 1990)"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gaussian_mixture", title="Bayesian Gaussian mixture")
    n, k = m.index("n", "N"), m.index("k", "K")
    alpha, m0, kappa, a, b = m.hyper("alpha_0 m_0 kappa_0 a_0 b_0")
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    tau = m.latent("tau", Gamma(a, b), k)
    mu = m.latent("mu", Normal(m0, kappa * tau[k]), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    hyper = {"alpha_0": 1.0, "m_0": 20.0, "kappa_0": 0.05, "a_0": 2.0, "b_0": 1.0}
    return Dataset({"x": table("galaxies")["x"]}, hyper, {"K": 4})
