"""True classes from the labels of several observers, each with error rates of its own.

For items that were classified by people who err, without a gold standard: the classes and every observer's matrix
of error rates are found together.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Dirichlet, Model
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Dawid and Skene (1979), Applied Statistics 28, 20-28, sections 2-4, with Dirichlet priors"
DATA = "Fitness for anaesthesia of 45 patients in four grades by five anaesthetists, one of them three times"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("dawid_skene", title="Error rates of observers without a gold standard")
    n, i, k = m.index("n", "N"), m.index("i", "I"), m.index("k", "K")
    j, h = m.index("j", "J"), m.index("l", "J")
    alpha = m.hyper("alpha")
    beta = m.hyper("beta", j, h)
    patient, observer = m.observed_index("patient", n, over=i), m.observed_index("observer", n, over=k)
    p = m.latent("p", Dirichlet(alpha, over=j))
    pi = m.latent("pi", Dirichlet(beta[j], over=h), k, j)
    t = m.latent("T", Categorical(p), i)
    m.observed("x", Categorical(pi[observer[n], t[patient[n]]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters: an observer is more often right than not."""
    columns = table("anaesthetists")
    data = {"x": columns["grade"], "patient": columns["patient"], "observer": columns["observer"]}
    return Dataset(data, {"alpha": 1.0, "beta": 0.2 + 1.3 * np.eye(4)})
