"""Augmentations: a factor of a density as the integral over an auxiliary latent, after which all is conjugate.

    exp(b f(x)) = ∫ p(ω) exp(g(x, ω, b)) dω,      p(ω) a member of a known family, g linear in its statistics.

The proof is the moment generating function of an exponential family: with g = g₀(x) + Σ_j s_j(x) t_j(ω) the integral is
exp(g₀ + A(η + s) - A(η)), where A is the log-normaliser of the family and η its natural parameters in p(ω).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from cavi.derive import families
from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.errors import RelaxationError
from cavi.derive.evaluable import evaluable
from cavi.derive.families import ScalarFamily
from cavi.derive.families.base import ETA
from cavi.derive.families.base import X as VALUE
from cavi.derive.relaxations.bound import X
from cavi.derive.rules import GENERATING_FUNCTION

W = sympy.Symbol("omega", positive=True)
B = sympy.Symbol("b", positive=True)


@dataclass(frozen=True, eq=False)
class Augmentation:
    """exp(b f(x)) as the integral over an auxiliary latent ω.

    Attributes:
        name: what `derive(m, augment=...)` calls it.
        function: f, in `X`.
        family: of ω, by name.
        parameters: those of p(ω), in `B`.
        joint: g, in `X`, `W` and `B`.
        variable: the name of ω.
        source: where it comes from.
    """

    name: str
    function: sympy.Expr
    family: str
    parameters: Mapping[str, sympy.Expr]
    joint: sympy.Expr
    variable: str = "omega"
    source: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.function, sympy.Expr) or self.function.free_symbols - {X}:
            raise RelaxationError(
                f"the augmentation {self.name}: the function is {self.function}; expected a SymPy expression in x alone"
            )
        if not isinstance(self.joint, sympy.Expr) or self.joint.free_symbols - {X, W, B}:
            raise RelaxationError(
                f"the augmentation {self.name}: the joint is {self.joint}; expected an expression in x, omega and b"
            )
        if self.family not in families.CATALOGUE:
            raise RelaxationError(f"the augmentation {self.name}: {self.family!r} is not a scalar family")
        if set(self.parameters) != {p.name for p in self._member.parameters}:
            raise RelaxationError(
                f"the augmentation {self.name}: found the parameters {', '.join(self.parameters)}; expected "
                f"{', '.join(p.name for p in self._member.parameters)}"
            )

    @property
    def _member(self) -> ScalarFamily:
        return families.CATALOGUE[self.family]

    @cached_property
    def _parts(self) -> tuple[sympy.Expr, tuple[sympy.Expr, ...]]:
        """g₀ and the coefficients s_j of the statistics."""
        left = sympy.expand(self.joint)
        coefficients = []
        for statistic in self._member.statistics:
            t = statistic.subs(VALUE, W)
            c = left.coeff(t)
            left = sympy.expand(left - c * t)
            coefficients.append(c)
        if left.has(W) or any(c.has(W) for c in coefficients):
            raise RelaxationError(
                f"the augmentation {self.name}: {self.joint} is not linear in the statistics of {self.family}, "
                f"{', '.join(str(s.subs(VALUE, W)) for s in self._member.statistics)}"
            )
        return left, tuple(coefficients)

    @cached_property
    def integral(self) -> sympy.Expr:
        """log ∫ p(ω) exp(g) dω = g₀ + A(η + s) - A(η)."""
        member = self._member
        given = {p.symbol: sympy.sympify(self.parameters[p.name]) for p in member.parameters}
        rest, shift = self._parts
        natural = [eta.subs(given) for eta in member.natural]
        moved = {ETA[j]: e + s for j, (e, s) in enumerate(zip(natural, shift, strict=True))}
        symbols = {p.name: p.symbol for p in member.parameters}
        after = {p.symbol: given[p.symbol] for p in member.parameters if p.known}
        for name, value in member.from_natural:
            after[symbols[name]] = value.subs(moved).subs(after)
        normaliser = member.log_normaliser
        return rest + normaliser.subs(after, simultaneous=True) - normaliser.subs(given, simultaneous=True)

    @cached_property
    def proof(self) -> Derivation[Any]:
        """The steps from the integral to b f(x).

        Raises:
            RelaxationError: when it is not seen that they are equal.
        """
        for sign in (1, -1):
            p = sympy.Symbol("p", positive=True)
            gap = evaluable((B * self.function - self.integral).subs(X, sign * p))
            slope = sympy.simplify(sympy.simplify(sympy.diff(gap, p)).rewrite(sympy.exp))
            value = sympy.simplify(sympy.exp((gap.subs(p, 1) / B).expand().rewrite(sympy.exp)))
            if slope != 0 or value != 1:
                raise RelaxationError(
                    f"the augmentation {self.name}: it is not seen that integrating {self.variable} out of "
                    f"{self.joint} leaves b times {self.function}; it leaves {self.integral}"
                )
        step = Step(
            B * self.function,
            self.integral,
            GENERATING_FUNCTION,
            (f"omega has the {self.family} density, and its statistics the coefficients in {self.joint}",),
        )
        return Derivation(
            f"the augmentation {self.name}",
            str(self.function),
            (step,),
            f"integrating {self.variable} out gives the declared density",
        )

    @property
    def rule(self) -> Rule:
        """The augmentation as a rule that a derivation cites."""
        return Rule(
            f"augmentation {self.name.replace('_', ' ')}",
            f"b times {evaluable(self.function)} is the log of the integral of exp({self.joint}) over {self.variable}.",
            f"{self.variable} is {self.family} before anything is observed",
            self.source,
        )
