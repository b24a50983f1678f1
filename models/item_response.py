"""Answers to the items of a test: the ability of a person, and how difficult and how telling an item is.

For tests and questionnaires of right and wrong answers; patterns of answers that many persons share stand once, with
their number as weight.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Bernoulli, Model, Normal, sigmoid
from cavi.models import Dataset
from cavi.models._files import matrix, table

SOURCE = "Birnbaum (1968), in Lord and Novick, chapter 17; Bock and Lieberman (1970), Psychometrika 35, 179-197"
DATA = "1000 persons, five items of the Law School Admission Test, by pattern (Bock and Lieberman 1970)"
BOUNDS = {"y": "jaakkola_jordan"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("item_response", title="Two-parameter logistic item response model")
    n, j = m.index("n", "N"), m.index("j", "J")
    tau_a, tau_b = m.hyper("tau_a tau_b")
    count = m.covariate("count", n)
    theta = m.latent("theta", Normal(0, 1), n, weight=count[n])
    a = m.latent("a", Normal(1, tau_a), j)
    b = m.latent("b", Normal(0, tau_b), j)
    m.observed("y", Bernoulli(sigmoid(a[j] * theta[n] - b[j])), n, j, weight=count[n])
    return m


def dataset() -> Dataset:
    """The data with weakly informative priors of the slopes and the difficulties."""
    y = matrix("lsat", "item_")
    count = np.asarray(table("lsat")["count"])
    return Dataset({"y": y, "count": count}, {"tau_a": 4.0, "tau_b": 0.25})
