"""A Dirichlet process mixture of Normals, truncated at K sticks: the data choose how many are used."""

from __future__ import annotations

from cavi.derive import Beta, Categorical, Gamma, Model, Normal, stick_breaking
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Blei and Jordan (2006), Bayesian Analysis 1, 121-144, equations 10 and 18-22"
DATA = "Velocities of 82 galaxies in 1000 km/s (Roeder 1990)"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gaussian_mixture_infinite", title="Truncated Dirichlet process mixture")
    n, k = m.index("n", "N"), m.index("k", "K")
    s1, s2, m0, kappa, a, b = m.hyper("s_1 s_2 m_0 kappa_0 a_0 b_0")
    alpha = m.latent("alpha", Gamma(s1, s2))
    v = m.latent("v", Beta(1, alpha), k)
    tau = m.latent("tau", Gamma(a, b), k)
    mu = m.latent("mu", Normal(m0, kappa * tau[k]), k)
    z = m.latent("z", Categorical(stick_breaking(v)), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    hyper = {"s_1": 1.0, "s_2": 1.0, "m_0": 20.0, "kappa_0": 0.05, "a_0": 2.0, "b_0": 1.0}
    return Dataset({"x": table("galaxies")["x"]}, hyper, {"K": 10})
