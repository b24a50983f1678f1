"""A hidden Markov model of symbols: several sequences laid end to end, states that emit symbols of an alphabet.

For sequences of symbols (letters, words, bases) whose distribution depends on a hidden state that persists or
alternates. The states of a sequence stay together in q, so one sweep is one forward-backward pass.
"""

from __future__ import annotations

from cavi.derive import Categorical, Dirichlet, Model
from cavi.models import Dataset
from cavi.models._files import table

SOURCE = "Beal (2003), Variational algorithms for approximate Bayesian inference, sections 3.1-3.4"
DATA = "Letters of 120 English words of the Python documentation (after Cave and Neuwirth 1980)"


def declare() -> Model:
    """The model as on the whiteboard."""
    m = Model("hmm_categorical", title="Hidden Markov model of symbols")
    t, v = m.index("t", "T"), m.index("v", "V")
    j, k = m.index("j", "K"), m.index("k", "K")
    u_pi, u_a, u_c = m.hyper("u_pi u_A u_C")
    start = m.covariate("start", t)
    pi = m.latent("pi", Dirichlet(u_pi, over=j))
    a = m.latent("A", Dirichlet(u_a, over=k), j)
    c = m.latent("C", Dirichlet(u_c, over=v), j)
    s = m.latent("s", lambda s: Categorical(a[s[t - 1]], over=j), t, initial=Categorical(pi), starts=start)
    m.observed("y", Categorical(c[s[t]]), t)
    return m


def dataset() -> Dataset:
    """The data with weakly informative hyperparameters."""
    columns = table("letters")
    data = {"y": columns["letter"], "start": columns["start"]}
    return Dataset(data, {"u_pi": 1.0, "u_A": 1.0, "u_C": 0.5}, {"K": 2, "V": 26})
