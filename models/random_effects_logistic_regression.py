"""Logistic regression of proportions that vary more than a binomial's: an effect of its own for every group.

Weights and effects are separate Normals by choice; the expectation of log(1 + exp(u)) under both is one over u, a
Normal number with the sum of their means and of their variances.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Binomial, Gamma, Model, Normal, dot, sigmoid
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Breslow and Clayton (1993), section 6.1 (the model); Khan and Lin (2017), section 3 (the method)"
DATA = "Seeds of two plants that germinated on two root extracts, 21 plates (Crowder 1978, table 3)"
FACTORS = (("w",),)
APPROXIMATE = {"w": "cvi", "b": "cvi"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("random_effects_logistic_regression", title="Random-effects logistic regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    shape, rate, alpha = m.hyper("a_0 b_0 alpha_0")
    x, seeds = m.covariate("X", n, d), m.covariate("seeds", n)
    tau = m.latent("tau", Gamma(shape, rate))
    w = m.latent("w", Normal(0, alpha), d)
    b = m.latent("b", Normal(0, tau), n)
    m.observed("y", Binomial(seeds[n], sigmoid(dot(w, x[n]) + b[n])), n)
    return m


def dataset() -> Dataset:
    """Variety, extract and their interaction, with a weak prior on the precision of the plates."""
    found = table("seeds")
    variety, extract = found["variety"], found["extract"]
    design = np.column_stack([np.ones(len(variety)), variety, extract, variety * extract])
    data = {"X": design, "seeds": found["seeds"], "y": found["germinated"]}
    return Dataset(data, {"a_0": 1.5, "b_0": 0.2, "alpha_0": 0.1})
