"""Mean field: the optimal factor by variations and by divergences, concavity, and the loss of correlation."""

from __future__ import annotations

import sympy

from cavi.derive.identities.algebra import (
    AT_VALUE,
    DIFFERENTIATE,
    JOIN_LOGS,
    LOG_OF_PRODUCT,
    UNDER,
    arithmetic,
    inside,
    log_part,
    replace,
)
from cavi.derive.identities.assumptions import Definition
from cavi.derive.identities.inequalities import DROP_NON_NEGATIVE, drop
from cavi.derive.identities.language import (
    At,
    Covariance,
    Density,
    Entropy,
    Expect,
    Gradient,
    Mass,
    Unknown,
    Variable,
)
from cavi.derive.identities.probability import (
    CONSTANT_OUT,
    COVARIANCE_FOLD,
    COVARIANCE_UNFOLD,
    DEFINITION,
    ENTROPY_FOLD,
    ENTROPY_UNFOLD,
    KL_FOLD,
    LINEAR,
    TOGETHER,
    fold,
    one_mass,
    second_moment,
    tower,
)
from cavi.derive.identities.proof import Identity, Proof

log, exp = sympy.log, sympy.exp
X, Z1, Z2 = Variable("x"), Variable("z_1"), Variable("z_2")
JOINT = Density("p", (X, Z1, Z2))
Q1, Q2 = Density("q_1", (Z1,)), Density("q_2", (Z2,))
H = Unknown("h", "real", Z1)
LAMBDA, EPSILON, T = sympy.Symbol("lambda", real=True), sympy.Symbol("epsilon", real=True), sympy.Symbol("t", real=True)

# log q*_1 up to its constant, as a function of z_1; written F, a name that a reader can look up.
ENERGY = Definition(Unknown("F", "real", Z1), Expect(log(JOINT), Q2))
F = ENERGY.left
NORMALISER = Definition(Unknown("Z_1", "positive"), Mass(exp(F), Z1))
OPTIMUM = Definition(Density("q_1_star", (Z1,)), exp(F) / NORMALISER.left)
BISHOP = "Bishop (2006), 10.5-10.9"


def mean_field_elbo() -> Identity:
    """L(q_1 q_2) = E_{q_1}[F] + H[q_1] + H[q_2]."""
    body = log(JOINT / (Q1 * Q2))
    return (
        Proof(Expect(Expect(body, Q2), Q1))
        .by(log_part(JOINT), LOG_OF_PRODUCT, LINEAR, CONSTANT_OUT, ENTROPY_FOLD, LINEAR, ENTROPY_FOLD)
        .by(fold(ENERGY))
        .titled(
            "The bound of a factorised q, seen from one factor",
            summary="With the other factor fixed, the bound is an expected energy plus an entropy of the factor, plus "
            "a constant.",
            source=BISHOP,
            assumptions=(ENERGY,),
        )
    )


def optimal_factor_by_kl() -> Identity:
    """E_{q_1}[F] + H[q_1] = log Z_1 - KL(q_1 ‖ q*_1)."""
    best = OPTIMUM.left
    return (
        Proof(Expect(F, Q1) + Entropy(Q1))
        .by(ENTROPY_UNFOLD, replace([(F, log(NORMALISER.left * best))], DEFINITION))
        .by(LOG_OF_PRODUCT, LINEAR, TOGETHER, JOIN_LOGS, KL_FOLD)
        .titled(
            "The optimal factor by a divergence",
            conclusion="Only the divergence depends on q_1, and it is zero where q_1 is q_1*.",
            summary="As a function of one factor the bound is a constant less the divergence from q*, the normalised "
            "exponential of the expected log joint.",
            source=BISHOP,
            assumptions=(ENERGY, NORMALISER, OPTIMUM),
        )
    )


def _functional(q: sympy.Expr) -> sympy.Expr:
    """∫ q F - ∫ q log q + λ (∫ q - 1)."""
    return Mass(q * F, Z1) - Mass(q * log(q), Z1) + LAMBDA * (Mass(q, Z1) - 1)


def first_variation() -> Identity:
    """d/dε of the bound along q_1 (1 + ε h) is ∫ q_1 h (F - log q_1 - 1 + λ)."""
    moved = Q1 * (1 + EPSILON * H)
    return (
        Proof(At(Gradient(_functional(moved), EPSILON), EPSILON, 0))
        .by(DIFFERENTIATE, UNDER, DIFFERENTIATE, AT_VALUE, LINEAR, one_mass(Z1), inside(Mass, sympy.factor))
        .titled(
            "The first variation of the bound in one factor",
            conclusion="It is zero for every h only where the bracket is: log q_1 = F + λ - 1.",
            summary="The calculus of variations: the bound is disturbed in an arbitrary direction h, with a multiplier "
            "λ for the mass of q.",
            source="Bishop (2006), appendix D and exercise 10.2",
            assumptions=(ENERGY,),
        )
    )


def optimal_factor() -> Identity:
    """At q_1 = exp(F + λ - 1) the first variation is zero for every h."""
    return (
        Proof(Mass(Q1 * H * (F - log(Q1) - 1 + LAMBDA), Z1))
        .by(replace([(Q1, exp(F + LAMBDA - 1))], DEFINITION), CONSTANT_OUT)
        .titled(
            "The optimal factor by variations",
            summary="The exponential of the expected log joint makes the variation vanish in every direction.",
            source=BISHOP,
            assumptions=(ENERGY, Definition(Q1, exp(F + LAMBDA - 1))),
        )
    )


