"""Regression of counts that vary more than a Poisson's, with Pólya-Gamma variables.

The number of successes r is known; the mean count is r exp(w x), and its variance exceeds the mean by a share 1/r of
the mean's square.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Model, NegativeBinomial, Normal, dot, sigmoid
from cavi.models import Dataset
from cavi.models._files import standardised, table

SOURCE = "Polson, Scott and Windle (2013), JASA 108, 1339-1349, section 1"
DATA = "Failures of ten pumps against the logarithm of their hours (Gaver and O'Muircheartaigh 1987)"
FACTORS = (("w",),)
AUGMENT = {"y": "polya_gamma"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("negative_binomial_regression", title="Negative binomial regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    alpha, r = m.hyper("alpha_0 r")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), d)
    m.observed("y", NegativeBinomial(r, sigmoid(-dot(w, x[n]))), n)
    return m


def dataset() -> Dataset:
    """The data with a weakly informative prior; the variance exceeds the mean by half its square."""
    found = table("pumps")
    design = np.column_stack([np.ones(len(found["y"])), standardised(np.log(found["exposure"]))])
    return Dataset({"X": design, "y": found["y"]}, {"alpha_0": 0.1, "r": 2.0})
