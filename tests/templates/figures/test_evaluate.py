import math

import numpy as np
import pytest
import sympy
from scipy import stats

from cavi.derive import Bernoulli, Binomial, Gamma, Normal, identities
from cavi.derive.closed_form import entropy, expectation, kl
from cavi.derive.errors import CaviError
from cavi.derive.identities.language import (
    KL,
    Average,
    Covariance,
    Density,
    Elbo,
    Entropy,
    Expect,
    Gradient,
    Iid,
    Label,
    Mass,
    Sample,
    Unknown,
    Variable,
)
from cavi.templates.figures.evaluate import evaluate, number
from cavi.templates.figures.world import Law, World, grid, labels, member, observed

x, z, k = Variable("x"), Variable("z"), Label("k")
m, K = sympy.Symbol("m", real=True), sympy.Symbol("K", integer=True, positive=True)
Q, R = Density("q", (z,)), Density("r", (z,))
JOINT = Density("p", (x, z))


def gaussian(mean=1, precision=4):
    return World(
        {z: grid(-12, 12, 1201)},
        {"q": Law((z,), member(Normal(mean, precision), z)), "r": Law((z,), member(Normal(0, 1), z))},
    )


def discrete(count=9):
    joint = member(Binomial(4, sympy.Rational(1, 2)), z) + member(Normal(z, 1), sympy.Integer(3))
    q = member(Binomial(4, sympy.Rational(1, 5)), z)
    return World({x: observed(), z: labels(*range(5))}, {"p": Law((x, z), joint), "q": Law((z,), q)})


@pytest.mark.parametrize("q", [Normal(1, 4), Normal(sympy.Rational(-1, 2), sympy.Rational(1, 3))])
def test_divergence_and_entropy_are_the_closed_forms(q):
    world = World({z: grid(-20, 20, 2001)}, {"q": Law((z,), member(q, z)), "r": Law((z,), member(Normal(0, 1), z))})
    assert number(KL(Q, R), world) == pytest.approx(float(kl(q, Normal(0, 1))), abs=1e-10)
    assert number(Entropy(Q), world) == pytest.approx(float(entropy(q)), abs=1e-10)
    assert number(Mass(Q, z), world) == pytest.approx(1, abs=1e-12)


def test_an_expectation_and_a_covariance_of_functions():
    world = World({z: grid(1e-9, 60, 60001)}, {"q": Law((z,), member(Gamma(3, 2), z))})
    assert number(Expect(sympy.log(z), Q), world) == pytest.approx(float(expectation(sympy.log, Gamma(3, 2))), abs=1e-6)
    assert number(Covariance(z, z, Q), world) == pytest.approx(3 / 4, abs=1e-6)


