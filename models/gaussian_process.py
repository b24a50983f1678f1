"""A Gaussian process of known kernel observed with noise of unknown precision.

For a smooth function at given points: the kernel matrix says how the values at two points vary together.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, MultivariateNormal, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Rasmussen and Williams (2006), section 2.2, equations 2.21-2.24 and 2.30; section 5.4.3 for the kernel"
DATA = "Monthly carbon dioxide at Mauna Loa 1995-2001, parts per million, less their mean"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gaussian_process", title="Gaussian process regression")
    n, p = m.index("n", "N"), m.index("p", "N")
    a, b = m.hyper("a_0 b_0")
    kernel = m.hyper("K", n, p)
    tau = m.latent("tau", Gamma(a, b))
    f = m.latent("f", MultivariateNormal(0, covariance=kernel, over=n))
    m.observed("y", Normal(f[n], tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters; the kernel is a smooth trend plus a yearly cycle."""
    columns = table("co2")
    gap = columns["year"][:, None] - columns["year"]
    trend = 36 * np.exp(-(gap**2) / (2 * 5**2))
    cycle = 9 * np.exp(-2 * np.sin(np.pi * gap) ** 2 / 1.3**2)
    kernel = trend + cycle + 1e-6 * np.eye(len(gap))
    y = columns["co2"] - columns["co2"].mean()
    return Dataset({"y": y}, {"K": kernel, "a_0": 1.0, "b_0": 0.1})
