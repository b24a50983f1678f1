"""A Normal with unknown mean and precision, mean field over the two."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Bishop (2006), section 10.1.3, equations 10.21-10.30"
DATA = "Newcomb's passage times of light (Stigler 1977)"


def declare() -> Model:
    """The model as on the whiteboard."""
    return normal("normal", "Normal with unknown mean and precision")


def normal(name: str, title: str) -> Model:
    """The declaration, which two factorisations share."""
    m = Model(name, title=title)
    n = m.index("n", "N")
    m0, kappa, a, b = m.hyper("m_0 kappa_0 a_0 b_0")
    tau = m.latent("tau", Gamma(a, b))
    mu = m.latent("mu", Normal(m0, kappa * tau))
    m.observed("x", Normal(mu, tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    return Dataset({"x": table("newcomb")["x"]}, {"m_0": 25.0, "kappa_0": 0.1, "a_0": 2.0, "b_0": 50.0})