def test_marginals_and_conditionals_come_from_the_joint():
    kind = Variable("k")
    law = member(Bernoulli(sympy.Rational(1, 4)), kind) + member(Normal(4 * kind, 1), z)
    world = World({z: grid(-10, 14, 1201), kind: labels(0, 1)}, {"p": Law((z, kind), law)})
    points = world.axis(z).points
    truth = 0.75 * stats.norm.pdf(points) + 0.25 * stats.norm.pdf(points, 4)
    np.testing.assert_allclose(np.ravel(evaluate(Density("p", (z,)), world)), truth, atol=1e-14)
    responsibility = evaluate(Density("p", (kind,), (z,)), world)
    np.testing.assert_allclose(responsibility.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(responsibility[:, 1], 0.25 * stats.norm.pdf(points, 4) / truth, atol=1e-12)
    np.testing.assert_allclose(np.ravel(evaluate(Density("p", (kind,)), world)), [0.75, 0.25], atol=1e-12)


@pytest.mark.parametrize("name", ["elbo", "elbo_by_kl", "jensen_gap_is_kl", "elbo_tight", "energy_entropy"])
def test_equations_of_the_catalogue_hold(name):
    left, relation, right = identities.load(name).claim
    assert relation == "="
    assert number(left, discrete()) == pytest.approx(number(right, discrete()), abs=1e-12)


@pytest.mark.parametrize("name", ["elbo_by_jensen", "elbo_by_gibbs", "renyi_above_elbo", "renyi_below_evidence"])
def test_inequalities_of_the_catalogue_hold(name):
    left, relation, right = identities.load(name).claim
    values = {s: 0.6 for s in (left + right).free_symbols if s.name == "s"}
    gap = number(left - right, discrete().at(values)) * (1 if relation == "≥" else -1)
    assert gap > 1e-3


def test_a_definition_of_an_identity_gives_meaning_to_its_functions():
    identity = identities.load("optimal_factor_by_kl")
    z1, z2 = Variable("z_1"), Variable("z_2")
    joint = member(Normal(0, 1), z1) + member(Normal(z1, 2), z2)
    world = World(
        {Variable("x"): observed(), z1: grid(-9, 9, 301), z2: grid(-12, 12, 301)},
        {
            "p": Law((Variable("x"), z1, z2), joint),
            "q_1": Law((z1,), member(Normal(sympy.Rational(1, 2), 3), z1)),
            "q_2": Law((z2,), member(Normal(0, 2), z2)),
        },
    ).given(identity.assumptions)
    assert number(identity.start, world) < number(Unknown("Z_1", "positive"), world.given(()))


def test_copies_are_enumerated_exactly():
    body = sympy.log(Average(JOINT.xreplace({z: Sample(z, k)}) / Q.xreplace({z: Sample(z, k)}), k, K))
    world = discrete().at({K: 2})
    weights = np.ravel(evaluate(JOINT, world) / evaluate(Q, world))
    q = np.ravel(evaluate(Q, world))
    truth = sum(q[i] * q[j] * math.log((weights[i] + weights[j]) / 2) for i in range(5) for j in range(5))
    assert number(Expect(body, Iid(Q, K)), world) == pytest.approx(truth, abs=1e-13)
    assert number(Expect(body, Iid(Q, K)), world.at({K: 1})) == pytest.approx(number(Elbo(Q, JOINT), world), abs=1e-12)


def test_no_mass_means_no_contribution():
    law = sympy.Piecewise((-sympy.log(2), z < 2), (-sympy.oo, True))
    world = World({z: labels(0, 1, 2)}, {"q": Law((z,), law), "r": Law((z,), -sympy.log(3) + 0 * z)})
    assert number(KL(Q, R), world) == pytest.approx(math.log(1.5))


@pytest.mark.parametrize(
    "expr, words",
    [
        (Density("s", (z,)), "the density s has no law; found laws for"),
        (Expect(z + m, Q), "the letter m has no value"),
        (Expect(Unknown("g", "real", z), Q), "the function g is not given"),
        (Gradient(Entropy(Q), m), "let a derivation remove it first"),
        (Density("q", (x,)), "q is a law of"),
        (Density("q", (z,), (), (m,)), "q has 1 parameters, its law 0"),
        (z, "has 1201 values"),
        (Expect(sympy.log(Average(Sample(z, k), k, K)), Iid(Q, K)), "is not discrete"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(expr, words):
    world = gaussian().at({K: 2}) if expr.has(Iid) else gaussian()
    world = world.at({m: 1}) if words.startswith("q has") else world
    with pytest.raises(CaviError, match=words):
        number(expr, world)


def test_data_are_not_summed_over():
    with pytest.raises(CaviError, match="x is data"):
        number(Density("p", (z,)), discrete())


def test_a_single_copy_outside_the_sum_is_refused():
    with pytest.raises(CaviError, match="a single copy stands outside"):
        number(Expect(Sample(z, k), Iid(Q, K)), discrete().at({K: 2}))


@pytest.mark.parametrize("low, high, count", [(1, 1, 5), (2, 1, 5), (0, 1, 1), (0, math.inf, 5)])
def test_a_grid_needs_an_interval(low, high, count):
    with pytest.raises(CaviError, match="expected two points or more"):
        grid(low, high, count)
