"""Counts over categories in several groups, every group with probabilities of its own.

For tables of votes or answers by group when the prior is known; q is then the exact posterior.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Dirichlet, Model, Multinomial
from cavi.models import Dataset

SOURCE = "Gelman et al. (2013), section 3.4 and exercise 3.2"
DATA = "Preferences of 639 voters before and 639 after a debate in 1988: Bush, Dukakis, other"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("dirichlet_multinomial", title="Dirichlet-multinomial")
    j, k = m.index("j", "J"), m.index("k", "K")
    alpha = m.hyper("alpha", k)
    total = m.covariate("y_total", j)
    theta = m.latent("theta", Dirichlet(alpha), j)
    m.observed("y", Multinomial(total[j], theta[j]), j)
    return m


def dataset() -> Dataset:
    """The data with a uniform prior."""
    y = np.array([[294, 307, 38], [288, 332, 19]])
    return Dataset({"y": y, "y_total": y.sum(axis=1)}, {"alpha": np.ones(3)})
