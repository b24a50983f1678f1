"""Factor analysis: a few common factors and noise of its own for every variable."""

from __future__ import annotations

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Bishop (2006), section 12.2.4, equations 12.64-12.68; Ghahramani and Beal (2000), section 2"
DATA = "178 wines, 13 measurements (UCI), standardised"
FACTORS = (("Lambda",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("factor_analysis", title="Factor analysis")
    n, d, q = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    a_nu, b_nu, beta, a_psi, b_psi = m.hyper("a_nu b_nu beta_0 a_psi b_psi")
    nu = m.latent("nu", Gamma(a_nu, b_nu), q)
    loadings = m.latent("Lambda", Normal(0, nu[q]), d, q)
    mu = m.latent("mu", Normal(0, beta), d)
    psi = m.latent("psi", Gamma(a_psi, b_psi), d)
    x = m.latent("x", MultivariateNormal(0, 1, over=q), n)
    m.observed("y", Normal(dot(loadings[d], x[n]) + mu[d], psi[d]), n, d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    y = standardised(matrix("wine", "x_"))
    hyper = {"a_nu": 1.0, "b_nu": 1.0, "beta_0": 0.1, "a_psi": 1.0, "b_psi": 1.0}
    return Dataset({"y": y}, hyper, {"Q": 3})
