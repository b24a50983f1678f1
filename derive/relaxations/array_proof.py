"""Proofs that F(Σ_k b(t_k)) is convex in t, alone or with a quadratic form added, for any number of elements.

The second derivative along u is F'(S) Σ_k b''(t_k) u_k² + F''(S) (Σ_k b'(t_k) u_k)².

*Alone*: where F'' ≤ 0 and b'' > 0 the last square is, by Cauchy and Schwarz, at most Σ b'' u² · Σ b'²/b''. If b'²/b''
is c·b, that sum is c S, and what is left to prove is the sign of one function of one number, F'(S) + c S F''(S).

*With a quadratic form*: where it is minus the variance of u under the weights b_k/S, it is at least minus half of
Σ_k (u_k - ū)², because a variance is at most a quarter of the squared range.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy

from cavi.derive.derivation import Step
from cavi.derive.errors import RelaxationError
from cavi.derive.identities.bounds import KIND, bounded_variance, log_sum_exp_curvature, squared_range
from cavi.derive.identities.language import Mass, Unknown
from cavi.derive.identities.sign import NEGATIVE, NONNEGATIVE, NONPOSITIVE, POSITIVE, ZERO, Box, Fact, sign_of, steps_of
from cavi.derive.relaxations.bound import T
from cavi.derive.rules import CAUCHY_SCHWARZ, LARGEST_VARIANCE

S = sympy.Symbol("S", positive=True)
V = sympy.Symbol("V", nonnegative=True)
Steps = tuple[Step[Any], ...]


def second_order_steps(name: str, outer: sympy.Expr, term: sympy.Expr, domain: str) -> Steps:
    """That F(Σ_k b(t_k)) is convex, by Cauchy and Schwarz.

    Raises:
        RelaxationError: naming the condition that is not seen to hold.
    """
    t = sympy.Symbol("t", **{domain: True})
    b, first, second = (sympy.diff(term, T, n).subs(T, t) for n in range(3))
    slope, bend = (sympy.diff(outer, T, n).subs(T, S) for n in (1, 2))
    share = sympy.simplify(first**2 / (second * b)) if second != 0 else sympy.nan
    if share is sympy.nan or share.free_symbols:
        raise _unproved(name, f"({first})²/({second}) to be a constant times {b}")
    line, half = Box(((t, -sympy.oo if domain == "real" else 0, sympy.oo),)), Box(((S, 0, sympy.oo),))
    curved = _seen(name, second, line, (POSITIVE,), "positive")
    falling = _seen(name, bend, half, (NEGATIVE, ZERO, NONPOSITIVE), "not positive")
    left = sympy.simplify(slope + share * S * bend)
    whole = _seen(name, left, half, (POSITIVE, ZERO, NONNEGATIVE), "not negative")
    move, place = Unknown("u", "real", KIND), Unknown("t", domain, KIND)
    spread = Mass(second.subs(t, place) * move**2, KIND)
    along = slope * spread + bend * Mass(first.subs(t, place) * move, KIND) ** 2
    return (
        *_facts(curved, falling),
        Step(along, left * spread, CAUCHY_SCHWARZ, ("S is the sum inside",), "≥"),
        *_facts(whole),
    )


def curvature_steps(name: str, outer: sympy.Expr, term: sympy.Expr, alpha: Fraction, beta: Fraction) -> Steps:
    """That F(Σ_k b(t_k)) + α/2 (Σ_k t_k² - β (Σ_k t_k)²/K) is convex, by the largest variance there can be.

    Raises:
        RelaxationError: where the second derivative is no variance, or the quadratic form too small.
    """
    b, first, second = (sympy.diff(term, T, n) for n in range(3))
    slope, bend = (sympy.diff(outer, T, n).subs(T, S) for n in (1, 2))
    # -F' b''_k = b_k/S and F'' b'_k b'_l = (b_k/S)(b_l/S): minus a variance under the weights b_k/S.
    if sympy.simplify(slope * second + b / S) != 0 or sympy.simplify(bend * first**2 - (b / S) ** 2) != 0:
        raise _unproved(name, "the second derivative to be minus a variance, as that of -log Σ_k exp(t_k) is")
    if alpha < Fraction(1, 2) or not beta <= 1:
        raise _unproved(name, f"α ≥ 1/2 and β ≤ 1 (found {alpha} and {beta}), or the variance may exceed the form")
    half, move = sympy.Rational(alpha.numerator, alpha.denominator), Unknown("u", "real", KIND)
    spread = Mass((move - sympy.Symbol("u_0", real=True)) ** 2, KIND)
    condition = ("V is the variance of u under the softmax weights, u_0 the plain mean",)
    return (
        *log_sum_exp_curvature().steps,
        *bounded_variance().steps,
        *squared_range().steps,
        Step(half * spread - V, (half - sympy.Rational(1, 2)) * spread, LARGEST_VARIANCE, condition, "≥"),
    )


def _seen(name: str, expr: sympy.Expr, box: Box, allowed: tuple[frozenset[int], ...], wanted: str) -> Fact:
    fact = sign_of(expr, box)
    if fact is None or fact.sign not in allowed:
        raise _unproved(name, f"{expr} to be {wanted}")
    return fact


def _facts(*facts: Fact) -> Iterator[Step[Any]]:
    for fact in facts:
        if not fact.expr.is_number:
            yield from steps_of(fact)


def _unproved(name: str, what: str) -> RelaxationError:
    return RelaxationError(
        f"the bound {name} is not proved: it needs {what}; choose another statistic, or a larger curvature"
    )
