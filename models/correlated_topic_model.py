"""Topics whose proportions vary together: the softmax of a Normal vector for each document, all in closed form.

As latent Dirichlet allocation, with a full covariance between the logarithms of the proportions. The quadratic bound of
the softmax keeps the factor of a document Normal.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Model, MultivariateNormal, Wishart, softmax
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Blei and Lafferty (2007), Ann. Appl. Statist. 1, 17-35; Böhning (1992); Murphy (2012), 21.8.2 and 27.4.1"
DATA = "Word counts of the docstrings of 38 modules of the Python standard library"
FACTORS = (("mu", "Lambda"),)
BOUNDS = {"z": "boehning"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("correlated_topic_model", title="Correlated topic model")
    n, d = m.index("n", "N"), m.index("d", "D")
    k, j, v = m.index("k", "K"), m.index("j", "K"), m.index("v", "V")
    kappa, nu, gamma = m.hyper("kappa_0 nu_0 gamma_0")
    w0 = m.hyper("W_0", k, j)
    count = m.covariate("count", n)
    doc = m.observed_index("doc", n, over=d)
    precision = m.latent("Lambda", Wishart(nu, w0, over=k))
    mu = m.latent("mu", MultivariateNormal(0, kappa * precision, over=k))
    eta = m.latent("eta", MultivariateNormal(mu, precision), d)
    beta = m.latent("beta", Dirichlet(gamma, over=v), k)
    z = m.latent("z", Categorical(softmax(eta[doc[n]])), n, weight=count[n])
    m.observed("w", Categorical(beta[z[n]]), n, weight=count[n])
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("library_words")
    data = {"w": columns["w"], "doc": columns["doc"], "count": columns["count"]}
    hyper = {"kappa_0": 1.0, "nu_0": 5.0, "W_0": np.eye(3) / 5, "gamma_0": 0.2}
    return Dataset(data, hyper, {"K": 3})
