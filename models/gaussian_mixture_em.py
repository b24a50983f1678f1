"""A mixture of Normals by maximum likelihood: the parameters are points, and coordinate ascent is EM."""

from __future__ import annotations

from cavi.derive import Categorical, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Bishop (2006), section 9.2.2, equations 9.17-9.22, and 9.3"
DATA = "Velocities of 82 galaxies in 1000 km/s (Roeder 1990)"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gaussian_mixture_em", title="Gaussian mixture by EM")
    n, k = m.index("n", "N"), m.index("k", "K")
    pi = m.point("pi", over=k)
    mu = m.point("mu", k)
    tau = m.point("tau", k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], tau[z[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    return Dataset({"x": table("galaxies")["x"]}, {}, {"K": 3})
