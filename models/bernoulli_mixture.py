"""A mixture of independent Bernoullis: binary images in clusters."""

from __future__ import annotations

from cavi.derive import Bernoulli, Beta, Categorical, Dirichlet, Model
from cavi.models import Dataset
from cavi.models._files import matrix

SOURCE = "Bishop (2006), section 9.3.3, equations 9.44-9.60, made Bayesian"
DATA = "210 handwritten digits 0, 1 and 2, 8 by 8 pixels, cut at half intensity"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("bernoulli_mixture", title="Mixture of Bernoullis")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    alpha, a, b = m.hyper("alpha_0 a_0 b_0")
    pi = m.latent("pi", Dirichlet(alpha, over=k))
    p = m.latent("p", Beta(a, b), k, d)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Bernoulli(p[z[n], d]), n, d)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    x = (matrix("digits", "x_") > 7.5).astype(float)
    return Dataset({"x": x}, {"alpha_0": 1.0, "a_0": 0.7, "b_0": 0.7}, {"K": 3})
