"""Latent Dirichlet allocation, tokens gathered by document and word with their counts."""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Model
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Blei, Ng and Jordan (2003), section 5; Hoffman et al. (2013), section 4"
DATA = "Word counts of the docstrings of modules of the Python standard library"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("lda", title="Latent Dirichlet allocation")
    n, d = m.index("n", "N"), m.index("d", "D")
    k, v = m.index("k", "K"), m.index("v", "V")
    alpha, eta = m.hyper("alpha eta")
    count = m.covariate("count", n)
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(alpha, over=k), d)
    beta = m.latent("beta", Dirichlet(eta, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n, weight=count[n])
    m.observed("w", Categorical(beta[z[n]]), n, weight=count[n])
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("library_words")
    data = {"w": columns["w"], "doc": columns["doc"], "count": columns["count"]}
    return Dataset(data, {"alpha": 0.3, "eta": 0.2}, {"K": 4})
