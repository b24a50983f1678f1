"""Bounds of functions of a whole array: proved for any number of elements, and checked at some."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from cavi.derive import (
    ArrayBound,
    Categorical,
    Exponential,
    Gamma,
    InverseGamma,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    RelaxationError,
    Sum,
    derive,
    dot,
    exp,
    softmax,
)
from cavi.derive.relaxations import array_bounds
from cavi.derive.relaxations.bound import T, X
from cavi.derive.relaxations.shifted_sum import ShiftedSum
from cavi.verify import verify

OWN = (
    ArrayBound("twice", outer=2 * sympy.log(T), statistic=sympy.log(X)),
    ArrayBound("wide", outer=-sympy.log(T), inner=sympy.exp(X), curvature=(Fraction(2), Fraction(0))),
)


@pytest.mark.parametrize("bound", [*array_bounds(), *OWN], ids=lambda b: b.name)
def test_what_is_proved_convex_has_no_negative_curvature(bound: ArrayBound) -> None:
    """Eigenvalues of the second derivative of F(Σ_k b(t_k)) + α/2 (Σ t² - β (Σ t)²/K) at random points."""
    assert bound.proof.steps
    rng = np.random.default_rng(0)
    slope, bend = (sympy.lambdify(T, sympy.diff(bound.outer, T, n)) for n in (1, 2))
    value, first, second = (sympy.lambdify(T, sympy.diff(bound.term, T, n)) for n in range(3))
    alpha, beta = map(float, bound.curvature)
    for count in (1, 2, 3, 7):
        for _ in range(50):
            t = rng.normal(scale=2, size=count)
            t = t if bound.domain == "real" else np.exp(t)
            total = value(t).sum()
            hessian = slope(total) * np.diag(second(t)) + bend(total) * np.outer(first(t), first(t))
            hessian += alpha * (np.eye(count) - beta / count)
            assert np.linalg.eigvalsh(hessian).min() > -1e-9 * (1 + abs(hessian).max())


LOG = dict(outer=-sympy.log(T), inner=sympy.exp(X))
REFUSED = {
    "a concave function": (dict(outer=-sympy.log(T), statistic=sympy.log(X)), "to be not positive"),
    "too small a curvature": (dict(**LOG, curvature=(Fraction(49, 100), Fraction(1))), "α ≥ 1/2"),
    "a direction left out": (dict(**LOG, curvature=(Fraction(1, 2), Fraction(3, 2))), "β ≤ 1"),
    "no variance": (dict(outer=-sympy.sqrt(T), inner=sympy.exp(X), curvature=(Fraction(1), Fraction(0))), "variance"),
    "too steep": (dict(outer=-1 / T**2, statistic=1 / X), "to be not negative"),
    "a sum without curvature": (dict(outer=sympy.log(T)), "a constant times t"),
    "another statistic": (dict(outer=sympy.log(T), statistic=X**2), "expected x, log(x), 1/x or 1/x**2"),
    "another inner function": (dict(outer=sympy.log(T), inner=X**2), "expected x or exp(x)"),
    "no outer function": (dict(outer=sympy.Integer(1)), "expected one of t alone"),
    "curvature in log x": (dict(outer=sympy.log(T), statistic=sympy.log(X), curvature=(1, 0)), "expected one in x"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused(name: str) -> None:
    given, message = REFUSED[name]
    with pytest.raises(RelaxationError) as found:
        _ = ArrayBound("own", **given).proof
    assert message in str(found.value)


def test_a_sum_is_below_a_product() -> None:
    """The first step of Bouchard's bound, at random scores and shifts, with its proof."""
    assert ShiftedSum("own", then="jaakkola_jordan").proof.steps[0].gap is not None
    x, shift = np.random.default_rng(1).normal(scale=3, size=(2, 200, 4))
    exact = -np.log(np.exp(x).sum(axis=1))
    assert (exact > -shift[:, 0] - np.logaddexp(0, x - shift[:, :1]).sum(axis=1)).all()


