"""A level that follows a random walk whose steps are small or large by a hidden Markov chain.

For one series that is calm for long and moves fast at times: the level and the regimes are two chains, each kept
together in q, and each averaged over in the other's update.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Kim (1993), J. Business and Economic Statistics 11, 341-349; Ghahramani and Hinton (2000), section 3"
DATA = "Quarterly inflation of consumer prices in percent, United States 1959-2009"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("switching_level", title="Random walk with switching variance")
    t, j, k = m.index("t", "T"), m.index("j", "K"), m.index("k", "K")
    m1, p1, a, b, c = m.hyper("m_1 P_1 a_0 b_0 c_0")
    d, v, u = m.hyper("d_0", j), m.hyper("v_0", j), m.hyper("u_0", j, k)
    pi = m.latent("pi", Dirichlet(v))
    p = m.latent("p", Dirichlet(u[j]), j)
    h = m.latent("h", Gamma(a, b))
    tau = m.latent("tau", Gamma(c, d[j]), j)
    s = m.latent("s", lambda s: Categorical(p[s[t - 1]], over=j), t, initial=Categorical(pi))
    mu = m.latent("mu", lambda mu: Normal(mu[t - 1], tau[s[t]]), t, initial=Normal(m1, variance=p1))
    m.observed("y", Normal(mu[t], h), t)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters: the first regime has the smaller steps, and regimes persist."""
    y = 100 * np.diff(np.log(table("macro")["cpi"]))
    hyper = {"m_1": 0.5, "P_1": 1.0, "a_0": 2.0, "b_0": 0.1, "c_0": 2.0, "d_0": np.array([0.01, 1.0])}
    hyper |= {"v_0": np.ones(2), "u_0": 1 + 9 * np.eye(2)}
    return Dataset({"y": y}, hyper, {"K": 2})
