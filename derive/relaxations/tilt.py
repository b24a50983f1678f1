"""Bounds with a free tilt: an identity that holds for every number d, in which d is then any a·x.

Where f(x) = r(d) + h(s(x, d)) for every number d, with h convex, the right side may have d = a x, or Σ_j a_j x_j for an
array, and its h a tangent in s:

    f(x)  =  r(a·x) + h(s(x, a·x))  ≥  r(a·x) + h(ζ) + h'(ζ) (s(x, a·x) - ζ)      for every a and ζ > 0.

With log Σ_k exp(x_k) = d + log Σ_k exp(x_k - d) it is the bound of Knowles and Minka. Under any q the best ζ is the
expected statistic, in closed form. The best a is where a gradient vanishes; it is found by steps of Newton's method,
which lead there since the expected bound is concave in a and log ζ together: with λ = log ζ it is

    r(d) + h(e^λ) - h'(e^λ) e^λ  -  s(x, d) (-h'(e^λ)),

where the first term must be concave in d, the next two in λ, and s and -h' log-convex: then so is their product, along
every line in (d, λ), and d is linear in a for every x.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from cavi.derive.canonical import sum_over
from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.errors import CaviError, RelaxationError
from cavi.derive.evaluable import evaluable
from cavi.derive.from_sympy import from_sympy
from cavi.derive.identities.bounds import KIND
from cavi.derive.identities.language import Mass, Unknown
from cavi.derive.identities.sign import NEGATIVE, NONNEGATIVE, NONPOSITIVE, POSITIVE, ZERO, Box, Fact, sign_of, steps_of
from cavi.derive.index import Index
from cavi.derive.relaxations.array_bound import OTHER, ArrayBound, text_of
from cavi.derive.relaxations.bound import Bound, T, X
from cavi.derive.rules import CONCAVE_IN_TILT, TILT
from cavi.derive.term import ZERO as NOTHING
from cavi.derive.term import Polynomial

D = sympy.Symbol("d", real=True)
LAMBDA = sympy.Symbol("lambda", real=True)
LINE = (-sympy.oo, sympy.oo)


@dataclass(frozen=True, eq=False)
class Tilt:
    """A lower bound of f(x) = r(d) + h(s(x, d)), declared by the statistic s that a tilt d changes.

    Attributes:
        name: what `derive(m, bounds=...)` calls it.
        statistic: s, in `X` and `D`; for a function of an array that of one element, which is summed.
        function: f, in `X`; None for a function of an array, which is h(Σ_k s(x_k, 0)).
        keep: r, in `D`.
        convex: h, in `T`, where T is positive.
        parameter: the name of a.
        source: where the bound comes from.

    Examples:
        >>> from sympy import exp
        >>> from cavi.derive.relaxations.tilt import D, Tilt, X
        >>> Tilt("knowles_minka", statistic=exp(X - D)).proof.conclusion
        '-log(Σ_k exp(x(k))) is -Σ_j a(j)*x(j) - log(Σ_k exp(-Σ_j a(j)*x(j) + x(k))) for every a'
    """

    name: str
    statistic: sympy.Expr
    function: sympy.Expr | None = None
    keep: sympy.Expr = -D
    convex: sympy.Expr = -sympy.log(T)
    parameter: str = "a"
    source: str = ""

    def __post_init__(self) -> None:
        for what, expr, symbols in (
            ("statistic", self.statistic, {X, D}),
            ("function", self.function, {X}),
            ("part to keep", self.keep, {D}),
            ("convex part", self.convex, {T}),
        ):
            if expr is not None and (not isinstance(expr, sympy.Expr) or expr.free_symbols - symbols):
                names = " and ".join(sorted(map(str, symbols)))
                raise RelaxationError(
                    f"the bound {self.name}: the {what} is {expr}; expected a SymPy expression in {names} alone"
                )
        if not self.statistic.has(D):
            raise RelaxationError(
                f"the bound {self.name}: the statistic is {self.statistic}; expected one with a tilt d"
            )

    @property
    def form(self) -> Bound | ArrayBound:
        """What it acts on."""
        if self.function is not None:
            return Bound(self.name, self.function)
        return ArrayBound(self.name, outer=self.convex + self.keep.subs(D, 0), inner=self.statistic.subs(D, 0))

    def split_at(
        self, argument: Polynomial, tilt: Polynomial, over: Index | None, beside: Polynomial = NOTHING
    ) -> Polynomial:
        """r(a·x) + h(s) in the normal form: x_k at the index k, which is `over`, and known terms of the sum."""
        statistic = from_sympy(sympy.expand(self.statistic, power_exp=False), {X: argument, D: tilt})
        total = statistic if over is None else sum_over(statistic, [over])
        if beside:  # the factor that a tilt gives every element
            share = sympy.simplify(self.statistic / self.statistic.subs(D, 0))
            total = total + beside * from_sympy(share, {D: tilt})
        return from_sympy(self.keep, {D: tilt}) + from_sympy(self.convex, {T: total})

    @cached_property
    def proof(self) -> Derivation[Any]:
        """Why the identity holds, and why the best tilt can be found by Newton's method.

        Raises:
            RelaxationError: when that is not seen.
        """
        self._check_identity()
        try:
            _ = Bound(self.name, self.convex.subs(T, X), on="positive").proof
        except CaviError as error:
            raise RelaxationError(f"the bound {self.name} is not proved: {error}") from None
        facts = [f for f in self._concave() if not f.expr.is_number]
        left, right = self._sides()
        each = "(j) is any number for each j" if self.function is None else " is any number"
        steps = (
            Step(left, right, TILT, (f"{self.parameter}{each}",)),
            *(s for f in facts for s in steps_of(f)),
            Step(right, right, CONCAVE_IN_TILT, ("the tangents of the part that is convex, whatever x is",)),
        )
        told = f"{text_of(left)} is {text_of(right)} for every {self.parameter}"
        return Derivation(f"the bound {self.name}", text_of(left), steps, told)

    def _sides(self) -> tuple[sympy.Expr, sympy.Expr]:
        """f, and r + h(s) with d = a·x."""
        if self.function is not None:
            x, tilt = X, sympy.Symbol(self.parameter, real=True) * X
            return self.function, self.keep.subs(D, tilt) + self.convex.subs(T, self.statistic.subs(D, tilt))
        x = Unknown("x", "real", KIND)
        other, weights = Unknown("x", "real", OTHER), Unknown(self.parameter, "real", OTHER)
        tilt = Mass(weights * other, OTHER)
        total = Mass(self.statistic.subs({X: x, D: tilt}), KIND)
        plain = Mass(self.statistic.subs(D, 0).subs(X, x), KIND)
        left = self.keep.subs(D, 0) + self.convex.subs(T, plain)
        return left, self.keep.subs(D, tilt) + self.convex.subs(T, total)

    def _check_identity(self) -> None:
        """r(d) + h(s) does not depend on d; of an array s must be a multiple of what it is without a tilt."""
        if self.function is None:
            share = sympy.simplify(self.statistic / self.statistic.subs(D, 0))
            total = sympy.Symbol("S", positive=True)
            whole = self.keep + self.convex.subs(T, share * total)
            there = self.convex.subs(T, total) + self.keep.subs(D, 0)
            if share.has(X):
                raise RelaxationError(
                    f"the bound {self.name}: {self.statistic} over its value at d = 0 is {share}; expected a factor "
                    "that is the same for all elements, so that it stands before their sum"
                )
        else:
            whole, there = self.keep + self.convex.subs(T, self.statistic), evaluable(self.function)
        gap = sympy.simplify(sympy.exp(sympy.expand_log(whole - there, force=True).rewrite(sympy.exp)))
        if sympy.simplify(gap - 1) != 0:
            raise RelaxationError(
                f"the bound {self.name}: it is not seen that {whole} is {there} whatever d is; the tilt must leave the "
                "function as it is"
            )

    def _concave(self) -> Iterator[Fact]:
        """The premises for one best tilt, found from everywhere."""
        line, plane = Box(((LAMBDA, *LINE),)), Box(((X, *LINE), (D, *LINE)))
        slope = -sympy.diff(self.convex, T).subs(T, sympy.exp(LAMBDA))
        height = self.convex.subs(T, sympy.exp(LAMBDA)) + slope * sympy.exp(LAMBDA)
        bent = (NEGATIVE, ZERO, NONPOSITIVE)
        arched = (POSITIVE, ZERO, NONNEGATIVE)
        yield self._seen(sympy.diff(self.keep, D, 2), plane, bent, "the part to keep to be concave in d")
        yield self._seen(sympy.diff(height, LAMBDA, 2), line, bent, "h(e^λ) - h'(e^λ) e^λ to be concave in λ")
        yield self._seen(slope, line, (POSITIVE,), "h to fall")
        yield self._seen(self.statistic, plane, (POSITIVE,), "the statistic to be positive")
        yield self._seen(_log_convexity(slope, LAMBDA), line, arched, "-h'(e^λ) to be log-convex in λ")
        yield self._seen(_log_convexity(self.statistic, D), plane, arched, "the statistic to be log-convex in d")

    def _seen(self, expr: sympy.Expr, box: Box, allowed: tuple[frozenset[int], ...], wanted: str) -> Fact:
        fact = sign_of(sympy.simplify(expr), box)
        if fact is None or fact.sign not in allowed:
            raise RelaxationError(
                f"the bound {self.name}: its best tilt is not seen to be one that Newton's method finds from "
                f"everywhere, which needs {wanted}"
            )
        return fact

    @property
    def rule(self) -> Rule:
        """The identity as a rule that a derivation cites."""
        left, right = self._sides()
        return Rule(
            f"bound {self.name.replace('_', ' ')}",
            f"{text_of(evaluable(left))} is {text_of(right)}, whatever {self.parameter} is.",
            "",
            self.source,
        )


def _log_convexity(expr: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """g g'' - g'², which has the sign of (log g)''."""
    first, second = sympy.diff(expr, symbol), sympy.diff(expr, symbol, 2)
    return sympy.simplify(sympy.expand(expr * second - first**2))
