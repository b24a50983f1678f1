"""Lower bounds of a function of x and a known count n, proved by induction on the count.

Where f(x, n) = r(x) + h(s(x), n) and h grows by a convex function of s with every step of n, from h(s, 0) = 0 on, h
is convex in s for every count, and its tangent is a bound as that of `Bound` is. So Γ(x + n)/Γ(x), the product of x to
x + n - 1, is log-convex in log x, and its reciprocal in x: the number of a negative binomial and the concentrations of
a beta-binomial or Dirichlet-multinomial become conjugate to a Gamma.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import sympy

from cavi.derive.derivation import Step
from cavi.derive.errors import RelaxationError
from cavi.derive.from_sympy import from_sympy
from cavi.derive.identities.convexity import Convexity, convexity
from cavi.derive.index import Index
from cavi.derive.relaxations.bound import INVERSES, Bound, T, X
from cavi.derive.rules import COUNT_INDUCTION
from cavi.derive.term import ZERO, Polynomial

# In a function an integer; in what a step adds it need not be one, and the convexity holds for every number above zero.
N = sympy.Symbol("n", integer=True, nonnegative=True)
BETWEEN = sympy.Symbol("n", positive=True)


@dataclass(frozen=True, eq=False)
class CountedBound(Bound):
    """A lower bound f(x, n) ≥ g(x, n; ξ) for every known count n = 0, 1, 2, ….

    Attributes:
        function: f, in `X` and the count `N`.
        keep: r, in `X`: f at n = 0.

    Examples:
        >>> import sympy
        >>> from cavi.derive.relaxations.bound import X
        >>> from cavi.derive.relaxations.counted import CountedBound, N
        >>> bound = CountedBound(
        ...     "minka", sympy.loggamma(X + N), statistic=sympy.log(X), keep=sympy.loggamma(X), on="positive"
        ... )
        >>> bound.increment
        log(n + x)
        >>> bound.proof.verdict
        'convex'
    """

    known: ClassVar[tuple[sympy.Symbol, ...]] = (N,)

    def _check_keep(self) -> None:
        if sympy.simplify(self.function.subs(N, 0) - self.keep) != 0:
            raise RelaxationError(
                f"the bound {self.name}: the part to keep is {self.keep}; expected the function at n = 0, which is "
                f"{self.function.subs(N, 0)}"
            )

    @cached_property
    def increment(self) -> sympy.Expr:
        """f(x, n + 1) - f(x, n), simplified by Γ(z + 1) = z Γ(z)."""
        x = sympy.Symbol("x", positive=True) if self.on == "positive" else X
        more = (self.function.subs(N, N + 1) - self.function).subs(X, x)
        ratio = sympy.exp(more.replace(sympy.loggamma, lambda z: sympy.log(sympy.gamma(z))))
        return sympy.expand_log(sympy.log(sympy.gammasimp(ratio))).subs(x, X)

    @cached_property
    def proof(self) -> Convexity:
        """That one step is convex in the statistic, for n = 0 and for every n above.

        Raises:
            RelaxationError: when it is not, or when no proof is found.
        """
        inside = self.increment.subs(X, INVERSES[self.statistic])
        values = "real" if self.statistic == sympy.log(X) else self.domain
        found = convexity(inside.subs(N, BETWEEN), {T: values, BETWEEN: "positive"}, symbol=T)
        first = convexity(sympy.powdenest(inside.subs(N, 0), force=True), values, symbol=T)
        if not (found.is_convex and first.is_convex):
            wrong = first if found.is_convex else found
            raise RelaxationError(
                f"the bound {self.name} is not proved: it needs {wrong.function}, which one more count adds, to be "
                f"convex in t on {found.domain[0]}, and that is {wrong.verdict}"
                f"{f' ({wrong.reason})' if wrong.reason else ''}; choose another statistic"
            )
        return found

    def _convex_steps(self) -> tuple[Step[Any], ...]:
        one_more = self.function.subs(N, N + 1) - self.function
        kept = str(self.keep).replace("loggamma", "log Γ")
        return (
            *super()._convex_steps()[:1],
            Step(one_more, self.increment, COUNT_INDUCTION, (f"at n = 0 only {kept} is left",), "="),
            *self.proof.derivation.steps,
        )

    def lower_at(
        self, argument: Polynomial, at: Polynomial, over: Index | None = None, beside: Polynomial = ZERO
    ) -> Polynomial:
        """g(x, n; ξ) in the normal form; the count is what stands `beside` the argument."""
        return from_sympy(self.lower, {X: argument, self.xi: at, N: beside})
