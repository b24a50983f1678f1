"""A hierarchical Normal with known standard errors."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Rubin (1981); Gelman et al. (2013), section 5.5"
DATA = "Coaching effects in eight schools with their standard errors"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("eight_schools", title="Eight schools")
    j = m.index("j", "J")
    m0, kappa, a, b = m.hyper("m_0 kappa_0 a_0 b_0")
    sigma = m.covariate("sigma", j)
    mu = m.latent("mu", Normal(m0, kappa))
    tau = m.latent("tau", Gamma(a, b))
    theta = m.latent("theta", Normal(mu, tau), j)
    m.observed("y", Normal(theta[j], std=sigma[j]), j)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("eight_schools")
    hyper = {"m_0": 5.0, "kappa_0": 0.01, "a_0": 1.2, "b_0": 30.0}
    return Dataset({"y": columns["y"], "sigma": columns["sigma"]}, hyper)
