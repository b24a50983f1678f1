"""Linear regression with unknown noise precision, every weight a factor of its own."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised, table

SOURCE = "Bishop (2006), section 10.3, equations 10.87-10.100, factorised by weight"
DATA = "442 diabetes patients, ten predictors (Efron et al. 2004), standardised"


def declare() -> Model:
    """The model as on the whiteboard."""
    return regression("linear_regression", "Linear regression, factorised weights")


def regression(name: str, title: str) -> Model:
    """The declaration, which two factorisations share."""
    m = Model(name, title=title)
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha, a, b = m.hyper("alpha_0 a_0 b_0")
    x = m.covariate("X", n, d)
    tau = m.latent("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("diabetes")
    x = standardised(matrix("diabetes", "x_"))
    y = standardised(columns["y"])
    return Dataset({"X": x, "y": y}, {"alpha_0": 1.3, "a_0": 0.9, "b_0": 0.7})
