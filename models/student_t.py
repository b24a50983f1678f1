"""A Student t whose degrees of freedom are unknown: their factor is in no family and is normalised numerically."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = (
    "Bishop (2006), 2.3.7; Juárez and Steel (2010), Journal of Business and Economic Statistics 28, 52-66 (the prior)"
)
DATA = "Newcomb's passage times of light (Stigler 1977), two of which are far from the others"
APPROXIMATE = {"nu": "quadrature"}


def declare() -> Model:
    """The model as on the whiteboard: a Gamma mixture of Normals."""
    m = Model("student_t", title="Student t with unknown degrees of freedom")
    n = m.index("n", "N")
    a, b, c, d, m0, kappa = m.hyper("a_0 b_0 c_0 d_0 m_0 kappa_0")
    nu = m.latent("nu", Gamma(a, b))
    tau = m.latent("tau", Gamma(c, d))
    mu = m.latent("mu", Normal(m0, kappa))
    u = m.latent("u", Gamma(nu / 2, nu / 2), n)
    m.observed("x", Normal(mu, tau * u[n]), n)
    return m


def dataset() -> Dataset:
    """The data in tens of nanoseconds, with weakly informative hyperparameters."""
    hyper = {"a_0": 2.0, "b_0": 0.1, "c_0": 0.9, "d_0": 0.4, "m_0": 2.0, "kappa_0": 0.2}
    return Dataset({"x": table("newcomb")["x"] / 10}, hyper)
