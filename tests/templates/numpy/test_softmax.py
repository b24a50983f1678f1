"""Softmax and log-sum-exp over a last axis of few numbers and of many, of arrays that lie in any order."""

import numpy as np
import pytest
from generated import generated
from scipy import special

SHAPES = [(5,), (1, 3), (40, 1), (3000, 2), (4161, 7), (50, 33), (50, 400), (70, 3, 4), (33, 5000, 2), (0, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_are_those_of_scipy(shape: tuple[int, ...], dtype: type) -> None:
    logits = (200.0 * np.random.default_rng(0).normal(size=shape)).astype(dtype)
    check(logits, 4e-15 if dtype is np.float64 else 2e-6)


def test_order_in_memory_repeats_and_impossible_categories() -> None:
    rng = np.random.default_rng(1)
    check(rng.normal(size=(6, 3000)).T)
    check(np.broadcast_to(rng.normal(size=(3000, 1, 4)), (3000, 3, 4)))
    logits = rng.normal(size=(3000, 4))
    logits[::7, 2] = -np.inf
    check(logits)
    given = logits.copy()
    generated("hmm_gaussian").softmax(logits)
    np.testing.assert_array_equal(logits, given)


def check(logits: np.ndarray, tolerance: float = 4e-15) -> None:
    """The functions of a module against SciPy's."""
    module = generated("hmm_gaussian")
    found, total = module.softmax(logits), module.logsumexp(logits)
    assert found.dtype == total.dtype == logits.dtype and found.shape == logits.shape
    np.testing.assert_allclose(found, special.softmax(logits, axis=-1), rtol=100 * tolerance, atol=tolerance)
    np.testing.assert_allclose(total, special.logsumexp(logits, axis=-1), rtol=tolerance, atol=tolerance)
