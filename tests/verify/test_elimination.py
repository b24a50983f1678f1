"""The evidence by elimination against closed forms of conjugate models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, gammaln

from cavi.derive import Bernoulli, Beta, Categorical, Gamma, Model, Normal, Poisson, derive
from cavi.verify.arithmetic import precise, precision, to_float
from cavi.verify.averages import Infeasible
from cavi.verify.claim import Claim
from cavi.verify.elimination import log_evidence
from cavi.verify.instance import make_instance
from cavi.verify.state import State


def _evidence(model: Model) -> tuple[float, dict[str, np.ndarray]]:
    claim = Claim(derive(model).plain())
    instance = make_instance(claim, 5)
    with precision(60):
        value, digits = log_evidence(State(claim, instance, precise(), 20))
    assert digits > 8
    known = {n: np.array([float(x) for _, x in sorted(t.items())]) for n, t in instance.data.items()}
    return to_float(value), known


def test_normal_mean() -> None:
    m = Model("mean")
    n, (m0, k, t) = m.index("n", "N"), m.hyper("m_0 k t")
    m.observed("x", Normal(m.latent("mu", Normal(m0, k * k)), t * t), n)
    value, d = _evidence(m)
    size = len(d["x"])
    cov = np.eye(size) / d["t"] ** 2 + np.ones((size, size)) / d["k"] ** 2
    assert value == pytest.approx(stats.multivariate_normal.logpdf(d["x"], np.full(size, d["m_0"][0]), cov), abs=1e-8)


def test_gamma_poisson() -> None:
    m = Model("rates")
    n, (a, b) = m.index("n", "N"), m.hyper("a b")
    m.observed("x", Poisson(m.latent("lam", Gamma(a, b))), n)
    value, d = _evidence(m)
    a0, b0, x = d["a"][0], d["b"][0], d["x"]
    expected = a0 * math.log(b0) - gammaln(a0) + gammaln(a0 + x.sum()) - gammaln(x + 1).sum()
    assert value == pytest.approx(expected - (a0 + x.sum()) * math.log(b0 + len(x)), abs=1e-8)


def test_beta_bernoulli() -> None:
    m = Model("coins")
    n, (a, b) = m.index("n", "N"), m.hyper("a b")
    m.observed("x", Bernoulli(m.latent("p", Beta(a + 1, b + 1))), n)
    value, d = _evidence(m)
    a0, b0, x = d["a"][0] + 1, d["b"][0] + 1, d["x"]
    assert value == pytest.approx(betaln(a0 + x.sum(), b0 + len(x) - x.sum()) - betaln(a0, b0), abs=1e-8)


def test_categories_are_enumerated() -> None:
    m = Model("labels")
    n, k = m.index("n", "N"), m.index("k", "K")
    p, mu, t = m.hyper("p", k), m.hyper("mu", k), m.hyper("t")
    z = m.latent("z", Categorical(p), n)
    m.observed("x", Normal(mu[z[n]], t), n)
    value, d = _evidence(m)
    each = d["p"] * stats.norm.pdf(d["x"][:, None], d["mu"], d["t"][0] ** -0.5)
    assert value == pytest.approx(np.log(each.sum(axis=1)).sum(), abs=1e-8)


def test_what_cannot_be_afforded_is_refused() -> None:
    m = Model("wide")
    n, a, b = m.index("n", "N"), m.index("a", "A"), m.index("b", "B")
    w, v = m.latent("w", Normal(0, 1), a, b), m.latent("v", Normal(0, 1), a, b)
    x = m.covariate("X", n, a, b)
    from cavi.derive import Sum

    m.observed("y", Normal(Sum(Sum((w[a, b] + v[a, b]) * x[n, a, b], a), b), 1), n)
    with pytest.raises(Infeasible, match="couples"):
        _evidence(m)
