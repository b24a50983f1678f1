"""Mean field: the optimal factor by variations and by divergences, concavity, and the loss of correlation."""

from __future__ import annotations

import sympy

from cavi.derive.identities.algebra import JOIN_LOGS, LOG_OF_PRODUCT, arithmetic, inside, log_part, replace
from cavi.derive.identities.assumptions import Definition
from cavi.derive.identities.calculus import AT_VALUE, DIFFERENTIATE, UNDER
from cavi.derive.identities.definitions import (
    COVARIANCE_FOLD,
    COVARIANCE_UNFOLD,
    DEFINITION,
    ENTROPY_FOLD,
    ENTROPY_UNFOLD,
    KL_FOLD,
    fold,
    second_moment,
)
from cavi.derive.identities.expectations import CONSTANT_OUT, LINEAR, TOGETHER, one_mass, tower
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
)
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.setting import SPLIT, Split

log, exp = sympy.log, sympy.exp
LAMBDA, EPSILON, T = sympy.Symbol("lambda", real=True), sympy.Symbol("epsilon", real=True), sympy.Symbol("t", real=True)


def energy(s: Split = SPLIT) -> Definition:
    """F(z_1) = E_{q_2}[log p(x, z_1, z_2)]: log q*_1 up to its constant."""
    return Definition(Unknown("F", "real", *s.own), Expect(log(s.joint), s.q2))


def normaliser(s: Split = SPLIT) -> Definition:
    """Z_1 = ∫ exp F."""
    return Definition(Unknown("Z_1", "positive"), Mass(exp(energy(s).left), *s.own))


def optimum(s: Split = SPLIT) -> Definition:
    """q*_1 = exp(F)/Z_1."""
    return Definition(Density("q_1_star", s.own), exp(energy(s).left) / normaliser(s).left)


def direction(s: Split) -> Unknown:
    """h, an arbitrary function of the latents of the factor."""
    return Unknown("h", "real", *s.own)


BISHOP = "Bishop (2006), 10.5-10.9"


def mean_field_elbo(s: Split = SPLIT) -> Identity:
    """L(q_1 q_2) = E_{q_1}[F] + H[q_1] + H[q_2]."""
    body = log(s.joint / (s.q1 * s.q2))
    return (
        Proof(Expect(Expect(body, s.q2), s.q1))
        .by(log_part(s.joint), LOG_OF_PRODUCT, LINEAR, CONSTANT_OUT, ENTROPY_FOLD, LINEAR, ENTROPY_FOLD)
        .by(fold(energy(s)))
        .titled(
            "The bound of a factorised q, seen from one factor",
            summary="With the other factor fixed, the bound is an expected energy plus an entropy of the factor, plus "
            "a constant.",
            source=BISHOP,
            assumptions=(energy(s),),
        )
    )


def optimal_factor_by_kl(s: Split = SPLIT) -> Identity:
    """E_{q_1}[F] + H[q_1] = log Z_1 - KL(q_1 ‖ q*_1)."""
    f, best = energy(s).left, optimum(s).left
    return (
        Proof(Expect(f, s.q1) + Entropy(s.q1))
        .by(ENTROPY_UNFOLD, replace([(f, log(normaliser(s).left * best))], DEFINITION))
        .by(LOG_OF_PRODUCT, LINEAR, TOGETHER, JOIN_LOGS, KL_FOLD)
        .titled(
            "The optimal factor by a divergence",
            conclusion="Only the divergence depends on q_1, and it is zero where q_1 is q_1*.",
            summary="As a function of one factor the bound is a constant less the divergence from q*, the normalised "
            "exponential of the expected log joint.",
            source=BISHOP,
            assumptions=(energy(s), normaliser(s), optimum(s)),
        )
    )


def _bound(q: sympy.Expr, s: Split) -> sympy.Expr:
    """∫ q F - ∫ q log q."""
    return Mass(q * energy(s).left, *s.own) - Mass(q * log(q), *s.own)


