"""The catalogue of relaxations: bounds by the statistic in which they are convex, augmentations by their joint."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from sympy import Abs, Integer, Rational, cosh, exp, log, loggamma, oo, pi, sqrt

from cavi.derive.families.special import log_normal_interval, softplus
from cavi.derive.relaxations.array_bound import ArrayBound
from cavi.derive.relaxations.augmentation import ENDS, Augmentation, B, S, W
from cavi.derive.relaxations.bound import Bound, T, X
from cavi.derive.relaxations.counted import CountedBound, N
from cavi.derive.relaxations.rejection import RejectedDraws, rejected
from cavi.derive.relaxations.shifted_sum import ShiftedSum
from cavi.derive.relaxations.thinning import Thinning
from cavi.derive.relaxations.tilt import D, Tilt

AnyBound = Bound | ArrayBound | ShiftedSum | Tilt


@cache
def bounds() -> tuple[Bound, ...]:
    """In the order in which they are proposed: the tightest first where several apply at the same cost."""
    return (
        Bound(
            "jaakkola_jordan",
            function=-softplus(X),
            statistic=X**2,
            keep=-X / 2,
            convex=-log(2 * cosh(sqrt(T) / 2)),
            source="Jaakkola and Jordan (2000), equations 8-10; Bishop (2006), 10.144",
        ),
        Bound(
            "boehning",
            function=-softplus(X),
            keep=-(X**2) * Rational(1, 8),
            parameter="psi",
            source="Böhning and Lindsay (1988), theorem 2.1; Böhning (1992); Murphy (2012), 21.8.2",
        ),
    )


@cache
def counted_bounds() -> tuple[CountedBound, ...]:
    """Bounds of log Γ(x + n) for a known count n, of either sign; log Γ(x), which they keep, stands against another."""
    source = "Minka (2000), appendix C"
    return (
        CountedBound(
            "minka", function=loggamma(X + N), statistic=log(X), keep=loggamma(X), on="positive", source=source
        ),
        CountedBound("minka", function=-loggamma(X + N), keep=-loggamma(X), on="positive", source=source),
    )


@cache
def array_bounds() -> tuple[ArrayBound, ...]:
    """Bounds of functions of a sum over an index."""
    return (
        ArrayBound(
            "boehning",
            outer=-log(T),
            inner=exp(X),
            curvature=(Fraction(1, 2), Fraction(1)),
            source="Böhning (1992), theorem 2.1; Murphy (2012), 21.8.2",
        ),
        ArrayBound(
            "jensen",
            outer=log(T),
            statistic=log(X),
            source="Bishop (2006), 1.115; Boyd and Vandenberghe (2004), 3.1.5",
        ),
        ArrayBound("harmonic", outer=-1 / T, statistic=1 / X, source="Boyd and Vandenberghe (2004), exercise 3.17"),
        ArrayBound("harmonic", outer=-1 / T**2, statistic=X**-2, source="Boyd and Vandenberghe (2004), exercise 3.17"),
    )


@cache
def shifted_sums() -> tuple[ShiftedSum, ...]:
    """Bounds of a log-sum-exp by one of its terms after another."""
    return (ShiftedSum("bouchard", then="jaakkola_jordan", source="Bouchard (2007), section 2; Murphy (2012), 21.8.4"),)


@cache
def curvature_bounds() -> tuple[Bound, ...]:
    """Bounds that leave a quadratic beside a logarithm, so that the factor is one of `approximate=`.

    log Γ(x) is log Γ(x + 1) - log x, and the curvature of log Γ(x + 1) is largest at zero, ψ'(1) = π²/6.
    """
    return (
        Bound(
            "log_gamma",
            function=-loggamma(X),
            keep=log(X) - pi**2 * X**2 / 12,
            convex=pi**2 * T**2 / 12 - loggamma(T + 1),
            on="positive",
            source="Böhning and Lindsay (1988), theorem 2.1",
        ),
    )


@cache
def tilts() -> tuple[Tilt, ...]:
    """Bounds with a free tilt: what they leave has exponentials, so that the factor is one of `approximate=`."""
    source = "Knowles and Minka (2011), section 5.2; Saul and Jordan (1999)"
    return (
        Tilt("knowles_minka", statistic=exp(X - D), source=source),
        Tilt("knowles_minka", statistic=exp(-D) + exp(X - D), function=-softplus(X), source=source),
    )


@cache
def all_bounds() -> tuple[AnyBound, ...]:
    """Those that make a model conjugate, in the order in which they are proposed."""
    return (*bounds(), *counted_bounds(), *array_bounds(), *shifted_sums())


@cache
def every_bound() -> tuple[AnyBound, ...]:
    """Those too with which the factor has no closed form."""
    return (*all_bounds(), *curvature_bounds(), *tilts())


@cache
def augmentations() -> tuple[Augmentation | RejectedDraws | Thinning, ...]:
    """Those that are known, in the order in which they are tried."""
    return (
        Augmentation(
            "excess",
            function=softplus(X),
            family="Bernoulli",
            parameters={"prob": Rational(1, 2)},
            joint=B * (log(2) + W * X),
            weight="binary",
            source="Lambert (1992), Technometrics 34, 1-14, section 2",
        ),
        Augmentation(
            "polya_gamma",
            function=-softplus(X),
            family="PolyaGamma",
            parameters={"shape": B, "tilt": Integer(0)},
            joint=-B * log(2) - B * X / 2 - W * X**2 / 2,
            source="Polson, Scott and Windle (2013), JASA 108, 1339-1349, theorem 1",
        ),
        # The same where data say whether the term is there, such as a stage that was reached: PG(0, 0) has no density.
        Augmentation(
            "polya_gamma",
            function=-softplus(X),
            family="PolyaGamma",
            parameters={"shape": Integer(1), "tilt": Integer(0)},
            joint=B * (-log(2) - X / 2 - W * X**2 / 2),
            weight="binary",
            source="Linderman, Johnson and Adams (2015), NeurIPS 28, section 2",
        ),
        Augmentation(
            "albert_chib",
            function=log_normal_interval(-oo, sqrt(S) * X),
            family="HalfNormal",
            parameters={"precision": S},
            joint=B * (S * W * X - S * X**2 / 2 - log(2)),
            given="TruncatedNormal",
            weight="binary",
            source="Albert and Chib (1993), JASA 88, 669-679, section 3",
        ),
        Augmentation(
            "ordered_probit",
            function=log_normal_interval(sqrt(S) * (ENDS[0] - X), sqrt(S) * (ENDS[1] - X)),
            family="TruncatedNormal",
            parameters={"mean": Integer(0), "precision": Integer(1), "lower": ENDS[0], "upper": ENDS[1]},
            joint=B * (S * W * X - S * X**2 / 2 + (1 - S) * W**2 / 2 + log(S) / 2 + log_normal_interval(*ENDS)),
            weight="binary",
            source="Albert and Chib (1993), JASA 88, 669-679, section 4",
        ),
        *rejected("rejected_draws", "Tanner and Wong (1987); Dempster, Laird and Rubin (1977), JRSS B 39, section 4.2"),
        Thinning("thinning", source="Kingman (1993), section 1.2"),
        # What a truncated count or time misses: 1/(1 - e^-x) = Σ_m e^-mx, m draws that were not kept.
        Augmentation(
            "geometric",
            function=-log(1 - exp(-X)),
            family="Geometric",
            parameters={"prob": Rational(1, 2)},
            joint=B * ((W + 1) * log(2) - W * X),
            above=Integer(0),
            weight="binary",
            variable="m",
            source="Dempster, Laird and Rubin (1977), JRSS B 39, 1-38, section 4.2",
        ),
        # What is known to have happened before a limit or between two: when, as a share of the time that it had.
        Augmentation(
            "event_time",
            function=log(1 - exp(-X)),
            family="TruncatedExponential",
            parameters={"rate": Integer(1), "lower": Integer(0), "upper": Integer(1)},
            joint=B * (log(X) - W * X + W + log(1 - exp(-Integer(1)))),
            above=Integer(0),
            weight="binary",
            variable="t",
            source="Tanner and Wong (1987), JASA 82, 528-540, section 2",
        ),
        Augmentation(
            "gamma_mixture",
            function=-log(1 + X),
            family="Gamma",
            parameters={"shape": B, "rate": Integer(1)},
            joint=-W * X,
            above=Integer(-1),
            source="Andrews and Mallows (1974), JRSS B 36, 99-102; Gelman et al. (2013), section 17.2",
        ),
        Augmentation(
            "inverse_gamma_mixture",
            function=-log(1 + X),
            family="Gamma",
            parameters={"shape": B, "rate": Integer(1)},
            joint=-B * log(X) - W / X,
            above=Integer(0),
            source="Wand et al. (2011), Bayesian Analysis 6, 847-900, result 5; Makalic and Schmidt (2016)",
        ),
        Augmentation(
            "normal_mixture",
            function=-Abs(X),
            family="InverseGamma",
            parameters={"shape": Rational(1, 2), "scale": B / 2},
            joint=-B * W * X**2 / 2,
            given="GeneralisedInverseGaussian",
            variable="v",
            source="Andrews and Mallows (1974); Park and Casella (2008); Kozumi and Kobayashi (2011)",
        ),
    )
