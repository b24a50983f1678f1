"""Gradients of the ELBO: score function, reparameterisation, natural gradient, stochastic steps."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from cavi.derive.errors import CaviError
from cavi.derive.identities.algebra import arithmetic, replace
from cavi.derive.identities.assumptions import Pushforward
from cavi.derive.identities.calculus import DIFFERENTIATE, LOG_DERIVATIVE, LOG_TRICK, OUT_OF_SUM, UNDER
from cavi.derive.identities.definitions import COVARIANCE_FOLD, ELBO_UNFOLD, factor_as
from cavi.derive.identities.expectations import AS_MASS, LINEAR, as_expectation, change_of_variables
from cavi.derive.identities.exponential_family import AXIOMS, ETA, STATISTICS, A, I, P
from cavi.derive.identities.language import (
    Average,
    Component,
    Density,
    Elbo,
    Expect,
    Gradient,
    Inner,
    Label,
    Unknown,
    Variable,
    Vector,
)
from cavi.derive.identities.probability import NORMALISED
from cavi.derive.identities.projection import AS_MEMBER, SLOPE
from cavi.derive.identities.proof import EARLIER, Identity, Proof, lemma
from cavi.derive.identities.setting import ABSTRACT, Setting
from cavi.derive.identities.totals import AS_TOTAL, SPLIT_LAST

log = sympy.log
Z, NOISE = Variable("z"), Variable("epsilon")
PHI = sympy.Symbol("phi", real=True)
WILLIAMS = "Williams (1992); Ranganath, Gerrish and Blei (2014), equation 2"
HOFFMAN = "Hoffman, Blei, Wang and Paisley (2013)"


def _parametric(s: Setting) -> tuple[Density, Gradient]:
    """q(z; φ) and its score."""
    q = Density("q", s.z, (), (PHI,))
    return q, Gradient(log(q), PHI)


def score_mean(s: Setting = ABSTRACT) -> Identity:
    """E_q[∇ log q] = 0."""
    q, score = _parametric(s)
    return (
        Proof(Expect(score, q))
        .by(AS_MASS, factor_as(q * score, Gradient(q, PHI), LOG_DERIVATIVE), OUT_OF_SUM, NORMALISED, DIFFERENTIATE)
        .titled(
            "The score has mean zero",
            summary="The derivative of a mass that is always one is zero; so any constant may be taken off the "
            "function in a score-function gradient.",
            source="Casella and Berger (2002), 7.3.8",
        )
    )


def score_gradient(s: Setting = ABSTRACT) -> Identity:
    """∇ L = E_q[∇ log q · log(p/q)]."""
    q, _ = _parametric(s)
    return (
        Proof(Gradient(Elbo(q, s.joint), PHI))
        .by(
            ELBO_UNFOLD, AS_MASS, UNDER, DIFFERENTIATE, LOG_TRICK, as_expectation(q), LINEAR, lemma(score_mean(s), True)
        )
        .titled(
            "The score-function gradient of the ELBO",
            summary="The gradient as an expectation under q, which draws from q estimate without bias; nothing is "
            "asked of the joint but its value.",
            source=WILLIAMS,
        )
    )


def control_variate(s: Setting = ABSTRACT) -> Identity:
    """E_q[(f - c) ∇ log q] = E_q[f ∇ log q] for every constant c."""
    c = sympy.Symbol("c", real=True)
    q, score = _parametric(s)
    f = Unknown("f", "real", *s.z)
    return (
        Proof(Expect((f - c) * score, q))
        .by(LINEAR, replace([(Expect(score, q), score_mean(s).end)], EARLIER))
        .titled(
            "A constant takes nothing from the mean of the gradient",
            summary="A constant that is taken off the function leaves the mean of the score-function gradient alone "
            "and can make its variance smaller.",
            source="Ranganath, Gerrish and Blei (2014), 3.2",
        )
    )


def reparameterisation() -> Identity:
    """∇ E_q[f(z)] = E_r[∇ f(g(ε, φ))] where z = g(ε, φ)."""
    q, noise = Density("q", (Z,), (), (PHI,)), Density("r", (NOISE,))
    path = Unknown("g", "real", NOISE, PHI)
    return (
        Proof(Gradient(Expect(Unknown("f", "real", Z), q), PHI))
        .by(change_of_variables(q, noise, path), UNDER)
        .titled(
            "The reparameterisation gradient",
            summary="With z a smooth function of noise whose law is fixed, the gradient moves inside the expectation "
            "and passes through the function itself.",
            source="Kingma and Welling (2014), 2.4; Rezende, Mohamed and Wierstra (2014)",
            assumptions=(Pushforward(q, noise, path),),
        )
    )


def natural_gradient() -> Identity:
    """∂L/∂η_i = Cov[t_i, ⟨η̂ - η, t⟩]: the Fisher matrix times η̂ - η."""
    target = Vector("eta_hat")
    return (
        Proof(Gradient(Expect(Inner(target - ETA, STATISTICS), P) + A, Component(ETA, I)))
        .by(DIFFERENTIATE, AS_MASS, UNDER, DIFFERENTIATE, LOG_TRICK, AS_MEMBER, DIFFERENTIATE, SLOPE)
        .by(as_expectation(P), LINEAR, COVARIANCE_FOLD)
        .titled(
            "The natural gradient in a conjugate family",
            conclusion="The covariance matrix of the statistics is the Fisher information in η; its inverse times this "
            "gradient, the natural gradient, is η̂ - η: one step of length one is the coordinate update.",
            summary="The bound as a function of the natural parameters of one factor, whose optimum is at η̂.",
            source=f"{HOFFMAN}, 2.3",
            assumptions=AXIOMS,
        )
    )


def stochastic_step() -> Identity:
    """η + ρ (η̂ - η) = (1 - ρ) η + ρ η̂."""
    target, rate = Component(Vector("eta_hat"), I), sympy.Symbol("rho", positive=True)
    own = Component(ETA, I)
    return (
        Proof(own + rate * (target - own))
        .by(arithmetic((1 - rate) * own + rate * target))
        .titled(
            "A natural-gradient step is an average",
            summary="A step of length ρ along the natural gradient mixes the old parameters with the optimal ones.",
            source=f"{HOFFMAN}, equation 25",
        )
    )


def minibatch() -> Identity:
    """The mean over a datum drawn at random of N t_n is Σ_n t_n."""
    n, size = Label("n"), sympy.Symbol("N", integer=True, positive=True)
    t = Unknown("t", "real", n)
    return (
        Proof(Average(size * t, n, size))
        .by(AS_TOTAL)
        .titled(
            "A random datum, counted N times, has no bias",
            summary="The optimal parameters from one datum drawn at random, as if it were seen N times, have the "
            "optimal parameters from all data as their mean.",
            source=f"{HOFFMAN}, 2.4",
        )
    )


@dataclass(frozen=True)
class RobbinsMonro:
    """Whether step lengths ρ_t suit a stochastic approximation: Σ ρ_t = ∞ and Σ ρ_t² < ∞."""

    sum_diverges: bool
    squares_converge: bool

    @property
    def holds(self) -> bool:
        """Both conditions: the steps reach everywhere, and their noise dies out."""
        return self.sum_diverges and self.squares_converge


def robbins_monro(rate: sympy.Expr, t: sympy.Symbol) -> RobbinsMonro:
    """The conditions of Robbins and Monro (1951) for step lengths at t = 1, 2, …, decided by tests of convergence.

    Args:
        rate: ρ_t, positive; without symbols other than t.
        t: the number of the step.

    Raises:
        CaviError: for other symbols, a rate that is not positive, or a series that SymPy cannot decide.

    Examples:
        >>> import sympy
        >>> t = sympy.Symbol("t", positive=True)
        >>> robbins_monro(1 / t, t).holds, robbins_monro(1 / sympy.sqrt(t), t).holds
        (True, False)
    """
    if not isinstance(rate, sympy.Expr) or rate.free_symbols != {t}:
        raise CaviError(f"found the rate {rate}; expected a SymPy expression in {t} alone")
    if rate.subs(t, 1).is_positive is False:
        raise CaviError(f"the rate {rate} is {rate.subs(t, 1)} at the first step; expected positive lengths")
    k = sympy.Symbol("k", integer=True, positive=True)
    series = rate.subs(t, k)
    try:
        verdicts = [bool(sympy.Sum(s, (k, 1, sympy.oo)).is_convergent()) for s in (series, series**2)]
    except (NotImplementedError, TypeError) as error:
        raise CaviError(f"whether the sum of {rate} converges is not decided") from error
    return RobbinsMonro(not verdicts[0], verdicts[1])


def running_mean() -> Identity:
    """The mean of T + 1 noisy optima is a step of length 1/(T + 1) from the mean of T."""
    n, steps = Label("n"), sympy.Symbol("T", integer=True, positive=True)
    noisy = Unknown("g", "real", n)
    rate = 1 / (steps + 1)
    mean, latest = Average(noisy, n, steps), noisy.xreplace({n: steps + 1})
    return (
        Proof(Average(noisy, n, steps + 1))
        .by(SPLIT_LAST, arithmetic((1 - rate) * mean + rate * latest))
        .titled(
            "Robbins-Monro steps average the noise away",
            conclusion=_conditions(),
            summary="With steps of length 1/T the iterate is the running mean of the noisy optima, so their noise "
            "averages out.",
            source=f"Robbins and Monro (1951); {HOFFMAN}, equation 26",
        )
    )


def _conditions() -> str:
    """What the conditions of Robbins and Monro say of these lengths."""
    t = sympy.Symbol("t", positive=True)
    found = robbins_monro(1 / (t + 1), t)
    first = "infinite" if found.sum_diverges else "finite"
    second = "finite" if found.squares_converge else "infinite"
    return f"The lengths have an {first} sum and a {second} sum of squares, as Robbins and Monro ask."


IDENTITIES = {
    "score_mean": score_mean,
    "score_gradient": score_gradient,
    "control_variate": control_variate,
    "reparameterisation": reparameterisation,
    "natural_gradient": natural_gradient,
    "stochastic_step": stochastic_step,
    "minibatch": minibatch,
    "robbins_monro": running_mean,
}
