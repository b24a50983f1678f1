"""Counts that vary more than a Poisson's: a negative binomial whose number and probability are both unknown.

The mean is m = r (1 - p) / p, and the variance m + m²/r: the smaller r, the more the counts come in clumps.
"""

from __future__ import annotations

from cavi.derive import Beta, Gamma, Model, NegativeBinomial
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Bliss and Fisher (1953), Biometrics 9, 176-200; Minka (2000), appendix C (the bound)"
DATA = "European red mites on 150 apple leaves (Bliss and Fisher 1953, table 1), equal counts gathered"
BOUNDS = {"y": "minka"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("negative_binomial", title="Negative binomial counts")
    n = m.index("n", "N")
    a, b, c, d = m.hyper("a_0 b_0 c_0 d_0")
    leaves = m.covariate("leaves", n)
    r = m.latent("r", Gamma(a, b))
    p = m.latent("p", Beta(c, d))
    m.observed("y", NegativeBinomial(r, p), n, weight=leaves[n])
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("red_mites")
    hyper = {"a_0": 1.3, "b_0": 0.7, "c_0": 1.1, "d_0": 0.9}
    return Dataset({"y": columns["mites"], "leaves": columns["leaves"]}, hyper)
