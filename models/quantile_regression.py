"""Quantile regression: asymmetric Laplace noise, the check function of the quantile, as a mixture of Normals."""

from __future__ import annotations

from cavi.derive import AsymmetricLaplace, InverseGamma, Model, Normal, dot
from cavi.models import Dataset
from cavi.models.robust_regression import DATA
from cavi.models.robust_regression import dataset as stackloss

__all__ = ["AUGMENT", "DATA", "FACTORS", "SOURCE", "dataset", "declare"]

SOURCE = "Yu and Moyeed (2001); Kozumi and Kobayashi (2011), J. Stat. Comput. Simul. 81, 1565-1578"
FACTORS = (("w",),)
AUGMENT = {"y": "normal_mixture"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("quantile_regression", title="Bayesian quantile regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha, a, b, q = m.hyper("alpha_0 a_0 b_0 q_0")
    x = m.covariate("X", n, d)
    s = m.latent("s", InverseGamma(a, b))
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", AsymmetricLaplace(dot(w, x[n]), s, q), n)
    return m


def dataset() -> Dataset:
    """The data; the quantile is the upper quartile."""
    found = stackloss()
    return Dataset(found.data, {"alpha_0": 0.3, "a_0": 2.2, "b_0": 0.4, "q_0": 0.75})
