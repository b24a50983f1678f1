"""Maximum likelihood with latent variables: Fisher's identity, the EM algorithm, Monte Carlo."""

from __future__ import annotations

import sympy

from cavi.derive.errors import CaviError
from cavi.derive.identities.algebra import JOIN_LOGS, LOG_OF_PRODUCT, log_part
from cavi.derive.identities.assumptions import Definition, Holds
from cavi.derive.identities.calculus import LOG_GRADIENT, LOG_TRICK, UNDER
from cavi.derive.identities.definitions import (
    ELBO_FOLD,
    ELBO_UNFOLD,
    ENTROPY_FOLD,
    ENTROPY_UNFOLD,
    KL_FOLD,
    fold,
    unfold,
)
from cavi.derive.identities.expectations import CONSTANT_IN, CONSTANT_OUT, LINEAR, TOGETHER, as_expectation, importance
from cavi.derive.identities.inequalities import U, by_order, drop_kl, jensen
from cavi.derive.identities.language import (
    Average,
    Elbo,
    Expect,
    Gradient,
    Iid,
    Label,
    Sample,
    Unknown,
)
from cavi.derive.identities.probability import CONDITIONAL, marginalise, product_rule
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.rewriting import within
from cavi.derive.identities.setting import PARAMETRIC, Setting
from cavi.derive.identities.totals import INTO_TOTAL, ONE_COPY, SAME_FOR_ALL

log = sympy.log
Parameters = tuple[sympy.Symbol, ...]
S = sympy.Symbol("S", integer=True, positive=True)
I = Label("i")  # noqa: E741
DEMPSTER = "Dempster, Laird and Rubin (1977)"


def _at(s: Setting, when: str) -> Parameters:
    """The parameters of another iteration, θ_old or θ_new.

    Raises:
        CaviError: for a setting without parameters.
    """
    return tuple(sympy.Symbol(f"{p.name}_{when}", real=True) for p in _parameters(s))


def _parameters(s: Setting) -> Parameters:
    if not s.parameters:
        raise CaviError("the model has no point parameters; declare what is maximised over with m.point")
    return s.parameters


def _complete(s: Setting) -> Definition:
    """Q(θ, θ_old), the expected complete-data log likelihood."""
    old = _at(s, "old")
    return Definition(Unknown("Q", "real", *s.parameters, *old), Expect(log(s.joint), s.posterior.at(*old)))


def marginal_likelihood(s: Setting = PARAMETRIC) -> Identity:
    """log p(x; θ) = log E_{p(z; θ)}[p(x | z; θ)]: the log stands outside the sum."""
    return (
        Proof(log(s.evidence))
        .by(marginalise(*s.z), product_rule(*s.x), as_expectation(s.prior))
        .titled(
            "The likelihood with latent variables",
            summary="Latent variables are summed out inside the logarithm, so the log likelihood no longer splits into "
            "terms that can be maximised one by one.",
            source="Bishop (2006), 9.29",
        )
    )


def fisher(s: Setting = PARAMETRIC) -> Identity:
    """∇ log p(x; θ) = E_{p(z|x; θ)}[∇ log p(x, z; θ)]."""
    return (
        Proof(Gradient(log(s.evidence), _parameters(s)[0]))
        .by(LOG_GRADIENT)
        .by(within(Gradient, marginalise(*s.z)), UNDER, LOG_TRICK, CONSTANT_IN)
        .by(CONDITIONAL, as_expectation(s.posterior))
        .titled(
            "Fisher's identity",
            summary="The slope of the log likelihood is the posterior mean of the slope of the complete-data log "
            "likelihood.",
            source="Cappé, Moulines and Rydén (2005), proposition 10.1.6",
        )
    )


def em_bound(s: Setting = PARAMETRIC) -> Identity:
    """log p(x; θ) ≥ Q(θ, θ_old) + H[p(z|x; θ_old)], with equality at θ_old."""
    complete = _complete(s)
    q = s.posterior.at(*_at(s, "old"))
    return (
        Proof(log(s.evidence))
        .by(marginalise(*s.z), importance(q), jensen(log(U)), log_part(s.joint), LINEAR, ENTROPY_FOLD, fold(complete))
        .titled(
            "The bound that an EM step maximises",
            summary="With the posterior at the old parameter for q, the ELBO is the expected complete-data log "
            "likelihood plus an entropy that does not depend on θ.",
            source=f"{DEMPSTER}; Bishop (2006), 9.74",
            assumptions=(complete,),
        )
    )


