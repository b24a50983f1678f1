"""Proportions that vary more than a binomial's: their probabilities are drawn from one Beta and integrated out."""

from __future__ import annotations

from cavi.derive import BetaBinomial, Gamma, Model
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Gelman et al. (2013), section 5.1; Minka (2000), appendix C (the bounds)"
DATA = "Tumours of 1,739 female rats in 71 control groups (Tarone 1982; Gelman et al. 2013, table 5.1)"
BOUNDS = {"y": "minka"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("beta_binomial", title="Beta-binomial proportions")
    n = m.index("n", "N")
    c, d, e, f = m.hyper("c_0 d_0 e_0 f_0")
    rats = m.covariate("rats", n)
    a = m.latent("a", Gamma(c, d))
    b = m.latent("b", Gamma(e, f))
    m.observed("y", BetaBinomial(rats[n], a, b), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("rat_tumours")
    hyper = {"c_0": 1.2, "d_0": 0.3, "e_0": 1.1, "f_0": 0.1}
    return Dataset({"y": columns["tumours"], "rats": columns["rats"]}, hyper)
