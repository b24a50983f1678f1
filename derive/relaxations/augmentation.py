"""Augmentations: a factor of a density as the integral over an auxiliary latent, after which all is conjugate.

    exp(b f(x)) = ∫ p(ω) exp(g(x, ω, b)) dω,      p(ω) a member of a known family, ω given x one of the same or another.

Where x comes with a latent scale, the function may be written as f(√s x): a rule for it has s where that is linear.
Where it stands beside known numbers, they are the ends of an interval: f(l - x, u - x).

The proof is the normaliser of an exponential family: log p(ω) + g = c(x) + Σ_j η_j(x) t_j(ω) + log h(ω), so that the
integral (or sum) is exp(c + A(η)), where A is the log-normaliser of the family of ω given x.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from cavi.derive import families
from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.errors import RelaxationError
from cavi.derive.evaluable import evaluable, readable
from cavi.derive.families import ScalarFamily
from cavi.derive.families.base import ETA
from cavi.derive.families.base import X as VALUE
from cavi.derive.relaxations.bound import X
from cavi.derive.rules import GENERATING_FUNCTION

W = sympy.Symbol("omega", real=True)
B = sympy.Symbol("b", positive=True)
S = sympy.Symbol("s", positive=True)
ENDS = sympy.symbols("l u", real=True)

# What b may be, and the values for which the rule is proved: a symbol, or one number after another.
WEIGHTS: Mapping[str, tuple[sympy.Expr, ...]] = {"positive": (B,), "binary": (sympy.S.Zero, sympy.S.One)}


@dataclass(frozen=True, eq=False)
class Augmentation:
    """exp(b f(x)) as the integral over an auxiliary latent ω.

    Attributes:
        name: what `derive(m, augment=...)` calls it.
        function: f, in `X` (and `ENDS`, where known numbers stand beside it), or f(√s x) in `X` and `S`.
        family: of ω, by name.
        parameters: those of p(ω), in `B`, `S` and `ENDS`.
        joint: g, in `X`, `W`, `B`, `S` and `ENDS`.
        given: the family of ω given x, where that is another one.
        above: x is greater than this; -∞ for any real number.
        weight: what b may be, positive or binary (zero or one, such as a datum that says which term there is).
        variable: the name of ω.
        source: where it comes from.
    """

    name: str
    function: sympy.Expr
    family: str
    parameters: Mapping[str, sympy.Expr]
    joint: sympy.Expr
    given: str = ""
    above: sympy.Expr = -sympy.oo
    weight: str = "positive"
    variable: str = "omega"
    source: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.function, sympy.Expr) or self.function.free_symbols - {X, S, *ENDS}:
            raise RelaxationError(
                f"the augmentation {self.name}: the function is {self.function}; expected a SymPy expression in x alone"
            )
        if not isinstance(self.joint, sympy.Expr) or self.joint.free_symbols - {X, W, B, S, *ENDS}:
            raise RelaxationError(
                f"the augmentation {self.name}: the joint is {self.joint}; expected an expression in x, omega and b"
            )
        for family in (self.family, self.given or self.family):
            if family not in families.CATALOGUE:
                raise RelaxationError(f"the augmentation {self.name}: {family!r} is not a scalar family")
        needed = [p.name for p in self._prior.parameters if p.default is None]
        if not set(needed) <= set(self.parameters) <= {p.name for p in self._prior.parameters}:
            raise RelaxationError(
                f"the augmentation {self.name}: found the parameters {', '.join(self.parameters)}; expected "
                f"{', '.join(needed)}"
            )
        if self.weight not in WEIGHTS:
            raise RelaxationError(
                f"the augmentation {self.name}: weight={self.weight!r}; expected {' or '.join(map(repr, WEIGHTS))}"
            )

    @property
    def shape(self) -> sympy.Expr:
        """f, in `X`: what is looked for in a log density."""
        return self.function.subs(S, 1)

    @property
    def _prior(self) -> ScalarFamily:
        return families.CATALOGUE[self.family]

    @property
    def _member(self) -> ScalarFamily:
        """The family of ω given x."""
        return families.CATALOGUE[self.given or self.family]

    @cached_property
    def _known(self) -> dict[sympy.Symbol, sympy.Expr]:
        """The known parameters of ω given x: those of p(ω), or the ends of its support."""
        ends = {"lower": sympy.S.Zero if self._prior.support == "positive" else -sympy.oo, "upper": sympy.oo}
        return {
            p.symbol: sympy.sympify(self.parameters.get(p.name, ends.get(p.name, p.default)))
            for p in self._member.parameters
            if p.known
        }

    @cached_property
    def _parts(self) -> tuple[sympy.Expr, tuple[sympy.Expr, ...]]:
        """c and the coefficients η_j of the statistics in log p(ω) + g - log h(ω)."""
        prior, member = self._prior, self._member
        given = {
            p.symbol: sympy.sympify(self.parameters[p.name]) for p in prior.parameters if p.name in self.parameters
        }
        density = prior.log_density.subs(given, simultaneous=True) - member.log_base.subs(self._known)
        left: dict[sympy.Expr, sympy.Expr] = {}
        for term in sympy.Add.make_args(sympy.expand(density.subs(VALUE, W) + self.joint, log=False, power_base=False)):
            coefficient, pattern = term.as_independent(W, as_Add=False)
            left[pattern] = left.get(pattern, sympy.S.Zero) + coefficient
        statistics = [t.subs(self._known).subs(VALUE, W) for t in member.statistics]
        coefficients = tuple(left.pop(t, sympy.S.Zero) for t in statistics)
        rest = left.pop(sympy.S.One, sympy.S.Zero)
        if any(sympy.simplify(c) != 0 for c in left.values()):
            raise RelaxationError(
                f"the augmentation {self.name}: beside the density of {self.family}, {self.joint} is not linear in the "
                f"statistics of {member}, {', '.join(map(str, statistics))}"
            )
        return rest, coefficients

    @cached_property
    def integral(self) -> sympy.Expr:
        """log ∫ p(ω) exp(g) dω = c + A(η)."""
        member = self._member
        rest, natural = self._parts
        at = dict(zip(ETA, natural, strict=False))
        symbols = {p.name: p.symbol for p in member.parameters}
        after = dict(self._known)
        for name, value in member.from_natural:
            after[symbols[name]] = value.subs(at).subs(after)
        return rest + member.log_normaliser.subs(after, simultaneous=True)

    def _gaps(self) -> Iterator[sympy.Expr]:
        """b f(x) less the log of the integral, in one positive symbol, over all of where x and b may be."""
        p = sympy.Symbol("p", positive=True)
        line = (p, -p) if self.above == -sympy.oo else (self.above + p,)
        for b in WEIGHTS[self.weight]:
            for x in line:
                yield evaluable((B * self.function - self.integral).subs(B, b).subs(X, x))

    @cached_property
    def proof(self) -> Derivation[Any]:
        """The steps from the integral to b f(x).

        Raises:
            RelaxationError: when it is not seen that they are equal.
        """
        for gap in self._gaps():
            (p,) = gap.free_symbols - {B, S, *ENDS} or {X}
            slope = sympy.simplify(sympy.simplify(sympy.diff(gap, p)).rewrite(sympy.exp))
            at = gap.subs(p, 1)
            value = sympy.simplify(sympy.exp(((at / B).expand() if at.has(B) else at).rewrite(sympy.exp)))
            if slope != 0 or value != 1:
                raise RelaxationError(
                    f"the augmentation {self.name}: it is not seen that integrating {self.variable} out of "
                    f"{self.joint} leaves b times {self.function}; it leaves {self.integral}"
                )
        step_conditions = {"binary": ("b is zero or one",)}.get(self.weight, ())
        member = () if self._member == self._prior else (f"given x it is {self._member}",)
        step = Step(
            B * self.function,
            self.integral,
            GENERATING_FUNCTION,
            (
                f"omega has the {self.family} density, and its statistics the coefficients in {self.joint}",
                *member,
                *step_conditions,
            ),
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
            f"b times {readable(self.function)} is the log of the integral of exp({self.joint}) over {self.variable}.",
            f"{self.variable} is {self.family} before anything is observed",
            self.source,
        )
