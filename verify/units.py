"""Units: the independent pieces of q as quadratures, built from the reference densities by family name.

A unit is one element of a factor's product. Its nodes carry the values of all its latents and weights that
integrate against q, so that any expectation is a weighted sum. What a claim says about log q plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Value, to_float
from cavi.verify.blocks import Grid, gaussian_axes, log_q_of_links
from cavi.verify.claim import Element
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.evaluate import Position, bindings
from cavi.verify.mentions import mentioned
from cavi.verify.rules import QuadratureError, normal_rule
from cavi.verify.scalar import scalar_rule
from cavi.verify.scaled import ends, scale_exponent, scaled
from cavi.verify.second_order import EXPANDED, second_order
from cavi.verify.vector_normal import COMPACT_ORDER, Parts, vector_normal

if TYPE_CHECKING:
    from cavi.verify.state import State


@dataclass(frozen=True, eq=False)
class Unit:
    """A quadrature of one independent piece of q.

    Attributes:
        factor: name of the factor; `site` its place in the product.
        values: element of a latent -> values that broadcast to the shape of the weights.
        weights: Σ weights · f = E_q[f].
        log_q: the reference log density at the nodes.
        axis_of: category -> the axis that runs over its values.
    """

    factor: str
    site: Position
    values: Mapping[Element, Value]
    weights: Value
    log_q: Value
    axis_of: Mapping[Element, int] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of nodes along each of its axes; empty for a point mass."""
        return tuple(np.shape(self.weights))

    def mean(self, f: Value) -> Value:
        """E_q[f]."""
        return np.sum(self.weights * f)


def build_unit(state: State, factor: Mapping[str, Any], site: Position, order: int) -> Unit:
    """The unit of a factor at a site; of so many Gauss-Hermite nodes for every Normal, or adaptive if none are given.

    Raises:
        QuadratureError: for a family or block that has no rule.
    """
    elements = list(state.claim.elements(factor, site, state.sizes))
    name = factor["name"]
    if factor["point"]:
        return _point(state, factor, site, elements)
    if factor.get("chosen") in EXPANDED:
        return Unit(name, site, *second_order(state, elements, *state.normal(factor, site)))
    if linked(state, factor, elements):
        grid = Grid(state, factor, site, order)
        return Unit(name, site, grid.values, grid.weights, grid.log_q, grid.axis_of)
    if set(factor["latents"]) <= state.claim.numeric:
        density = state.density(factor, site)
        return Unit(name, site, dict(zip(elements, density.nodes, strict=True)), density.weights, density.log_density)
    compact = bool(order)
    if len(factor["latents"]) == 1:
        latent = factor["latents"][0]
        family = state.claim.family(latent)
        args = state.arguments(latent, site)
        if family == "MultivariateNormal":
            values, weights, log_q = vector_normal(state, elements, args, compact)
        elif family == "Dirichlet":
            values, weights, log_q = _simplex(state, args, elements)
        elif len(elements) == 1 and family != "Multinomial":
            values, weights, log_q = _scalar(state, family, args, elements[0], compact)
        elif family == "Multinomial":
            args = {"total": _total(state, factor, site, args), **args}
            values, weights, log_q = _counts(state, args, elements)
        else:
            raise QuadratureError(f"{name}: no quadrature for a joint {family} over {len(elements)} elements")
        axis_of = {x: 0 for x in elements if state.claim.selects(x[0])}
        return Unit(name, site, values, weights, log_q, axis_of)
    return Unit(name, site, *scaled(state, factor, site, elements, compact))


def linked(state: State, factor: Mapping[str, Any], elements: list[Element]) -> bool:
    """Whether a factor is built from its "q"; a scalar, a simplex and counts have rules of their own."""
    if not factor.get("q"):
        return False
    (first, *others) = factor["q"]
    family = first["distribution"]["name"]
    alone = not others and first["chain"] is None
    if alone and FAMILIES[family].support in ("simplex", "count_vector"):
        return False
    return not alone or len(elements) > 1 or FAMILIES[family].support in ("vector", "matrix", "positive_definite")


def several_axes(state: State, factor: Mapping[str, Any], site: Position) -> bool:
    """Whether a factor is a grid over more than one coordinate, where an adaptive rule for every Normal is too much."""
    elements = list(state.claim.elements(factor, site, state.sizes))
    return not factor["point"] and len(elements) > 1 and linked(state, factor, elements)


def reference_unit(state: State, factor: Mapping[str, Any], site: Position) -> Unit:
    """The unit on which densities, normalisers and entropies are compared: adaptive where that can be afforded."""
    if not several_axes(state, factor, site):
        return state.unit(factor, site)
    return state.unit(factor, site, 3 if gaussian_axes(state, factor, site) <= 4 else 2)


def conditioned(state: State, unit: Unit, assigned: Mapping[Element, int]) -> tuple[Value, Unit]:
    """The probability of categories of a unit and the unit given them."""
    e = state.engine
    if not assigned:
        return e.number(1), unit
    if not unit.shape:
        return e.number(int(all(int(unit.values[x]) == k for x, k in assigned.items()))), unit
    cuts = {unit.axis_of[x]: k for x, k in assigned.items()}

    def cut(array: Value) -> Value:
        if not isinstance(array, np.ndarray):
            return array
        for axis, k in cuts.items():
            if axis < array.ndim and array.shape[axis] > 1:
                array = array.take([k], axis=axis)
        return array

    weights = cut(unit.weights)
    total = weights.sum()
    values = {x: cut(v) for x, v in unit.values.items()}
    return total, Unit(unit.factor, unit.site, values, weights / total, cut(unit.log_q), unit.axis_of)


