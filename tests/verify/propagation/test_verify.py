"""Evidence for propagations holds for what is right, and fails for planted mistakes in every part of a claim."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from propagation_models import MODELS

from cavi.derive import propagate
from cavi.verify.propagation import verify_propagation


@pytest.mark.parametrize(
    "name, power",
    [
        ("logit", 1),
        ("rates", 0.5),
        ("groups", 1),
        ("lasso", 1),
        ("probits", 1),
        ("heavy_tails", 1),
        ("counts_in_time", 0.25),
        ("regression", 1),
    ],
)
def test_evidence_is_found(name: str, power: float) -> None:
    report = verify_propagation(propagate(MODELS[name](), power), digits=6 if name == "probits" else 15)
    assert report.ok and not report.undecided, str(report)
    names = [r.name for r in report.rows]
    assert ("without sites the evidence is exact" in names) == (name == "regression")
    assert any("closed moments" in n for n in names) == (name == "probits")
    if name == "logit":  # the gap to the exact evidence is told, and counts as no error
        assert "log Z_EP less the exact log evidence" in next(r for r in report.rows if "log_evidence" in r.name).detail


def _site(claim: dict[str, Any]) -> dict[str, Any]:
    return claim["sites"][0]


def _negate(e: Any) -> Any:
    return ["mul", [["num", "-1"], e]]


def _double(claim: dict[str, Any]) -> None:
    _site(claim)["function"] = ["mul", [["num", "2"], _site(claim)["function"]]]


def _shift(claim: dict[str, Any]) -> None:
    _site(claim)["scalar"] = ["add", [_site(claim)["scalar"], ["num", "1/7"]]]


def _formula(name: str) -> Callable[[dict[str, Any]], None]:
    def change(claim: dict[str, Any]) -> None:
        formulas = _site(claim)["formulas"]
        place = next(i for i, (n, _) in enumerate(formulas) if n == name)
        formulas[place] = [name, _negate(formulas[place][1])]

    return change


def _power(claim: dict[str, Any]) -> None:
    claim["power"] = "1/3"


def _precision(claim: dict[str, Any]) -> None:
    entry = claim["natural"][0]["precision"][0]
    entry[-1] = ["mul", [["num", "2"], entry[-1]]]


def _constant(claim: dict[str, Any]) -> None:
    claim["gaussian"] = ["add", [claim["gaussian"], ["num", "1/9"]]]


def _term(number: int) -> Callable[[dict[str, Any]], None]:
    def change(claim: dict[str, Any]) -> None:
        claim["evidence"][number]["value"] = _negate(claim["evidence"][number]["value"])

    return change


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "function doubled": (_double, "log joint"),
    "scalar shifted": (_shift, "log joint"),
    "constant added": (_constant, "log joint"),
    "precision doubled": (_precision, "natural parameters"),
    "cavity variance negated": (_formula("cavity_variance"), "a step of y"),
    "cavity mean negated": (_formula("cavity_mean"), "a step of y"),
    "site precision negated": (_formula("precision"), "a step of y"),
    "site linear negated": (_formula("linear"), "a step of y"),
    "another power": (_power, "a step of y"),
    "term of q negated": (_term(0), "log Z_EP"),
    "term of the site negated": (_term(1), "log Z_EP"),
}
CLAIM = propagate(MODELS["rates"](), 0.5).plain()


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_caught(name: str) -> None:
    change, where = MISTAKES[name]
    claim = copy.deepcopy(CLAIM)
    change(claim)
    report = verify_propagation(claim, digits=12)
    assert any(r.name.startswith(where) for r in report.failed), str(report)


def test_a_module_that_stops_early_is_caught() -> None:
    class Hasty:
        def plain(self) -> dict[str, Any]:
            return propagate(MODELS["logit"]()).plain()

        def numpy(self) -> str:
            return propagate(MODELS["logit"]()).numpy().replace("if mismatch <= tol:", "if mismatch <= 1e-3:")

    report = verify_propagation(Hasty(), digits=12)
    assert [r.name for r in report.failed] == ["moments of q and of the tilted densities agree"]


def test_digits_are_checked() -> None:
    with pytest.raises(ValueError, match="digits must be a whole number 6 … 60, found 3"):
        verify_propagation(CLAIM, digits=3)
