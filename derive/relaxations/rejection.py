"""Truncated observations: the draws that were rejected before each of them, as auxiliary latents.

A value that is seen only where it falls inside has the density f(x | θ) / P(θ), P(θ) = ∫_inside f. Drawn again and
again until it falls inside, it is the last of m + 1 draws, and

    1 / P(θ)  =  Σ_m (1 - P(θ))^m  =  Σ_m Π_{i ≤ m} ∫_outside f(y_i | θ) dy_i.

So the auxiliaries are the number m and m values y_i, which lie outside. Under q they are independent given θ's factors,
and the y_i alike: one factor q(y) that stands for m copies. In their densities θ stands only in log f(y_i | θ), as in
that of an observation, so that whatever is conjugate to f without truncation is conjugate with it.

m has the Geometric density of probability ½, and y that of a member of its family at known parameters; both cancel in
the joint, (m + 1) log 2 + m (log f(y | θ) - log p(y)).
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
from cavi.derive.evaluable import evaluable, readable
from cavi.derive.families import ScalarFamily
from cavi.derive.families.base import X as VALUE
from cavi.derive.identities.language import Mass
from cavi.derive.identities.language import Variable as IndexVariable
from cavi.derive.relaxations.augmentation import ENDS, B, S, W
from cavi.derive.relaxations.bound import X
from cavi.derive.rules import GEOMETRIC_SERIES, OUTSIDE

M = sympy.Symbol("m", nonnegative=True)
NUMBER = IndexVariable("m")


@dataclass(frozen=True, eq=False)
class RejectedDraws:
    """exp(-b log P(x, s)) as the sum over m, and the integral over m values outside, of a density of draws.

    Attributes:
        name: what `derive(m, augment=...)` calls it.
        function: -log P, in `X`, `S` and `ENDS`.
        draw: the family of a draw, by name.
        parameters: those of a draw, in `X` and `S`.
        outside: the family of a draw that was rejected, by name.
        at: known parameters of p(y), in `ENDS`: where it lies, and whatever its density needs.
        count: the name of m.
        variable: the name of y.
        source: where it comes from.
    """

    name: str
    function: sympy.Expr
    draw: str
    parameters: Mapping[str, sympy.Expr]
    outside: str
    at: Mapping[str, sympy.Expr]
    count: str = "m"
    variable: str = "y"
    source: str = ""

    weight = "binary"
    above: sympy.Expr = -sympy.oo

    @property
    def shape(self) -> sympy.Expr:
        """-log P with a scale of one: what is looked for in a log density."""
        return self.function.subs(S, 1)

    @property
    def family(self) -> ScalarFamily:
        """Of a rejected draw."""
        return families.CATALOGUE[self.outside]

    @cached_property
    def log_draw(self) -> sympy.Expr:
        """log f(y | x, s), in `W`."""
        return _at(families.CATALOGUE[self.draw], self.parameters)

    def _log_outside(self, parameters: Mapping[str, sympy.Expr]) -> sympy.Expr:
        """The log density of the family of rejected draws, in `W`; what is left out has its default."""
        return _at(self.family, parameters)

    @cached_property
    def joint(self) -> sympy.Expr:
        """What stands in the place of -b log P: b ((m + 1) log 2 + m (log f - log p)), in `M`, `W` and the others."""
        difference = sympy.expand(self.log_draw - self._log_outside(self.at), log=True)
        return B * ((M + 1) * sympy.log(2) + M * difference)

    @cached_property
    def proof(self) -> Derivation[Any]:
        """The steps from the integral to -log P.

        Raises:
            RelaxationError: when it is not seen that a draw is either inside or outside.
        """
        known = {n: e for n, e in self.at.items() if n in {p.name for p in self.family.parameters if p.known}}
        missed = sympy.expand(self.log_draw - self._log_outside({**self.parameters, **known}), log=True)
        missed = sympy.simplify(missed)
        inside = evaluable(sympy.exp(-self.function))
        gap = sympy.simplify((evaluable(sympy.exp(missed)) + inside - 1).rewrite(sympy.erf))
        if missed.has(W) or gap != 0:
            raise RelaxationError(
                f"the augmentation {self.name}: it is not seen that the integral of the density of {self.draw} over "
                f"where {self.outside} lies is one less {inside}; it leaves {missed}"
            )
        series = -sympy.log(1 - sympy.exp(missed))
        steps: tuple[Step[Any], ...] = (
            Step(
                B * self.function,
                B * series,
                OUTSIDE,
                (f"a draw is {self.draw}; one that was rejected has its density where it lies, as {self.outside}",),
            ),
            Step(
                B * series,
                B * sympy.log(Mass(sympy.exp(NUMBER * missed), NUMBER)),
                GEOMETRIC_SERIES,
                ("m independent draws that were rejected have the product of their densities", "b is zero or one"),
            ),
        )
        return Derivation(
            f"the augmentation {self.name}",
            str(self.function),
            steps,
            f"summing over {self.count} and integrating {self.count} copies of {self.variable} out gives the declared "
            "density",
        )

    @property
    def rule(self) -> Rule:
        """The augmentation as a rule that a derivation cites."""
        return Rule(
            f"augmentation {self.name.replace('_', ' ')}",
            f"{readable(self.function)} is the log of a sum over the number of draws that were rejected before one "
            "fell inside, and of the integral over where they fell.",
            f"{self.variable} stands for {self.count} draws, each {self.draw} where it was rejected",
            self.source,
        )


def _at(family: ScalarFamily, parameters: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """The log density at `W`; a parameter that is left out has its default."""
    given = {p.symbol: sympy.sympify(parameters.get(p.name, p.default)) for p in family.parameters}
    return family.log_density.subs({VALUE: W, **given}, simultaneous=True)


def rejected(name: str, source: str) -> tuple[RejectedDraws, ...]:
    """The rule for a Normal that is seen above a limit, below one, or between two."""
    low, high = ENDS
    x, s = X, S
    root = sympy.sqrt(s)
    interval = families.special.log_normal_interval
    normal = {"mean": x, "precision": s}

    def one(function: sympy.Expr, family: str, at: Mapping[str, sympy.Expr]) -> RejectedDraws:
        known = {"mean": low, "precision": sympy.Integer(1), **at}
        return RejectedDraws(name, function, "Normal", normal, family, known, source=source)

    return (
        one(-interval(root * (low - x), sympy.oo), "TruncatedNormal", {"upper": low}),
        one(-interval(-sympy.oo, root * (low - x)), "TruncatedNormal", {"lower": low}),
        one(-interval(root * (low - x), root * (high - x)), "OutsideNormal", {"lower": low, "upper": high}),
    )
