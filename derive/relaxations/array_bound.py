"""Lower bounds of a function of a whole array, F(Σ_k a(x_k)), each from one tangent and proved by convexity.

In statistics t_k = s(x_k), one for each element, the function is f = F(Σ_k b(t_k)) with b = a ∘ s⁻¹. Where
h(t) = f + α/2 (Σ_k t_k² - β (Σ_k t_k)²/K) is convex, the tangent of h at ψ lies below h:

    f(x)  ≥  F(Σ_k b(ψ_k)) + F'(Σ_j b(ψ_j)) Σ_k b'(ψ_k) (t_k - ψ_k) - α/2 (Σ_k (t_k-ψ_k)² - β (Σ_k (t_k-ψ_k))²/K),

with equality at t = ψ. Under any q the best tangent is the one at ψ_k = E_q[s(x_k)]; what is lost is E[h(t)] - h(E[t]).
Without curvature (α = 0) the bound is linear in the statistics. A known term b of the sum is one more element, which
stays where it is: what is convex in all elements is convex in the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy

from cavi.derive import functions
from cavi.derive.canonical import collect, normalise, substitute, sum_over
from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.errors import RelaxationError
from cavi.derive.from_sympy import from_sympy
from cavi.derive.identities.bounds import KIND
from cavi.derive.identities.language import Mass, Unknown
from cavi.derive.identities.language import Variable as IndexVariable
from cavi.derive.index import Index, Literal
from cavi.derive.relaxations.array_proof import curvature_steps, second_order_steps
from cavi.derive.relaxations.bound import INVERSES, T, X
from cavi.derive.rules import CONVEX_PART, TANGENT_BELOW, TANGENT_OPTIMUM
from cavi.derive.term import ZERO, Delta, Polynomial, from_atom, number
from cavi.derive.text import name_text

COUNT = sympy.Symbol("K", positive=True)
OTHER = IndexVariable("j")


@dataclass(frozen=True, eq=False)
class ArrayBound:
    """A lower bound of f(x) = F(Σ_k a(x_k)), declared by F, by a and by the statistic in which it is convex.

    Attributes:
        name: what `derive(m, bounds=...)` calls it.
        outer: F, in `T`.
        inner: a, in `X`: x itself or exp(x).
        statistic: s, in `X`: x, log x, 1/x or 1/x².
        curvature: α and β, two numbers; for a statistic x only.
        parameter: the name of ψ.
        source: where the bound comes from.

    Examples:
        >>> import sympy
        >>> from cavi.derive.relaxations.bound import INVERSES, T, X
        >>> bound = ArrayBound("jensen", outer=sympy.log(T), statistic=sympy.log(X), source="Jensen's inequality")
        >>> bound.proof.conclusion
        'log(Σ_k x(k)) is at least its tangent in log(x(k)), which is best at E[log(x(k))]'
    """

    name: str
    outer: sympy.Expr
    inner: sympy.Expr = X
    statistic: sympy.Expr = X
    curvature: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    parameter: str = "psi"
    source: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.outer, sympy.Expr) or self.outer.free_symbols != {T}:
            raise RelaxationError(f"the bound {self.name}: the outer function is {self.outer}; expected one of t alone")
        if self.inner not in (X, sympy.exp(X)):
            raise RelaxationError(f"the bound {self.name}: the inner function is {self.inner}; expected x or exp(x)")
        if self.statistic not in INVERSES or self.statistic == X**2:
            raise RelaxationError(
                f"the bound {self.name}: the statistic is {self.statistic}; expected x, log(x), 1/x or 1/x**2"
            )
        if any(self.curvature) and self.statistic != X:
            raise RelaxationError(f"the bound {self.name}: found a curvature in {self.statistic}; expected one in x")
        if self.inner != X and self.statistic != X:
            raise RelaxationError(
                f"the bound {self.name}: {self.inner} stands for any real x; expected the statistic x"
            )

    @cached_property
    def term(self) -> sympy.Expr:
        """b = a ∘ s⁻¹, in `T`."""
        return self.inner.subs(X, INVERSES[self.statistic])

    @property
    def domain(self) -> str:
        """Where ψ_k lies."""
        return "real" if self.term == sympy.exp(T) else "positive"

    @property
    def is_softmax(self) -> bool:
        """Whether b is the exponential, so that heights are log-sum-exps and slopes are softmaxes of ψ."""
        return bool(self.term == sympy.exp(T))

    @property
    def function(self) -> sympy.Expr:
        """f."""
        return self.outer.subs(T, Mass(self.inner.subs(X, self._x), KIND))

    @property
    def described(self) -> str:
        """f in a sentence."""
        return text_of(self.function)

    @property
    def _x(self) -> sympy.Expr:
        """x_k."""
        return Unknown("x", "real" if self.inner != X else "positive", KIND)

    def statistic_of(self, argument: Polynomial) -> Polynomial:
        """s(x_k) of an element in the normal form; of terms written out, Σ_j δ_kj x_j, each by itself."""
        total = ZERO
        parts: dict[Delta | None, Polynomial] = {}
        for m in argument.monomials:
            guard = next((a for a in m.atoms if isinstance(a, Delta) and _is_place(a)), None)
            rest = normalise(m.coefficient, [(a, e) for a, e in m.powers if a != guard], m.bound)
            parts[guard] = parts.get(guard, ZERO) + collect([rest])
        for guard, part in parts.items():
            value = from_sympy(self.statistic, {X: part})
            total = total + (value if guard is None else value * from_atom(guard))
        return total

    def lower_at(
        self, argument: Polynomial, at: Polynomial, over: Index | None, beside: Polynomial = ZERO
    ) -> Polynomial:
        """g(x; ψ) in the normal form: x_k and ψ_k at the index k, which is `over`, and known terms of the sum."""
        assert over is not None
        total = sum_over(from_sympy(self.term, {T: at}), [over]) + beside
        height = from_sympy(self.outer, {T: total})
        move = self.statistic_of(argument) - at
        value = height + sum_over(self._slope(at, total) * move, [over])
        alpha, beta = self.curvature
        if alpha:
            other = Index(f"{over.name}'", over.size)
            spread = sum_over(move * move, [over])
            product = sum_over(move * substitute(move, {over: other}), [over, other])
            count = functions.size_of(over) + number(1 if beside else 0)
            spread = spread - (product * functions.reciprocal(count)).scaled(beta)
            value = value - spread.scaled(alpha / 2)
        return value

    def _slope(self, at: Polynomial, total: Polynomial) -> Polynomial:
        """F'(Σ_j b(ψ_j)) b'(ψ_k); a softmax is one function, which neither overflows nor divides."""
        relative = sympy.simplify(sympy.diff(self.outer, T) * T)
        if self.is_softmax and relative.is_Rational:
            share = functions.exp(at - functions.log(total))
            return share.scaled(Fraction(int(relative.p), int(relative.q)))
        return from_sympy(sympy.diff(self.outer, T), {T: total}) * from_sympy(sympy.diff(self.term, T), {T: at})

    @cached_property
    def proof(self) -> Derivation[Any]:
        """Why it is a bound, and which ψ is best.

        Raises:
            RelaxationError: when h is not seen to be convex.
        """
        alpha, beta = self.curvature
        if alpha:
            steps = curvature_steps(self.name, self.outer, self.term, alpha, beta)
        else:
            steps = second_order_steps(self.name, self.outer, self.term, self.domain)
        statistic = self.statistic.subs(X, self._x)
        sign = name_text(self.parameter)
        psi, mean = (Unknown(n, self.domain, KIND) for n in (self.parameter, "m"))
        split = self.outer.subs(T, Mass(self.term.subs(T, statistic), KIND))
        first = () if split == self.function else (Step(self.function, split, CONVEX_PART),)
        best = f"E[{text_of(statistic)}]"
        whole = (
            *first,
            *steps,
            Step(
                self.function,
                self._lower(statistic, psi),
                TANGENT_BELOW,
                (f"{sign}(k) is any number for each k: where the tangent touches",),
                "≥",
            ),
            Step(
                self.outer.subs(T, Mass(self.term.subs(T, mean), KIND)),
                self._lower(mean, psi),
                TANGENT_OPTIMUM,
                (
                    f"m(k) stands for {best}",
                    f"with equality at {sign}(k) = m(k)",
                    f"what x(k) spreads about m(k) does not depend on {sign}(k)",
                ),
                "≥",
            ),
        )
        left = self.described
        conclusion = f"{left} is at least its tangent in {text_of(statistic)}, which is best at {best}"
        return Derivation(f"the bound {self.name}", left, whole, conclusion)

    def _tangent(self, at: sympy.Expr, psi: sympy.Expr) -> sympy.Expr:
        """The tangent of F(Σ_k b(t_k)) that touches at ψ."""
        total = Mass(self.term.subs(T, psi), KIND)
        slope = sympy.diff(self.outer, T).subs(T, Mass(self.term.subs(T, psi.subs(KIND, OTHER)), OTHER))
        moves = slope * sympy.diff(self.term, T).subs(T, psi) * (at - psi)
        return self.outer.subs(T, total) + Mass(moves, KIND)

    def _lower(self, at: sympy.Expr, psi: sympy.Expr) -> sympy.Expr:
        """g."""
        alpha, beta = (sympy.Rational(c.numerator, c.denominator) for c in self.curvature)
        spread = Mass((at - psi) ** 2, KIND) - beta * Mass(at - psi, KIND) ** 2 / COUNT
        return self._tangent(at, psi) - alpha / 2 * spread

    @property
    def derivation(self) -> Derivation[Any]:
        """The proof."""
        return self.proof

    @property
    def rule(self) -> Rule:
        """The bound as a rule that a derivation cites."""
        less = " less a quadratic form in the distance from where it touches" if any(self.curvature) else ""
        statistic = text_of(self.statistic.subs(X, self._x))
        return Rule(
            f"bound {self.name.replace('_', ' ')}",
            f"{self.described} is not below its tangent in {statistic}{less}.",
            "",
            self.source,
        )


def _is_place(delta: Delta) -> bool:
    """Whether a condition says which of the terms written out a position is."""
    return any(isinstance(s, Literal) for s in (delta.left, delta.right))


def text_of(expr: sympy.Expr) -> str:
    """The function in a sentence."""

    def named(total: sympy.Expr, opening: str = "", closing: str = "") -> sympy.Expr:
        return sympy.Symbol(f"{opening}Σ_{total.args[1]} {text_of(total.args[0])}{closing}")

    powers = expr.replace(
        lambda e: e.is_Pow and isinstance(e.base, Mass) and e.exp != -1,
        lambda e: sympy.Pow(named(e.base, "(", ")"), e.exp),
    )
    return str(powers.replace(lambda e: isinstance(e, Mass), named))
