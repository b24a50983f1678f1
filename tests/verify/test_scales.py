"""A number that multiplies the precision of a Normal is averaged apart: the same value from a smaller grid."""

from __future__ import annotations

import numpy as np
import pytest

from cavi.derive import Gamma, Model, MultivariateNormal, Normal, derive
from cavi.verify.arithmetic import precise, precision, to_float
from cavi.verify.averages import Averages
from cavi.verify.claim import Claim
from cavi.verify.independence import Parts
from cavi.verify.instance import make_instance
from cavi.verify.state import State


def _tails(vector: bool) -> State:
    m = Model("tails")
    n, d, e = m.index("n", "N"), m.index("d", "D"), m.index("e", "D")
    u = m.latent("u", Gamma(3, 3), n)
    if vector:
        p, k = m.hyper("P", d, e), m.latent("k", Gamma(2, 2))
        mu = m.latent("mu", MultivariateNormal(0, p, over=d))
        m.observed("x", MultivariateNormal(mu, u[n] * k * p), n)
        return State(claim := Claim(derive(m).plain()), make_instance(claim, 3), precise(), 20)
    tau = m.latent("tau", Gamma(2, 2))
    mu = m.latent("mu", Normal(0, tau))
    m.observed("x", Normal(mu, u[n] * tau), n)
    claim = Claim(derive(m, factors=[("mu", "tau")]).plain())
    return State(claim, make_instance(claim, 3), precise(), 20)


@pytest.mark.parametrize("vector", [True, False])
def test_the_value_is_that_of_the_whole_grid(vector: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with precision(60):
        state = _tails(vector)
        node = state.claim.variables["x"]
        apart = Averages(state).node(node)
        monkeypatch.setattr(Parts, "scales", lambda *_: {})
        monkeypatch.setattr(Parts, "apart", lambda *_: None)
        whole = Averages(state).node(node)
        assert np.isfinite(to_float(whole))
        assert abs(to_float(apart - whole)) < 1e-18
