"""Rules that make a line larger or smaller: Jensen, supporting lines, non-negative terms, assumptions."""

from __future__ import annotations

from collections.abc import Callable

import sympy
from sympy import Expr

from cavi.derive.derivation import Relation, Rule
from cavi.derive.identities.assumptions import Holds
from cavi.derive.identities.language import KL, Average, Covariance, Expect, Mass, Total, Unit, Unknown
from cavi.derive.identities.rewriting import Bound, Rewrite, flipped

U = sympy.Symbol("u", positive=True)

JENSEN = Rule(
    "Jensen's inequality",
    "A convex function of a mean is at most the mean of the function; a concave one is at least that.",
    "the function is convex (concave) on an interval that holds all the values",
    "Bishop (2006), 1.115",
)
TANGENT = Rule(
    "supporting line",
    "A convex function lies above each of its tangents, a concave one below.",
    "the function is convex (concave) and has a derivative at the point of contact",
    "Boyd and Vandenberghe (2004), 3.2",
)
GIBBS = Rule(
    "Gibbs' inequality",
    "A Kullback-Leibler divergence is not negative, and zero only for equal densities.",
    source="Bishop (2006), 1.118",
)
NON_NEGATIVE = Rule("non-negative term", "Leaving out a term that is not negative makes a sum no larger.")
ASSUMED_ORDER = Rule("assumed inequality", "The larger side of an assumed inequality is put in the place of the other.")
EXTREME = Rule("bounds of a function", "A function is replaced by a bound that holds at each of its arguments.")


def curvature(phi: Expr, u: sympy.Symbol = U) -> int:
    """+1 for a convex, -1 for a concave function on the positive reals (or where u lies)."""
    if isinstance(phi, Unknown):
        return 1 if phi.kind == "convex" else 0
    from cavi.derive.identities.convexity import convexity

    domain = sympy.Interval.open(0, sympy.oo) if u.is_positive else sympy.S.Reals
    # A number between zero and one is 1/(1 + b) with b > 0: SymPy knows signs, not intervals.
    parts = {c: 1 / (1 + sympy.Dummy(positive=True)) for c in phi.atoms(Unit)}
    found = convexity(phi.xreplace(parts), domain, symbol=u)
    return 1 if found.is_convex else -1 if found.is_concave else 0


def _mean(phi: Expr, u: sympy.Symbol, e: Expr) -> Expr | None:
    """m where e = φ(m) and m is a mean."""
    for m in e.atoms(Expect, Average):
        if phi.xreplace({u: m}) == e:
            return m
    return None


def _argument(phi: Expr, u: sympy.Symbol, body: Expr, known: Expr | None = None) -> Expr | None:
    """r where body = φ(r)."""
    if known is not None:
        return known if phi.xreplace({u: known}) == body else None
    for r in sympy.preorder_traversal(body):
        if isinstance(r, Expr) and phi.xreplace({u: r}) == body:
            return r
    return None


def bregman(phi: Expr, u: sympy.Symbol, r: Expr, m: Expr) -> Expr:
    """φ(r) - φ(m) - φ'(m) (r - m)."""
    slope = Unknown(phi.name, "slope", m) if isinstance(phi, Unknown) else phi.diff(u).xreplace({u: m})
    return phi.xreplace({u: r}) - phi.xreplace({u: m}) - slope * (r - m)


def _averaged(node: Expr, body: Expr) -> Expr:
    return Expect(body, node.law) if isinstance(node, Expect) else Average(body, *node.args[1:])


def jensen(phi: Expr, u: sympy.Symbol = U, argument: Expr | None = None) -> Rewrite:
    """φ(E[r]) against E[φ(r)], whichever of the two is there; `argument` is r where it cannot be seen."""
    bend = curvature(phi, u)

    def change(e: Expr) -> Bound | None:
        if bend == 0:
            return None
        mean = _mean(phi, u, e)
        if mean is not None:
            r = mean.args[0]
            gap = bend * _averaged(mean, bregman(phi, u, r, mean))
            return Bound(_averaged(mean, phi.xreplace({u: r})), "≤" if bend > 0 else "≥", gap)
        if isinstance(e, Expect | Average):
            inner = _argument(phi, u, e.args[0], argument)
            if inner is not None and inner != e.args[0]:
                mean = _averaged(e, inner)
                gap = bend * _averaged(e, bregman(phi, u, inner, mean))
                return Bound(phi.xreplace({u: mean}), "≥" if bend > 0 else "≤", gap)
        return None

    word = "convex" if bend > 0 else "concave"
    return Rewrite(JENSEN, change, (f"{_name(phi, u)} is {word}",))


def _name(phi: Expr, u: sympy.Symbol) -> str:
    return phi.name if isinstance(phi, Unknown) else str(phi)


