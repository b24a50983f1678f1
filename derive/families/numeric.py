"""The family of a factor whose optimum is known up to its normaliser: its statistics are read off the conditional.

    q(x) = exp(Σ_j η_j t_j(x) - A(η)),   A(η) = log ∫ exp(Σ_j η_j t_j(x)) dx

An exponential family like the others, but for A and its derivatives, which have no closed form. They are integrals
over one number or two, which generated code adds up over nodes of the trapezoidal rule.
Source: Barndorff-Nielsen (1978), chapter 8; Trefethen and Weideman (2014) for the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAME = "Numeric"
DIGITS = 10  # of the normaliser and the moments in generated code; what `verify` compares them to
MOST = 2  # numbers that one such factor is of: the nodes of the rule grow as a power of their count
# Support -> the coordinate on the whole line in which it is integrated.
COORDINATES = {"real": "{}", "positive": "log {}", "unit": "logit {}"}
# Count of numbers -> the rule of generated code, and what it was measured to have; the tests measure it again.
RULES_OF = {
    1: "trapezoidal rule of 280 nodes",
    2: "trapezoidal rule of 80 nodes or more on each of as many lines, around the mode of that line,",
}
MEASURED = {
    1: f"{DIGITS} digits from Gamma(0.01, 1) to the posterior of 1e6 observations",
    2: f"{DIGITS} digits from one observation to 1e6, up to correlations of 0.9999",
}
# The same for expectations under a Normal number of functions that have no closed form there.
NORMAL_RULE = "trapezoidal rule of 191 nodes up to 9.5 standard deviations along each argument"
NORMAL_MEASURED = "10 digits of log(1 + exp u) while the standard deviation of u is at most 8"


@dataclass(frozen=True, eq=False)
class NumericFamily:
    """The exponential family of a factor that is normalised numerically, on a support: real, positive or unit."""

    support: str
    name: str = NAME
    parameters: tuple[Any, ...] = ()
    source: str = ""

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return str(other) == self.name if isinstance(other, str | NumericFamily) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def domain(self) -> str:
        """Where the values lie."""
        return self.support
