"""Random models are derived, generated and verified, or refused by name; nothing in between."""

import pytest
from random_models import RandomModel

from cavi.derive import NonConjugateError, derive
from cavi.verify import verify


def settle(seed: int) -> str:
    drawn = RandomModel(seed)
    try:
        derived = derive(drawn.model, drawn.factors)
    except NonConjugateError as error:
        assert error.factor and error.terms and "Remedies" in str(error)
        return "refused"
    assert derived.latex() and derived.html()
    report = verify(derived, digits=15)
    assert report.ok, f"{drawn.model}\n{drawn.factors}\n{report}"
    return "verified"


def test_random_models_are_verified_or_refused() -> None:
    outcomes = [settle(seed) for seed in range(10)]
    assert outcomes.count("verified") >= 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 150))
def test_many_random_models(seed: int) -> None:
    settle(seed)
