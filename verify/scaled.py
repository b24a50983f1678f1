"""Normals and the scale that multiplies their precision, as one block: q(scale) q(normals | scale)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Value, digits_of, to_float
from cavi.verify.claim import Element
from cavi.verify.evaluate import Position, evaluate
from cavi.verify.rules import QuadratureError
from cavi.verify.scalar import scalar_rule
from cavi.verify.vector_normal import Parts, vector_normal

if TYPE_CHECKING:
    from cavi.verify.state import State


def scaled(state: State, factor: Mapping[str, Any], site: Position, elements: list[Element], compact: bool) -> Parts:
    """q(outer) q(inner | outer) with the precision of the inner one proportional to g(outer)."""
    e, claim = state.engine, state.claim
    inner, outer_element, inner_elements = ends(state, factor, elements)
    outer = outer_element[0]
    rule = scalar_rule(e, claim.family(outer), state.arguments(outer, site), state.digits)
    g = e.power(rule.nodes, scale_exponent(state, inner, outer_element, inner_elements[0]))
    args = state.arguments(inner, site)
    if claim.family(inner) == "Normal":
        args = {"mean": [args["mean"]], "precision": [[args["precision"]]]}
    exact = compact or len(inner_elements) > 1  # a full grid over several Normals and their scale is too large
    values, weights, log_q = vector_normal(state, inner_elements, args, exact, g)
    column = [-1] + [1] * len(inner_elements)
    values[outer_element] = rule.nodes.reshape(column)
    return values, weights * rule.weights.reshape(column), log_q + rule.log_density.reshape(column)


def ends(state: State, factor: Mapping[str, Any], elements: list[Element]) -> tuple[str, Element, list[Element]]:
    """The inner latent of a chain-rule block, the element of the outer one, the elements of the inner one."""
    normal = [n for n in factor["latents"] if state.claim.family(n) in ("Normal", "MultivariateNormal")]
    inner = next(iter(normal), None)
    outer = [x for x in elements if x[0] != inner]
    if inner is None or len(factor["latents"]) != 2 or len(outer) != 1:
        raise QuadratureError(f"{factor['name']}: no quadrature for this block; expected a Normal and its scale")
    return inner, outer[0], [x for x in elements if x[0] == inner]


def scale_exponent(state: State, inner: str, outer: Element, element: Element) -> Any:
    """p where the declared precision of the inner latent is a constant times outer^p, found by evaluating it."""
    declared = state.claim.variables[inner]["distribution"]
    if declared is None or declared["name"] != "Normal":
        raise QuadratureError(f"{inner}: expected a Normal prior for a latent that shares a block with its scale")
    binding = dict(zip((i for i, _ in state.claim.axes(inner)), element[1], strict=True))

    def precision(x: int) -> Any:
        return evaluate(declared["args"]["precision"], _Trial(state, {outer: state.engine.number(x)}), binding)

    one, two, three = precision(1), precision(2), precision(3)
    exponent = Fraction(round(12 * np.log2(to_float(two / one))), 12)
    expected = one * state.engine.power(state.engine.number(3), exponent)
    if digits_of(expected, three) < 20:
        raise QuadratureError(f"{inner}: its declared precision is not a power of {outer[0]}")
    return exponent


class _Trial:
    """Scope of a declaration at a trial value of one latent; others at one half."""

    def __init__(self, state: State, values: Mapping[Element, Any]) -> None:
        self.engine, self.sizes, self.state, self.values = state.engine, state.sizes, state, values
        self.param, self.moment, self.expectation = state.param, state.moment, state.expectation

    def element(self, name: str, at: Position) -> Value:
        """The trial value, a known value, or one half for another latent (its first category if it selects)."""
        if (name, at) in self.values:
            return self.values[name, at]
        if name in self.state.known:
            return self.state.known[name][at]
        return 0 if self.state.claim.selects(name) else self.engine.number(1) / 2
