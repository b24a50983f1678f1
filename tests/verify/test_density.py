"""Reference densities against SciPy, and normalisation of every scalar family by its own rule."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats

from cavi.verify.arithmetic import doubles, precise, precision, to_mpf
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.matrix import cholesky, lower_inverse
from cavi.verify.sampling import draw
from cavi.verify.scalar import scalar_rule

CASES: dict[str, tuple[dict[str, float], Any, Any]] = {
    "Normal": ({"mean": 0.3, "precision": 2.5}, 1.7, stats.norm(0.3, 2.5**-0.5)),
    "HalfNormal": ({"precision": 2.5}, 1.7, stats.halfnorm(0, 2.5**-0.5)),
    "LogNormal": ({"mean": 0.3, "precision": 2.5}, 1.7, stats.lognorm(2.5**-0.5, 0, np.exp(0.3))),
    "Laplace": ({"location": 0.3, "scale": 2.5}, 1.7, stats.laplace(0.3, 2.5)),
    "VonMises": ({"mean": 0.3, "concentration": 2.5}, 1.7, stats.vonmises(2.5, 0.3)),
    "Gamma": ({"shape": 3.2, "rate": 2.5}, 1.7, stats.gamma(3.2, 0, 1 / 2.5)),
    "InverseGamma": ({"shape": 3.2, "scale": 2.5}, 1.7, stats.invgamma(3.2, 0, 2.5)),
    "InverseNakagami": ({"shape": 3.2, "scale": 2.5}, 1.7, stats.gengamma(3.2, -2, 0, 2.5**0.5)),
    "StudentT": ({"mean": 0.3, "precision": 2.5, "dof": 4.2}, 1.7, stats.t(4.2, 0.3, 2.5**-0.5)),
    "AsymmetricLaplace": (
        {"mean": 0.3, "scale": 2.5, "quantile": 0.2},
        1.7,
        stats.laplace_asymmetric((0.2 / 0.8) ** 0.5, 0.3, 2.5 / (0.2 * 0.8) ** 0.5),
    ),
    "HalfCauchy": ({"scale": 2.5}, 1.7, stats.halfcauchy(0, 2.5)),
    "Exponential": ({"rate": 2.5}, 1.7, stats.expon(0, 1 / 2.5)),
    "Weibull": ({"shape": 3.2, "rate": 2.5}, 1.7, stats.weibull_min(3.2, 0, 2.5 ** (-1 / 3.2))),
    "Pareto": ({"shape": 3.2, "minimum": 1.1}, 1.7, stats.pareto(3.2, 0, 1.1)),
    "Beta": ({"a": 3.2, "b": 2.5}, 0.7, stats.beta(3.2, 2.5)),
    "TruncatedNormal": (
        {"mean": 0.3, "precision": 4.0, "lower": -0.2, "upper": 2.0},
        1.7,
        stats.truncnorm(-1.0, 3.4, 0.3, 0.5),
    ),
    "GeneralisedInverseGaussian": (
        {"p": -0.4, "a": 2.5, "b": 1.3},
        1.7,
        stats.geninvgauss(-0.4, (2.5 * 1.3) ** 0.5, 0, (1.3 / 2.5) ** 0.5),
    ),
    "Bernoulli": ({"prob": 0.3}, 1, stats.bernoulli(0.3)),
    "Binomial": ({"total": 7, "prob": 0.3}, 2, stats.binom(7, 0.3)),
    "Poisson": ({"rate": 2.5}, 4, stats.poisson(2.5)),
    "BetaBinomial": ({"total": 7, "a": 1.3, "b": 2.5}, 2, stats.betabinom(7, 1.3, 2.5)),
    "Geometric": ({"prob": 0.3}, 4, stats.geom(0.3, -1)),
    "NegativeBinomial": ({"number": 3.5, "prob": 0.3}, 4, stats.nbinom(3.5, 0.3)),
}


@pytest.mark.parametrize("family", CASES)
def test_density_agrees_with_scipy(family: str) -> None:
    args, x, reference = CASES[family]
    expected = reference.logpdf(x) if hasattr(reference.dist, "logpdf") else reference.logpmf(x)
    assert float(log_density(doubles(), family, x, args)) == pytest.approx(float(expected), rel=1e-12)


def test_vector_densities_agree_with_scipy() -> None:
    e = doubles()
    x, c = [0.2, 0.5, 0.3], [1.2, 3.4, 0.7]
    assert log_density(e, "Dirichlet", x, {"concentration": c}) == pytest.approx(stats.dirichlet.logpdf(x, c))
    found = log_density(e, "Multinomial", [2, 1, 1], {"total": 4, "probs": x})
    assert found == pytest.approx(stats.multinomial.logpmf([2, 1, 1], 4, x))
    found = log_density(e, "DirichletMultinomial", [2, 1, 1], {"total": 4, "concentration": c})
    assert found == pytest.approx(stats.dirichlet_multinomial.logpmf([2, 1, 1], c, 4))
    precision_matrix = np.array([[2.0, 0.3], [0.3, 1.5]])
    found = log_density(e, "MultivariateNormal", [0.4, -0.2], {"mean": [0.1, 0.2], "precision": precision_matrix})
    expected = stats.multivariate_normal.logpdf([0.4, -0.2], [0.1, 0.2], np.linalg.inv(precision_matrix))
    assert found == pytest.approx(expected)
    assert log_density(e, "Categorical", 1, {"probs": x}) == pytest.approx(np.log(0.5))


@pytest.mark.parametrize("x", [0.2, 0.7, 2.0])
def test_the_polya_gamma_density_agrees_with_the_other_series(x: float) -> None:
    """Biane, Pitman and Yor (2001), table 1: the theta function of PG(1, 0) for large x; the tilt by its definition."""
    n = np.arange(40)
    base = np.log(4 * np.pi * ((-1.0) ** n * (n + 0.5) * np.exp(-2 * (n + 0.5) ** 2 * np.pi**2 * x)).sum())
    found = log_density(doubles(), "PolyaGamma", x, {"shape": 1.0, "tilt": 1.7})
    assert found == pytest.approx(base + np.log(np.cosh(0.85)) - 1.7**2 * x / 2, rel=1e-12)


ZERO_INFLATED = [f for f in FAMILIES if f.startswith("ZeroInflated")]
CENSORED = [f for f in FAMILIES if f.startswith(("RightCensored", "LeftCensored"))]
INTERVALS = [f for f in FAMILIES if f.startswith("IntervalCensored")]


@pytest.mark.parametrize("family", ZERO_INFLATED)
@pytest.mark.parametrize("x", [0, 4])
def test_excess_zeros_are_a_mixture(family: str, x: int) -> None:
    args, _, reference = CASES[family.removeprefix("ZeroInflated")]
    expected = np.log(0.2 * (x == 0) + 0.8 * reference.pmf(x))
    assert float(log_density(doubles(), family, x, {**args, "inflation": 0.2})) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("family", CENSORED)
def test_a_limit_counts_what_lies_beyond(family: str) -> None:
    side, name = family.split("Censored")
    args, x, reference = CASES[name]
    beyond = {"Right": reference.logsf, "Left": reference.logcdf}[side](x)
    assert float(log_density(doubles(), family, x, {**args, "event": 0})) == pytest.approx(beyond, rel=1e-12)
    seen = float(log_density(doubles(), family, x, {**args, "event": 1}))
    assert seen == pytest.approx(reference.logpdf(x), rel=1e-12)


@pytest.mark.parametrize("family", INTERVALS)
def test_an_interval_counts_what_lies_in_it(family: str) -> None:
    args, x, reference = CASES[family.removeprefix("IntervalCensored")]
    expected = np.log(reference.sf(x) - reference.sf(x + 0.7))
    assert float(log_density(doubles(), family, x, {**args, "width": 0.7})) == pytest.approx(expected, rel=1e-12)


TRUNCATED = [f for f in FAMILIES if f.startswith(("ZeroTruncated", "Hurdle"))]


@pytest.mark.parametrize("family", TRUNCATED)
@pytest.mark.parametrize("x", [1, 4])
def test_counts_above_zero_have_what_is_left_without_the_zero(family: str, x: int) -> None:
    name = family.removeprefix("ZeroTruncated").removeprefix("Hurdle")
    args, _, reference = CASES[name]
    expected = reference.logpmf(x) - np.log1p(-reference.pmf(0))
    if family.startswith("Hurdle"):
        args, expected = {**args, "crossing": 0.2}, expected + np.log(0.2)
        assert float(log_density(doubles(), family, 0, args)) == pytest.approx(np.log(0.8), rel=1e-12)
    assert float(log_density(doubles(), family, x, args)) == pytest.approx(expected, rel=1e-12)


def test_below_a_limit_and_outside_of_an_interval() -> None:
    found = log_density(doubles(), "TruncatedExponential", 0.7, {"rate": 2.5, "lower": 0.0, "upper": 1.1})
    assert float(found) == pytest.approx(stats.truncexpon(2.75, 0, 0.4).logpdf(0.7), rel=1e-12)
    for name in ("Exponential", "Weibull"):
        args, x, reference = CASES[name]
        between = {**args, "lower": x - 0.9, "upper": x + 0.4}
        expected = reference.logpdf(x) - np.log(reference.cdf(x + 0.4) - reference.cdf(x - 0.9))
        assert float(log_density(doubles(), f"Truncated{name}", x, between)) == pytest.approx(expected, rel=1e-12)
        above = float(log_density(doubles(), f"LeftTruncated{name}", x, {**args, "minimum": x - 0.9}))
        assert above == pytest.approx(reference.logpdf(x) - reference.logsf(x - 0.9), rel=1e-12)
    args, _, inside = CASES["TruncatedNormal"]
    whole = stats.norm(0.3, 0.5)
    rest = whole.cdf(args["lower"]) + whole.sf(args["upper"])
    for x in (-0.9, 2.4):
        found = float(log_density(doubles(), "OutsideNormal", x, args))
        assert found == pytest.approx(whole.logpdf(x) - np.log(rest), rel=1e-12)


def interval(a: float, b: float) -> mpmath.mpf:
    with mpmath.workdps(700):
        low, high = mpmath.mpf(a) / mpmath.sqrt(2), mpmath.mpf(b) / mpmath.sqrt(2)
        return mpmath.log((mpmath.erfc(low) - mpmath.erfc(high)) / 2)


@pytest.mark.parametrize("width", [1e-8, 1e-3, 0.4, 3.0, 50.0, np.inf])
def test_intervals_of_a_normal_in_doubles_and_in_balls(width: float) -> None:
    for start in (-40.0, -9.0, -1.5, -width / 2, -0.2, 0.0, 0.1, 0.9, 1.0, 7.0, 30.0, 45.0):
        if np.isinf(start):
            continue
        expected = interval(start, start + width)
        found = doubles()("log_normal_interval", start, start + width)
        # The log of a far tail is near to -x²/2, of which the error function gives the relative error.
        assert float(found) == pytest.approx(float(expected), rel=1e-12, abs=1e-300)
        with precision(40):
            e = precise()
            upper = e.constants("infinity") if np.isinf(width) else e.number(start + width)
            assert mpmath.almosteq(to_mpf(e("log_normal_interval", e.number(start), upper)), expected, 1e-20)


def test_every_family_is_covered() -> None:
    vectors = {"Dirichlet", "Multinomial", "DirichletMultinomial", "MultivariateNormal", "Categorical", "PolyaGamma"}
    truncated = {f"{side}{name}" for side in ("Truncated", "LeftTruncated") for name in ("Exponential", "Weibull")}
    elsewhere = {*truncated, "OutsideNormal", "Wishart", "InverseWishart", "MatrixNormal", "Numeric"}
    assert set(CASES) | vectors | elsewhere | {*ZERO_INFLATED, *CENSORED, *INTERVALS, *TRUNCATED} == set(FAMILIES)


X, S = [[1.3, 0.4], [0.4, 0.9]], [[0.7, -0.2], [-0.2, 1.1]]


@pytest.mark.parametrize(
    ("family", "args", "expected"),
    [
        ("Wishart", {"dof": 4.5, "scale": S}, stats.wishart(4.5, np.array(S)).logpdf(np.array(X))),
        ("InverseWishart", {"dof": 4.5, "scale": S}, stats.invwishart(4.5, np.array(S)).logpdf(np.array(X))),
        (
            "MatrixNormal",
            {"mean": [[0.1, 0.2], [-0.3, 0.5]], "row_precision": S, "column_precision": X},
            stats.matrix_normal(
                np.array([[0.1, 0.2], [-0.3, 0.5]]), np.linalg.inv(np.array(S)), np.linalg.inv(np.array(X))
            ).logpdf(np.array(X)),
        ),
    ],
)
def test_densities_of_matrices_agree_with_scipy(family: str, args: dict[str, Any], expected: float) -> None:
    assert float(log_density(doubles(), family, X, args)) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("family", sorted(set(CASES)))
def test_rules_normalise_to_thirty_digits(family: str) -> None:
    args, _, _ = CASES[family]
    with precision(110):
        e = precise()
        rational = {n: e.number(Fraction(str(v))) for n, v in args.items()}
        rule = scalar_rule(e, family, rational, 30)
        assert abs(to_mpf(rule.weights.sum()) - 1) < mpmath.mpf(10) ** -30


@pytest.mark.parametrize(
    ("family", "args"),
    [
        ("Normal", {"mean": "10", "precision": "1000000"}),
        ("Gamma", {"shape": "1/10", "rate": "3"}),
        ("Gamma", {"shape": "1000", "rate": "3"}),
        ("Beta", {"a": "1/10", "b": "3"}),
        ("Beta", {"a": "200", "b": "300"}),
        ("InverseGamma", {"shape": "21/10", "scale": "3"}),
    ],
)
def test_rules_stand_hard_parameters(family: str, args: dict[str, str]) -> None:
    """Cases in which adaptive quadrature is confidently wrong."""
    with precision(110):
        e = precise()
        rule = scalar_rule(e, family, {n: e.number(Fraction(v)) for n, v in args.items()}, 30)
        assert abs(to_mpf(rule.weights.sum()) - 1) < mpmath.mpf(10) ** -28


def test_both_engines_agree() -> None:
    with precision(60):
        values = []
        for e in (precise(), precise(use_flint=False)):
            args = {n: e.number(Fraction(v)) for n, v in {"p": "-2/5", "a": "5/2", "b": "13/10"}.items()}
            values.append(to_mpf(log_density(e, "GeneralisedInverseGaussian", e.number(Fraction(17, 10)), args)))
        assert abs(values[0] - values[1]) < mpmath.mpf(10) ** -55


@pytest.mark.parametrize("family", sorted(set(CASES) - {"Bernoulli", "HalfCauchy"}))
def test_draws_lie_in_the_middle_of_the_distribution(family: str) -> None:
    args, _, reference = CASES[family]
    rng = np.random.default_rng(1)
    drawn = [draw(family, args, rng) for _ in range(400)]
    spread = reference.std() / 20
    assert abs(np.mean(drawn) - reference.mean()) < 5 * spread


def test_cholesky_and_inverse() -> None:
    e = doubles()
    matrix = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 0.9]])
    low = np.array(cholesky(e, matrix))
    assert low @ low.T == pytest.approx(matrix)
    assert np.array(lower_inverse(e, low.tolist())) @ low == pytest.approx(np.eye(3))
