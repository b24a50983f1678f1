"""The evidence and its lower bound: log p(x) = L(q) + KL(q ‖ p(z|x)), in three ways."""

from __future__ import annotations

import sympy

from cavi.derive.identities.algebra import JOIN_LOGS, log_apart, log_between
from cavi.derive.identities.definitions import ELBO_FOLD, ELBO_UNFOLD, KL_FOLD, KL_UNFOLD
from cavi.derive.identities.expectations import AS_MASS, CONSTANT_IN, CONSTANT_OUT, LINEAR, expected, importance
from cavi.derive.identities.inequalities import U, drop_kl, jensen
from cavi.derive.identities.language import KL, Elbo, Expect
from cavi.derive.identities.probability import BAYES_RULE, MARGINAL, marginal_by_bayes, marginalise, product_rule
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.setting import ABSTRACT, Setting

log = sympy.log
SOURCE = "Bishop (2006), 10.2-10.4"


def elbo(s: Setting = ABSTRACT) -> Identity:
    """log p(x) = L(q) + KL(q ‖ p(z|x)) for every q (Bishop 2006, 10.2-10.4)."""
    evidence = log(s.evidence)
    return (
        Proof(evidence)
        .by(expected(s.q, evidence), marginal_by_bayes(s.z), log_between(s.q), LINEAR, ELBO_FOLD, KL_FOLD)
        .titled(
            "The evidence is the ELBO plus a divergence",
            summary="For every density q of the latents, the log evidence splits into the evidence lower bound and the "
            "divergence of q from the posterior.",
            source=SOURCE,
        )
    )


def elbo_by_kl(s: Setting = ABSTRACT) -> Identity:
    """KL(q ‖ p(z|x)) = log p(x) - L(q): the divergence that cannot be computed, in terms of one that can."""
    return (
        Proof(KL(s.q, s.posterior))
        .by(KL_UNFOLD, BAYES_RULE, log_apart(s.evidence), CONSTANT_OUT, ELBO_FOLD)
        .titled(
            "The divergence from the posterior",
            summary="Minimising the divergence of q from the posterior is maximising the ELBO, since the evidence does "
            "not depend on q.",
            source=SOURCE,
        )
    )


def elbo_by_jensen(s: Setting = ABSTRACT) -> Identity:
    """log p(x) ≥ L(q) by Jensen's inequality for the logarithm (Jordan et al. 1999, 6)."""
    return (
        Proof(log(s.evidence))
        .by(marginalise(*s.z), importance(s.q), jensen(log(U)), ELBO_FOLD)
        .titled(
            "The evidence lower bound by Jensen's inequality",
            summary="The logarithm is concave, so the log of an expectation is at least the expectation of the log.",
            source="Jordan, Ghahramani, Jaakkola and Saul (1999), section 6",
        )
    )


def jensen_gap_is_kl(s: Setting = ABSTRACT) -> Identity:
    """log E_q[p/q] - E_q[log(p/q)] = KL(q ‖ p(z|x)): what Jensen's inequality gives away."""
    ratio = s.joint / s.q
    return (
        Proof(log(Expect(ratio, s.q)) - Expect(log(ratio), s.q))
        .by(AS_MASS, only=lambda e: isinstance(e, Expect) and e.body == ratio)
        .by(MARGINAL, CONSTANT_IN, JOIN_LOGS, product_rule(*s.z), KL_FOLD)
        .titled(
            "The Jensen gap is the divergence from the posterior",
            summary="The two ways to the ELBO agree: Jensen's inequality loses exactly the divergence of q from the "
            "posterior, so the bound is tight where q is the posterior.",
            source=SOURCE,
        )
    )


def tight(s: Setting = ABSTRACT) -> Identity:
    """L(p(z|x)) = log p(x): the bound is attained by the posterior."""
    posterior = s.posterior
    return (
        Proof(Elbo(posterior, s.joint))
        .by(ELBO_UNFOLD, product_rule(*s.z), CONSTANT_OUT)
        .titled(
            "The bound is attained by the posterior",
            summary="With the posterior for q the ELBO is the log evidence.",
            source=SOURCE,
        )
    )


def lower_bound(s: Setting = ABSTRACT) -> Identity:
    """log p(x) ≥ L(q), from the divergence being non-negative."""
    evidence = log(s.evidence)
    return (
        Proof(evidence)
        .by(expected(s.q, evidence), marginal_by_bayes(s.z), log_between(s.q), LINEAR, ELBO_FOLD, KL_FOLD, drop_kl())
        .titled(
            "The evidence lower bound by Gibbs' inequality",
            summary="The divergence of q from the posterior is not negative, so the ELBO is a lower bound.",
            source=SOURCE,
        )
    )


IDENTITIES = {
    "elbo": elbo,
    "elbo_by_kl": elbo_by_kl,
    "elbo_by_jensen": elbo_by_jensen,
    "jensen_gap_is_kl": jensen_gap_is_kl,
    "elbo_tight": tight,
    "elbo_by_gibbs": lower_bound,
}
