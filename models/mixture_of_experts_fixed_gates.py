"""A mixture of linear experts whose gates, the chances of each expert at each point, are known."""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Gamma, Model, Normal, dot
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Jacobs et al. (1991), Neural Computation 3, 79-87; Bishop (2006), section 14.5.3, equation 14.53"
DATA = "Flow of the Nile 1871-1970 (Cobb 1978); the gate passes from one expert to the other around 1898"
FACTORS = (("w",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("mixture_of_experts_fixed_gates", title="Mixture of experts with known gates")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    kappa, a, b = m.hyper("kappa_0 a_0 b_0")
    phi, gate = m.covariate("phi", n, d), m.covariate("g", n, k)
    beta = m.latent("beta", Gamma(a, b), k)
    w = m.latent("w", Normal(0, kappa), k, d)
    z = m.latent("z", Categorical(gate[n]), n)
    m.observed("t", Normal(dot(w[z[n]], phi[n]), beta[z[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("nile")
    year = columns["year"]
    after = 1 / (1 + np.exp(-(year - 1898.5) / 3))
    phi = np.column_stack([np.ones(100), (year - 1920.5) / 50])
    hyper = {"kappa_0": 0.01, "a_0": 2.0, "b_0": 2.0}
    return Dataset({"phi": phi, "g": np.column_stack([1 - after, after]), "t": columns["volume"] / 100}, hyper)
