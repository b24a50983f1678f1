"""A one-way random effects model: batches around a common mean, samples around their batch."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Box and Tiao (1973), section 5.1; Gelman et al. (2013), section 11.6"
DATA = "Yield of dyestuff in six batches of five (Davies and Goldsmith 1972), in grams above 1500, over 10"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("one_way_random_effects", title="One-way random effects")
    n, g = m.index("n", "N"), m.index("g", "G")
    m0, kappa, a, b, c, e = m.hyper("m_0 kappa_0 a_0 b_0 c_0 d_0")
    batch = m.observed_index("batch", n, over=g)
    mu = m.latent("mu", Normal(m0, kappa))
    lam = m.latent("lam", Gamma(c, e))
    tau = m.latent("tau", Gamma(a, b))
    theta = m.latent("theta", Normal(mu, lam), g)
    m.observed("y", Normal(theta[batch[n]], tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("dyestuff")
    hyper = {"m_0": 0.5, "kappa_0": 0.01, "a_0": 1.2, "b_0": 8.0, "c_0": 1.3, "d_0": 6.0}
    return Dataset({"y": (columns["y"] - 1500) / 10, "batch": columns["batch"]}, hyper)
