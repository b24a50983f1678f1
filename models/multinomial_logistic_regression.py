"""Classes by a linear score each, through the softmax, with a quadratic bound of fixed curvature.

The scores of all classes stay together in q. Since the curvature of the bound does not change, the precision of the
weights is computed once; the steps are those of a gradient ascent with that matrix, safe and not fast.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Categorical, Model, Normal, dot, softmax
from cavi.models import Dataset
from cavi.models._files import matrix, standardised, table

SOURCE = "Böhning (1992), Ann. Inst. Statist. Math. 44, 197-200; Murphy (2012), 21.8.2; Bishop (2006), 4.3.4"
DATA = "Every fifth of 150 iris flowers: species by four measurements (Fisher 1936)"
FACTORS = (("w",),)
BOUNDS = {"y": "boehning"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("multinomial_logistic_regression", title="Multinomial logistic regression")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    alpha = m.hyper("alpha_0")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, alpha), k, d)
    m.observed("y", Categorical(softmax(dot(w[k], x[n]), over=k)), n)
    return m


def dataset() -> Dataset:
    """The data with a prior that keeps scores of separable classes finite."""
    x = standardised(matrix("iris", "x_"))[::5]
    design = np.column_stack([np.ones(len(x)), x])
    y = table("iris")["species"][::5].astype(int)
    return Dataset({"X": design, "y": y}, {"alpha_0": 1.0}, {"K": 3})
