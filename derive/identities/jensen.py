"""Jensen's inequality from supporting lines, and the variance as its plainest case."""

from __future__ import annotations

import sympy

from cavi.derive.identities.algebra import arithmetic, inside
from cavi.derive.identities.definitions import COVARIANCE_UNFOLD
from cavi.derive.identities.expectations import LINEAR
from cavi.derive.identities.inequalities import DROP_NON_NEGATIVE, U, tangent
from cavi.derive.identities.language import Covariance, Expect, Unknown
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.setting import PLAIN, Setting

F = Unknown("f", "convex", U)


def arbitrary(s: Setting) -> Unknown:
    """g(z), any positive function of the latents."""
    return Unknown("g", "positive", *s.z)


G = arbitrary(PLAIN)


def chord() -> Identity:
    """t f(x) + (1 - t) f(y) ≥ f(t x + (1 - t) y) with t = a/(a + b): every chord lies above the function."""
    a, b, x, y = sympy.symbols("a b x y", positive=True)
    middle = (a * x + b * y) / (a + b)

    def f(u: sympy.Expr) -> sympy.Expr:
        return F.xreplace({U: u})

    return (
        Proof(a / (a + b) * f(x) + b / (a + b) * f(y))
        .by(tangent(F, middle, argument=x), tangent(F, middle, argument=y))
        .by(arithmetic(lambda e: sympy.factor_terms(sympy.simplify(e))))
        .titled(
            "Chords lie above a convex function",
            summary="Both ends of a chord lie above the tangent at the point between them; so does the point of the "
            "chord with the weights a/(a + b) and b/(a + b).",
            source="Bishop (2006), 1.114; Boyd and Vandenberghe (2004), 3.1",
        )
    )


def jensen_convex(s: Setting = PLAIN) -> Identity:
    """E[f(g)] ≥ f(E[g]) for convex f: the tangent at the mean (Bishop 2006, 1.115)."""
    g, q = arbitrary(s), s.q
    return (
        Proof(Expect(F.xreplace({U: g}), q))
        .by(tangent(F, Expect(g, q)), LINEAR)
        .titled(
            "Jensen's inequality",
            summary="A convex function lies above its tangent at the mean; the mean of the tangent is the function at "
            "the mean.",
            source="Bishop (2006), 1.115-1.117",
        )
    )


def jensen_logarithm(s: Setting = PLAIN) -> Identity:
    """E[log g] ≤ log E[g], the case that variational inference rests on."""
    g, q = arbitrary(s), s.q
    return (
        Proof(Expect(sympy.log(g), q))
        .by(tangent(sympy.log(U), Expect(g, q)), LINEAR)
        .titled(
            "Jensen's inequality for the logarithm",
            summary="The logarithm is concave, so it lies below its tangent at the mean.",
            source="Bishop (2006), 1.115",
        )
    )


def variance(s: Setting = PLAIN) -> Identity:
    """Var[g] = E[g²] - E[g]²: the Jensen gap of the square."""
    g, q = arbitrary(s), s.q
    return (
        Proof(Covariance(g, g, q))
        .by(COVARIANCE_UNFOLD, inside(Expect, sympy.expand), LINEAR)
        .titled(
            "The variance is the Jensen gap of the square",
            summary="The mean square deviation is the mean square less the square of the mean.",
            source="Bishop (2006), 1.38-1.40",
        )
    )


def variance_non_negative(s: Setting = PLAIN) -> Identity:
    """Var[g] ≥ 0, the case f(u) = u² of Jensen's inequality."""
    g, q = arbitrary(s), s.q
    return (
        Proof(Covariance(g, g, q))
        .by(COVARIANCE_UNFOLD, DROP_NON_NEGATIVE)
        .titled(
            "A variance is not negative",
            summary="The mean of squares is not negative, so E[g²] ≥ E[g]²: Jensen's inequality for the square.",
            source="Bishop (2006), 1.38-1.40",
        )
    )


IDENTITIES = {
    "chord": chord,
    "jensen": jensen_convex,
    "jensen_logarithm": jensen_logarithm,
    "variance": variance,
    "variance_non_negative": variance_non_negative,
}
