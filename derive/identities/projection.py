"""Projections onto an exponential family: forward KL matches moments, reverse KL seeks modes."""

from __future__ import annotations

import sympy

from cavi.derive.identities.algebra import (
    COMPONENT_OF_MEAN,
    EXPECTED_INNER,
    INNER_LINEAR,
    LOG_OF_PRODUCT,
    assume,
    log_between,
    replace,
)
from cavi.derive.identities.assumptions import Holds
from cavi.derive.identities.calculus import DIFFERENTIATE, LOG_TRICK, UNDER
from cavi.derive.identities.definitions import COVARIANCE_FOLD, KL_FOLD, KL_UNFOLD
from cavi.derive.identities.expectations import AS_MASS, LINEAR, as_expectation
from cavi.derive.identities.exponential_family import (
    AXIOMS,
    ETA,
    MEAN,
    MEMBER,
    STATISTICS,
    A,
    I,
    P,
    X,
    bregman,
    log_density,
)
from cavi.derive.identities.inequalities import drop
from cavi.derive.identities.language import KL, Component, Density, Expect, Gradient, Vector
from cavi.derive.identities.proof import Identity, Proof, lemma

log = sympy.log
TARGET = Density("r", (X,))
BEST = Vector("eta_star")
ETA_I = Component(ETA, I)
T_I = Component(STATISTICS, I)
SLOPE = replace([(Gradient(A, ETA_I), Expect(T_I, P))], MEAN)
AS_MEMBER = replace([(log(P), log_density(ETA))], MEMBER)


def moment_matching() -> Identity:
    """∂/∂η_i KL(r ‖ p_η) = E_η[t_i] - E_r[t_i]: the forward projection matches moments."""
    return (
        Proof(Gradient(KL(TARGET, P), ETA_I))
        .by(KL_UNFOLD, LOG_OF_PRODUCT, AS_MEMBER, LINEAR, EXPECTED_INNER, DIFFERENTIATE, COMPONENT_OF_MEAN, SLOPE)
        .titled(
            "The forward projection matches moments",
            conclusion="It is zero for every i only where the mean statistics of the member are those of the target.",
            summary="The slope of KL(r ‖ p) in the natural parameters of p is the difference of the mean statistics.",
            source="Bishop (2006), 10.186-10.187",
            assumptions=AXIOMS,
        )
    )


def mode_seeking() -> Identity:
    """∂/∂η_i KL(p_η ‖ r) = Cov_η[t_i, log(p_η/r)]: the reverse projection averages under itself."""
    return (
        Proof(Gradient(KL(P, TARGET), ETA_I))
        .by(KL_UNFOLD, AS_MASS, UNDER, DIFFERENTIATE, LOG_TRICK, AS_MEMBER, DIFFERENTIATE, SLOPE)
        .by(as_expectation(P), LINEAR, COVARIANCE_FOLD)
        .titled(
            "The reverse projection looks only where it is itself",
            conclusion="Only places to which the member itself gives mass count, so a member that sits on one mode of "
            "the target does not see the others.",
            summary="The slope of KL(p ‖ r) in the natural parameters of p is a covariance under p.",
            source="Bishop (2006), 10.1.2; Minka (2005), section 2",
            assumptions=AXIOMS,
        )
    )


def pythagoras() -> Identity:
    """KL(r ‖ p_η) = KL(r ‖ p*) + KL(p* ‖ p_η) for the member p* with the moments of r."""
    best = P.at(BEST)
    matched = Holds(Expect(STATISTICS, TARGET), "=", Expect(STATISTICS, best), (BEST,))
    return (
        Proof(KL(TARGET, P))
        .by(KL_UNFOLD, log_between(best), LINEAR, KL_FOLD, LOG_OF_PRODUCT)
        .by(replace([(log(P), log_density(ETA)), (log(best), log_density(BEST))], MEMBER))
        .by(LINEAR, EXPECTED_INNER, assume(matched), lemma(bregman(BEST, ETA), backwards=True))
        .by(INNER_LINEAR, drop(lambda t: t == KL(best, P)))
        .titled(
            "The moment-matching member is the forward projection",
            summary="The divergence from the target is that of the moment-matching member plus the divergence of any "
            "other member from it: a theorem of Pythagoras.",
            source="Amari (2016), theorem 1.2",
            assumptions=(*AXIOMS, matched),
        )
    )


IDENTITIES = {
    "moment_matching": moment_matching,
    "mode_seeking": mode_seeking,
    "pythagoras": pythagoras,
}
