"""Poisson thinning: a count whose rate is a sum is the sum of independent counts, one for each term.

    (Σ_k x_k)^y  =  Σ_s  y!/Π_k s_k!  Π_k x_k^{s_k},        s_1 + s_2 + … = y.

The sum is over an index, or its terms are written out, known ones among them. The auxiliary s says how many of the y
events belong to each term. It has the Multinomial density of equal probabilities, of which the factor K^-y cancels in
the joint y log K + Σ_k s_k log x_k; given x it is Multinomial with probabilities in proportion to x_k. Under
independent factors that is Jensen's bound with its best weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sympy

from cavi.derive.canonical import substitute
from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.derive.relaxations.array_bound import COUNT, ArrayBound, text_of
from cavi.derive.relaxations.array_matching import PART, array_matches
from cavi.derive.relaxations.bound import T, X
from cavi.derive.relaxations.sites import Site, axes_of
from cavi.derive.rules import GENERATING_FUNCTION
from cavi.derive.term import Element, Polynomial

FORM = ArrayBound("sum", outer=sympy.log(T), statistic=sympy.log(X))
TOTAL = sympy.Symbol("y", nonnegative=True)


@dataclass(frozen=True, eq=False)
class Thinning:
    """y log Σ_k x_k as the log of a sum over counts that add up to y.

    Attributes:
        name: what `derive(m, augment=...)` calls it.
        variable: the name of the counts.
        source: where it comes from.
    """

    name: str
    variable: str = "s"
    source: str = ""

    family = "Multinomial"
    weight = "count"
    in_place_of = "jensen"  # the same bound, and no weights to store

    @property
    def function(self) -> sympy.Expr:
        """y log Σ_k x_k."""
        return TOTAL * FORM.function

    @property
    def shape(self) -> sympy.Expr:
        """What is looked for in a log density."""
        return sympy.Symbol(FORM.described)

    @cached_property
    def proof(self) -> Derivation[Any]:
        """One step: the generating function of the Multinomial, whose log-normaliser is y log Σ_k exp η_k."""
        equal = FORM.function.replace(sympy.log, lambda total: sympy.log(total / COUNT))
        step = Step(
            self.function,
            TOTAL * sympy.log(COUNT) + TOTAL * equal,
            GENERATING_FUNCTION,
            (f"{self.variable} has the Multinomial density, and its statistics the coefficients in Σ_k s(k) log x(k)",),
        )
        return Derivation(
            f"the augmentation {self.name}",
            f"y {FORM.described}",
            (step,),
            f"summing over {self.variable} gives the declared density",
        )

    @property
    def rule(self) -> Rule:
        """The augmentation as a rule that a derivation cites."""
        return Rule(
            f"augmentation {self.name}",
            f"y times {text_of(FORM.function)} is the log of a sum over counts that add up to y.",
            f"{self.variable} is Multinomial before anything is observed",
            self.source,
        )


def shares(p: Polynomial, model: Model, node: str) -> tuple[Site, ...]:
    """The terms y log Σ_k x_k of a node, y a known count, with x_k at declared indices.

    So is k, unless the terms are written out: it has an index of its own then.
    """
    found = []
    for match in array_matches(p, FORM, model):
        if match.over is None or match.beside or not _is_count(match.weight, model):
            continue
        open_ = {*match.argument.free, *match.weight.free}
        axes = axes_of(model, node, sorted(open_ - {match.over}, key=lambda i: (i.size, i.name)))
        plates = sorted(axes.values(), key=[*model.variable(node).plates, *model.indices].index)
        declared = (i for i in model.indices if i.size == match.over.size and i not in axes.values())
        over = match.over if match.over.name == PART else next(declared, None)
        if over is None:
            continue
        moved: dict[Index, Index] = {**axes, match.over: over}
        site = Site(
            (match.monomial,),
            tuple(plates),
            substitute(match.argument, moved),
            substitute(match.weight, axes),
        )
        found.append(replace(site, over=over))
    return tuple(found)


def log_share(argument: Polynomial) -> Polynomial:
    """log x_k of an element; of terms written out, Σ_j δ_kj log x_j."""
    return FORM.statistic_of(argument)


def _is_count(weight: Polynomial, model: Model) -> bool:
    """Whether it is one known count."""
    if len(weight.monomials) != 1 or weight.monomials[0].bound or weight.monomials[0].coefficient != 1:
        return False
    powers = weight.monomials[0].powers
    if len(powers) != 1 or powers[0][1] != 1 or not isinstance(powers[0][0], Element):
        return False
    v = model.variable(powers[0][0].name)
    return not v.is_random and v.domain == "count"
