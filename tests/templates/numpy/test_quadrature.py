"""The rule of factors that are normalised numerically has the digits that it states, on all three supports."""

import numpy as np
import pytest
from scipy.special import betaln, digamma, gammaln

from cavi.derive.families.numeric import DIGITS
from cavi.templates.numpy.helpers import SOURCES

NAMES = {"np": np}
exec("from __future__ import annotations\n" + SOURCES["quadrature"] + SOURCES["deviation"], NAMES)
quadrature, deviation = NAMES["quadrature"], NAMES["deviation"]


def agree(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=10.0**-DIGITS, atol=10.0**-DIGITS)


def test_gamma_from_tiny_shapes_to_a_million_observations() -> None:
    a, b = np.array([0.01, 0.1, 1.0, 10.0, 1e3, 1e6]), np.array([3.0, 0.01, 1.0, 50.0, 1e-3, 1e6])
    (x, log_x), w, total = quadrature(lambda x, log_x: (a[:, None] - 1) * log_x - b[:, None] * x, "positive", (6,))
    agree(total, gammaln(a) - a * np.log(b))
    agree((w * x).sum(-1) * b / a, np.ones(6))
    agree((w * x * x).sum(-1) * b**2 / a / (a + 1), np.ones(6))
    agree((w * log_x).sum(-1), digamma(a) - np.log(b))
    agree(deviation(x, w) * b / np.sqrt(a), np.ones(6))


def test_normal_far_and_narrow_with_a_function_that_grows() -> None:
    m, s = np.array([[0.0, 1e3], [-5.0, 3.0]]), np.array([[1.0, 0.01], [1e-4, 3.0]])
    (x,), w, total = quadrature(lambda x: -0.5 * ((x - m[..., None]) / s[..., None]) ** 2, "real", (2, 2))
    agree(total, np.log(s) + 0.5 * np.log(2 * np.pi))
    agree(np.log((w * np.exp(x - m[..., None])).sum(-1)), s**2 / 2)
    agree(deviation(x, w) / s, np.ones((2, 2)))


def test_beta_near_both_ends() -> None:
    a, b = np.array([0.05, 1.0, 3.0, 500.0, 1e5]), np.array([0.05, 1.0, 0.2, 3.0, 2e5])

    def density(x: np.ndarray, log_x: np.ndarray, log_rest: np.ndarray) -> np.ndarray:
        return (a[:, None] - 1) * log_x + (b[:, None] - 1) * log_rest

    (x, _, log_rest), w, total = quadrature(density, "unit", (5,))
    agree(total, betaln(a, b))
    agree((w * x).sum(-1) * (a + b) / a, np.ones(5))
    agree((w * log_rest).sum(-1), digamma(b) - digamma(a + b))


@pytest.mark.parametrize("density", [lambda x, log_x: -log_x, lambda x, log_x: np.nan * x])
def test_what_cannot_be_integrated_is_an_error(density) -> None:
    with pytest.raises(FloatingPointError, match="normalised numerically"):
        quadrature(density, "positive", ())
