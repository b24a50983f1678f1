"""Naive Bayes for counts with labels on some items only; labelled and unlabelled items share parameters."""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Model, Multinomial
from cavi.models import Dataset
from cavi.models._files import matrix, table

SOURCE = "Nigam et al. (2000), Text classification from labeled and unlabeled documents using EM"
DATA = "Pixel intensities of handwritten digits 0, 1 and 2, the first 30 labelled"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("naive_bayes", title="Naive Bayes with partly missing labels")
    n, u = m.index("n", "N"), m.index("u", "U")
    k, v = m.index("k", "K"), m.index("v", "V")
    alpha, beta = m.hyper("alpha_0 beta_0")
    labelled_total, unlabelled_total = m.covariate("labelled_total", n), m.covariate("unlabelled_total", u)
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    theta = m.latent("theta", Dirichlet(beta, over=v), k)
    label = m.observed("label", Categorical(pi), n)
    z = m.latent("z", Categorical(pi), u)
    m.observed("labelled", Multinomial(labelled_total[n], theta[label[n]]), n)
    m.observed("unlabelled", Multinomial(unlabelled_total[u], theta[z[u]]), u)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    counts, digit = matrix("digits", "x_"), table("digits")["digit"]
    labelled, unlabelled = counts[:30], counts[30:]
    data = {
        "label": digit[:30],
        "labelled": labelled,
        "unlabelled": unlabelled,
        "labelled_total": labelled.sum(axis=1),
        "unlabelled_total": unlabelled.sum(axis=1),
    }
    return Dataset(data, {"alpha_0": 1.5, "beta_0": 0.7})
