"""Evidence for bounds of functions of an array, and mistakes planted in them that must be caught."""

import copy
from collections.abc import Callable

import pytest

from cavi.derive import (
    Bernoulli,
    Categorical,
    Exponential,
    Gamma,
    InverseGamma,
    Model,
    Normal,
    Poisson,
    Sum,
    derive,
    exp,
    softmax,
)
from cavi.verify import verify


def classes() -> Model:
    m = Model("classes")
    n, k = m.index("n", "N"), m.index("k", "K")
    a = m.latent("a", Normal(0, 1), k)
    m.observed("y", Categorical(softmax(a)), n)
    return m


def counts() -> Model:
    m = Model("counts")
    i, k = m.index("i", "I"), m.index("k", "K")
    u = m.latent("u", Gamma(2, 1), k)
    c = m.covariate("c", i, k)
    m.observed("x", Poisson(Sum(u[k] * c[i, k], k)), i)
    return m


def variances() -> Model:
    m = Model("variances")
    n, k = m.index("n", "N"), m.index("k", "K")
    v = m.latent("v", InverseGamma(3, 2), k)
    m.observed("x", Normal(0, variance=Sum(v[k], k)), n)
    return m


def rates() -> Model:
    m = Model("rates")
    n = m.index("n", "N")
    m.observed("x", Exponential(m.latent("v", Gamma(2, 1)) + m.latent("w", Gamma(1, 3))), n)
    return m


def counts_above(known: str) -> Callable[[], Model]:
    def declare() -> Model:
        m = Model("counts")
        i, k = m.index("i", "I"), m.index("k", "K")
        u = m.latent("u", Gamma(2, 1), k)
        c = m.covariate("c", i, k)
        b = {"number": 3, "hyper": m.hyper("b"), "data": m.covariate("e", i)[i]}[known]
        m.observed("x", Poisson(b + Sum(u[k] * c[i, k], k)), i)
        return m

    return declare


def variances_above() -> Model:
    m = Model("variances")
    n, k = m.index("n", "N"), m.index("k", "K")
    v = m.latent("v", InverseGamma(3, 2), k)
    m.observed("x", Normal(0, variance=2 + Sum(v[k], k)), n)
    return m


def deviations() -> Model:
    m = Model("deviations")
    n = m.index("n", "N")
    m.observed("x", Normal(0, std=m.latent("a", Gamma(4, 1)) + m.latent("b", Gamma(5, 2))), n)
    return m


def reference_class() -> Model:
    """log(1 + Σ exp a_k): classes beside one whose score is zero."""
    m = Model("reference")
    n, k = m.index("n", "N"), m.index("k", "K")
    a = m.latent("a", Normal(0, 1), k)
    m.observed("y", Bernoulli(1 / (1 + Sum(exp(a[k]), k))), n)
    return m


CASES = {
    "boehning": (classes, {"y": "boehning"}),
    "bouchard": (classes, {"y": "bouchard"}),
    "jensen": (counts, {"x": "jensen"}),
    "terms written out": (rates, {"x": "jensen"}),
    "harmonic": (variances, {"x": ("harmonic", "tangent")}),
    "a number beside the sum": (counts_above("number"), {"x": "jensen"}),
    "a hyperparameter beside the sum": (counts_above("hyper"), {"x": "jensen"}),
    "data beside the sum": (counts_above("data"), {"x": "jensen"}),
    "a variance beside the sum": (variances_above, {"x": ("harmonic", "tangent")}),
    "a score of zero": (reference_class, {"y": ("boehning", "jensen")}),
    "a score of zero, tilted": (reference_class, {"y": ("knowles_minka", "jensen")}),
    "standard deviations": (deviations, {"x": ("harmonic", "tangent")}),
    "blei_lafferty": (classes, {"y": "tangent"}),
}

APPROXIMATE = {
    "blei_lafferty": {"a": "cvi"},
    "a score of zero, tilted": {"a": "cvi"},
    "standard deviations": {"a": "quadrature", "b": "quadrature"},
}


@pytest.mark.parametrize("name", CASES)
def test_a_bound_is_checked_against_the_declared_density(name: str) -> None:
    declare, bounds = CASES[name]
    # The tangent of -log leaves exponentials, which a Normal factor of its own kind can take.
    d = derive(declare(), [("a",)] if "score" in name else None, bounds=bounds, approximate=APPROXIMATE.get(name))
    report = verify(d, digits=15, code=name in ("boehning", "harmonic", "standard deviations"))
    assert report.ok, str(report)
    rule = d.relaxations[0].name
    node = d.relaxations[0].node
    names = {row.name for row in report.rows if row.verdict == "checked"}
    assert {f"bound {rule} of {node} holds", f"bound {rule} of {node} touches"} <= names
    two_steps = name == "bouchard" or "tilted" in name
    assert (f"bound {rule} of {node}: the first step" in names) == two_steps
    assert any(n.endswith("+ gap of the bounds") for n in names)


def failed(data: dict, only: str) -> set[str]:
    return {row.name for row in verify(data, digits=12, only=only).rows if row.verdict == "failed"}


def changed(e: object, old: object, new: object) -> object:
    if e == old:
        return new
    return [changed(x, old, new) for x in e] if isinstance(e, list) else e


@pytest.fixture(scope="module")
def plain() -> dict:
    return derive(classes(), bounds={"y": "boehning"}).plain()


def test_too_small_a_curvature_fails(plain: dict) -> None:
    data = copy.deepcopy(plain)
    (entry,) = data["relaxed"]
    entry["value"] = changed(entry["value"], ["num", "-1/4"], ["num", "-1/5"])
    assert entry["value"] != plain["relaxed"][0]["value"]
    assert "bound boehning of y holds" in failed(data, "bound boehning")


def test_an_array_at_other_values_is_no_maximiser(plain: dict) -> None:
    data = copy.deepcopy(plain)
    (psi,) = (f for f in data["factors"] if f["name"] == "psi")
    value = next(p for p in psi["parameters"] if p["name"] == "value")
    value["value"] = ["mul", [["num", "11/10"], value["value"]]]
    assert "psi is the maximiser" in failed(data, "psi is the maximiser")


def test_a_first_step_that_is_too_high_fails() -> None:
    data = derive(classes(), bounds={"y": "bouchard"}).plain()
    (entry,) = data["relaxed"]
    entry["through"] = ["add", [entry["through"], ["num", "50"]]]
    found = failed(data, "bound bouchard")
    assert "bound bouchard, jaakkola_jordan of y: the first step" in found
    assert "bound bouchard, jaakkola_jordan of y touches" in found