def classes() -> Model:
    m = Model("classes")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    w, x = m.latent("w", Normal(0, m.hyper("alpha_0")), k, d), m.covariate("X", n, d)
    m.observed("y", Categorical(softmax(dot(w[k], x[n]), over=k)), n)
    return m


def counts() -> Model:
    m = Model("counts")
    i, j, k = m.index("i", "I"), m.index("j", "J"), m.index("k", "K")
    a, b = m.hyper("a_0 b_0")
    u, v = m.latent("u", Gamma(a, b), i, k), m.latent("v", Gamma(a, b), j, k)
    m.observed("x", Poisson(Sum(u[i, k] * v[j, k], k)), i, j)
    return m


def variances() -> Model:
    m = Model("variances")
    n, k = m.index("n", "N"), m.index("k", "K")
    v, c = m.latent("v", InverseGamma(*m.hyper("a_0 b_0")), k), m.covariate("c", n, k)
    m.observed("x", Normal(0, variance=Sum(c[n, k] * v[k], k)), n)
    return m


PROPOSED = {
    "classes": (classes, "bounds={'y': 'boehning'} or bounds={'y': 'bouchard'}", {"w": "Normal"}),
    "counts": (counts, "bounds={'x': 'jensen'}", {"u": "Gamma", "v": "Gamma"}),
    "variances": (variances, "bounds={'x': ('harmonic', 'tangent')}", {"v": "GeneralisedInverseGaussian"}),
}


@pytest.mark.parametrize("name", PROPOSED)
def test_the_refusal_names_the_rules_and_auto_applies_them(name: str) -> None:
    declare, said, families = PROPOSED[name]
    with pytest.raises(NonConjugateError) as refused:
        derive(declare())
    assert said in str(refused.value)
    d = derive(declare(), relax="auto")
    assert {n: str(d.update(n).families[n]) for n in families} == families


def test_a_concave_function_has_no_tangent_below() -> None:
    m = Model("rates")
    n = m.index("n", "N")
    m.observed("x", Poisson(exp(m.latent("v", Normal(0, 1)))), n)
    with pytest.raises(RelaxationError, match="is concave in x, so its tangents lie above it"):
        derive(m, bounds={"x": "tangent"})


def test_a_bound_that_leaves_exponentials_says_what_is_missing() -> None:
    """Blei and Lafferty (2007), section 3: -log S ≥ -S/ζ - log ζ + 1 with S a sum of exponentials."""
    with pytest.raises(NonConjugateError) as refused:
        derive(classes(), bounds={"y": "tangent"})
    assert "exp(" in str(refused.value)


def test_what_is_conjugate_has_no_tangent_to_take() -> None:
    m = Model("waits")
    n = m.index("n", "N")
    m.observed("x", Exponential(m.latent("v", Gamma(1, 1))), n)
    with pytest.raises(RelaxationError, match="there is no tangent to take"):
        derive(m, bounds={"x": "tangent"})


def test_an_array_has_its_point_where_its_argument_lives() -> None:
    """Tokens of one document share the scores, so they share the point of the tangent."""
    from cavi import models

    d = models.derived("correlated_topic_model")
    assert [i.size for i in d.update("psi").factor.plates] == ["D"]
    assert [i.size for i in d.update("psi").factor.event] == ["K"]


def test_a_sum_over_what_observed_integers_name() -> None:
    """Of a sum of λ[who[n, j]] over j the shares are those of each n and j, whoever they are."""
    m = Model("races")
    n, i, j = m.index("n", "N"), m.index("i", "I"), m.index("j", 3)
    who, rate = m.observed_index("who", n, j, over=i), m.latent("rate", Gamma(1, 1), i)
    m.observed("first", Exponential(Sum(rate[who[n, j]], j)), n)
    derived = derive(m, bounds={"first": "jensen"})
    (local,) = derived.relaxations[0].variables
    assert [a.size for a in derived.model.variable(local).indices] == ["N", "3"]
    assert "because \n" not in str(derived)
    assert verify(derived, digits=12).ok