def _point(state: State, factor: Mapping[str, Any], site: Position, elements: list[Element]) -> Unit:
    e = state.engine
    values: dict[Element, Value] = {}
    for latent, at in elements:
        table = state.params[latent, "value"]
        if at in table:
            values[latent, at] = table[at]
        else:  # a category, given by its one-hot row
            row = {place[-1]: x for place, x in table.items() if place[:-1] == at}
            values[latent, at] = max(row, key=lambda k: to_float(row[k]))
    return Unit(factor["name"], site, values, np.array(e.number(1), dtype=object)[()], e.number(0))


def _scalar(state: State, family: str, args: Mapping[str, Any], element: Element, compact: bool) -> Parts:
    e = state.engine
    if compact and family == "Normal":
        u, weights = normal_rule(e, COMPACT_ORDER)
        x = args["mean"] + u / e("sqrt", args["precision"])
        return {element: x}, weights, log_density(e, family, x, args)
    rule = scalar_rule(e, family, args, state.digits)
    return {element: rule.nodes}, rule.weights, rule.log_density


def _simplex(state: State, args: Mapping[str, Any], elements: list[Element]) -> Parts:
    """Sticks broken off one after another, each a Beta; the weights correct for the claimed density."""
    e, c = state.engine, args["concentration"]
    count = len(c) - 1
    if not count:  # a simplex of one part is a point
        one, none = (np.array([e.number(k)], dtype=object) for k in (1, 0))
        return {elements[0]: one}, one, none
    rest: Value = np.array(e.number(1), dtype=object)
    weights: Value = np.array(e.number(1), dtype=object)
    other: Value = e.number(0)
    values = []
    for k in range(count):
        after = c[k + 1]
        for later in c[k + 2 :]:
            after = after + later
        rule = scalar_rule(e, "Beta", {"a": c[k], "b": after}, state.digits)
        shape = [1] * count
        shape[k] = -1
        stick = rule.nodes.reshape(shape)
        weights = weights * rule.weights.reshape(shape)
        other = other + rule.log_density.reshape(shape) - e("log", rest)
        values.append(rest * stick)
        rest = rest * (1 - stick)
    values.append(rest)
    log_q = log_density(e, "Dirichlet", values, args)
    weights = weights * e("exp", log_q - other)
    return dict(zip(elements, values, strict=True)), weights, log_q


def _counts(state: State, args: Mapping[str, Any], elements: list[Element]) -> Parts:
    e, total = state.engine, round(to_float(args["total"]))
    vectors = [v for v in product(range(total + 1), repeat=len(elements)) if sum(v) == total]
    columns = []
    for k in range(len(elements)):
        column = np.empty(len(vectors), dtype=object)
        column[:] = [e.number(v[k]) for v in vectors]
        columns.append(column)
    log_q = log_density(e, "Multinomial", columns, args)
    return dict(zip(elements, columns, strict=True)), e("exp", log_q), log_q


def _total(state: State, factor: Mapping[str, Any], site: Position, args: Mapping[str, Any]) -> Value:
    """The total of a vector of counts: its own argument, or the observed sum that the declaration ties it to."""
    if "total" in args:
        return args["total"]
    elements = set(state.claim.elements(factor, site, state.sizes))
    for v in state.claim.constraints:
        for at, binding in _plates(v, state):
            if elements & mentioned(v["constraint"], state, binding):
                return state.known[v["name"]][at]
    raise QuadratureError(f"{factor['name']}: no observed total was found in the declaration")


def _plates(v: Mapping[str, Any], state: State) -> list[tuple[Position, dict[str, int]]]:
    return [(tuple(b[i] for i, _ in v["plates"]), b) for b in bindings(v["plates"], state.sizes, {})]


def log_q_at(
    state: State,
    factor: Mapping[str, Any],
    site: Position,
    assigned: Mapping[Element, int],
    points: Mapping[Element, Value],
) -> Value:
    """The reference log density of one element of a factor at given points."""
    e, claim = state.engine, state.claim
    elements = list(claim.elements(factor, site, state.sizes))
    if linked(state, factor, elements):
        return log_q_of_links(state, factor, site, {**assigned, **points})
    at = {x: assigned[x] if x in assigned else points[x] for x in elements}
    if set(factor["latents"]) <= claim.numeric:
        return state.density(factor, site)(*(at[x] for x in elements))
    if len(factor["latents"]) == 1:
        (latent,) = factor["latents"]
        family, args = claim.family(latent), state.arguments(latent, site)
        if FAMILIES[family].support == "count_vector":
            args = {"total": _total(state, factor, site, args), **args}
        vector = FAMILIES[family].support in ("simplex", "count_vector", "vector")
        value = [at[x] for x in elements] if vector else at[elements[0]]
        return log_density(e, family, value, args)
    inner, outer, own = ends(state, factor, elements)
    args, g = state.arguments(inner, site), e.power(at[outer], scale_exponent(state, inner, outer, own[0]))
    if claim.family(inner) == "Normal":
        args = {"mean": [args["mean"]], "precision": [[args["precision"]]]}
    precision = [[x * g for x in row] for row in args["precision"]]
    below = log_density(e, claim.family(outer[0]), at[outer], state.arguments(outer[0], site))
    return below + log_density(
        e, "MultivariateNormal", [at[x] for x in own], {"mean": args["mean"], "precision": precision}
    )
