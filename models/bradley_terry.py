"""Strengths from comparisons in pairs: the odds that one beats another are the ratio of their strengths.

For tournaments, preferences and ratings; the logarithms of all strengths stay together in q.
"""

from __future__ import annotations

from cavi.derive import Binomial, Model, Normal, sigmoid
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Bradley and Terry (1952), Biometrika 39, 324-345; Agresti (2002), Categorical Data Analysis, 10.6"
DATA = "Games won among seven baseball teams of the American League in 1987 (Agresti 2002, table 10.10)"
FACTORS = (("s",),)
BOUNDS = {"y": "jaakkola_jordan"}


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("bradley_terry", title="Bradley-Terry model of paired comparisons")
    n, k = m.index("n", "N"), m.index("k", "K")
    tau = m.hyper("tau_0")
    games = m.covariate("games", n)
    first, second = m.observed_index("first", n, over=k), m.observed_index("second", n, over=k)
    s = m.latent("s", Normal(0, tau), k)
    m.observed("y", Binomial(games[n], sigmoid(s[first[n]] - s[second[n]])), n)
    return m


def dataset() -> Dataset:
    """The data with a weakly informative prior; the teams in the order of their wins."""
    t = table("american_league")
    data = {"y": t["wins"], "games": t["games"], "first": t["first"].astype(int), "second": t["second"].astype(int)}
    return Dataset(data, {"tau_0": 1.0})
