"""Models that are not in the library work from their declaration alone, and get the family that their form has."""

import re

import pytest
from generated import derived_model
from zoo import ZOO

from cavi.derive import derive


@pytest.mark.parametrize("name", ZOO)
def test_families_are_recognised_by_form(name: str) -> None:
    derived = derived_model(name)
    for factor, family in ZOO[name][2].items():
        update = derived.update(factor)
        assert update.families.get(factor, update.family) == family


@pytest.mark.parametrize("name", ZOO)
def test_the_result_prints(name: str) -> None:
    derived = derived_model(name)
    text = str(derived)
    assert text.count("q*(") == len(derived.factors)
    assert "ELBO = sum of" in text
    assert not re.search(r"\.[~\d]", text), "a bound index shows its internal name"


@pytest.mark.parametrize("name", ZOO)
def test_deriving_twice_gives_the_same(name: str) -> None:
    declare, factors, _ = ZOO[name]
    assert derive(declare(), factors).plain() == derived_model(name).plain()
