"""A factorial hidden Markov model: several chains at once, whose contributions to the observations add up.

For series whose level is set by several conditions, each on or off for long: M chains of K states describe as much as
one chain of K to the power M states. Every chain stays whole in q and is updated given the others' expected
contributions.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal, Sum
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Ghahramani and Jordan (1997), Machine Learning 29, 245-273, section 2 and appendix D, with conjugate priors"
DATA = "Quarterly unemployment, inflation and bill rate, United States 1959-2009, standardised"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("factorial_hmm", title="Factorial hidden Markov model")
    t, d, c = m.index("t", "T"), m.index("d", "D"), m.index("m", "M")
    j, k = m.index("j", "K"), m.index("k", "K")
    u_pi, u_p, kappa, a, b = m.hyper("u_pi u_P kappa_0 a_0 b_0")
    pi = m.latent("pi", Dirichlet(u_pi, over=j), c)
    p = m.latent("P", Dirichlet(u_p, over=k), c, j)
    w = m.latent("W", Normal(0, kappa), c, j, d)
    tau = m.latent("tau", Gamma(a, b), d)
    s = m.latent("s", lambda s: Categorical(p[c, s[c, t - 1]], over=j), c, t, initial=Categorical(pi[c]))
    m.observed("y", Normal(Sum(w[c, s[c, t], d], c), tau[d]), t, d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("macro")
    inflation = 400 * np.diff(np.log(columns["cpi"]))
    series = np.column_stack([columns["unemp"][1:], inflation, columns["tbilrate"][1:]])
    hyper = {"u_pi": 1.0, "u_P": 1.0, "kappa_0": 0.5, "a_0": 1.0, "b_0": 0.1}
    return Dataset({"y": standardised(series)}, hyper, {"M": 2, "K": 2})