def e_step(s: Setting = PARAMETRIC) -> Identity:
    """L(p(z|x; θ), θ) = log p(x; θ): after an exact E step the bound touches."""
    return (
        Proof(Elbo(s.posterior, s.joint))
        .by(ELBO_UNFOLD, product_rule(*s.z), CONSTANT_OUT)
        .titled(
            "An exact E step makes the bound tight",
            summary="With the posterior at the current parameter for q, the bound equals the log likelihood there.",
            source="Neal and Hinton (1998), theorem 1; Bishop (2006), 9.4",
        )
    )


def e_step_ascends(s: Setting = PARAMETRIC) -> Identity:
    """L(q, θ) ≤ log p(x; θ) = L(p(z|x; θ), θ): the E step maximises over q."""
    return (
        Proof(Elbo(s.q, s.joint))
        .by(ELBO_UNFOLD, product_rule(*s.z), log_part(s.evidence), CONSTANT_OUT, KL_FOLD, drop_kl())
        .titled(
            "The E step maximises the bound over q",
            summary="For a fixed θ no q exceeds the log likelihood, and the posterior attains it: the E step is "
            "coordinate ascent in q.",
            source="Neal and Hinton (1998), theorem 1",
        )
    )


def m_step_ascends(s: Setting = PARAMETRIC) -> Identity:
    """L(q, θ_new) ≥ L(q, θ_old) when the expected complete-data log likelihood has not fallen."""
    old, new = s.joint.at(*_at(s, "old")), s.joint.at(*_at(s, "new"))
    better = Holds(Expect(log(new), s.q), "≥", Expect(log(old), s.q))
    return (
        Proof(Elbo(s.q, new))
        .by(ELBO_UNFOLD, log_part(new), LINEAR, by_order(better), TOGETHER, JOIN_LOGS, ELBO_FOLD)
        .titled(
            "The M step maximises the bound over the parameters",
            summary="For a fixed q the entropy is constant, so raising the expected complete-data log likelihood "
            "raises the bound: EM is coordinate ascent, first in q, then in θ.",
            source="Neal and Hinton (1998), theorem 2",
            assumptions=(better,),
        )
    )


def em_monotone(s: Setting = PARAMETRIC) -> Identity:
    """log p(x; θ_new) ≥ log p(x; θ_old) when Q(θ_new, θ_old) ≥ Q(θ_old, θ_old)."""
    complete = _complete(s)
    old, later = _at(s, "old"), _at(s, "new")
    q, new = s.posterior.at(*old), s.joint.at(*later)
    at_new, at_old = (Unknown("Q", "real", *t, *old) for t in (later, old))
    step = Holds(at_new, "≥", at_old)
    return (
        Proof(log(s.evidence.at(*later)))
        .by(
            marginalise(*s.z),
            importance(q),
            jensen(log(U)),
            log_part(new),
            LINEAR,
            ENTROPY_FOLD,
            fold(complete, at_new),
        )
        .by(
            by_order(step), unfold(complete), ENTROPY_UNFOLD, TOGETHER, product_rule(*s.z), LOG_OF_PRODUCT, CONSTANT_OUT
        )
        .titled(
            "EM never lowers the likelihood",
            summary="The M step raises Q, the bound is below the likelihood everywhere and touches it at the old "
            "parameter.",
            source=f"{DEMPSTER}, theorem 1",
            assumptions=(complete, step),
        )
    )


def monte_carlo(s: Setting = PARAMETRIC) -> Identity:
    """E[mean of f over S independent draws] = E_q[f]."""
    f = Unknown("f", "real", *(Sample(z, I) for z in s.z))
    return (
        Proof(Expect(Average(f, I, S), Iid(s.q, S)))
        .by(INTO_TOTAL, ONE_COPY, SAME_FOR_ALL)
        .titled(
            "A mean over draws has no bias",
            summary="The average of a function over independent draws from q has the expectation of the function as "
            "its mean, whatever the number of draws.",
            source="Bishop (2006), 11.2",
        )
    )


IDENTITIES = {
    "marginal_likelihood": marginal_likelihood,
    "fisher": fisher,
    "em_bound": em_bound,
    "e_step": e_step,
    "e_step_ascends": e_step_ascends,
    "m_step_ascends": m_step_ascends,
    "em_monotone": em_monotone,
    "monte_carlo": monte_carlo,
}
