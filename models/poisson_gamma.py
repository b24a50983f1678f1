"""Poisson counts with exposures and Gamma rates under a common, unknown rate parameter."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Poisson
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Gaver and O'Muircheartaigh (1987); Gelman et al. (2013), section 2.6"
DATA = "Failures of ten pumps and their hours of operation in thousands"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("poisson_gamma", title="Poisson rates with exposure")
    j = m.index("j", "J")
    a, c, e = m.hyper("a_0 c_0 d_0")
    exposure = m.covariate("exposure", j)
    beta = m.latent("beta", Gamma(c, e))
    lam = m.latent("lam", Gamma(a, beta), j)
    m.observed("y", Poisson(lam[j] * exposure[j]), j)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("pumps")
    hyper = {"a_0": 1.8, "c_0": 0.9, "d_0": 1.1}
    return Dataset({"y": columns["y"], "exposure": columns["exposure"]}, hyper)
