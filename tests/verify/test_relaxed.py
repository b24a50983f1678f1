"""Evidence for bounds, and mistakes planted in them that must be caught."""

import copy

import pytest

from cavi import models
from cavi.derive import derive
from cavi.models.logistic_regression import logistic
from cavi.verify import verify
from cavi.verify.grammar import CertificateError


@pytest.fixture(scope="module")
def plain() -> dict:
    return models.derived("logistic_regression").plain()


@pytest.mark.parametrize("bound", ["jaakkola_jordan", "boehning"])
@pytest.mark.parametrize("factors", [None, [("w",)]], ids=["elements", "joint"])
def test_a_bound_is_checked_against_the_declared_density(bound: str, factors: object) -> None:
    report = verify(derive(logistic("m", "M"), factors, bounds={"y": bound}), digits=20)
    assert report.ok, str(report)
    names = {row.name for row in report.rows if row.verdict == "checked"}
    assert {f"bound {bound} of y holds", f"bound {bound} of y touches", "E[bound of y] ≤ E[log p(y)]"} <= names
    assert any(n.endswith("+ gap of the bounds") for n in names)


def failed(data: dict, only: str | None = None) -> set[str]:
    return {row.name for row in verify(data, digits=12, only=only).rows if row.verdict == "failed"}


def test_a_bound_that_is_too_high_fails(plain: dict) -> None:
    data = copy.deepcopy(plain)
    data["relaxed"][0]["value"] = ["add", [data["relaxed"][0]["value"], ["num", "1/5"]]]
    assert {"bound jaakkola_jordan of y touches", "E[bound of y] ≤ E[log p(y)]"} <= failed(data)


def test_a_bound_that_is_too_low_does_not_touch(plain: dict) -> None:
    data = copy.deepcopy(plain)
    data["relaxed"][0]["value"] = ["add", [data["relaxed"][0]["value"], ["num", "-1/5"]]]
    assert "bound jaakkola_jordan of y touches" in failed(data)


def test_a_wrong_curvature_fails(plain: dict) -> None:
    """λ(ξ) halved: the claim is consistent with itself nowhere."""
    data = copy.deepcopy(plain)

    def halved(e: object) -> object:
        if isinstance(e, list) and e[:2] == ["fn", "tanhc"]:
            return ["mul", [["num", "1/2"], e]]
        return [halved(x) for x in e] if isinstance(e, list) else e

    data["relaxed"][0]["value"] = halved(data["relaxed"][0]["value"])
    found = failed(data)
    assert "bound jaakkola_jordan of y holds" in found
    assert "log q*(w) - E[log p] is constant" in found


def test_a_wrong_local_parameter_is_no_maximiser(plain: dict) -> None:
    data = copy.deepcopy(plain)
    (xi,) = (f for f in data["factors"] if f["name"] == "xi")
    value = next(p for p in xi["parameters"] if p["name"] == "value")
    value["value"] = ["mul", [["num", "11/10"], value["value"]]]
    assert "xi is the maximiser" in failed(data)


def test_where_it_touches_must_be_said(plain: dict) -> None:
    data = copy.deepcopy(plain)
    data["relaxed"][0]["touches"] = []
    assert "bound jaakkola_jordan of y touches" in failed(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"node": "X"}, "not a variable with a density"),
        ({"kind": "guess"}, "kind"),
        ({"variables": ["other"]}, "other is not declared"),
        ({"touches": [["xi"]]}, "expected [name, axes, expression]"),
    ],
)
def test_a_relaxation_outside_the_grammar_is_refused(plain: dict, change: dict, message: str) -> None:
    data = copy.deepcopy(plain)
    data["relaxed"][0] |= change
    with pytest.raises(CertificateError) as found:
        verify(data)
    assert message in str(found.value)


@pytest.fixture(scope="module")
def augmented() -> dict:
    return models.derived("logistic_regression_polya_gamma").plain()


INTEGRAL = "augmentation polya_gamma: integrating omega out gives p(y)"


def test_integrating_the_auxiliary_out_gives_the_declared_density_to_thirty_digits(augmented: dict) -> None:
    report = verify(augmented, digits=30, only="omega")
    assert report.ok and not report.undecided, str(report)
    (row,) = (r for r in report.rows if r.name == INTEGRAL)
    assert row.got is not None and row.got >= 30


@pytest.mark.parametrize("change", [["num", "1/5"], ["ref", "omega", [["int", 0, "N"]]]])
def test_a_wrong_augmentation_fails(augmented: dict, change: list) -> None:
    data = copy.deepcopy(augmented)
    data["relaxed"][0]["value"] = ["add", [data["relaxed"][0]["value"], change]]
    assert INTEGRAL in failed(data, only=INTEGRAL)


MIXTURES = {
    "probit_regression": ("albert_chib", "omega", "y"),
    "bayesian_lasso": ("normal_mixture", "v", "w"),
    "horseshoe_regression": ("inverse_gamma_mixture", "omega_2", "lam"),
    "zero_inflated_poisson": ("excess", "omega", "y"),
    "hurdle_poisson": ("geometric", "m", "y"),
    "truncated_regression": ("rejected_draws", "m, y", "x"),
    "ordinal_regression": ("ordered_probit", "omega", "cut"),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_every_rule_gives_the_declared_density_to_thirty_digits_and_none_but_it(name: str) -> None:
    rule, auxiliary, node = MIXTURES[name]
    title = f"augmentation {rule}: integrating {auxiliary} out gives p({node})"
    data = copy.deepcopy(models.derived(name).plain())
    report = verify(data, digits=30, only=title)
    assert report.ok and not report.undecided, str(report)
    (entry,) = (r for r in data["relaxed"] if r["node"] == node)
    entry["value"] = ["add", [entry["value"], ["num", "1/1000000"]]]
    assert title in failed(data, only=title)
