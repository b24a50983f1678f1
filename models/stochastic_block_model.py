"""A stochastic block model of an undirected graph: the blocks of its two ends give an edge its probability.

For one network whose vertices fall into groups that connect alike, whether densely within or across groups. The known
table `pair` numbers the unordered pairs of groups, so that both orders have one probability.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Bernoulli, Beta, Categorical, Dirichlet, Model
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Nowicki and Snijders (2001); Latouche, Birmele and Ambroise (2012), section 3, undirected"
DATA = "Friendships of the 34 members of a karate club (Zachary 1977)"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("stochastic_block_model", title="Stochastic block model")
    i, j = m.index("i", "N"), m.index("j", "N")
    q, r, u = m.index("q", "Q"), m.index("r", "Q"), m.index("u", "U")
    n0, eta, zeta = m.hyper("n_0 eta_0 zeta_0")
    pair = m.observed_index("pair", q, r, over=u)
    alpha = m.latent("alpha", Dirichlet(n0, over=q))
    pi = m.latent("pi", Beta(eta, zeta), u)
    z = m.latent("z", Categorical(alpha), i)
    m.observed("x", Bernoulli(pi[pair[z[i], z[j]]]), i, j, where=i < j)
    return m


def adjacency() -> np.ndarray:
    """The symmetric matrix of zeros and ones of the karate club, which two models share."""
    edges = table("karate")
    first, second = edges["member"].astype(int), edges["friend"].astype(int)
    x = np.zeros((34, 34))
    x[first, second] = x[second, first] = 1
    return x


def pairs(groups: int) -> np.ndarray:
    """The number of each unordered pair of groups, by its two groups in either order."""
    pair = np.zeros((groups, groups), int)
    first, second = np.triu_indices(groups)
    pair[first, second] = pair[second, first] = np.arange(len(first))
    return pair


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    return Dataset({"x": adjacency(), "pair": pairs(2)}, {"n_0": 0.5, "eta_0": 0.5, "zeta_0": 0.5})
