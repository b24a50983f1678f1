"""A Gamma whose shape and rate are unknown, in one factor: the exact posterior, normalised numerically in the plane."""

from __future__ import annotations

from cavi.derive import Gamma, Model
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Miller (1980), Technometrics 22, 65-69 (the posterior); Cox and Snell (1981), example T (the data)"
DATA = "12 intervals between failures of the air conditioning of an aircraft, in hours (Proschan 1963)"
FACTORS = [("a", "b")]
APPROXIMATE = {"a": "quadrature", "b": "quadrature"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("gamma_shape_rate", title="Gamma with unknown shape and rate, jointly")
    n = m.index("n", "N")
    c, d, e, f = m.hyper("c_0 d_0 e_0 f_0")
    a = m.latent("a", Gamma(c, d))
    b = m.latent("b", Gamma(e, f))
    m.observed("x", Gamma(a, b), n)
    return m


def dataset() -> Dataset:
    """The data in hundreds of hours, with the weakly informative hyperparameters of `gamma_shape`."""
    return Dataset({"x": table("aircondit")["hours"] / 100}, {"c_0": 1.2, "d_0": 0.4, "e_0": 0.9, "f_0": 0.3})
