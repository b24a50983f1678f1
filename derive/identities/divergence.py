"""The Kullback-Leibler divergence: not negative, zero only for equal densities, an f-divergence, a chain rule."""

from __future__ import annotations

import sympy

from cavi.derive.identities.algebra import log_part, turn_log
from cavi.derive.identities.definitions import F_UNFOLD, KL_FOLD, KL_UNFOLD
from cavi.derive.identities.expectations import AS_MASS, CONSTANT_OUT, LINEAR, as_expectation, tower
from cavi.derive.identities.inequalities import U, drop, jensen
from cavi.derive.identities.language import KL, Density, Expect, FDivergence, Unknown, Variable
from cavi.derive.identities.probability import NORMALISED, product_rule
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.setting import PLAIN, Setting

log = sympy.log
X, Z = Variable("x"), Variable("z")
F = Unknown("f", "convex", U)


def gibbs(s: Setting = PLAIN) -> Identity:
    """KL(q ‖ p) ≥ 0 (Bishop 2006, 1.118)."""
    p, q = s.posterior, s.q
    return (
        Proof(KL(q, p))
        .by(KL_UNFOLD, turn_log(p), LINEAR, jensen(log(U)), AS_MASS, NORMALISED)
        .titled(
            "Gibbs' inequality",
            summary="A Kullback-Leibler divergence is never negative: Jensen's inequality for the logarithm, and p has "
            "mass one.",
            source="Bishop (2006), 1.115-1.119",
        )
    )


def gibbs_equality(s: Setting = PLAIN) -> Identity:
    """KL(q ‖ p) = E_q[p/q - 1 - log(p/q)], whose integrand is positive but where p = q."""
    p, q = s.posterior, s.q
    ratio = p / q
    return (
        Proof(Expect(ratio - 1 - log(ratio), q))
        .by(LINEAR)
        .by(AS_MASS, NORMALISED, only=lambda e: not e.has(log))
        .by(turn_log(q))
        .by(CONSTANT_OUT, KL_FOLD)
        .titled(
            "Equality in Gibbs' inequality",
            conclusion="u - 1 - log u is convex with its least value 0 at u = 1 alone, so the divergence is zero only "
            "where p = q.",
            summary="The divergence is the mean of a function that is positive except where both densities are equal.",
            source="Cover and Thomas (2006), theorem 2.6.3",
        )
    )


def kl_as_f_divergence(s: Setting = PLAIN) -> Identity:
    """KL(q ‖ p) is the f-divergence of q from p for f(u) = u log u."""
    p, q = s.posterior, s.q
    return (
        Proof(FDivergence(q, p, U * log(U), U))
        .by(F_UNFOLD, AS_MASS, as_expectation(q), KL_FOLD)
        .titled(
            "The forward generator u log u",
            summary="With f(u) = u log u the f-divergence of q from p is KL(q ‖ p).",
            source="Csiszár (1967)",
        )
    )


def reverse_kl_as_f_divergence(s: Setting = PLAIN) -> Identity:
    """KL(q ‖ p) is also the f-divergence of p from q for f(u) = -log u."""
    p, q = s.posterior, s.q
    return (
        Proof(FDivergence(p, q, -log(U), U))
        .by(F_UNFOLD, LINEAR, KL_FOLD)
        .titled(
            "The reverse generator -log u",
            summary="With f(u) = -log u the f-divergence of p from q is KL(q ‖ p): turning the arguments around "
            "exchanges f(u) for u f(1/u).",
            source="Csiszár (1967)",
        )
    )


def f_divergence_bound(s: Setting = PLAIN) -> Identity:
    """D_f(p ‖ q) ≥ f(1) for every convex f."""
    p, q = s.posterior, s.q
    return (
        Proof(FDivergence(p, q, F, U))
        .by(F_UNFOLD, jensen(F), AS_MASS, NORMALISED)
        .titled(
            "Every f-divergence is at least f(1)",
            summary="Jensen's inequality for any convex f; with f(1) = 0 an f-divergence is not negative.",
            source="Csiszár (1967)",
        )
    )


def _joint() -> tuple[Density, Density]:
    return Density("q", (X, Z)), Density("p", (X, Z))


def _chain(proof: Proof, q: Density, p: Density) -> Proof:
    return proof.by(KL_UNFOLD, tower(Z)).by(
        product_rule(Z), log_part(q.over((X,)) / p.over((X,))), CONSTANT_OUT, KL_FOLD, LINEAR, KL_FOLD
    )


def kl_chain_rule() -> Identity:
    """KL of joints = KL of marginals + expected KL of conditionals (Cover and Thomas 2006, 2.67)."""
    q, p = _joint()
    return _chain(Proof(KL(q, p)), q, p).titled(
        "Chain rule of the divergence",
        summary="The divergence of two joint densities is that of the marginals plus the mean of that of the "
        "conditionals.",
        source="Cover and Thomas (2006), theorem 2.5.3",
    )


def kl_of_marginals() -> Identity:
    """Leaving out variables never makes the divergence larger."""
    q, p = _joint()
    return (
        _chain(Proof(KL(q, p)), q, p)
        .by(drop(lambda t: isinstance(t, Expect)))
        .titled(
            "Marginals are closer than joints",
            summary="The divergence of marginals is at most that of the joints, since the part of the conditionals is "
            "not negative.",
            source="Cover and Thomas (2006), theorem 2.5.3",
        )
    )


IDENTITIES = {
    "gibbs": gibbs,
    "gibbs_equality": gibbs_equality,
    "kl_as_f_divergence": kl_as_f_divergence,
    "reverse_kl_as_f_divergence": reverse_kl_as_f_divergence,
    "f_divergence_bound": f_divergence_bound,
    "kl_chain_rule": kl_chain_rule,
    "kl_of_marginals": kl_of_marginals,
}
