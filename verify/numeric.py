"""A factor whose density is claimed up to its normaliser: it is normalised here, by a quadrature of its own.

The claim gives log q of one number as statistics with parameters, and names the normaliser and moments as integrals
without closed form. Nothing of how the generated code finds them is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cavi.verify.arithmetic import Engine, Value
from cavi.verify.claim import Element
from cavi.verify.evaluate import Plain, Position, evaluate
from cavi.verify.rules import Map, half_line, interval, line_rule, normalised_rule, real_line

if TYPE_CHECKING:
    from cavi.verify.state import State

FAMILY = "Numeric"
NORMALISER = "log_normaliser"
AGAIN = 7  # more digits of a rule that checks another
MAPS: Mapping[str, Callable[[], Map]] = {
    "real": real_line,
    "positive": half_line,
    "unit": lambda: interval(0, 1),
}


class Density:
    """log q of one element but for its normaliser, and the rule that integrates it."""

    def __init__(self, state: State, factor: Mapping[str, Any], element: Element, site: Position) -> None:
        self.state, self.element_, self.expression = state, element, factor["log_q"]
        self.binding = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
        self.params = {k: dict(state.params[k]) for k in state.params if k[0] == element[0] and k[1] != NORMALISER}
        self.name, self.onto = factor["name"], MAPS[state.claim.support(element[0])]()
        self.rule, self.log_normaliser = normalised_rule(
            state.engine, self.unnormalised, self.onto, state.digits, self.name
        )

    def unnormalised(self, x: Value) -> Value:
        """The claimed log density with nothing in the place of the normaliser."""
        return evaluate(self.expression, _At(self, x), self.binding)

    def __call__(self, x: Value) -> Value:
        """log q."""
        return self.unnormalised(x) - self.log_normaliser

    def total_again(self) -> Value:
        """∫ q by a rule with other nodes and a wider range than those that q was normalised by."""
        rule = line_rule(self.state.engine, self, self.onto, self.state.digits + AGAIN, self.name)
        return rule.weights.sum()

    def integral(self, name: str, pattern: Plain | None, binding: Mapping[str, int]) -> Value:
        """A named integral: the log-normaliser, the standard deviation, or the expectation of a pattern."""
        if name == NORMALISER:
            return self.log_normaliser
        rule = self.rule
        if name == "deviation":
            away = rule.nodes - (rule.weights * rule.nodes).sum()
            return self.state.engine("sqrt", (rule.weights * away * away).sum())
        assert pattern is not None
        return (rule.weights * evaluate(pattern, _At(self, rule.nodes), binding)).sum()


class _At:
    """A scope with the latent at given values, and zero for the normaliser."""

    def __init__(self, density: Density, x: Value) -> None:
        self.density, self.x, self.state = density, x, density.state
        self.engine: Engine = density.state.engine
        self.sizes = density.state.sizes
        self.expectation = density.state.expectation

    def element(self, name: str, at: Position) -> Value:
        return self.x if (name, at) == self.density.element_ else self.state.element(name, at)

    def param(self, latent: str, name: str, at: Position) -> Value:
        if latent == self.density.element_[0]:
            return self.engine.number(0) if name == NORMALISER else self.density.params[latent, name][at]
        return self.state.param(latent, name, at)

    def moment(self, factor: str, key: str, at: Position) -> Value:
        raise KeyError(f"log q contains no moments, found {factor}.{key}")
