"""A bound in two steps: a sum is below a product, and then every factor of that has a bound of its own.

With a free shift α and u_k = exp(x_k - α),

    -log Σ_k exp(x_k)  =  -α - log Σ_k u_k  ≥  -α - Σ_k log(1 + u_k),      since Σ_k u_k < Π_k (1 + u_k).

The right side is a sum of logistic functions of one number each, which a rule for those makes quadratic. The shift is a
local parameter, best where the slope of the expected bound in it vanishes. The first step touches nowhere: it loses
log(Π_k (1 + u_k) / Σ_k u_k).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from cavi.derive import functions
from cavi.derive.canonical import sum_over
from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.errors import RelaxationError
from cavi.derive.identities.bounds import KIND
from cavi.derive.identities.language import Mass, Unknown
from cavi.derive.identities.sign import POSITIVE, Box, sign_of, steps_of
from cavi.derive.index import Index
from cavi.derive.relaxations.array_bound import ArrayBound
from cavi.derive.relaxations.bound import T, X
from cavi.derive.rules import ONE_MORE_FACTOR, SUM_BELOW_PRODUCT
from cavi.derive.term import ZERO, Polynomial


@dataclass(frozen=True, eq=False)
class ShiftedSum:
    """-log Σ_k exp(x_k) from below by -α - Σ_k log(1 + exp(x_k - α)), and that by a rule for its terms.

    Attributes:
        name: what `derive(m, bounds=...)` calls it.
        then: the name of the rule for -log(1 + exp(x)).
        parameter: the name of α.
        source: where the bound comes from.
    """

    name: str
    then: str
    parameter: str = "alpha"
    source: str = ""

    @property
    def form(self) -> ArrayBound:
        """What it acts on, as a function of an array."""
        return ArrayBound(self.name, outer=-sympy.log(T), inner=sympy.exp(X))

    def lower_at(self, argument: Polynomial, at: Polynomial, over: Index, beside: Polynomial = ZERO) -> Polynomial:
        """The right side in the normal form: x_k at the index k, which is `over`, known terms of the sum, and α."""
        known = functions.softplus(functions.log(beside) - at) if beside else ZERO
        return -at - sum_over(functions.softplus(argument - at), [over]) - known

    @cached_property
    def proof(self) -> Derivation[Any]:
        """Why it is a bound: a factor more keeps the product above one plus the sum.

        Raises:
            RelaxationError: when that is not seen.
        """
        total, u = sympy.symbols("S u", positive=True)
        product, sums = (1 + total) * (1 + u), 1 + total + u
        fact = sign_of(sympy.expand(product - sums), Box(((total, 0, sympy.oo), (u, 0, sympy.oo))))
        if fact is None or fact.sign != POSITIVE:
            raise RelaxationError(f"the bound {self.name} is not proved: it is not seen that {product} exceeds {sums}")
        x, shift = Unknown("x", "real", KIND), sympy.Symbol(self.parameter, real=True)
        function = -sympy.log(Mass(sympy.exp(x), KIND))
        shifted = -shift - sympy.log(Mass(sympy.exp(x - shift), KIND))
        lower = -shift - Mass(sympy.log(1 + sympy.exp(x - shift)), KIND)
        return Derivation(
            f"the bound {self.name}",
            "-log(Σ_k exp(x(k)))",
            (
                Step(product, sums, ONE_MORE_FACTOR, ("S is the sum of the numbers before u",), ">", gap=total * u),
                *steps_of(fact),
                Step(function, shifted, SUM_BELOW_PRODUCT, ("for any shift",)),
                Step(shifted, lower, SUM_BELOW_PRODUCT, (), ">"),
            ),
            f"-log(Σ_k exp(x(k))) is above -{self.parameter} - Σ_k log(1 + exp(x(k) - {self.parameter}))",
        )

    @property
    def rule(self) -> Rule:
        """The first step as a rule that a derivation cites."""
        return Rule(
            f"bound {self.name.replace('_', ' ')}",
            f"-log(Σ_k exp(x(k))) is above -{self.parameter} - Σ_k log(1 + exp(x(k) - {self.parameter})).",
            "",
            self.source,
        )
