"""Linear regression with a precision for each weight: automatic relevance determination."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised, table

SOURCE = "Bishop (2006), exercise 10.26 and section 7.2.1"
DATA = "442 diabetes patients, ten predictors (Efron et al. 2004), standardised"
FACTORS = (("w",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("ard_regression", title="Regression with automatic relevance determination")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, b, c, e = m.hyper("a_0 b_0 c_0 d_0")
    x = m.covariate("X", n, d)
    alpha = m.latent("alpha", Gamma(c, e), d)
    tau = m.latent("tau", Gamma(a, b))
    w = m.latent("w", Normal(0, alpha[d]), d)
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("diabetes")
    x = standardised(matrix("diabetes", "x_"))
    y = standardised(columns["y"])
    return Dataset({"X": x, "y": y}, {"a_0": 0.9, "b_0": 0.7, "c_0": 0.6, "d_0": 0.3})
