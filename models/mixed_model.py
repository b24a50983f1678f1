"""A linear mixed model: common slopes, and for every group correlated deviations from them.

For repeated measurements by group, where intercepts and slopes differ between groups. The common and the group's
effects stay together in q, which keeps their posterior correlation.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, Wishart, dot
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Laird and Ware (1982), Biometrics 38, 963-974; Bates et al. (2015), J. Statistical Software 67(1), 1.2"
DATA = "Reaction times in 100 ms of 18 subjects over ten days without sleep (Belenky et al. 2003)"
FACTORS = (("beta", "b"),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("mixed_model", title="Linear mixed model with correlated slopes")
    n, g = m.index("n", "N"), m.index("g", "G")
    d, e = m.index("d", "D"), m.index("e", "D")
    kappa, a, c, nu = m.hyper("kappa_0 a_0 c_0 nu_0")
    w0 = m.hyper("W_0", d, e)
    x = m.covariate("X", n, d)
    group = m.observed_index("group", n, over=g)
    tau = m.latent("tau", Gamma(a, c))
    omega = m.latent("Omega", Wishart(nu, w0, over=d))
    beta = m.latent("beta", Normal(0, kappa), d)
    b = m.latent("b", MultivariateNormal(0, omega), g)
    m.observed("y", Normal(dot(beta, x[n]) + dot(b[group[n]], x[n]), tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("sleepstudy")
    x = np.column_stack([np.ones(180), columns["days"]])
    group = np.unique(columns["subject"], return_inverse=True)[1]
    data = {"X": x, "group": group, "y": columns["reaction"] / 100}
    return Dataset(data, {"kappa_0": 0.01, "a_0": 0.01, "c_0": 0.01, "nu_0": 3.0, "W_0": np.diag([20.0, 200.0])})
