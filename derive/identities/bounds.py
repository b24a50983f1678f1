"""Bounds beyond the ELBO: importance-weighted, Rényi and χ, and tangent bounds of the logistic function."""

from __future__ import annotations

import sympy

from cavi.derive.derivation import Rule
from cavi.derive.identities.algebra import EXPAND, LOG_OF_POWER, arithmetic, replace
from cavi.derive.identities.assumptions import Definition, Holds
from cavi.derive.identities.calculus import AT_VALUE, DIFFERENTIATE, LOG_GRADIENT, LOG_TRICK, UNDER
from cavi.derive.identities.definitions import COVARIANCE_FOLD, ELBO_FOLD, factor_as, second_moment_about
from cavi.derive.identities.expectations import AS_MASS, CONSTANT_IN, CONSTANT_OUT, LINEAR, as_expectation
from cavi.derive.identities.inequalities import U, by_order, drop, jensen, parabola, tangent
from cavi.derive.identities.language import (
    At,
    Average,
    Covariance,
    Density,
    Expect,
    Gradient,
    Iid,
    Label,
    Mass,
    Sample,
    Unit,
    Unknown,
    Variable,
)
from cavi.derive.identities.probability import MARGINAL
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.rewriting import within
from cavi.derive.identities.setting import ABSTRACT, Setting
from cavi.derive.identities.totals import FEWER_COPIES, INTO_TOTAL, ONE_COPY, SAME_FOR_ALL, leave_one_out

log, exp, cosh, tanh = sympy.log, sympy.exp, sympy.cosh, sympy.tanh
K = sympy.Symbol("K", integer=True, positive=True)
k, j = Label("k"), Label("j")
BURDA = "Burda, Grosse and Salakhutdinov (2016), theorem 1"
RENYI = "Li and Turner (2016), theorem 1"
SOFTMAX_SLOPE = Rule(
    "slope of the softmax",
    "The derivative of the log weight along a direction is the direction less its mean.",
    source="Boyd and Vandenberghe (2004), 3.1.5",
)
EVEN = Rule("even function", "The hyperbolic cosine is the same at -x and at x.")


def _weighted(s: Setting, count: sympy.Expr) -> sympy.Expr:
    """L_K = E_{z_1 … z_K ~ q}[log mean_k p(x, z_k)/q(z_k)]."""
    copies = {z: Sample(z, k) for z in s.z}
    weight = (s.joint / s.q).xreplace(copies)
    return Expect(log(Average(weight, k, count)), Iid(s.q, count))


def importance_weighted(s: Setting = ABSTRACT) -> Identity:
    """L_K ≤ log p(x) for every number of samples."""
    return (
        Proof(_weighted(s, K))
        .by(jensen(log(U)), INTO_TOTAL, ONE_COPY, SAME_FOR_ALL, AS_MASS, MARGINAL)
        .titled(
            "The importance-weighted bound",
            summary="The mean of K importance weights estimates the evidence without bias; its expected logarithm is a "
            "lower bound.",
            source=BURDA,
        )
    )


def importance_weighted_order(s: Setting = ABSTRACT) -> Identity:
    """L_{K+1} ≥ L_K: more samples never loosen the bound."""
    return (
        Proof(_weighted(s, K + 1))
        .by(leave_one_out(j))
        .by(jensen(log(U)), only=lambda e: isinstance(e, log))
        .by(INTO_TOTAL, FEWER_COPIES, SAME_FOR_ALL)
        .titled(
            "More samples tighten the bound",
            summary="The mean of K + 1 weights is the mean of the means that leave one out; Jensen's inequality for "
            "that mean gives the order.",
            source=BURDA,
        )
    )


def _renyi(s: Setting, order: sympy.Expr) -> sympy.Expr:
    """(1/s) log E_q[(p/q)^s], the variational Rényi bound of order α = 1 - s."""
    return log(Expect((s.joint / s.q) ** order, s.q)) / order


def renyi_above_elbo(s: Setting = ABSTRACT) -> Identity:
    """L_α ≥ L for α < 1."""
    order = sympy.Symbol("s", positive=True)
    return (
        Proof(_renyi(s, order))
        .by(jensen(log(U)), LOG_OF_POWER, LINEAR, ELBO_FOLD)
        .titled(
            "The Rényi bound lies above the ELBO",
            summary="With α = 1 - s below one, the Rényi bound is at least the ELBO, its limit for α to one.",
            source=RENYI,
        )
    )


