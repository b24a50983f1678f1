"""A mixed-membership block model: in each pair, either end picks a group anew from its own memberships.

For one network whose vertices belong to several groups in part. Pairs are given as a list, so that they may be all
ordered pairs, all unordered ones, or a sample of them. The known table `pair` numbers the pairs of groups: here the
unordered ones, so that both orders have one probability.
"""

from __future__ import annotations

import numpy as np

from cavi.derive import Bernoulli, Beta, Categorical, Dirichlet, Model
from cavi.models import Dataset
from cavi.models.stochastic_block_model import adjacency, pairs

SOURCE = "Airoldi, Blei, Fienberg and Xing (2008), sections 2 and 4, with a Beta prior on B"
DATA = "Friendships of the 34 members of a karate club (Zachary 1977), every pair once"
FACTORS = (("z_from", "z_to"),)


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("mixed_membership_block_model", title="Mixed-membership block model")
    n, p = m.index("n", "N"), m.index("p", "P")
    g, h, u = m.index("g", "K"), m.index("h", "K"), m.index("u", "U")
    alpha, a, b = m.hyper("alpha a_0 b_0")
    sender, receiver = m.observed_index("sender", n, over=p), m.observed_index("receiver", n, over=p)
    pair = m.observed_index("pair", g, h, over=u)
    pi = m.latent("pi", Dirichlet(alpha, over=g), p)
    blocks = m.latent("B", Beta(a, b), u)
    z_from = m.latent("z_from", Categorical(pi[sender[n]]), n)
    z_to = m.latent("z_to", Categorical(pi[receiver[n]], over=h), n)
    m.observed("Y", Bernoulli(blocks[pair[z_from[n], z_to[n]]]), n)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    y = adjacency()
    first, second = np.triu_indices(len(y), 1)
    data = {"Y": y[first, second], "sender": first, "receiver": second, "pair": pairs(2)}
    return Dataset(data, {"alpha": 0.2, "a_0": 1.0, "b_0": 1.0})
