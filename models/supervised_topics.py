"""Supervised topics: documents of words with a response that is linear in the shares of the topics.

For texts with a number attached (a rating, a size), where topics should explain both the words and the number. The
covariate `share` is one over the length of a word's document in that document, and zero in the others.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal, Sum
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Blei and McAuliffe (2007), Supervised topic models, section 2, with priors on eta, sigma and beta"
DATA = "Names of 58 masses among the CODATA physical constants, with the decimal logarithms of their values"
FACTORS = (("eta",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("supervised_topics", title="Supervised latent Dirichlet allocation")
    n, d = m.index("n", "N"), m.index("d", "D")
    k, v = m.index("k", "K"), m.index("v", "V")
    alpha, lam, kappa, a, b = m.hyper("alpha lambda_0 kappa_0 a_0 b_0")
    share = m.covariate("share", d, n)
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(alpha, over=k), d)
    beta = m.latent("beta", Dirichlet(lam, over=v), k)
    eta = m.latent("eta", Normal(0, kappa), k)
    tau = m.latent("tau", Gamma(a, b))
    z = m.latent("z", Categorical(theta[doc[n]]), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    m.observed("y", Normal(Sum(share[d, n] * eta[z[n]], n), tau), d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters; magnitudes are standardised."""
    words = table("masses_words")
    member = words["doc"] == np.arange(58)[:, None]
    share = member / member.sum(axis=1, keepdims=True)
    data = {"w": words["w"], "doc": words["doc"], "share": share, "y": standardised(table("masses")["magnitude"])}
    hyper = {"alpha": 0.5, "lambda_0": 0.2, "kappa_0": 0.3, "a_0": 1.0, "b_0": 0.1}
    return Dataset(data, hyper, {"K": 3})
