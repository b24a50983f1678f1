"""Exponential families: the log-normaliser as a generating function, duality, and conjugacy in the abstract."""

from __future__ import annotations

import sympy

from cavi.derive.derivation import Rule
from cavi.derive.identities.algebra import (
    EXPECTED_INNER,
    INNER_LINEAR,
    JOIN_EXPONENTIALS,
    LOG_OF_PRODUCT,
    gather_inner,
    inside_exp,
    replace,
)
from cavi.derive.identities.assumptions import Definition
from cavi.derive.identities.calculus import DIFFERENTIATE, LOG_GRADIENT, LOG_TRICK, UNDER
from cavi.derive.identities.definitions import COVARIANCE_FOLD, ENTROPY_UNFOLD, KL_UNFOLD, factor_as, fold, unfold
from cavi.derive.identities.expectations import AS_MASS, CONSTANT_IN, CONSTANT_OUT, LINEAR, as_expectation
from cavi.derive.identities.inequalities import drop_kl
from cavi.derive.identities.language import (
    KL,
    Component,
    Density,
    Entropy,
    Expect,
    Gradient,
    Inner,
    Label,
    Mass,
    Unknown,
    Variable,
    Vector,
)
from cavi.derive.identities.proof import Identity, Proof, lemma

log, exp = sympy.log, sympy.exp
X = Variable("x")
ETA, ETA2 = Vector("eta"), Vector("eta_prime")
I, J = Label("i"), Label("j")  # noqa: E741
BASE = Density("h", (X,))
STATISTICS = Unknown("t", "vector", X)
KERNEL = BASE * exp(Inner(ETA, STATISTICS))
NORMALISER = Definition(Unknown("A", "real", ETA), log(Mass(KERNEL, X)))
A = NORMALISER.left
FAMILY = Definition(Density("p", (X,), (), (ETA,)), BASE * exp(Inner(ETA, STATISTICS) - A))
P = FAMILY.left
AXIOMS = (NORMALISER, FAMILY)
WAINWRIGHT = "Wainwright and Jordan (2008), proposition 3.1"
MEMBER = Rule(
    "density of the family",
    "The density of an exponential family is the base measure times the exponential of the inner product of natural "
    "parameters and statistics, less the log-normaliser.",
    source="Bishop (2006), 2.194",
)
MEAN = Rule(
    "slope of the log-normaliser",
    "The derivative of the log-normaliser in a natural parameter is the mean of its statistic.",
    source=WAINWRIGHT,
)


def mean() -> Identity:
    """∂A/∂η_i = E[t_i(x)]."""
    return (
        Proof(Gradient(A, Component(ETA, I)))
        .by(unfold(NORMALISER), LOG_GRADIENT, UNDER, DIFFERENTIATE, CONSTANT_IN)
        .by(factor_as(KERNEL / Mass(KERNEL, X), P, MEMBER), as_expectation(P))
        .titled(
            "The slope of the log-normaliser is the mean statistic",
            summary="Differentiating the log-normaliser in a natural parameter gives the expectation of its statistic.",
            source=f"{WAINWRIGHT}; Bishop (2006), 2.226",
            assumptions=AXIOMS,
        )
    )


def log_density(eta: Vector) -> sympy.Expr:
    """log p(x; η) = log h(x) + ⟨η, t(x)⟩ - A(η)."""
    return log(BASE) + Inner(eta, STATISTICS) - Unknown("A", "real", eta)


def covariance() -> Identity:
    """∂²A/∂η_i∂η_j = Cov[t_i, t_j]."""
    t_i, t_j = Component(STATISTICS, I), Component(STATISTICS, J)
    slope = Gradient(A, Component(ETA, J))
    return (
        Proof(Gradient(Expect(t_i, P), Component(ETA, J)))
        .by(AS_MASS, UNDER, DIFFERENTIATE, LOG_TRICK)
        .by(replace([(log(P), log_density(ETA))], MEMBER), DIFFERENTIATE)
        .by(replace([(slope, Expect(t_j, P))], MEAN), as_expectation(P), LINEAR, COVARIANCE_FOLD)
        .titled(
            "The curvature of the log-normaliser is the covariance of the statistics",
            conclusion="A covariance matrix has no negative eigenvalue, so the log-normaliser is convex.",
            summary="Differentiating the mean of one statistic in the natural parameter of another.",
            source=WAINWRIGHT,
            assumptions=AXIOMS,
        )
    )


def entropy() -> Identity:
    """H = A(η) - ⟨η, E[t]⟩ - E[log h]: minus the Legendre dual of A at the mean parameters."""
    return (
        Proof(Entropy(P))
        .by(ENTROPY_UNFOLD, replace([(log(P), log_density(ETA))], MEMBER), LINEAR, EXPECTED_INNER)
        .titled(
            "The entropy and the dual of the log-normaliser",
            summary="With base measure one the entropy is minus the Legendre dual A*(μ) = ⟨η, μ⟩ - A(η) at the mean "
            "parameters μ = E[t].",
            source="Wainwright and Jordan (2008), theorem 3.4",
            assumptions=AXIOMS,
        )
    )


