"""The rules of factors that are normalised numerically have the digits that they state, on all three supports."""

import mpmath
import numpy as np
import pytest
from scipy.special import betaln, digamma, gammaln

from cavi.derive.families.numeric import DIGITS
from cavi.templates.numpy.helpers import SOURCES, closure

NAMES = {"np": np}
used = closure(["quadrature", "plane_quadrature", "deviation", "correlation"])
exec("from __future__ import annotations\n" + "".join(SOURCES[n] for n in used), NAMES)
quadrature, plane_quadrature = NAMES["quadrature"], NAMES["plane_quadrature"]
deviation, correlation = NAMES["deviation"], NAMES["correlation"]


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


def test_a_plateau_between_two_cliffs() -> None:
    """A half-Cauchy scale of a Normal near zero: ∫ exp(-c/x²) / (x (1 + x²)) dx = exp(c) E₁(c) / 2."""
    c = np.array([1e-27, 1e-20, 1e-12, 1e-4, 1.0, 100.0, 1e10])

    def density(x: np.ndarray, log_x: np.ndarray) -> np.ndarray:
        return -log_x - np.log1p(x * x) - c[:, None] / (x * x)

    _, _, total = quadrature(density, "positive", (7,))
    agree(total, [float(mpmath.log(mpmath.exp(v) * mpmath.e1(v) / 2)) for v in c])


@pytest.mark.parametrize("density", [lambda x, log_x: -log_x, lambda x, log_x: np.nan * x])
def test_what_cannot_be_integrated_is_an_error(density) -> None:
    with pytest.raises(FloatingPointError, match="normalised numerically"):
        quadrature(density, "positive", ())


def test_the_plane_of_a_normal_and_its_precision() -> None:
    """Normal-Gamma, whose line of each precision is as wide as that says: either number may be the first."""
    a, b, k, m = np.array([3.5, 8.0, 1e4]), np.array([2.0, 0.3, 1e3]), np.array([0.1, 3.0, 1e5]), 7.0

    def density(mu: np.ndarray, tau: np.ndarray, log_tau: np.ndarray) -> np.ndarray:
        return (a[:, None] - 0.5) * log_tau - b[:, None] * tau - 0.5 * k[:, None] * tau * (mu - m) ** 2

    total = gammaln(a) - a * np.log(b) + 0.5 * np.log(2 * np.pi / k)
    (mu, tau, log_tau), w, found = plane_quadrature(density, ("real", "positive"), (3,))
    agree(found, total)
    agree((w * tau).sum(-1) * b / a, np.ones(3))
    agree((w * log_tau).sum(-1), digamma(a) - np.log(b))
    agree((w * tau * (mu - m) ** 2).sum(-1) * k, np.ones(3))
    agree(deviation(mu, w) * np.sqrt(k * (a - 1) / b), np.ones(3))
    agree(correlation(mu, tau, w), np.zeros(3))
    (*_, mu), w, found = plane_quadrature(lambda t, log_t, mu: density(mu, t, log_t), ("positive", "real"), (3,))
    agree(found, total)
    agree(deviation(mu, w) * np.sqrt(k * (a - 1) / b), np.ones(3))


@pytest.mark.parametrize("rho", [0.9, 0.9999])
def test_the_plane_follows_a_narrow_ridge(rho: float) -> None:
    def density(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = x - 5, (y + 1000) / 0.01
        return -0.5 * (u * u - 2 * rho * u * v + v * v) / (1 - rho**2)

    (x, y), w, total = plane_quadrature(density, ("real", "real"), ())
    agree(total, np.log(2 * np.pi * 0.01 * np.sqrt(1 - rho**2)))
    agree(correlation(x, y, w) / rho, np.array(1.0))


def test_the_plane_of_two_probabilities() -> None:
    def density(x, log_x, log_1_x, y, log_y, log_1_y):
        return 0.3 * log_x + 2 * log_1_x - 0.5 * log_y + 40 * log_1_y

    (x, _, _, y, _, _), w, total = plane_quadrature(density, ("unit", "unit"), ())
    agree(total, betaln(1.3, 3) + betaln(0.5, 41))
    agree((w * x * y).sum(), np.array(1.3 / 4.3 * 0.5 / 41.5))


def test_what_has_no_variance_or_no_end_is_an_error() -> None:
    def density(mu: np.ndarray, tau: np.ndarray, log_tau: np.ndarray) -> np.ndarray:
        return 0.1 * log_tau - tau - 0.05 * tau * mu * mu

    with pytest.raises(FloatingPointError, match="did not settle"):
        plane_quadrature(density, ("real", "positive"), ())
    with pytest.raises(FloatingPointError, match="normalised numerically"):
        plane_quadrature(lambda x, log_x, y: -log_x - y * y, ("positive", "real"), ())
