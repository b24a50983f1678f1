"""What is no number is no agreement: a claim whose log density has no value at some points fails there."""

import copy

import pytest

from cavi import models
from cavi.verify import verify


@pytest.mark.parametrize("value", ["0", "1"])
@pytest.mark.parametrize(
    "only", ["log q*(omega) - E[log p] is constant", "log q*(omega) has the stated", "factor of omega, step 3"]
)
def test_a_probability_claimed_to_be_certain_fails(value: str, only: str) -> None:
    """Under it log q(ω) is infinite at the other value: a difference is no number, and a maximum passes over it."""
    plain = copy.deepcopy(models.derived("zero_inflated_poisson").plain())
    (prob,) = (p for f in plain["factors"] if f["name"] == "omega" for p in f["parameters"] if p["name"] == "prob")
    prob["value"] = ["num", value]
    report = verify(plain, only=only, code=False)
    assert report.rows and all(r.verdict == "failed" for r in report.rows), str(report)