def tangent(phi: Expr, at: Expr, u: sympy.Symbol = U, argument: Expr | None = None) -> Rewrite:
    """φ(r) against its tangent at a point, φ(m) + φ'(m)(r - m); `argument` is r where it cannot be seen."""
    bend = curvature(phi, u)

    def change(e: Expr) -> Bound | None:
        if bend == 0 or not isinstance(e, Expr):
            return None
        r = _argument(phi, u, e, argument)
        if r is None or r in (e, at):
            return None
        line = phi.xreplace({u: r}) - bregman(phi, u, r, at)
        return Bound(line, "≥" if bend > 0 else "≤", bend * bregman(phi, u, r, at))

    return Rewrite(TANGENT, change, (f"{_name(phi, u)} is {'convex' if bend > 0 else 'concave'}",))


CURVATURE = Rule(
    "bounded curvature",
    "A function whose second derivative is at most c lies below its tangent plus c/2 times the squared distance.",
    "c u²/2 less the function is convex",
    "Böhning and Lindsay (1988)",
)


def parabola(phi: Expr, most: Expr, at: Expr, u: sympy.Symbol) -> Rewrite:
    """φ(r) ≤ φ(m) + φ'(m)(r - m) + c/2 (r - m)² where φ'' ≤ c."""
    bounded = curvature(most * u**2 / 2 - phi, u) > 0

    def change(e: Expr) -> Bound | None:
        r = _argument(phi, u, e) if bounded else None
        if r is None or r in (e, at):
            return None
        above = phi.xreplace({u: at}) + phi.diff(u).xreplace({u: at}) * (r - at) + most / 2 * (r - at) ** 2
        return Bound(above, "≤", above - e)

    return Rewrite(CURVATURE, change, (f"the second derivative is at most {most}",))


def _drop(matches: Callable[[Expr], bool]) -> Callable[[Expr], Bound | None]:
    def change(e: Expr) -> Bound | None:
        terms = sympy.Add.make_args(e)
        found = [t for t in terms if matches(t.as_coeff_Mul()[1])]
        if len(found) != 1:
            return None
        factor, node = found[0].as_coeff_Mul()
        rest = e - found[0] if len(terms) > 1 else sympy.S.Zero
        return Bound(rest, "≥" if factor > 0 else "≤", abs(factor) * node)

    return change


def drop_kl(q: Expr | None = None) -> Rewrite:
    """a + KL ≥ a and a - KL ≤ a; `q` says which divergence, where there are several."""
    return Rewrite(GIBBS, _drop(lambda n: isinstance(n, KL) and (q is None or n.args[0] == q)), whole=True)


def is_square_mean(e: Expr) -> bool:
    """Whether an expression is a mean of what is visibly not negative."""
    if isinstance(e, Covariance):
        return bool(e.args[0] == e.args[1])
    if isinstance(e, KL):
        return True
    if isinstance(e, Expect | Mass | Total):
        return is_square_mean(e.args[0])
    if isinstance(e, sympy.Mul):
        return all(map(is_square_mean, e.args))
    if isinstance(e, sympy.Pow) and e.exp.is_even:
        return True
    return bool(e.is_nonnegative)


DROP_NON_NEGATIVE = Rewrite(NON_NEGATIVE, _drop(is_square_mean), whole=True)


def drop(which: Callable[[Expr], bool]) -> Rewrite:
    """a + b ≥ a for the term b named, which is visibly not negative."""
    return Rewrite(NON_NEGATIVE, _drop(lambda n: which(n) and is_square_mean(n)), whole=True)


def by_order(condition: Holds) -> Rewrite:
    """The right side of an assumed inequality in the place of its left side."""
    return Rewrite(
        ASSUMED_ORDER,
        lambda e: Bound(condition.right, condition.relation, _size(condition)) if e == condition.left else None,
    )


def _size(condition: Holds) -> Expr:
    difference = condition.left - condition.right
    return difference if condition.relation == "≥" else -difference


def pointwise(old: Expr, relation: Relation, new: Expr, rule: Rule = EXTREME, *conditions: str) -> Rewrite:
    """One expression replaced by a bound of it that holds at every argument."""
    gap = old - new if relation == "≥" else new - old
    return Rewrite(rule, lambda e: Bound(new, relation, gap) if e == old else None, conditions)


__all__ = [
    "ASSUMED_ORDER",
    "DROP_NON_NEGATIVE",
    "EXTREME",
    "GIBBS",
    "JENSEN",
    "NON_NEGATIVE",
    "TANGENT",
    "U",
    "bregman",
    "by_order",
    "curvature",
    "drop",
    "drop_kl",
    "flipped",
    "jensen",
    "parabola",
    "pointwise",
    "tangent",
]
