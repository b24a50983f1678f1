"""Evidence for points that are found by steps, and mistakes planted in them that must be caught."""

import copy
import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln

from cavi.derive import (
    Bernoulli,
    Categorical,
    Derived,
    Model,
    Normal,
    Poisson,
    derive,
    dot,
    exp,
    sigmoid,
    softmax,
)
from cavi.verify import verify


def classes() -> Derived:
    m = Model("classes")
    n, k = m.index("n", "N"), m.index("k", "K")
    w = m.latent("w", Normal(0, 1), k)
    m.observed("y", Categorical(softmax(w)), n)
    return derive(m, [("w",)], bounds={"y": "knowles_minka"}, approximate={"w": "cvi"})


def labels() -> Derived:
    m = Model("labels")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return derive(m, [("w",)], bounds={"y": "knowles_minka"}, approximate={"w": "cvi"})


def counts() -> Derived:
    m = Model("counts")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    b = m.point("b", Normal(0, 0.1), d)
    m.observed("y", Poisson(exp(dot(b, x[n]))), n)
    return derive(m, [("b",)], approximate={"b": "newton"})


@pytest.mark.parametrize(("declare", "name"), [(classes, "a"), (labels, "a"), (counts, "b")])
def test_a_step_is_newtons_and_ends_at_the_maximum(declare: Callable[[], Derived], name: str) -> None:
    report = verify(declare(), digits=12)
    assert report.ok, str(report)
    rows = {row.name for row in report.rows if row.verdict == "checked"}
    wanted = {f"the step of {name} is that of Newton's method", f"{name} is the maximiser", f"update_{name}"}
    assert {*wanted, f"update_{name} from far away", "the bound never falls"} <= rows


@cache
def plain() -> dict[str, Any]:
    return classes().plain()


def parameter(data: dict[str, Any], factor: str, name: str) -> dict[str, Any]:
    (found,) = (p for f in data["factors"] if f["name"] == factor for p in f["parameters"] if p["name"] == name)
    return found


@pytest.mark.parametrize("name", ["offset", "gain", "bend", "argument", "slope_argument", "total", "slope_total"])
@pytest.mark.parametrize("share", ["11/10", "-1"])
def test_a_wrong_part_of_a_step_is_caught(name: str, share: str) -> None:
    data = copy.deepcopy(plain())
    wrong = parameter(data, "a", name)
    wrong["value"] = ["mul", [["num", share], wrong["value"]]]
    report = verify(data, digits=12, only="the step of a is")
    assert not report.ok


@pytest.mark.parametrize(("name", "row"), [("gradient", "a is the maximiser"), ("curvature", "the step of a is")])
def test_a_wrong_gradient_ends_elsewhere_and_a_wrong_curvature_is_seen(name: str, row: str) -> None:
    data = copy.deepcopy(plain())
    wrong = parameter(data, "a", name)
    wrong["value"] = ["add", [wrong["value"], ["num", "1/7"]]]
    assert not verify(data, digits=12, only=row).ok


def test_a_first_step_that_is_no_equation_is_caught() -> None:
    data = copy.deepcopy(plain())
    (entry,) = data["relaxed"]
    entry["through"] = ["add", [entry["through"], ["num", "-1"]]]
    rows = verify(data, digits=12, only="the first step").rows
    assert [r.verdict for r in rows] == ["failed"]


def module(d: Derived) -> types.ModuleType:
    made = types.ModuleType("climbs")
    sys.modules[made.__name__] = made  # where its dataclasses look for their annotations
    exec(compile(d.numpy(), "climbs", "exec"), made.__dict__)
    return made


def test_no_update_lowers_the_bound_from_far_away() -> None:
    """Each element shortens its own step; one that overflows stays where it is."""
    made = module(labels())
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)) * 3
    y = (x @ [1.0, -2.0, 0.5] > rng.normal(size=40)).astype(int)
    state = made.State(*made.prepare({"X": x, "y": y}, {}, {}, None))
    made.initialise(state, {"a": {"value": rng.normal(size=40) * 2}}, np.random.default_rng(0))
    made.UPDATES["xi"](state)
    bounds = [made.elbo(state)]
    for _ in range(5):
        for name in ("a", "w", "xi"):
            made.UPDATES[name](state)
            bounds.append(made.elbo(state))
    assert np.isfinite(bounds).all()
    assert (np.diff(bounds) >= -1e-9 * np.abs(bounds[-1])).all()


def test_the_mode_is_that_of_a_search() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = rng.poisson(np.exp(x @ [0.5, -1.0]))
    found = module(counts()).fit({"X": x, "y": y}, {}, {}, tol=1e-14)
    b = found.params["b"]["value"]
    slope = x.T @ (y - np.exp(x @ b)) - 0.1 * b
    assert np.abs(slope).max() < 1e-8
    height = (y * (x @ b) - np.exp(x @ b) - gammaln(y + 1)).sum() - 0.05 * b @ b + np.log(0.1 / (2 * np.pi))
    assert np.isclose(found.elbo, height)
    assert found.n_iter < 12