def bregman(eta: Vector = ETA, eta2: Vector = ETA2) -> Identity:
    """KL(p_η ‖ p_η') = A(η') - A(η) - ⟨η' - η, E_η[t]⟩."""
    own, other = P.at(eta), P.at(eta2)
    return (
        Proof(KL(own, other))
        .by(KL_UNFOLD, LOG_OF_PRODUCT)
        .by(replace([(log(own), log_density(eta)), (log(other), log_density(eta2))], MEMBER))
        .by(LINEAR, EXPECTED_INNER, gather_inner(Expect(STATISTICS, own)))
        .titled(
            "The divergence in a family is a Bregman divergence",
            summary="The divergence is how far the log-normaliser at η' lies above its tangent at η.",
            source="Wainwright and Jordan (2008), 5.2.2; Banerjee et al. (2005), theorem 4",
            assumptions=AXIOMS,
        )
    )


def fenchel_young() -> Identity:
    """⟨η', μ⟩ - A(η') ≤ ⟨η, μ⟩ - A(η) for μ = E_η[t]: the dual is attained at η."""
    dual = Inner(ETA2, Expect(STATISTICS, P)) - Unknown("A", "real", ETA2)
    return (
        Proof(dual)
        .by(lemma(bregman()), INNER_LINEAR, drop_kl())
        .titled(
            "The dual of the log-normaliser",
            conclusion="The largest value over η' is attained at η' = η: it is the Legendre dual A*(μ) at the mean "
            "parameters μ of η.",
            summary="Among all natural parameters, the one whose mean statistics are μ maximises ⟨η', μ⟩ - A(η').",
            source="Wainwright and Jordan (2008), theorem 3.4",
            assumptions=AXIOMS,
        )
    )


THETA = Variable("theta")
CHI, NU, N = Vector("chi"), sympy.Symbol("nu", positive=True), sympy.Symbol("N", integer=True, positive=True)
NATURAL, CUMULANT = Unknown("eta", "vector", THETA), Unknown("a", "real", THETA)
PRIOR_BASE = Density("b", (THETA,))


def _prior_kernel(chi: sympy.Expr, nu: sympy.Expr) -> sympy.Expr:
    return PRIOR_BASE * exp(Inner(chi, NATURAL) - nu * CUMULANT)


EVIDENCE = Definition(Unknown("Z", "positive", CHI, NU), Mass(_prior_kernel(CHI, NU), THETA))
PRIOR = Definition(Density("pi", (THETA,), (), (CHI, NU)), _prior_kernel(CHI, NU) / EVIDENCE.left)
LIKELIHOOD = Definition(Density("f", (X,), (THETA,)), BASE * exp(Inner(NATURAL, STATISTICS) - N * CUMULANT))
CONJUGATE = (EVIDENCE, PRIOR, LIKELIHOOD)


def posterior() -> Identity:
    """f(x | θ) π(θ; χ, ν) = h(x) Z(χ + t(x), ν + N)/Z(χ, ν) · π(θ; χ + t(x), ν + N)."""
    chi, nu = CHI + STATISTICS, NU + N
    z = Unknown("Z", "positive", chi, nu)
    return (
        Proof(LIKELIHOOD.left * PRIOR.left)
        .by(unfold(LIKELIHOOD), unfold(PRIOR), JOIN_EXPONENTIALS)
        .by(inside_exp(Inner(chi, NATURAL) - nu * CUMULANT))
        .by(factor_as(_prior_kernel(chi, nu), z * PRIOR.left.at(chi, nu)))
        .titled(
            "The conjugate posterior",
            conclusion="As a function of θ the posterior is the prior with χ + t(x) and ν + N in the places of χ and "
            "ν.",
            summary="A likelihood of N data with total statistics t(x), times the prior that is built from it, is that "
            "prior again with other parameters.",
            source="Diaconis and Ylvisaker (1979); Bishop (2006), 2.229-2.230",
            assumptions=CONJUGATE,
        )
    )


def evidence_ratio() -> Identity:
    """p(x) = h(x) Z(χ + t(x), ν + N)/Z(χ, ν)."""
    chi, nu = CHI + STATISTICS, NU + N
    return (
        Proof(Mass(LIKELIHOOD.left * PRIOR.left, THETA))
        .by(unfold(LIKELIHOOD), unfold(PRIOR), JOIN_EXPONENTIALS)
        .by(
            inside_exp(Inner(chi, NATURAL) - nu * CUMULANT),
            CONSTANT_OUT,
            fold(EVIDENCE, Unknown("Z", "positive", chi, nu)),
        )
        .titled(
            "The evidence is a ratio of normalisers",
            conclusion="With the posterior in the place of the prior and one new datum this is the posterior "
            "predictive density.",
            summary="The marginal likelihood of conjugate models: the normaliser after the data over the one before.",
            source="Bishop (2006), 2.4.2; Murphy (2012), 9.2.5",
            assumptions=CONJUGATE,
        )
    )


IDENTITIES = {
    "log_normaliser_gradient": mean,
    "log_normaliser_hessian": covariance,
    "exponential_family_entropy": entropy,
    "kl_as_bregman": bregman,
    "fenchel_young": fenchel_young,
    "conjugate_update": posterior,
    "conjugate_evidence": evidence_ratio,
}
