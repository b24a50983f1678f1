"""A sparse matrix of counts as a product of two thin Gamma matrices, over all its cells, of which most are zero.

For purchases, clicks or words of documents: the mean Σ_k theta beta of a count is a term of every cell, and its sum
over all of them is a product of sums; what shares out a count is needed only where there is one. Each row and each
column has a rate of its own, how much it has of anything.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Gamma, Model, Poisson, Sum
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Gopalan, Hofman and Blei (2015), Scalable recommendation with hierarchical Poisson factorization, section 2"
DATA = "Word counts of the docstrings of modules of the Python standard library, documents by words"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("sparse_poisson_factorisation", title="Poisson factorisation of a sparse matrix")
    u, i, k = m.index("u", "U"), m.index("i", "I"), m.index("k", "K")
    a, a0, b0, c, c0, d0 = m.hyper("a a_0 b_0 c c_0 d_0")
    xi = m.latent("xi", Gamma(a0, a0 / b0), u)
    eta = m.latent("eta", Gamma(c0, c0 / d0), i)
    theta = m.latent("theta", Gamma(a, xi[u]), u, k)
    beta = m.latent("beta", Gamma(c, eta[i]), i, k)
    z = m.latent("z", Poisson(theta[u, k] * beta[i, k]), u, i, k)
    m.observed("y", Sum(z[u, i, k], k), u, i, sparse=True)
    return m


def counts() -> np.ndarray:
    """Documents by words, as a whole array."""
    words = table("library_words")
    doc, word = words["doc"].astype(int), words["w"].astype(int)
    y = np.zeros((doc.max() + 1, word.max() + 1))
    np.add.at(y, (doc, word), words["count"])
    return y


def dataset() -> Dataset:
    """The data with the hyperparameters of the article."""
    hyper = {"a": 0.3, "a_0": 0.3, "b_0": 1.0, "c": 0.3, "c_0": 0.3, "d_0": 1.0}
    return Dataset({"y": counts()}, hyper, {"K": 4})
