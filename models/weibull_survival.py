"""Survival times of groups, some known only to be longer than the time of observation; conjugate as it stands."""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, RightCensoredWeibull
from cavi.models import Dataset

SOURCE = "Klein and Moeschberger (2003), Survival Analysis, sections 2.5 and 3.5; Gelman et al. (2013), table A.1"
DATA = "Weeks of remission of 42 children with leukaemia, with 6-MP and with placebo (Freireich et al. 1963)"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("weibull_survival", title="Weibull survival with censoring")
    n, g = m.index("n", "N"), m.index("g", "G")
    a, b, k = m.hyper("a_0 b_0 k_0")
    group = m.observed_index("group", n, over=g)
    seen = m.covariate("seen", n)
    rate = m.latent("rate", Gamma(a, b), g)
    m.observed("t", RightCensoredWeibull(k, rate[group[n]], seen[n]), n)
    return m


def dataset() -> Dataset:
    """Weeks, and zero where the remission lasted; the shape is near the one that fits both groups best."""
    drug = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    seen = np.array([1.0] * 9 + [0.0] * 12 + [1.0] * 21)
    data = {"t": np.array([*drug, *placebo], float), "group": np.repeat([0, 1], 21), "seen": seen}
    return Dataset(data, {"a_0": 1.2, "b_0": 8.0, "k_0": 1.37})
