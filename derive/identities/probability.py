"""Rules of probability: joint, marginal and conditional densities, Bayes' rule, normalisation."""

from __future__ import annotations

from collections.abc import Iterable

import sympy
from sympy import Expr

from cavi.derive.derivation import Rule
from cavi.derive.identities.language import (
    Density,
    Mass,
    Variable,
)
from cavi.derive.identities.rewriting import Rewrite

PRODUCT_RULE = Rule(
    "product rule",
    "A joint density is a conditional times a marginal density.",
    source="Bishop (2006), 1.32",
)
BAYES = Rule(
    "Bayes' rule",
    "A conditional density is the joint divided by the marginal of what it is conditioned on.",
    "the marginal is positive",
    "Bishop (2006), 1.43",
)
SUM_RULE = Rule(
    "sum rule",
    "A marginal density is the joint summed (or integrated) over the other variables.",
    source="Bishop (2006), 1.31",
)
NORMALISATION = Rule("normalisation", "A density sums (or integrates) to one.", source="Bishop (2006), 1.26")


def product_rule(*variables: Expr) -> Rewrite:
    """p(a, b) = p(a | b) p(b), where `variables` are a."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or not set(variables) < set(e.variables):
            return None
        rest = tuple(v for v in e.variables if v not in variables)
        return e.over(variables, (*rest, *e.given)) * e.over(rest, e.given)

    return Rewrite(PRODUCT_RULE, change)


def _bayes(e: Expr) -> Expr | None:
    if not isinstance(e, Density) or not e.given:
        return None
    joint = tuple(sorted((*e.variables, *e.given), key=lambda v: (v not in e.given, str(v))))
    return e.over(joint) / e.over(e.given)


BAYES_RULE = Rewrite(BAYES, _bayes)


def _joined(e: Expr) -> Expr | None:
    """p(a | b) p(b) = p(a, b), as factors of a product."""
    if not isinstance(e, sympy.Mul):
        return None
    densities = [d for d in e.args if isinstance(d, Density)]
    for first in densities:
        for second in densities:
            rest = tuple(v for v in first.given if v not in second.variables)
            if second == first.over(second.variables, rest) and set(second.variables) <= set(first.given):
                order = {v: k for k, v in enumerate((*second.variables, *first.variables))}
                both = tuple(sorted((*first.variables, *second.variables), key=lambda v: (str(v), order[v])))
                return e / first / second * first.over(both, rest)
    return None


PRODUCT_FOLD = Rewrite(PRODUCT_RULE, _joined)


def _conditional(e: Expr) -> Expr | None:
    """p(a, b)/p(b) = p(a | b), as factors of a product."""
    if not isinstance(e, sympy.Mul):
        return None
    for joint in e.args:
        for below in e.args:
            if not isinstance(joint, Density) or not isinstance(1 / below, Density):
                continue
            marginal = 1 / below
            rest = tuple(v for v in joint.variables if v not in marginal.variables)
            if marginal == joint.over(marginal.variables, joint.given) and 0 < len(rest) < len(joint.variables):
                given = tuple(v for v in joint.variables if v not in rest)
                return e / joint * marginal * joint.over(rest, (*given, *joint.given))
    return None


CONDITIONAL = Rewrite(BAYES, _conditional)


def marginal_by_bayes(variables: Iterable[Expr]) -> Rewrite:
    """p(a) = p(a, b) / p(b | a), where `variables` are b."""
    wanted = tuple(variables)

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or set(wanted) & {*e.variables, *e.given} or e.given:
            return None
        return e.over((*e.variables, *wanted)) / e.over(wanted, e.variables)

    return Rewrite(BAYES, change)


def bayes_for(variables: Iterable[Expr]) -> Rewrite:
    """p(a | b) = p(b | a) p(a) / p(b), where `variables` are b."""
    wanted = tuple(variables)

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or set(e.given) != set(wanted):
            return None
        return e.over(wanted, e.variables) * e.over(e.variables) / e.over(wanted)

    return Rewrite(BAYES, change)


def marginalise(*variables: Variable) -> Rewrite:
    """p(a) = Σ_b p(a, b), where `variables` are b."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or set(variables) & set((*e.variables, *e.given)) or e.name == "q":
            return None
        return Mass(e.over((*e.variables, *variables), e.given), *variables)

    return Rewrite(SUM_RULE, change)


def _sum_out(e: Expr) -> Expr | None:
    """Σ_b p(a, b) = p(a), and one when nothing is left."""
    if not isinstance(e, Mass):
        return None
    constant, body = e.body.as_independent(*e.variables, as_Add=False)
    if not isinstance(body, Density) or set(body.given) & set(e.variables):
        return None
    left = tuple(v for v in body.variables if v not in e.variables)
    if not set(e.variables) <= set(body.variables):
        return None
    return constant * (body.over(left, body.given) if left else sympy.S.One)


MARGINAL = Rewrite(SUM_RULE, lambda e: _sum_out(e) if _has_rest(e) else None)
NORMALISED = Rewrite(NORMALISATION, lambda e: None if _has_rest(e) else _sum_out(e))


def _has_rest(e: Expr) -> bool:
    if not isinstance(e, Mass):
        return False
    densities = [d for d in sympy.Mul.make_args(e.body) if isinstance(d, Density)]
    return any(set(d.variables) - set(e.variables) for d in densities)
