"""Latent class analysis: a mixture of categoricals over several items."""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Model
from cavi.models import Dataset
from cavi.models._files import matrix

SOURCE = "Goodman (1974), Exploratory latent structure analysis, table 1; Murphy (2012), 11.2.2"
DATA = "216 answers on role conflict, four items (Stouffer and Toby 1951)"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("latent_class", title="Latent class analysis")
    n, k = m.index("n", "N"), m.index("k", "K")
    j, v = m.index("j", "J"), m.index("v", "V")
    alpha, beta = m.hyper("alpha_0 beta_0")
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    theta = m.latent("theta", Dirichlet(beta, over=v), k, j)
    z = m.latent("z", Categorical(pi), n)
    m.observed("y", Categorical(theta[z[n], j]), n, j)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    return Dataset({"y": matrix("role_conflict", "y_")}, {"alpha_0": 1.5, "beta_0": 0.7}, {"K": 2})
