"""A factor whose density is claimed up to its normaliser: it is normalised here, by a quadrature of its own.

The claim gives log q of one number or two as statistics with parameters, and names the normaliser and moments as
integrals without closed form. Nothing of how the generated code finds them is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cavi.verify.arithmetic import Engine, Value
from cavi.verify.claim import Element
from cavi.verify.evaluate import Plain, Position, evaluate
from cavi.verify.plane import PlaneRule, plane_rule
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
    """log q of one element of a factor but for its normaliser, of one number or two, and the rule that integrates it.

    `nodes` has the values of each number, `weights` add up to one, and `log_density` is log q at the nodes.
    """

    def __init__(
        self, state: State, factor: Mapping[str, Any], elements: Sequence[Element], site: Position, more: int = 0
    ) -> None:
        self.state, self.factor, self.elements, self.site = state, factor, tuple(elements), site
        self.expression, self.name = factor["log_q"], factor["name"]
        self.binding = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
        own = [k for k in state.params if k[0] in factor["latents"] and k[1] != NORMALISER]
        self.params = {k: dict(state.params[k]) for k in own}
        onto = [MAPS[state.claim.support(latent)]() for latent, _ in self.elements]
        self.onto = onto
        self.nodes: tuple[Value, ...]
        digits = state.digits + more
        if len(onto) == 1:
            self.rule, self.log_normaliser = normalised_rule(
                state.engine, self.unnormalised, onto[0], digits, self.name
            )
            self.nodes, self.weights = (self.rule.nodes,), self.rule.weights
            self.log_density = self.rule.log_density
        else:
            plane = self._plane(digits, more)
            self.nodes, self.weights = plane.nodes, plane.weights
            self.log_density, self.log_normaliser = plane.log_density, plane.log_normaliser

    def _plane(self, digits: int, more: int) -> PlaneRule:
        """The rule in the plane; one for all states at an instance in which everything is the same."""
        place = self.name, self.site, digits, more, str(self.expression), self.state.numbers()
        if place not in self.state.planes:
            # Another first step gives another lattice: what is checked by it has not its own nodes for a witness.
            self.state.planes[place] = plane_rule(
                self.state.engine, self.unnormalised, self.onto, digits, self.name, 0.9 if more else 1.0
            )
        return self.state.planes[place]

    def unnormalised(self, *x: Value) -> Value:
        """The claimed log density with nothing in the place of the normaliser."""
        return evaluate(self.expression, _At(self, x), self.binding)

    def __call__(self, *x: Value) -> Value:
        """log q."""
        return self.unnormalised(*x) - self.log_normaliser

    def total_again(self) -> Value:
        """∫ q by a rule with other nodes and a wider range than those that q was normalised by."""
        if len(self.onto) == 1:
            rule = line_rule(self.state.engine, self, self.onto[0], self.state.digits + AGAIN, self.name)
            return rule.weights.sum()
        again = Density(self.state, self.factor, self.elements, self.site, AGAIN)
        return self.state.engine("exp", again.log_normaliser - self.log_normaliser)

    def integral(self, latent: str, name: str, pattern: Plain | None, binding: Mapping[str, int]) -> Value:
        """A named integral: log-normaliser, standard deviation of a latent, correlation, expectation of a pattern."""
        if name == NORMALISER:
            return self.log_normaliser
        e = self.state.engine
        if name == "deviation":
            place = [n for n, _ in self.elements].index(latent)
            return e("sqrt", self._together(place, place))
        if name == "correlation":
            return self._together(0, 1) / e("sqrt", self._together(0, 0) * self._together(1, 1))
        assert pattern is not None
        return (self.weights * evaluate(pattern, _At(self, self.nodes), binding)).sum()

    def _together(self, first: int, second: int) -> Value:
        """The covariance of two of the numbers."""
        away = [self.nodes[k] - (self.weights * self.nodes[k]).sum() for k in (first, second)]
        return (self.weights * away[0] * away[1]).sum()


class _At:
    """A scope with the latents at given values, and zero for the normaliser."""

    def __init__(self, density: Density, x: Sequence[Value]) -> None:
        self.density, self.state = density, density.state
        self.values = dict(zip(density.elements, x, strict=True))
        self.engine: Engine = density.state.engine
        self.sizes = density.state.sizes
        self.expectation = density.state.expectation

    def element(self, name: str, at: Position) -> Value:
        found = self.values.get((name, at))
        return self.state.element(name, at) if found is None else found

    def param(self, latent: str, name: str, at: Position) -> Value:
        if latent in self.density.factor["latents"]:
            return self.engine.number(0) if name == NORMALISER else self.density.params[latent, name][at]
        return self.state.param(latent, name, at)

    def moment(self, factor: str, key: str, at: Position) -> Value:
        raise KeyError(f"log q contains no moments, found {factor}.{key}")
