"""Ranks and p-values: known distributions, and uniform ranks that must stay within their stated error."""

import numpy as np
import pytest
from scipy import stats

from cavi.verify.calibration.statistics import (
    autocorrelation_time,
    band,
    chi_squared_tail,
    ranks,
    student_tails,
    uniformity,
)


@pytest.mark.parametrize("x, degrees", [(3.0, 2), (11.5, 9), (60.0, 9)])
def test_chi_squared(x: float, degrees: int) -> None:
    assert chi_squared_tail(x, degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-10)


@pytest.mark.parametrize("t, degrees", [(0.3, 5), (-4.0, 39), (12.0, 49)])
def test_student(t: float, degrees: int) -> None:
    assert student_tails(t, degrees) == pytest.approx(2 * stats.t.sf(abs(t), degrees), rel=1e-9)
    assert student_tails(np.inf, degrees) == 0.0


def test_ranks_count_draws_below_and_share_ties() -> None:
    rng = np.random.default_rng(0)
    assert ranks(np.array([2.5]), np.array([[1.0], [2.0], [3.0]]), rng).tolist() == [2]
    tied = [int(ranks(np.array([1.0]), np.ones((3, 1)), rng)[0]) for _ in range(4000)]
    assert np.bincount(tied).tolist() == pytest.approx([1000] * 4, abs=130)


def test_uniform_ranks_leave_the_band_as_rarely_as_stated() -> None:
    rng = np.random.default_rng(1)
    found = [uniformity(rng.integers(0, 20, size=200), 19) for _ in range(2000)]
    for level in (0.1, 0.01):
        rejected = np.mean([u.p < level for u in found])
        assert rejected < level + 4 * np.sqrt(level / 2000)
        assert np.mean([u.distance > band(200, 1, level) for u in found]) < level + 4 * np.sqrt(level / 2000)


@pytest.mark.parametrize("shape", [(0.5, 0.5), (2.0, 2.0), (1.5, 1.0)])
def test_other_ranks_are_refuted(shape: tuple[float, float]) -> None:
    """Too narrow, too wide, shifted."""
    rng = np.random.default_rng(2)
    found = np.floor(20 * rng.beta(*shape, size=1000)).astype(int)
    assert uniformity(found, 19).p < 1e-6


def test_autocorrelation_time_of_a_first_order_chain() -> None:
    """(1 + ρ) / (1 - ρ)."""
    rng = np.random.default_rng(3)
    x = np.zeros((50_000, 2))
    for i in range(1, len(x)):
        x[i] = np.array([0.8, 0.0]) * x[i - 1] + rng.normal(size=2)
    np.testing.assert_allclose(autocorrelation_time(x), [9.0, 1.0], rtol=0.12)
    assert autocorrelation_time(np.ones((100, 1))).tolist() == [100.0]
