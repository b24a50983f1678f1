"""A hidden Markov model of counts: the rate depends on a hidden state that persists.

For series of counts that are overdispersed and serially dependent because periods of high and low rates alternate.
"""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Poisson
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Zucchini and MacDonald (2009), chapters 1-3; Beal (2003), section 3.4"
DATA = "Earthquakes of magnitude 7 or more in the world, each year 1900-2006"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("hmm_poisson", title="Hidden Markov model of counts")
    t, j, k = m.index("t", "T"), m.index("j", "K"), m.index("k", "K")
    u_delta, u_gamma, a, b = m.hyper("u_delta u_Gamma a_0 b_0")
    delta = m.latent("delta", Dirichlet(u_delta, over=j))
    gamma = m.latent("Gamma", Dirichlet(u_gamma, over=k), j)
    lam = m.latent("lam", Gamma(a, b), j)
    c = m.latent("c", lambda c: Categorical(gamma[c[t - 1]], over=j), t, initial=Categorical(delta))
    m.observed("x", Poisson(lam[c[t]]), t)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    hyper = {"u_delta": 1.0, "u_Gamma": 1.0, "a_0": 2.0, "b_0": 0.1}
    return Dataset({"x": table("earthquakes")["count"]}, hyper, {"K": 3})
