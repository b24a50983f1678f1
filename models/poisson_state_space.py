"""Counts whose log rate follows a random walk: a Poisson state-space model by conjugate-computation steps.

For a series of small counts whose rate drifts, where a Normal for the counts would not do.
"""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal, Poisson, exp
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Durbin and Koopman (2012), chapter 9 (the model); Khan and Lin (2017), section 3 (the method)"
DATA = "Explosions in British coal mines with ten or more deaths, each year 1851-1962 (Jarrett 1979)"
APPROXIMATE = {"theta": "cvi"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("poisson_state_space", title="Poisson counts around a random walk")
    t = m.index("t", "T")
    m1, p1, a, b = m.hyper("m_1 P_1 a_0 b_0")
    tau = m.latent("tau", Gamma(a, b))
    theta = m.latent("theta", lambda theta: Normal(theta[t - 1], tau), t, initial=Normal(m1, variance=p1))
    m.observed("y", Poisson(exp(theta[t])), t)
    return m


def dataset() -> Dataset:
    """The counts with weakly informative hyperparameters."""
    hyper = {"m_1": 0.0, "P_1": 10.0, "a_0": 1.0, "b_0": 0.05}
    return Dataset({"y": table("coal_mining")["disasters"]}, hyper)
