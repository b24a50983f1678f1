"""Instances: in the support, generic, repeatable, exact through JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from cavi.derive import (
    Beta,
    Binomial,
    Gamma,
    Model,
    MultivariateNormal,
    Normal,
    Pareto,
    TruncatedNormal,
    derive,
    inverse,
)
from cavi.verify.claim import Claim
from cavi.verify.instance import InstanceError, make_instance
from cavi.verify.instance_json import instance_from_json, instance_to_json


def test_an_instance_is_generic_and_repeatable(mixture: dict[str, Any]) -> None:
    claim = Claim(mixture)
    for seed in range(20):
        found = make_instance(claim, seed)
        assert found == make_instance(claim, seed)
        values = [x for name in ("alpha", "a", "b") for x in found.data[name].values()]
        values += [x for q in (found.q["lam"], found.q["pi"]) for t in q.values() for x in t.values()]
        assert all(x > 0 and x.denominator > 1 for x in values)
        assert any(x > 0 for x in found.data["x"].values())
        rows: dict[int, Any] = {}
        for (n, _), x in found.q["z"]["probs"].items():
            rows[n] = rows.get(n, 0) + x
        assert set(rows.values()) == {1}


def test_an_instance_survives_json(mixture: dict[str, Any]) -> None:
    claim = Claim(mixture)
    found = make_instance(claim, 3)
    assert instance_from_json(claim, json.loads(json.dumps(instance_to_json(found)))) == found


def _supports() -> Model:
    m = Model("supports")
    n, g = m.index("n", "N"), m.index("g", "G")
    low, high, a, b, c = m.hyper("low high a b c")
    group, total = m.observed_index("group", n, over=g), m.covariate("total", n)
    mu = m.latent("mu", TruncatedNormal(a, b, lower=low, upper=high), g)
    p, s = m.latent("p", Beta(b, c)), m.latent("s", Gamma(b, c))
    m.observed("x", Normal(mu[group[n]], 2), n)
    m.observed("y", Binomial(total[n], p), n)
    m.observed("z", Pareto(s, c), n)
    return m


def test_values_respect_their_supports() -> None:
    claim = Claim(derive(_supports()).plain())
    for seed in range(10):
        data = make_instance(claim, seed).data
        assert data["low"][()] < data["high"][()]
        assert set(data["group"].values()) == {0, 1}
        assert all(0 <= data["y"][at] <= total for at, total in data["total"].items())
        assert all(x > data["c"][()] for x in data["z"].values())


def test_arguments_that_are_made_of_hyperparameters_lie_in_their_domains() -> None:
    """A Pitman-Yor process has sticks Beta(1 - s, a + k s): an s above 1 is no instance of it."""
    m = Model("sticks")
    n, k = m.index("n", "N"), m.index("k", "K")
    s, a = m.hyper("s a")
    v = m.latent("v", Beta(1 - s, a + s), k)
    m.observed("x", Binomial(3, v[k]), n, k)
    claim = Claim(derive(m).plain())
    assert all(make_instance(claim, seed).data["s"][()] < 1 for seed in range(10))


def test_an_inverse_with_a_scale_is_of_a_positive_definite_matrix() -> None:
    m = Model("process")
    n, i = m.index("n", "N"), m.index("i", "N")
    kernel = m.hyper("K", n, i)
    scale = m.latent("scale", Gamma(2, 2))
    f = m.latent("f", MultivariateNormal(0, scale * inverse(kernel), over=i))
    m.observed("y", Normal(f[n], 3), n)
    claim = Claim(derive(m).plain())
    for seed in range(5):
        found = make_instance(claim, seed).data["K"]
        side = 1 + max(row for row, _ in found)
        np.linalg.cholesky([[float(found[r, c]) for c in range(side)] for r in range(side)])


def test_an_impossible_support_is_reported() -> None:
    m = Model("impossible")
    n, low = m.index("n", "N"), m.hyper("low")
    mu = m.latent("mu", TruncatedNormal(0, 1, lower=low, upper=low))
    m.observed("x", Normal(mu, 2), n)
    with pytest.raises(InstanceError, match="declared supports"):
        make_instance(Claim(derive(m).plain()), 0)
