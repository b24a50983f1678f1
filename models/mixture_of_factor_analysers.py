"""A mixture of factor analysers: clusters, each with its own few directions of spread."""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Gamma, Model, MultivariateNormal, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Ghahramani and Beal (2000), NIPS 12, sections 2 and 3"
DATA = "150 irises, four measurements (Fisher 1936), standardised"
FACTORS = (("Lambda",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("mixture_of_factor_analysers", title="Mixture of factor analysers")
    n, s = m.index("n", "N"), m.index("k", "K")
    d, q = m.index("d", "D"), m.index("q", "Q")
    alpha, a, b, beta, a_psi, b_psi = m.hyper("alpha_0 a_0 b_0 beta_0 a_psi b_psi")
    pi = m.latent("pi", Dirichlet(alpha, over=s))
    nu = m.latent("nu", Gamma(a, b), s, q)
    loadings = m.latent("Lambda", Normal(0, nu[s, q]), s, d, q)
    mu = m.latent("mu", Normal(0, beta), s, d)
    psi = m.latent("psi", Gamma(a_psi, b_psi), d)
    c = m.latent("s", Categorical(pi), n)
    x = m.latent("x", MultivariateNormal(0, 1, over=q), n)
    m.observed("y", Normal(dot(loadings[c[n], d], x[n]) + mu[c[n], d], psi[d]), n, d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    y = standardised(matrix("iris", "x_"))
    hyper = {"alpha_0": 1.0, "a_0": 1.0, "b_0": 1.0, "beta_0": 0.1, "a_psi": 1.0, "b_psi": 0.1}
    return Dataset({"y": y}, hyper, {"K": 3, "Q": 1})
