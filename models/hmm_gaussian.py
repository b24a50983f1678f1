"""A hidden Markov model of vectors: every state has its own mean and precision matrix.

For series of several variables that switch between regimes, where both the level and the correlations may differ.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Model, MultivariateNormal, NormalWishart
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Beal (2003), sections 3.1-3.4; Bishop (2006), section 13.2 and equations 10.59-10.63 for the emissions"
DATA = "Quarterly growth of production and change of unemployment, United States 1959-2009"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("hmm_gaussian", title="Hidden Markov model of vectors")
    t, d, e = m.index("t", "T"), m.index("d", "D"), m.index("e", "D")
    j, k = m.index("j", "K"), m.index("k", "K")
    u_pi, u_a, beta, nu = m.hyper("u_pi u_A beta_0 nu_0")
    m0, w0 = m.hyper("m_0", d), m.hyper("W_0", d, e)
    pi = m.latent("pi", Dirichlet(u_pi, over=j))
    a = m.latent("A", Dirichlet(u_a, over=k), j)
    mu, lam = m.latent("mu Lambda", NormalWishart(m0, beta, nu, w0, over=d), j)
    z = m.latent("z", lambda z: Categorical(a[z[t - 1]], over=j), t, initial=Categorical(pi))
    m.observed("x", MultivariateNormal(mu[z[t]], lam[z[t]]), t)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("macro")
    x = np.column_stack([100 * np.diff(np.log(columns["realgdp"])), np.diff(columns["unemp"])])
    hyper = {"u_pi": 1.0, "u_A": 1.0, "beta_0": 0.1, "nu_0": 3.0, "m_0": np.zeros(2), "W_0": np.eye(2)}
    return Dataset({"x": standardised(x)}, hyper, {"K": 2})
