"""A Gaussian process classifier: the log odds of a label are a smooth function, with Pólya-Gamma variables.

For labels that depend on a covariate in an unknown way: the kernel matrix says how the log odds at two points vary
together.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Bernoulli, Model, MultivariateNormal, sigmoid
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Wenzel et al. (2019), AAAI 33, 5417-5424; Rasmussen and Williams (2006), section 3.3"
DATA = "23 launches of the space shuttle: temperature, and whether an O-ring was in distress (Dalal et al. 1989)"
AUGMENT = {"y": "polya_gamma"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gaussian_process_classification", title="Gaussian process classification")
    n, p = m.index("n", "N"), m.index("p", "N")
    kernel = m.hyper("K", n, p)
    f = m.latent("f", MultivariateNormal(0, covariance=kernel, over=n))
    m.observed("y", Bernoulli(sigmoid(f[n])), n)
    return m


def dataset() -> Dataset:
    """The data with a smooth kernel of the standardised temperature."""
    found = table("challenger")
    gap = standardised(found["temperature"])[:, None] - standardised(found["temperature"])
    kernel = 4 * np.exp(-(gap**2) / 2) + 1e-6 * np.eye(len(gap))
    return Dataset({"y": found["distress"]}, {"K": kernel})
