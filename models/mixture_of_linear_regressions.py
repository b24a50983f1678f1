"""A mixture of linear regressions: every observation follows one of K lines."""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Bishop (2006), section 14.5.1, equations 14.34-14.44, with conjugate priors"
DATA = "150 irises (Fisher 1936): sepal width on sepal length, standardised"
FACTORS = (("w",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("mixture_of_linear_regressions", title="Mixture of linear regressions")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    alpha, kappa, a, b = m.hyper("alpha_0 kappa_0 a_0 b_0")
    phi = m.covariate("phi", n, d)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    beta = m.latent("beta", Gamma(a, b), k)
    w = m.latent("w", Normal(0, kappa), k, d)
    z = m.latent("z", Categorical(pi), n)
    m.observed("t", Normal(dot(w[z[n]], phi[n]), beta[z[n]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = standardised(matrix("iris", "x_"))
    phi = np.column_stack([np.ones(150), x[:, 0]])
    hyper = {"alpha_0": 1.0, "kappa_0": 0.1, "a_0": 2.0, "b_0": 0.5}
    return Dataset({"phi": phi, "t": x[:, 1]}, hyper, {"K": 2})
