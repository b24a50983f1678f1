"""Matrix factorisation with Normal-Wishart hyperpriors: what the users have in common is learned, and so for items.

For tables of ratings with most entries missing: each rating is the product of a user's and an item's vector. Their
means and precision matrices are unknown too, so that nothing but the weight of the noise has to be tuned.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Model, MultivariateNormal, Normal, NormalWishart, dot
from cavi.models import Dataset
from cavi.models._files import matrix, standardised

SOURCE = "Salakhutdinov and Mnih (2008), Bayesian probabilistic matrix factorization, section 3.1, equations 5-9"
DATA = "13 measurements of every third of 178 wines (UCI), standardised, one value in five left out"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("matrix_factorisation_wishart", title="Bayesian probabilistic matrix factorisation")
    n, i, j = m.index("n", "N"), m.index("i", "I"), m.index("j", "J")
    d, e = m.index("d", "D"), m.index("e", "D")
    alpha, beta, nu = m.hyper("alpha beta_0 nu_0")
    mu0, w0 = m.hyper("mu_0", d), m.hyper("W_0", d, e)
    user, item = m.observed_index("user", n, over=i), m.observed_index("item", n, over=j)
    mu_u, lam_u = m.latent("mu_U Lambda_U", NormalWishart(mu0, beta, nu, w0, over=d))
    mu_v, lam_v = m.latent("mu_V Lambda_V", NormalWishart(mu0, beta, nu, w0, over=d))
    u = m.latent("U", MultivariateNormal(mu_u, lam_u), i)
    v = m.latent("V", MultivariateNormal(mu_v, lam_v), j)
    m.observed("R", Normal(dot(u[user[n]], v[item[n]]), alpha), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    ratings = standardised(matrix("wine", "x_"))[::3]
    user, item = np.nonzero((np.add.outer(np.arange(60), 2 * np.arange(13)) % 5) != 0)
    hyper = {"alpha": 4.0, "beta_0": 2.0, "nu_0": 2.0, "mu_0": np.zeros(2), "W_0": np.eye(2) / 2}
    return Dataset({"R": ratings[user, item], "user": user, "item": item}, hyper, {"I": 60, "J": 13})
