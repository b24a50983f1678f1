"""Regression on a response that is recorded only above zero: the draws that were rejected are auxiliaries."""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, Normal, TruncatedNormal, dot
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Amemiya (1973), Econometrica 41, 997-1016; Hausman and Wise (1977), Econometrica 45, 919-938"
DATA = "Hours that 428 married women worked in 1975, those who did not work left out (Mroz 1987)"
FACTORS = (("w",),)
AUGMENT = {"x": "rejected_draws"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("truncated_regression", title="Truncated regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha, a, b = m.hyper("alpha_0 a_0 b_0")
    design = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), d)
    tau = m.latent("tau", Gamma(a, b))
    m.observed("x", TruncatedNormal(dot(w, design[n]), tau, lower=0), n)
    return m


def dataset() -> Dataset:
    """Thousands of hours; ones, and children under six, age, years of schooling and of work, standardised."""
    columns = table("working_wives")
    rest = standardised(np.column_stack([columns[c] for c in ("young", "age", "education", "experience")]))
    data = {"X": np.column_stack([np.ones(len(rest)), rest]), "x": columns["hours"] / 1000}
    return Dataset(data, {"alpha_0": 0.25, "a_0": 2.1, "b_0": 1.1})
