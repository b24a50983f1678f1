"""Arguments that mix probabilities lie between 0 and 1, and what is known of their parts is passed on."""

from fractions import Fraction

import numpy as np
import pytest
from generated import run

from cavi.derive import (
    Bernoulli,
    Beta,
    DeclarationError,
    Gamma,
    Model,
    Normal,
    derive,
    probit,
    sigmoid,
)
from cavi.derive.domains import check_arguments
from cavi.verify import verify


def parts() -> tuple:
    m = Model("parts")
    n = m.index("n", "N")
    return m, n, m.latent("g", Beta(2, 5)), m.latent("p", Beta(2, 2)), m.latent("u", Normal(0, 1)), m.covariate("x", n)


MIXTURES = {
    "a floor": lambda g, p, u, x: Fraction(1, 4) + Fraction(3, 4) * sigmoid(u),
    "a floor that is learned": lambda g, p, u, x: g + (1 - g) * probit(u),
    "a weighted mean": lambda g, p, u, x: x * g + (1 - x) * p,
    "what is left": lambda g, p, u, x: 1 - g - (1 - g) * p,
    "less than a mean": lambda g, p, u, x: g / 2 + p / 3,
    "exactly one of two": lambda g, p, u, x: g * (1 - p) + p * (1 - g),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixture_of_probabilities_is_one(name: str) -> None:
    m, n, g, p, u, x = parts()
    m.observed("y", Bernoulli(MIXTURES[name](g, p, u, x[n])), n)
    assert m.variable("x").domain == ("unit" if name == "a weighted mean" else "real")


NONE = {
    "a sum": lambda g, p, u, x: g + p,
    "too large": lambda g, p, u, x: Fraction(1, 2) + Fraction(3, 4) * sigmoid(u),
    "below zero": lambda g, p, u, x: g - p / 2,
    "a square": lambda g, p, u, x: 4 * g * (1 - g),
    "no probability": lambda g, p, u, x: g + (1 - g) * u,
}


@pytest.mark.parametrize("name", NONE)
def test_what_may_leave_the_interval_is_refused(name: str) -> None:
    m, n, g, p, u, x = parts()
    with pytest.raises(DeclarationError, match="the prob of Bernoulli"):
        m.observed("y", Bernoulli(NONE[name](g, p, u, x[n])), n)


def test_what_is_left_of_a_probability_is_positive() -> None:
    m, n, g, p, u, x = parts()
    size = m.latent("size", Gamma(2, 1))
    found = check_arguments("y", Beta(size * sigmoid(u), size * (1 - sigmoid(u))), {v.name: v for v in m.variables})
    assert found["size"].domain == "positive"
    known = m.hyper("s")
    m.latent("v", Beta(1 - known, 1))
    assert m.variable("s").domain == "real"  # it may be below zero


def test_a_binary_latent_is_no_probability() -> None:
    m, n, g, p, u, x = parts()
    z = m.latent("z", Bernoulli(g), n)
    with pytest.raises(DeclarationError, match=r"made of z\[n\], whose support is binary .* p\[z\[n\]\]"):
        m.observed("y", Bernoulli(z[n] * p), n)


def test_answers_that_may_be_guessed() -> None:
    """Ability from answers that are right by chance a quarter of the time; against a grid, and verified."""
    m = Model("guessing")
    n = m.index("n", "N")
    b, u = m.covariate("b", n), m.latent("u", Normal(0, 1))
    m.observed("y", Bernoulli(Fraction(1, 4) + Fraction(3, 4) * sigmoid(u - b[n])), n)
    derived = derive(m, approximate={"u": "quadrature"})
    hard, y = np.array([-1.0, 0.0, 0.5, 2.0]), np.array([1.0, 1.0, 0.0, 1.0])
    found = run(derived.numpy()).fit({"b": hard, "y": y}, {})
    grid = np.linspace(-12, 12, 20001)
    right = 0.25 + 0.75 / (1 + np.exp(hard - grid[:, None]))
    joint = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi) * np.prod(np.where(y == 1, right, 1 - right), axis=1)
    evidence = joint.sum() * (grid[1] - grid[0])
    assert found.elbo == pytest.approx(np.log(evidence), abs=1e-9)
    assert found.params["u"]["mean"] == pytest.approx((grid * joint).sum() / joint.sum(), abs=1e-8)
    assert verify(derived, digits=12, only="optimality").ok
