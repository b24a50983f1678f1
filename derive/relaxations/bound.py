"""Lower bounds of a function, generated from a tangent and proved by convexity.

Where f(x) = r(x) + h(s(x)) with h convex, the tangent of h at s(ξ) lies below h:

    f(x)  ≥  g(x; ξ) = r(x) + h(s(ξ)) + h'(s(ξ)) (s(x) - s(ξ)),     with equality at x = ξ.

If r and s have expectations in closed form, so has g. Under any q the best tangent is the one at s(ξ) = E_q[s(x)]: the
expected bound is then r̄ + h(E[s(x)]), and every other tangent of h lies below that. What is lost is E[h(s)] - h(E[s]),
the Jensen gap of h.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import sympy

from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.errors import RelaxationError
from cavi.derive.evaluable import evaluable
from cavi.derive.from_sympy import from_sympy
from cavi.derive.identities.convexity import Convexity, convexity
from cavi.derive.index import Index
from cavi.derive.rules import CONVEX_PART, TANGENT_BELOW, TANGENT_OPTIMUM
from cavi.derive.term import ZERO, Polynomial

X = sympy.Symbol("x", real=True)
T = sympy.Symbol("t", real=True)
# Statistic s -> its inverse, in T.
INVERSES = {X: T, X**2: sympy.sqrt(T), sympy.log(X): sympy.exp(T), 1 / X: 1 / T, X**-2: T ** sympy.Rational(-1, 2)}


@dataclass(frozen=True, eq=False)
class Bound:
    """A lower bound f(x) ≥ g(x; ξ), declared by f and by the statistic in which the rest of it is convex.

    Attributes:
        name: what `derive(m, bounds=...)` calls it.
        function: f, an expression in `X`.
        statistic: s, in `X`; x itself or its square, for a positive x also log x or 1/x.
        keep: r, in `X`: what stays as it is, a polynomial of degree two or less; for a positive x log x may be in it.
        convex: h in `T`, where f - r written in s is not yet in a form whose convexity can be proved.
        on: where x lies, real or positive.
        parameter: the name of ξ.
        source: where the bound comes from.

    Examples:
        >>> import sympy
        >>> from cavi.derive.relaxations.bound import Bound, X
        >>> bound = Bound("tangent_exp", sympy.exp(X), source="the tangent of the exponential")
        >>> bound.lower
        (x - xi)*exp(xi) + exp(xi)
        >>> bound.proof.verdict
        'convex'
    """

    name: str
    function: sympy.Expr
    statistic: sympy.Expr = X
    keep: sympy.Expr = sympy.S.Zero
    convex: sympy.Expr | None = None
    on: str = "real"
    parameter: str = "xi"
    source: str = ""
    known: ClassVar[tuple[sympy.Symbol, ...]] = ()

    def __post_init__(self) -> None:
        for what, expr, symbol in (
            ("function", self.function, X),
            ("statistic", self.statistic, X),
            ("part to keep", self.keep, X),
            ("convex part", self.convex, T),
        ):
            if expr is not None and (not isinstance(expr, sympy.Expr) or expr.free_symbols - {symbol, *self.known}):
                raise RelaxationError(
                    f"the bound {self.name}: the {what} is {expr}; expected a SymPy expression in {symbol} alone"
                )
        if self.on not in ("real", "positive"):
            raise RelaxationError(f"the bound {self.name}: on={self.on!r}; expected 'real' or 'positive'")
        if self.statistic not in INVERSES or (self.on != "positive" and self.statistic not in (X, X**2)):
            raise RelaxationError(
                f"the bound {self.name}: the statistic is {self.statistic}; expected x or x**2, and for a positive x "
                "also log(x), 1/x or 1/x**2, whose expectations are moments of the factors"
            )
        self._check_keep()

    def _check_keep(self) -> None:
        log = sympy.Dummy("log")
        keep = self.keep.subs(sympy.log(X), log) if self.on == "positive" else self.keep
        if not keep.is_polynomial(X, log) or sympy.degree(keep, X) > 2 or not keep.diff(log).is_number:
            raise RelaxationError(
                f"the bound {self.name}: the part to keep is {self.keep}; expected a polynomial of degree two or less, "
                "and for a positive x also log(x)"
            )

    @property
    def described(self) -> str:
        """f in a sentence."""
        return str(self.function)

    @property
    def domain(self) -> str:
        """Where ξ lies: the touching points that differ in s."""
        return "positive" if self.statistic == X**2 else self.on

    @cached_property
    def xi(self) -> sympy.Symbol:
        """The symbol of the local parameter."""
        return sympy.Symbol(self.parameter, **{self.domain: True})

    @cached_property
    def convex_part(self) -> sympy.Expr:
        """h, in `T`: f - r in the statistic."""
        if self.convex is not None:
            return self.convex
        t = T if self.statistic in (X, sympy.log(X)) else sympy.Symbol("t", positive=True)
        root = INVERSES[self.statistic].subs(T, t)
        return evaluable(self.function - self.keep).subs(X, root).subs(t, T)

    @cached_property
    def slope(self) -> sympy.Expr:
        """h'(s(ξ)) in ξ, by the chain rule: (f - r)'(ξ) / s'(ξ)."""
        rest = (self.function - self.keep).subs(X, self.xi)
        inner = self.statistic.subs(X, self.xi)
        return sympy.simplify(sympy.expand(sympy.diff(rest, self.xi) / sympy.diff(inner, self.xi)))

    @cached_property
    def lower(self) -> sympy.Expr:
        """g(x; ξ)."""
        at, xi = self.statistic.subs(X, self.xi), self.xi
        value = (self.function - self.keep).subs(X, xi)
        return self.keep + value + self.slope * (self.statistic - at)

    def statistic_of(self, argument: Polynomial) -> Polynomial:
        """s(x) in the normal form."""
        return from_sympy(self.statistic, {X: argument})

    def lower_at(
        self, argument: Polynomial, at: Polynomial, over: Index | None = None, beside: Polynomial = ZERO
    ) -> Polynomial:
        """g(x; ξ) in the normal form."""
        return from_sympy(self.lower, {X: argument, self.xi: at})

    @cached_property
    def proof(self) -> Convexity:
        """That h is convex on its domain, with the steps.

        Raises:
            RelaxationError: when it is not, or when no proof is found.
        """
        self._check_split()
        values = "real" if self.statistic == sympy.log(X) else self.domain
        found = convexity(self.convex_part, values, symbol=T)
        if not found.is_convex:
            raise RelaxationError(
                f"the bound {self.name} is not proved: it needs {self.convex_part} to be convex in t on "
                f"{found.domain[0]}, and that is {found.verdict}{f' ({found.reason})' if found.reason else ''}; choose "
                "another statistic, another part to keep, or give convex= in a form that can be decided"
            )
        return found

    def _check_split(self) -> None:
        """f(x) = r(x) + h(s(x)) for every x: on each half line the derivatives agree, and the values at one point."""
        for sign in (1, -1) if self.on == "real" else (1,):
            p = sympy.Symbol("p", positive=True)
            rest = evaluable(self.function - self.keep).subs(X, sign * p)
            inside = self.statistic.subs(X, sign * p)
            gap = rest - self.convex_part.subs(T, inside)
            slope = sympy.simplify(sympy.expand_func(sympy.diff(gap, p)).rewrite(sympy.exp))
            value = sympy.simplify(sympy.exp(gap.subs(p, 1).rewrite(sympy.exp)))
            if slope != 0 or value != 1:
                raise RelaxationError(
                    f"the bound {self.name}: it is not seen that {self.function} is {self.keep} plus "
                    f"{self.convex_part} at t = {self.statistic}"
                )

    @cached_property
    def derivation(self) -> Derivation[Any]:
        """Why it is a bound, where it touches, and which ξ is best."""
        xi = self.xi
        h, at = self.convex_part, self.statistic.subs(X, self.xi)
        mean = sympy.Symbol("E_s", **{self.domain: True})
        steps = (
            *self._convex_steps(),
            Step(self.function, self.lower, TANGENT_BELOW, (f"with equality at x = {xi}",), "≥"),
            Step(
                h.subs(T, at) + self.slope * (mean - at),
                h.subs(T, mean),
                TANGENT_OPTIMUM,
                (f"E_s = E[{self.statistic}]", f"with equality at {at} = E_s"),
                "≤",
            ),
        )
        return Derivation(
            f"the bound {self.name}",
            str(self.function),
            steps,
            f"{self.function} is at least its tangent in {self.statistic}, which is best at {at} = E[{self.statistic}]",
        )

    def _convex_steps(self) -> tuple[Step[Any], ...]:
        """That what is not kept is a convex function of the statistic."""
        split = sympy.Add(self.keep, self.convex_part.subs(T, self.statistic), evaluate=not self.known)
        return Step(self.function, split, CONVEX_PART, (), "="), *self.proof.derivation.steps

    @property
    def rule(self) -> Rule:
        """The bound as a rule that a derivation cites."""
        return Rule(
            f"bound {self.name.replace('_', ' ')}",
            f"{evaluable(self.function)} is not below {evaluable(self.lower)}.",
            f"{proof_text(self.proof)}",
            self.source,
        )


def proof_text(found: Convexity) -> str:
    """The premise in one line."""
    return f"{found.function} is convex in {found.symbol} on {found.domain[0]}"
