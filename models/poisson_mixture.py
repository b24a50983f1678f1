"""A mixture of Poissons with counts of equal days as weights."""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Poisson
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Hasselblad (1969), Estimation of finite mixtures of distributions from the exponential family"
DATA = "Deaths of women over 80 in The Times, 1910-1912, by day"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("poisson_mixture", title="Mixture of Poissons")
    n, k = m.index("n", "N"), m.index("k", "K")
    alpha, a, b = m.hyper("alpha_0 a_0 b_0")
    days = m.covariate("days", n)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    lam = m.latent("lam", Gamma(a, b), k)
    z = m.latent("z", Categorical(pi), n, weight=days[n])
    m.observed("x", Poisson(lam[z[n]]), n, weight=days[n])
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("death_notices")
    hyper = {"alpha_0": 1.5, "a_0": 2.0, "b_0": 0.9}
    return Dataset({"x": columns["deaths"], "days": columns["days"]}, hyper, {"K": 2})
