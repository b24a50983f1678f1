"""The logarithm of K in generated code against mpmath, where SciPy has a number and where it has none."""

import tracemalloc

import mpmath
import numpy as np
import pytest
from generated import generated


@pytest.mark.parametrize("order", [0.0, 0.5, -0.5, 0.3, 7.2, 40.0, 300.0])
def test_log_bessel_k_is_that_of_mpmath(order: float) -> None:
    """Orders and arguments where K itself over- and underflows among them."""
    module = generated("quantile_regression")
    x = np.array([1e-8, 1e-3, 0.1, 1.0, 5.0, 50.0, 700.0, 3e4, 1e6])
    with mpmath.workdps(40):
        expected = [float(mpmath.log(mpmath.besselk(order, value))) for value in x]
    np.testing.assert_allclose(module.log_bessel_k(order, x), expected, rtol=1e-12, atol=1e-13)
    assert order < 300.0 or not np.isfinite(np.log(module.special.kve(order, x[:3]))).all()


def test_log_bessel_k_takes_arrays_of_orders() -> None:
    module = generated("quantile_regression")
    x, order = np.array([0.2, 1e-8]), np.array([[0.5], [300.0]])
    found = module.log_bessel_k(order, x)
    assert found.shape == (2, 2)
    one_by_one = [[float(module.log_bessel_k(o, value)) for value in x] for o in order[:, 0]]
    np.testing.assert_allclose(found, one_by_one, rtol=1e-14)


@pytest.mark.parametrize("order", [0.5, -0.5, 0.3, -0.3, 1.0, 7.2, 40.0])
def test_the_derivative_in_the_order_is_that_of_mpmath(order: float) -> None:
    """Of 1/2 and -1/2 in closed form, on both sides of where its series begins; of others an integral."""
    module = generated("quantile_regression")
    x = np.array([1e-8, 1e-3, 0.1, 1.0, 5.0, 24.9, 25.1, 50.0, 700.0, 3e4])
    with mpmath.workdps(40):
        step = mpmath.mpf("1e-12")
        expected = [
            float(
                (mpmath.log(mpmath.besselk(order + step, a)) - mpmath.log(mpmath.besselk(order - step, a))) / (2 * step)
            )
            for a in x
        ]
    np.testing.assert_allclose(module.dlog_bessel_k(order, x), expected, rtol=1e-11)


def test_the_derivative_takes_arrays_and_numbers() -> None:
    module = generated("quantile_regression")
    order, x = np.array([[0.5], [0.3], [-0.5]]), np.geomspace(0.1, 90.0, 300)
    found = module.dlog_bessel_k(order, x)
    assert found.shape == (3, 300)
    for o, line in zip(order[:, 0], found, strict=True):
        np.testing.assert_allclose(line, [float(module.dlog_bessel_k(o, value)) for value in x], rtol=1e-13)


def test_the_derivative_needs_little_memory() -> None:
    """Not the nodes of all numbers at once."""
    module, x = generated("quantile_regression"), np.linspace(0.1, 5.0, 3000)
    tracemalloc.start()
    module.dlog_bessel_k(0.3, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000 * 2001 * 8
