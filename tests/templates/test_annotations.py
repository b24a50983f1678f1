"""Annotations of generated functions: every name in them is known, so that type checkers and readers can follow."""

import inspect
import typing

import pytest
from generated import derived_model, run

MODELS = [
    "gaussian_mixture_full",
    "lda",
    "linear_regression_joint",
    "poisson_regression",
    "hmm_gaussian",
    "gamma_shape",
]
TARGETS = [
    "numpy",
    "streaming",
    "dask",
    "gibbs",
    "posterior",
    pytest.param("estimator", marks=pytest.mark.targets),  # its module imports scikit-learn
]


@pytest.mark.parametrize("target", TARGETS)
def test_annotations_can_be_resolved(target: str) -> None:
    from cavi.derive import CaviError

    seen = 0
    for name in MODELS:
        try:
            module = run(derived_model(name).render(target))
        except CaviError:
            continue
        for found in vars(module).values():
            if getattr(found, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(found):
                typing.get_type_hints(found)
                functions = [f for f in vars(found).values() if inspect.isfunction(f)]
            else:
                functions = [found] if inspect.isfunction(found) else []
            for function in functions:
                typing.get_type_hints(function)
                seen += 1
    assert seen > 50
