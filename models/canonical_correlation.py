"""Inter-battery factor analysis: what two views share, and what each has of its own."""

from __future__ import annotations

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Klami, Virtanen and Kaski (2013), JMLR 14, 965-1003, equation 3"
DATA = "20 men, three exercises and three body measurements (Linnerud), standardised"
FACTORS = (("z", "z_1", "z_2"), ("A_1", "B_1"), ("A_2", "B_2"))


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("canonical_correlation", title="Bayesian canonical correlation analysis")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "M")
    q, k, r = m.index("q", "Q"), m.index("k", "K"), m.index("r", "R")
    alpha, a, b = m.hyper("alpha_0 a_0 b_0")
    z = m.latent("z", MultivariateNormal(0, 1, over=q), n)
    z_1 = m.latent("z_1", MultivariateNormal(0, 1, over=k), n)
    z_2 = m.latent("z_2", MultivariateNormal(0, 1, over=r), n)
    a_1, b_1 = m.latent("A_1", Normal(0, alpha), d, q), m.latent("B_1", Normal(0, alpha), d, k)
    a_2, b_2 = m.latent("A_2", Normal(0, alpha), e, q), m.latent("B_2", Normal(0, alpha), e, r)
    tau_1, tau_2 = m.latent("tau_1", Gamma(a, b)), m.latent("tau_2", Gamma(a, b))
    m.observed("x_1", Normal(dot(a_1[d], z[n]) + dot(b_1[d], z_1[n]), tau_1), n, d)
    m.observed("x_2", Normal(dot(a_2[e], z[n]) + dot(b_2[e], z_2[n]), tau_2), n, e)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    exercise = standardised(matrix("linnerud", "exercise_"))
    body = standardised(matrix("linnerud", "body_"))
    hyper = {"alpha_0": 1.0, "a_0": 1.0, "b_0": 1.0}
    return Dataset({"x_1": exercise, "x_2": body}, hyper, {"Q": 1, "K": 1, "R": 1})