def renyi_below_evidence(s: Setting = ABSTRACT) -> Identity:
    """L_α ≤ log p(x) for 0 < α < 1."""
    order = Unit("s")
    return (
        Proof(_renyi(s, order))
        .by(jensen(U**order), LOG_OF_POWER, AS_MASS, MARGINAL)
        .titled(
            "The Rényi bound lies below the evidence",
            summary="For α = 1 - s between zero and one the power u^s is concave, so the Rényi bound is a lower bound.",
            source=RENYI,
        )
    )


def renyi_order(s: Setting = ABSTRACT) -> Identity:
    """L_α falls as α grows."""
    order, share = sympy.Symbol("s", positive=True), Unit("c")
    ratio = s.joint / s.q
    return (
        Proof(_renyi(s, order * share))
        .by(jensen(U**share, argument=ratio**order), LOG_OF_POWER)
        .titled(
            "The order of the Rényi bounds",
            summary="The bound of order α' = 1 - c s is at most that of the smaller order α = 1 - s, for c between "
            "zero and one.",
            source=RENYI,
        )
    )


def chi_upper_bound(s: Setting = ABSTRACT) -> Identity:
    """(1/n) log E_q[(p/q)^n] ≥ log p(x) for n > 1."""
    excess = sympy.Symbol("m", positive=True)
    return (
        Proof(_renyi(s, 1 + excess))
        .by(jensen(U ** (1 + excess)), LOG_OF_POWER, AS_MASS, MARGINAL)
        .titled(
            "The χ upper bound",
            summary="For an exponent n = 1 + m above one the power is convex and the bound turns into an upper bound "
            "of the evidence.",
            source="Dieng, Tran, Ranganath, Paisley and Blei (2017), equation 3",
        )
    )


X, XI = (sympy.Symbol(n, real=True) for n in ("x", "xi"))
V = sympy.Symbol("v", positive=True)
ZETA = sympy.Symbol("zeta", positive=True)
LOG_SIGMOID = -log(1 + exp(-X))
JAAKKOLA = "Jaakkola and Jordan (2000), equations 8-10; Bishop (2006), 10.144"
# As a function of v = x² the even part of the log-logistic function is convex.
EVEN_PART = -log(2 * cosh(sympy.sqrt(V) / 2))


def _even(x: sympy.Expr) -> sympy.Expr:
    return cosh(sympy.Abs(x) / 2)


def jaakkola_jordan() -> Identity:
    """log σ(x) ≥ log σ(ξ) + (x - ξ)/2 - λ(ξ)(x² - ξ²), λ(ξ) = tanh(ξ/2)/(4ξ)."""
    contact = sympy.Symbol("xi", positive=True)
    bound = -log(1 + exp(-contact)) + (X - contact) / 2 - tanh(contact / 2) / (4 * contact) * (X**2 - contact**2)
    return (
        Proof(LOG_SIGMOID)
        .by(arithmetic(X / 2 - log(2 * cosh(X / 2))), replace([(cosh(X / 2), _even(X))], EVEN))
        .by(tangent(EVEN_PART, contact**2, V, argument=X**2), arithmetic(bound))
        .titled(
            "The tangent bound of the logistic function",
            conclusion="It touches where x² = ξ², that is at x = ξ and at x = -ξ.",
            summary="The logarithm of the logistic function is a linear part and a part that is convex in x²; its "
            "tangent in x² is a lower bound that is quadratic in x.",
            source=JAAKKOLA,
        )
    )


def jaakkola_jordan_touches() -> Identity:
    """At x = -ξ the bound equals log σ(-ξ): besides x = ξ it touches there."""
    contact = sympy.Symbol("xi", positive=True)
    bound = -log(1 + exp(-contact)) + (X - contact) / 2 - tanh(contact / 2) / (4 * contact) * (X**2 - contact**2)
    return (
        Proof(At(bound, X, -contact))
        .by(AT_VALUE, arithmetic(-log(1 + exp(contact))))
        .titled(
            "Where the tangent bound touches",
            summary="The bound of the log-logistic function at x = -ξ is the function itself there.",
            source=JAAKKOLA,
        )
    )


def boehning() -> Identity:
    """log(1 + e^x) ≤ log(1 + e^ξ) + σ(ξ)(x - ξ) + (x - ξ)²/8."""
    softplus = log(1 + exp(X))
    return (
        Proof(softplus)
        .by(parabola(softplus, sympy.Rational(1, 4), XI, X))
        .titled(
            "The quadratic bound of the softplus function",
            conclusion="It touches at x = ξ, in value and in slope.",
            summary="The slope of the logistic function is σ(1 - σ), at most a quarter, so a parabola of that "
            "curvature through a point of the curve lies above it.",
            source="Böhning (1992); Murphy (2012), 21.8.2",
        )
    )


