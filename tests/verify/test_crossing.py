"""Functions of a sum over several factors: what verification finds of them, and mistakes in them that it must find."""

import copy
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import pytest

from cavi.derive import Bernoulli, Derived, Model, Normal, derive, sigmoid
from cavi.verify import verify
from cavi.verify.arithmetic import precise, precision, to_float
from cavi.verify.evaluate import evaluate
from cavi.verify.grammar import CertificateError, check_claim
from cavi.verify.mutations.operators import everywhere


def grouped() -> Model:
    m = Model("grouped")
    n, g = m.index("n", "N"), m.index("g", "G")
    x, group = m.covariate("X", n), m.observed_index("group", n, over=g)
    a, b = m.latent("a", Normal(0, 1)), m.latent("b", Normal(0, 1), g)
    m.observed("y", Bernoulli(sigmoid(a * x[n] + b[group[n]])), n)
    return m


@cache
def derived(a: str, b: str) -> Derived:
    return derive(grouped(), approximate={"a": a, "b": b})


@pytest.mark.parametrize("a, b", [("cvi", "cvi"), ("delta", "delta"), ("laplace", "cvi")])
@pytest.mark.parametrize("only", ["ELBO = E[log p]", "the step of q(b)", "step 2: linearity", "update_b"])
def test_every_row_is_checked(a: str, b: str, only: str) -> None:
    report = verify(derived(a, b), digits=10, only=only)
    assert report.ok and report.rows and all(r.verdict == "checked" for r in report.rows), report


def test_the_evidence_is_the_bound_and_the_gap() -> None:
    report = verify(derived("cvi", "cvi"), digits=10, only="log p(x) = L(q)", code=False)
    assert report.ok and report.rows


@pytest.mark.parametrize("only", ["ELBO = E[log p]", "the step of q(b)", "update_b"])
def test_elements_of_one_factor_are_updated_one_after_another(only: str) -> None:
    m = Model("pairs")
    n, g = m.index("n", "N"), m.index("g", "G")
    first, second = m.observed_index("first", n, over=g), m.observed_index("second", n, over=g)
    b = m.latent("b", Normal(0, 1), g)
    m.observed("y", Bernoulli(sigmoid(b[first[n]] - b[second[n]])), n)
    report = verify(derive(m, approximate={"b": "cvi"}), digits=10, only=only)
    assert report.ok and report.rows and all(r.verdict == "checked" for r in report.rows), report


def _normal_means(e: Any) -> list[Any]:
    found = [e] if isinstance(e, list) and e[:2] == ["fn", "normal_mean"] else []
    return found + [x for part in e if isinstance(part, list) for x in _normal_means(part)]


def _planted(change: Any) -> list[Any]:
    """Claims with one mean under a Normal changed: in the bound, and in each formula of q(b)."""
    claims = []
    plain = derived("cvi", "cvi").plain()
    (bound,) = (i for i, t in enumerate(plain["elbo"]) if _normal_means(t["value"]))
    factor = next(i for i, f in enumerate(plain["factors"]) if f["name"] == "b")
    places = [("elbo", bound)]
    formulas = plain["factors"][factor]["parameters"]
    places += [("parameters", j) for j, p in enumerate(formulas) if _normal_means(p["value"])]
    for kind, j in places:
        other = copy.deepcopy(plain)
        home = other["elbo"][j] if kind == "elbo" else other["factors"][factor]["parameters"][j]
        home["value"] = next(everywhere(home["value"], change))
        claims.append((kind, other))
    return claims


def _half_the_variance(e: Any) -> Any:
    if e[:2] == ["fn", "normal_mean"]:
        f, mean, variance = e[2]
        yield ["fn", "normal_mean", [f, mean, ["mul", [["num", "1/2"], variance]]]]


def _no_variance(e: Any) -> Any:
    if e[:2] == ["fn", "normal_mean"]:
        yield ["fn", "normal_mean", [e[2][0], e[2][1], ["num", "0"]]]


def _another_mean(e: Any) -> Any:
    if e[:2] == ["fn", "normal_mean"]:
        yield ["fn", "normal_mean", [e[2][0], ["add", [["num", "1/7"], e[2][1]]], e[2][2]]]


def _twice_the_number(e: Any) -> Any:
    if e == ["const", "t"]:
        yield ["mul", [["num", "2"], e]]


@pytest.mark.parametrize("change", [_half_the_variance, _no_variance, _another_mean, _twice_the_number])
def test_planted_mistakes_are_found(change: Any) -> None:
    claims = _planted(change)
    assert len(claims) == 3
    for kind, claim in claims:
        only = "ELBO, expected log density of y" if kind == "elbo" else "the step of q(b)"
        assert not verify(claim, digits=8, only=only, code=False).ok


class _Nothing:
    """A scope of numbers alone."""

    def __init__(self) -> None:
        self.engine, self.sizes = precise(), {}


@pytest.mark.parametrize("mean, variance", [("3/10", "2"), ("-4", "1/9"), ("1", "0")])
def test_the_mean_under_a_normal_by_another_rule(mean: str, variance: str) -> None:
    softplus = ["fn", "softplus", [["const", "t"]]]
    with precision(60):
        found = evaluate(["fn", "normal_mean", [softplus, ["num", mean], ["num", variance]]], _Nothing(), {})  # type: ignore[arg-type]
        m, sd = (mpmath.mpf(x.numerator) / x.denominator for x in (Fraction(mean), Fraction(variance)))
        sd = mpmath.sqrt(sd)
        expected = mpmath.log1p(mpmath.exp(m))
        if sd:
            points = [m + k * sd for k in range(-14, 15, 2)]
            expected = mpmath.quad(lambda t: mpmath.npdf(t, m, sd) * mpmath.log1p(mpmath.exp(t)), points)
        assert to_float(found) == pytest.approx(float(expected), rel=1e-13)


def test_the_normal_number_stands_in_its_function_alone() -> None:
    plain = derived("cvi", "cvi").plain()
    check_claim(plain)
    for wrong in (["const", "t"], ["fn", "normal_mean", [["const", "t"], ["const", "t"], ["num", "1"]]]):
        other = copy.deepcopy(plain)
        other["elbo"][0]["value"] = wrong
        with pytest.raises(CertificateError, match="constant"):
            check_claim(other)
    other["elbo"][0]["value"] = ["fn", "normal_mean", [["const", "t"], ["num", "1"]]]
    with pytest.raises(CertificateError, match="takes a function, a mean and a variance"):
        check_claim(other)
