"""The horseshoe: half-Cauchy scales of the weights, one of all and one of each, and of the noise."""

from __future__ import annotations

from cavi.derive import HalfCauchy, Model, Normal, dot
from cavi.models import Dataset
from cavi.models.bayesian_lasso import DATA
from cavi.models.bayesian_lasso import dataset as diabetes

__all__ = ["AUGMENT", "DATA", "FACTORS", "SOURCE", "dataset", "declare"]

SOURCE = "Carvalho, Polson and Scott (2010), Biometrika 97, 465-480; Makalic and Schmidt (2016); Wand et al. (2011)"
FACTORS = (("w",),)
AUGMENT = {"scale": "inverse_gamma_mixture", "lam": "inverse_gamma_mixture", "sigma": "inverse_gamma_mixture"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("horseshoe_regression", title="Regression with a horseshoe prior")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, b = m.hyper("a_0 b_0")
    x = m.covariate("X", n, d)
    scale = m.latent("scale", HalfCauchy(a))
    lam = m.latent("lam", HalfCauchy(1), d)
    sigma = m.latent("sigma", HalfCauchy(b))
    w = m.latent("w", Normal(0, std=scale * lam[d]), d)
    m.observed("y", Normal(dot(w, x[n]), std=sigma), n)
    return m


def dataset() -> Dataset:
    """The data with the scales of the half-Cauchy priors."""
    return Dataset(diabetes().data, {"a_0": 0.8, "b_0": 5.5})
