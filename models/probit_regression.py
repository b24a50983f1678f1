"""Probit regression with a latent response for every observation: a Normal truncated to the side that was seen."""

from __future__ import annotations

from cavi.derive import Bernoulli, Model, Normal, dot, probit
from cavi.models.logistic_regression import DATA, dataset

__all__ = ["AUGMENT", "DATA", "FACTORS", "SOURCE", "dataset", "declare"]

SOURCE = "Albert and Chib (1993), JASA 88, 669-679, section 3; Ormerod and Wand (2010), The American Statistician 64"
FACTORS = (("w",),)
AUGMENT = {"y": "albert_chib"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("probit_regression", title="Bayesian probit regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha = m.hyper("alpha_0")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", Bernoulli(probit(dot(w, x[n]))), n)
    return m