def first_variation(s: Split = SPLIT) -> Identity:
    """d/dε of the bound along q_1 (1 + ε h) is ∫ q_1 h (F - log q_1 - 1 + λ)."""
    moved = s.q1 * (1 + EPSILON * direction(s))
    functional = _bound(moved, s) + LAMBDA * (Mass(moved, *s.own) - 1)
    return (
        Proof(At(Gradient(functional, EPSILON), EPSILON, 0))
        .by(DIFFERENTIATE, UNDER, DIFFERENTIATE, AT_VALUE, LINEAR, one_mass(*s.own), inside(Mass, sympy.factor))
        .titled(
            "The first variation of the bound in one factor",
            conclusion="It is zero for every h only where the bracket is: log q_1 = F + λ - 1.",
            summary="The calculus of variations: the bound is disturbed in an arbitrary direction h, with a multiplier "
            "λ for the mass of q.",
            source="Bishop (2006), appendix D and exercise 10.2",
            assumptions=(energy(s),),
        )
    )


def optimal_factor(s: Split = SPLIT) -> Identity:
    """At q_1 = exp(F + λ - 1) the first variation is zero for every h."""
    best = Definition(s.q1, exp(energy(s).left + LAMBDA - 1))
    return (
        Proof(first_variation(s).end)
        .by(replace([(best.left, best.right)], DEFINITION), CONSTANT_OUT)
        .titled(
            "The optimal factor by variations",
            summary="The exponential of the expected log joint makes the variation vanish in every direction.",
            source=BISHOP,
            assumptions=(energy(s), best),
        )
    )


def multiplier(s: Split = SPLIT) -> Identity:
    """∫ exp(F + λ - 1) = e^{λ - 1} Z_1, so mass one gives λ = 1 - log Z_1."""
    return (
        Proof(Mass(exp(energy(s).left + LAMBDA - 1), *s.own))
        .by(
            inside(Mass, lambda e: sympy.expand_power_exp(e)),
            CONSTANT_OUT,
            fold(normaliser(s)),
            arithmetic(sympy.powsimp),
        )
        .titled(
            "The multiplier is fixed by the mass",
            conclusion="Mass one asks for λ = 1 - log Z_1, which makes the optimal factor exp(F)/Z_1.",
            summary="The multiplier only normalises the optimal factor.",
            source=BISHOP,
            assumptions=(energy(s), normaliser(s)),
        )
    )


def concavity(s: Split = SPLIT) -> Identity:
    """The second variation -∫ (r - q_1)²/q_1 is not positive: the bound is concave in each factor."""
    other = Density("r_1", s.own)
    line = s.q1 + T * (other - s.q1)
    return (
        Proof(At(Gradient(Gradient(_bound(line, s), T), T), T, 0))
        .by(DIFFERENTIATE, UNDER, DIFFERENTIATE, DIFFERENTIATE, UNDER, DIFFERENTIATE, CONSTANT_OUT, AT_VALUE)
        .by(DROP_NON_NEGATIVE)
        .titled(
            "The bound is concave in each factor",
            conclusion="Along every straight line between two factors the bound bends downwards, so a factor that is "
            "stationary is the maximum.",
            summary="The second derivative of the bound along the straight line from q_1 to any other density r_1.",
            source="Boyd and Vandenberghe (2004), 3.1.4",
            assumptions=(energy(s),),
        )
    )


def total_variance() -> Identity:
    """Var[z_1] ≥ E[Var[z_1 | z_2]]: what is left of the variance once the other latent is known."""
    (z1,), (z2,) = SPLIT.own, SPLIT.rest
    p = Density("p", (z1, z2))
    given = p.over((z1,), (z2,))
    return (
        Proof(Covariance(z1, z1, p))
        .by(COVARIANCE_UNFOLD, inside(Expect, sympy.expand), LINEAR, tower(z1))
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
    (z1,), (z2,) = SPLIT.own, SPLIT.rest
    log_density = -(p11 * z1**2 + 2 * p12 * z1 * z2 + p22 * z2**2) / 2
    return (
        Proof(Expect(log_density, SPLIT.q2))
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
