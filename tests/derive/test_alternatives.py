"""Every way to a q of a model is found by trying, and is what `derive` and `propagate` return."""

import pytest

from cavi import models
from cavi.derive import (
    Derived,
    Gamma,
    Model,
    NonConjugateError,
    Poisson,
    Propagation,
    alternatives,
    derive,
)

WAYS = {
    "gaussian_process_classification": "jaakkola_jordan, boehning, polya_gamma, cvi, laplace, delta, EP",
    "ordinal_regression": "ordered_probit, EP",
    "multinomial_logistic_regression": "boehning, bouchard",
    "gamma_shape": "quadrature",
    "normal_gamma": "mean field",
}


@pytest.mark.parametrize("name", WAYS)
def test_ways_of_library_models(name: str) -> None:
    found = alternatives(models.load(name), models.info(name).factors)
    assert ", ".join(a.name for a in found) == WAYS[name]
    for a in found:
        assert isinstance(a.found, Propagation) == (a.name == "EP")
        if isinstance(a.found, Derived):
            again = derive(
                models.load(name),
                models.info(name).factors,
                bounds=a.bounds,
                augment=a.augment,
                approximate=a.approximate,
            )
            assert again.plain() == a.found.plain()


def test_nodes_of_one_form_take_one_rule() -> None:
    found = alternatives(models.load("horseshoe_regression"), models.info("horseshoe_regression").factors)
    assert "inverse_gamma_mixture" in [a.name for a in found]
    for a in found:
        assert len(set(a.bounds.values()) | set(a.augment.values())) <= 1


def test_a_model_without_a_way_is_refused_with_the_first_reason() -> None:
    m = Model("powers")
    n = m.index("n", "N")
    a, b = m.latent("a", Gamma(1, 1)), m.latent("b", Gamma(1, 1))
    m.observed("x", Poisson(a**b), n)
    with pytest.raises(NonConjugateError):
        alternatives(m)
