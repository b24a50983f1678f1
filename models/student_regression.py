"""Regression with Student-t noise, declared as such: the scale mixture is the augmentation's."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal, StudentT, dot
from cavi.models.robust_regression import DATA, dataset

__all__ = ["AUGMENT", "DATA", "FACTORS", "SOURCE", "dataset", "declare"]

SOURCE = "Tipping and Lawrence (2005), Variational inference for Student-t models; Andrews and Mallows (1974)"
FACTORS = (("w",),)
AUGMENT = {"y": "gamma_mixture"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("student_regression", title="Regression with Student-t noise")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha, a, b, nu = m.hyper("alpha_0 a_0 b_0 nu")
    x = m.covariate("X", n, d)
    tau = m.latent("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", StudentT(dot(w, x[n]), tau, nu), n)
    return m
