"""The array functions of the reference: values by mpmath, derivatives by differences."""

import mpmath
import numpy as np
import pytest

from cavi.verify import special
from cavi.verify.reference.functions import TABLE, digamma, lgamma, log_normal_interval, log_tail
from cavi.verify.reference.tape import (
    Tape,
    chosen,
    contracted,
    determinant,
    inverted,
    log_sum_exp,
    moved,
    repeated,
    reshaped,
    taken,
    total,
    unrooted,
)

POINTS = [1e-3, 0.1, 0.7, 1.0, 2.5, 7.9, 8.1, 40.0, 1e4]


@pytest.mark.parametrize("x", POINTS)
def test_gamma_functions(x: float) -> None:
    assert float(lgamma(x)) == pytest.approx(float(mpmath.loggamma(x)), rel=1e-14, abs=1e-15)
    assert float(digamma(x)) == pytest.approx(float(mpmath.psi(0, x)), rel=1e-13, abs=1e-14)


@pytest.mark.parametrize("x", [-60.0, -30.5, -30.0, -29.5, -8.0, -1.0, 0.0, 0.3, 5.0, 9.0])
def test_tail_of_a_normal(x: float) -> None:
    with mpmath.workdps(40):
        wanted = mpmath.log(mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2)
    assert float(log_tail(x)) == pytest.approx(float(wanted), rel=1e-9, abs=1e-15)
    assert float(log_tail(-np.inf)) == -np.inf


@pytest.mark.parametrize("a, b", [(-1.0, 2.0), (3.0, 4.0), (-45.0, -40.0), (40.0, 45.0), (-np.inf, 1.0), (7.0, np.inf)])
def test_interval_of_a_normal(a: float, b: float) -> None:
    with mpmath.workdps(60):
        wanted = float(special.log_normal_interval(mpmath.mpf(a), mpmath.mpf(b)))
    assert float(log_normal_interval(a, b)) == pytest.approx(wanted, rel=1e-9)
    assert float(log_normal_interval(-b, -a)) == pytest.approx(wanted, rel=1e-9)


UNARY = ["log", "exp", "sqrt", "abs", "cos", "sin", "lgamma", "softplus", "xlogx"]
ARRAYS = {
    **{n: TABLE[n] for n in UNARY},
    "a sum": lambda u: total(u * u, (1,)),
    "products and quotients": lambda u: (3.0 - u) * u / (u + 1.0) - 2.0 / u - u,
    "a power": lambda u: TABLE["pow"](u, 1.7) * TABLE["pow"](2.0, u),
    "an interval": lambda u: TABLE["log_normal_interval"](u - 1.0, u + u * u),
    "log-sum-exp": lambda u: log_sum_exp(u * u, (1,)),
    "elements taken twice": lambda u: taken(u, np.array([[0, 2, 2], [5, 0, 1]]), 6),
    "other axes": lambda u: moved(reshaped(u, (2, 3)), (0, 2, 1)) * np.arange(6.0).reshape(1, 3, 2),
    "repeated": lambda u: repeated(reshaped(u, (1, 6)), (4, 6)) * np.arange(24.0).reshape(1, 4, 6),
    "a choice": lambda u: chosen(np.array([[1, 0, 1, 0, 1, 0]]) == 1, u * u, TABLE["exp"](u)),
    "a product of matrices": lambda u: contracted(reshaped(u, (2, 1, 3)), np.arange(12.0).reshape(1, 1, 4, 3)),
    "a root of a matrix": lambda u: unrooted(_positive(u), taken(u, np.array([0, 2, 5]), 6)),
    "a determinant": lambda u: determinant(_positive(u)),
    "an inverse": lambda u: inverted(_positive(u)) * np.arange(9.0).reshape(1, 3, 3),
}


def _positive(u):
    square = taken(u, np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]]), 6)
    return square + 9.0 * np.eye(3)[None]


@pytest.mark.parametrize("name", ARRAYS)
def test_derivatives(name: str) -> None:
    tape = Tape(6)
    made = ARRAYS[name](tape.input)
    output = total(
        TABLE["sin"](made) * np.cos(np.arange(made.value.size)).reshape(made.shape), tuple(range(1, made.ndim))
    )
    points = np.random.default_rng(0).uniform(0.4, 1.6, size=(3, 6))
    value, slope = tape.gradient(points, output)
    step = 1e-6
    wanted = np.stack(
        [
            (tape.gradient(points + e, output)[0] - tape.gradient(points - e, output)[0]) / (2 * step)
            for e in step * np.eye(6)
        ],
        axis=1,
    )
    np.testing.assert_allclose(slope, wanted, rtol=1e-6, atol=1e-6)
    tape.keep([output])
    np.testing.assert_array_equal(tape.gradient(points, output)[0], value)