def log_tangent() -> Identity:
    """log u ≤ log ζ + u/ζ - 1: the bound of a log-sum-exp that splits over its terms."""
    return (
        Proof(log(U))
        .by(tangent(log(V), ZETA, V, argument=U), EXPAND)
        .titled(
            "The tangent bound of the logarithm",
            conclusion="With u a sum of exponentials the bound is a sum over them; it touches at ζ = u.",
            summary="The logarithm lies below each of its tangents.",
            source="Blei and Lafferty (2007), section 3",
        )
    )


KIND = Variable("k")
SHARE, MOVE, LOGIT = Density("b", (KIND,)), Unknown("d", "real", KIND), Unknown("a", "real", KIND)
T = sympy.Symbol("t", real=True)
EXPONENTIALS = SHARE * exp(LOGIT + T * MOVE)
SOFTMAX = Definition(Density("w", (KIND,), (), (T,)), EXPONENTIALS / Mass(EXPONENTIALS, KIND))


def log_sum_exp_curvature() -> Identity:
    """The second derivative of log Σ_k b_k exp(a_k + t d_k) is the variance of d under the softmax weights."""
    w = SOFTMAX.left
    mean = Expect(MOVE, w)
    slope = MOVE - mean
    return (
        Proof(Gradient(Gradient(log(Mass(EXPONENTIALS, KIND)), T), T))
        .by(*(within(Gradient, rule) for rule in (LOG_GRADIENT, UNDER, DIFFERENTIATE, CONSTANT_IN)))
        .by(within(Gradient, factor_as(EXPONENTIALS / Mass(EXPONENTIALS, KIND), w)))
        .by(UNDER, DIFFERENTIATE, LOG_TRICK)
        .by(replace([(Gradient(log(w), T), slope)], SOFTMAX_SLOPE), as_expectation(w), LINEAR, COVARIANCE_FOLD)
        .titled(
            "The curvature of log-sum-exp is a variance",
            summary="Along any direction d, the second derivative of a log-sum-exp is the variance of d under the "
            "softmax weights; it is not negative, so log-sum-exp is convex.",
            source="Boyd and Vandenberghe (2004), 3.1.5",
            assumptions=(SOFTMAX,),
        )
    )


def bounded_variance() -> Identity:
    """Var[d] ≤ r² when every value of d is within r of a point c."""
    q, c, r = Density("w", (KIND,)), sympy.Symbol("c", real=True), sympy.Symbol("r", positive=True)
    near = Holds((MOVE - c) ** 2, "≤", r**2)
    return (
        Proof(Covariance(MOVE, MOVE, q))
        .by(second_moment_about(c), drop(lambda t: isinstance(t, sympy.Pow)), by_order(near), CONSTANT_OUT)
        .titled(
            "The variance of a bounded function",
            conclusion="With c in the middle of the values the variance is at most a quarter of the squared range.",
            summary="The variance is the mean square distance from the mean, the least of the mean square distances.",
            source="Popoviciu (1935)",
            assumptions=(near,),
        )
    )


def squared_range() -> Identity:
    """(u - v)² ≤ 2(u² + v²): a quarter of the squared range is at most half the squared deviations."""
    u, v = sympy.symbols("u v", real=True)
    return (
        Proof((u - v) ** 2)
        .by(arithmetic(2 * u**2 + 2 * v**2 - (u + v) ** 2), drop(lambda t: t == (u + v) ** 2))
        .titled(
            "From the range to the squared deviations",
            conclusion="With u and v the deviations of the largest and the smallest of K numbers from their mean, a "
            "quarter of the squared range is at most half the sum of all squared deviations. With the curvature of "
            "log-sum-exp and the variance of a bounded function this is the bound with the matrix "
            "(I - 11ᵀ/K)/2 in the place of the second derivative.",
            summary="The last step to the quadratic bound of a log-sum-exp of K terms.",
            source="Böhning (1992), theorem 2.1",
        )
    )


IDENTITIES = {
    "importance_weighted": importance_weighted,
    "importance_weighted_order": importance_weighted_order,
    "renyi_above_elbo": renyi_above_elbo,
    "renyi_below_evidence": renyi_below_evidence,
    "renyi_order": renyi_order,
    "chi_upper_bound": chi_upper_bound,
    "jaakkola_jordan": jaakkola_jordan,
    "jaakkola_jordan_touches": jaakkola_jordan_touches,
    "boehning": boehning,
    "log_tangent": log_tangent,
    "log_sum_exp_curvature": log_sum_exp_curvature,
    "bounded_variance": bounded_variance,
    "squared_range": squared_range,
}
