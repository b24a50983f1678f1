"""Probabilities and moments of a standard Normal in an interval, in generated code against mpmath."""

import mpmath
import numpy as np
import pytest

from cavi.templates.numpy.helpers import NUMPY, closure, imports, sources

NAMES: dict = {}
USED = ("log_normal_interval", "truncated_mean", "truncated_second")
exec("\n".join(["from typing import Any", "import numpy as np", *imports(USED), *sources(USED, NUMPY)]), NAMES)

WIDTHS = 10.0 ** np.arange(-8, 3)
PLACES = np.array(
    [-40, -38.4, -26, -25, -9.3, -3, -1, -0.2, -1e-3, -1e-9, 0, 1e-6, 0.4, 0.99, 2, 5, 12, 24.9, 25.1, 40]
)


def exactly(a: float, b: float) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """log(Φ(b) - Φ(a)), the mean in the interval and the mean square, with digits to spare for what cancels."""
    with mpmath.workdps(900):
        a, b = mpmath.mpf(a), mpmath.mpf(b)
        mass = (mpmath.erfc(a / mpmath.sqrt(2)) - mpmath.erfc(b / mpmath.sqrt(2))) / 2
        low, high = mpmath.npdf(a), mpmath.npdf(b)
        ends = [mpmath.mpf(0) if mpmath.isinf(x) else x * p for x, p in ((a, low), (b, high))]
        return mpmath.log(mass), (low - high) / mass, 1 + (ends[0] - ends[1]) / mass


@pytest.mark.parametrize("width", [*WIDTHS, np.inf])
def test_widths_from_a_hundred_millionth_on_hold_twelve_digits(width: float) -> None:
    starts = np.concatenate([PLACES, -width / 2 * (1 + np.array([0, 1e-9, 1e-3]))]) if width < np.inf else PLACES
    ends = starts + width
    logs, means, seconds = (NAMES[n](starts, ends) for n in USED)
    for a, b, log_mass, mean, second in zip(starts, ends, logs, means, seconds, strict=True):
        expected = exactly(a, b)
        assert log_mass == pytest.approx(float(expected[0]), rel=1e-12, abs=1e-300)
        # An end is given to its own last digit; of the mean in an interval about zero only that is left.
        assert mean == pytest.approx(float(expected[1]), rel=1e-12, abs=1e-15 * min(abs(a), abs(b)))
        assert 1 + second == pytest.approx(float(expected[2]), rel=1e-12, abs=1e-15)
        mirrored = NAMES["truncated_mean"](-b, -a), NAMES["log_normal_interval"](-b, -a)
        assert mirrored[0] == pytest.approx(-mean, rel=1e-12, abs=1e-300)
        assert mirrored[1] == pytest.approx(log_mass, rel=1e-12, abs=1e-300)


def test_an_interval_without_ends_holds_everything() -> None:
    assert [float(NAMES[n](-np.inf, np.inf)) for n in USED] == [0.0, 0.0, 0.0]


def test_helpers_name_what_they_call() -> None:
    assert {"_narrow", "_scaled_tail"} <= set(closure(["truncated_mean"]))
