"""The readings of the ELBO, and the ways from one to the other."""

from __future__ import annotations

import sympy

from cavi.derive.identities.algebra import JOIN_LOGS, LOG_OF_PRODUCT, log_part
from cavi.derive.identities.definitions import ELBO_UNFOLD, ENTROPY_FOLD, KL_FOLD, KL_UNFOLD
from cavi.derive.identities.expectations import LINEAR, TOGETHER
from cavi.derive.identities.language import KL, Elbo, Expect
from cavi.derive.identities.probability import PRODUCT_FOLD, product_rule
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.setting import ABSTRACT, PARAMETRIC, Setting

log = sympy.log


def energy_entropy(s: Setting = ABSTRACT) -> Identity:
    """L(q) = E_q[log p(x, z)] + H[q]."""
    return (
        Proof(Elbo(s.q, s.joint))
        .by(ELBO_UNFOLD, log_part(s.joint), LINEAR, ENTROPY_FOLD)
        .titled(
            "The ELBO as energy and entropy",
            summary="The expected log joint density draws q to where the joint is large; the entropy keeps it wide.",
            source="Bishop (2006), 10.3",
        )
    )


def reconstruction(s: Setting = ABSTRACT) -> Identity:
    """L(q) = E_q[log p(x|z)] - KL(q ‖ p(z))."""
    return (
        Proof(Elbo(s.q, s.joint))
        .by(ELBO_UNFOLD, product_rule(*s.x), log_part(s.likelihood), LINEAR, KL_FOLD)
        .titled(
            "The ELBO as reconstruction and distance from the prior",
            summary="How well the latents explain the data, less the price of leaving the prior.",
            source="Kingma and Welling (2014), equation 3",
        )
    )


def complete_data(s: Setting = PARAMETRIC) -> Identity:
    """L(q, θ) = E_q[log p(x, z; θ)] + H[q]: the entropy does not depend on θ."""
    return (
        Proof(Elbo(s.q, s.joint))
        .by(ELBO_UNFOLD, log_part(s.joint), LINEAR, ENTROPY_FOLD)
        .titled(
            "The ELBO as complete-data log likelihood and entropy",
            summary="As a function of the parameters, the ELBO is the expected complete-data log likelihood; only the "
            "entropy knows q alone.",
            source="Bishop (2006), 9.74",
        )
    )


def free_energy(s: Setting = ABSTRACT) -> Identity:
    """-L(q) = E_q[-log p(x, z)] - H[q], the variational free energy."""
    return (
        Proof(-Elbo(s.q, s.joint))
        .by(ELBO_UNFOLD, log_part(s.joint), LINEAR, ENTROPY_FOLD)
        .titled(
            "The free energy",
            summary="Minus the ELBO is a mean energy less an entropy, the energy of a state being minus its log joint "
            "density.",
            source="Neal and Hinton (1998), equation 7",
        )
    )


def reconstruction_to_energy(s: Setting = ABSTRACT) -> Identity:
    """E_q[log p(x|z)] - KL(q ‖ p(z)) = E_q[log p(x, z)] + H[q]."""
    return (
        Proof(Expect(log(s.likelihood), s.q) - KL(s.q, s.prior))
        .by(KL_UNFOLD, LOG_OF_PRODUCT, LINEAR, ENTROPY_FOLD, TOGETHER, JOIN_LOGS, PRODUCT_FOLD)
        .titled(
            "From reconstruction to energy",
            summary="Likelihood and prior join to the joint density; what is left of the divergence is the entropy.",
            source="Bishop (2006), 10.3",
        )
    )


IDENTITIES = {
    "energy_entropy": energy_entropy,
    "reconstruction": reconstruction,
    "complete_data": complete_data,
    "free_energy": free_energy,
    "reconstruction_to_energy": reconstruction_to_energy,
}