def multiplier() -> Identity:
    """∫ exp(F + λ - 1) = e^{λ - 1} Z_1, so mass one gives λ = 1 - log Z_1."""
    return (
        Proof(Mass(exp(F + LAMBDA - 1), Z1))
        .by(
            inside(Mass, lambda e: sympy.expand_power_exp(e)), CONSTANT_OUT, fold(NORMALISER), arithmetic(sympy.powsimp)
        )
        .titled(
            "The multiplier is fixed by the mass",
            conclusion="Mass one asks for λ = 1 - log Z_1, which makes the optimal factor exp(F)/Z_1.",
            summary="The multiplier only normalises the optimal factor.",
            source=BISHOP,
            assumptions=(ENERGY, NORMALISER),
        )
    )


def concavity() -> Identity:
    """The second variation -∫ (r - q_1)²/q_1 is not positive: the bound is concave in each factor."""
    other = Density("r_1", (Z1,))
    line = Q1 + T * (other - Q1)
    bound = Mass(line * F, Z1) - Mass(line * log(line), Z1)
    return (
        Proof(At(Gradient(Gradient(bound, T), T), T, 0))
        .by(DIFFERENTIATE, UNDER, DIFFERENTIATE, DIFFERENTIATE, UNDER, DIFFERENTIATE, CONSTANT_OUT, AT_VALUE)
        .by(DROP_NON_NEGATIVE)
        .titled(
            "The bound is concave in each factor",
            conclusion="Along every straight line between two factors the bound bends downwards, so a factor that is "
            "stationary is the maximum.",
            summary="The second derivative of the bound along the straight line from q_1 to any other density r_1.",
            source="Boyd and Vandenberghe (2004), 3.1.4",
            assumptions=(ENERGY,),
        )
    )


def total_variance() -> Identity:
    """Var[z_1] ≥ E[Var[z_1 | z_2]]: what is left of the variance once the other latent is known."""
    p = Density("p", (Z1, Z2))
    given = p.over((Z1,), (Z2,))
    return (
        Proof(Covariance(Z1, Z1, p))
        .by(COVARIANCE_UNFOLD, inside(Expect, sympy.expand), LINEAR, tower(Z1))
        .by(second_moment(given), LINEAR, COVARIANCE_FOLD)
        .by(drop(lambda t: isinstance(t, Covariance)))
        .titled(
            "What mean field loses",
            conclusion="For a Gaussian the optimal factor has the conditional variance 1/Λ_11, which does not depend "
            "on z_2, in the place of the marginal variance Σ_11.",
            summary="The variance of one latent is its mean conditional variance plus the variance of its conditional "
            "mean; a factor that ignores the other latent keeps only the first part.",
            source="Bishop (2006), 10.1.2; Ross (2014), proposition 5.2",
        )
    )


def gaussian_factor() -> Identity:
    """E_{q_2}[log p] of a correlated Gaussian is quadratic in z_1 with precision Λ_11 (Bishop 2006, 10.11)."""
    p11, p12, p22 = sympy.symbols("Lambda_11 Lambda_12 Lambda_22", real=True)
    energy = -(p11 * Z1**2 + 2 * p12 * Z1 * Z2 + p22 * Z2**2) / 2
    return (
        Proof(Expect(energy, Q2))
        .by(LINEAR)
        .titled(
            "The optimal factor of a correlated Gaussian",
            conclusion="In z_1 this is the log density of a Normal with precision Λ_11, whatever q_2 is; its mean is "
            "-Λ_12 E[z_2]/Λ_11.",
            summary="The expected log density under the other factor keeps the diagonal of the precision matrix.",
            source="Bishop (2006), 10.11-10.13",
        )
    )


def gaussian_variance() -> Identity:
    """1/Λ_11 = Σ_11 - Σ_12²/Σ_22 ≤ Σ_11, Λ being the inverse of Σ."""
    s11, s22 = sympy.symbols("Sigma_11 Sigma_22", positive=True)
    s12 = sympy.Symbol("Sigma_12", real=True)
    precision = sympy.Matrix([[s11, s12], [s12, s22]]).inv()
    return (
        Proof(1 / precision[0, 0])
        .by(arithmetic(lambda e: sympy.expand(sympy.cancel(e))), drop(lambda t: t.has(s12)))
        .titled(
            "Mean field makes a correlated Gaussian too narrow",
            conclusion="With correlation ρ the mean-field variance is (1 - ρ²) Σ_11.",
            summary="The variance 1/Λ_11 of the optimal factor against the marginal variance Σ_11.",
            source="Bishop (2006), 10.1.2",
        )
    )


IDENTITIES = {
    "mean_field_elbo": mean_field_elbo,
    "first_variation": first_variation,
    "optimal_factor": optimal_factor,
    "multiplier": multiplier,
    "optimal_factor_by_kl": optimal_factor_by_kl,
    "factor_concavity": concavity,
    "loss_of_correlation": total_variance,
    "gaussian_factor": gaussian_factor,
    "gaussian_variance": gaussian_variance,
}
