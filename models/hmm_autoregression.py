"""An autoregression whose level, slope and noise switch with a hidden Markov chain.

For one series with regimes: in each, the next value is a noisy linear function of the last one.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Hamilton (1989), Econometrica 57, 357-384; Fruehwirth-Schnatter (2006), section 12.2"
DATA = "Quarterly growth of production in percent, United States 1959-2009"
FACTORS = (("zeta", "phi"),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("hmm_autoregression", title="Markov switching autoregression")
    t, j, k = m.index("t", "T"), m.index("j", "K"), m.index("k", "K")
    e, b0, c0, c1, m0, v0 = m.hyper("e_0 b_0 c_0 C_0 y_0 V_0")
    pi = m.latent("pi", Dirichlet(e, over=j))
    xi = m.latent("xi", Dirichlet(e, over=k), j)
    zeta = m.latent("zeta", Normal(0, b0), j)
    phi = m.latent("phi", Normal(0, b0), j)
    tau = m.latent("tau", Gamma(c0, c1), j)
    s = m.latent("s", lambda s: Categorical(xi[s[t - 1]], over=j), t, initial=Categorical(pi))
    m.observed(
        "y",
        lambda y: Normal(zeta[s[t]] + phi[s[t]] * y[t - 1], tau[s[t]]),
        t,
        initial=Normal(m0, variance=v0),
    )
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    y = 100 * np.diff(np.log(table("macro")["realgdp"]))
    hyper = {"e_0": 1.0, "b_0": 1.0, "c_0": 2.0, "C_0": 1.0, "y_0": 0.8, "V_0": 1.0}
    return Dataset({"y": y}, hyper, {"K": 2})
