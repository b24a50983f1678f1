"""Two crossed random effects around a common mean."""

from __future__ import annotations

from cavi.derive import Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Gelman (2005), Analysis of variance; Box, Hunter and Hunter (2005), section 4.2"
DATA = "Yield of penicillin by blend and treatment, less 86"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("crossed_anova", title="Two crossed random effects")
    n, g, h = m.index("n", "N"), m.index("g", "G"), m.index("h", "H")
    m0, kappa, a, b = m.hyper("m_0 kappa_0 a_0 b_0")
    blend, treatment = m.observed_index("blend", n, over=g), m.observed_index("treatment", n, over=h)
    mu = m.latent("mu", Normal(m0, kappa))
    lam_a, lam_b, tau = m.latent("lam_a", Gamma(a, b)), m.latent("lam_b", Gamma(a, b)), m.latent("tau", Gamma(a, b))
    alpha = m.latent("alpha", Normal(0, lam_a), g)
    beta = m.latent("beta", Normal(0, lam_b), h)
    m.observed("y", Normal(mu + alpha[blend[n]] + beta[treatment[n]], tau), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("penicillin")
    data = {"y": columns["y"] - 86, "blend": columns["blend"], "treatment": columns["treatment"]}
    return Dataset(data, {"m_0": 0.3, "kappa_0": 0.1, "a_0": 1.2, "b_0": 5.0})
