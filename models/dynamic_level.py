"""A level that follows a random walk, observed with noise, both variances unknown.

For one series whose mean drifts: the local level model, whose posterior mean is an exponential smoother.
"""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Durbin and Koopman (2012), Time series analysis by state space methods, chapter 2, equation 2.3"
DATA = "Annual flow of the Nile at Aswan 1871-1970 in 100 million cubic metres"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("dynamic_level", title="Random walk plus noise")
    t = m.index("t", "N")
    a1, p1, a, b, c, d = m.hyper("a_1 P_1 a_0 b_0 c_0 d_0")
    h_eps = m.latent("h_epsilon", Gamma(a, b))
    h_eta = m.latent("h_eta", Gamma(c, d))
    alpha = m.latent("alpha", lambda alpha: Normal(alpha[t - 1], h_eta), t, initial=Normal(a1, variance=p1))
    m.observed("y", Normal(alpha[t], h_eps), t)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    hyper = {"a_1": 11.0, "P_1": 100.0, "a_0": 1.0, "b_0": 1.0, "c_0": 1.0, "d_0": 0.1}
    return Dataset({"y": table("nile")["volume"] / 100}, hyper)
