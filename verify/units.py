"""Units: the independent pieces of q as quadratures, built from the reference densities by family name.

A unit is one element of a factor's product. Its nodes carry the values of all its latents and weights that
integrate against q, so that any expectation is a weighted sum. What a claim says about log q plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, digits_of, to_float
from cavi.verify.blocks import Grid, gaussian_axes, log_q_of_links
from cavi.verify.claim import Element
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.evaluate import Position, bindings, evaluate
from cavi.verify.matrix import cholesky, lower_inverse
from cavi.verify.mentions import mentioned
from cavi.verify.rules import (
    Map,
    QuadratureError,
    Rule,
    counting_rule,
    half_line,
    interval,
    line_rule,
    normal_rule,
    periodic_rule,
    real_line,
)

if TYPE_CHECKING:
    from cavi.verify.state import State

COMPACT_ORDER = 6  # exact up to degree 11


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
    if linked(state, factor, elements):
        grid = Grid(state, factor, site, order)
        return Unit(name, site, grid.values, grid.weights, grid.log_q, grid.axis_of)
    compact = bool(order)
    if len(factor["latents"]) == 1:
        latent = factor["latents"][0]
        family = state.claim.family(latent)
        args = state.arguments(latent, site)
        if family == "MultivariateNormal":
            values, weights, log_q = _vector_normal(state, elements, args, compact)
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
    return _chain(state, factor, site, elements, compact)


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


def scalar_rule(engine: Engine, family: str, args: Mapping[str, Any], digits: int) -> Rule:
    """The rule of a scalar family, by its support."""

    def density(x: Value) -> Value:
        return log_density(engine, family, x, args)

    support = FAMILIES[family].support
    if support == "angle":
        return periodic_rule(engine, density, digits, family)
    if support == "count":
        return counting_rule(engine, density, digits, None)
    if support == "bounded_count":
        return counting_rule(engine, density, digits, round(to_float(args["total"])))
    if support == "binary":
        return _table(engine, [1 - args["prob"], args["prob"]])
    if support == "category":
        return _table(engine, args["probs"])
    if family == "Laplace":
        left, right = (line_rule(engine, density, half_line(args["location"], s), digits, family) for s in (-1, 1))
        return Rule(
            np.concatenate([left.nodes, right.nodes]),
            np.concatenate([left.weights, right.weights]),
            np.concatenate([left.log_density, right.log_density]),
        )
    maps: dict[str, Map] = {"real": real_line(), "positive": half_line(), "unit": interval(0, 1)}
    if support == "above":
        maps["above"] = half_line(args["minimum"])
    if support == "interval":
        maps["interval"] = bounded_map(args)
    return line_rule(engine, density, maps[support], digits, family)


def bounded_map(args: Mapping[str, Any]) -> Map:
    """The map onto an interval, either end of which may be missing."""
    low, high = to_float(args.get("lower", -np.inf)), to_float(args.get("upper", np.inf))
    if np.isfinite(low) and np.isfinite(high):
        return interval(args["lower"], args["upper"])
    if np.isfinite(low):
        return half_line(args["lower"])
    return half_line(args["upper"], -1) if np.isfinite(high) else real_line()


def _table(engine: Engine, probs: list[Any]) -> Rule:
    nodes, weights = np.empty(len(probs), dtype=object), np.empty(len(probs), dtype=object)
    nodes[:], weights[:] = range(len(probs)), probs
    return Rule(nodes, weights, engine("log", weights))


Parts = tuple[dict[Element, Value], Value, Value]


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


def _vector_normal(
    state: State, elements: list[Element], args: Mapping[str, Any], compact: bool, scale: Value = None
) -> Parts:
    """w = m + L^-T u with L Lᵀ the precision; `scale` multiplies the precision, an axis of its own before."""
    e, size = state.engine, len(elements)
    if compact:
        u, w = normal_rule(e, COMPACT_ORDER)
    else:
        rule = scalar_rule(e, "Normal", {"mean": e.number(0), "precision": e.number(1)}, state.digits)
        u, w = rule.nodes, rule.weights
    inverse = lower_inverse(e, cholesky(e, args["precision"]))
    lead = 0 if scale is None else 1
    grids, weights = [], np.array(e.number(1), dtype=object)
    for d in range(size):
        shape = [1] * (lead + size)
        shape[lead + d] = -1
        grids.append(u.reshape(shape))
        weights = weights * w.reshape(shape)
    root = 1 if scale is None else e("sqrt", scale.reshape([-1] + [1] * size))
    values = []
    for d in range(size):
        value = inverse[0][d] * grids[0]
        for k in range(1, size):
            value = value + inverse[k][d] * grids[k]
        values.append(args["mean"][d] + value / root)
    if scale is None:
        log_q = log_density(e, "MultivariateNormal", values, args)
    else:
        g = scale.reshape([-1] + [1] * size)
        precision = [[x * g for x in row] for row in args["precision"]]
        log_q = log_density(e, "MultivariateNormal", values, {"mean": args["mean"], "precision": precision})
    if not compact:  # integrate the reference density itself, not the standard one it was whitened with
        jacobian = e.number(1)
        standard: Value = e.number(0)
        for d in range(size):
            jacobian = jacobian * inverse[d][d]
            standard = standard - grids[d] * grids[d] / 2
        standard = standard - size * e("log", 2 * e.constants("pi")) / 2
        weights = weights * e("exp", log_q - standard) * jacobian / root**size
    return dict(zip(elements, values, strict=True)), weights, log_q


def _chain(state: State, factor: Mapping[str, Any], site: Position, elements: list[Element], compact: bool) -> Unit:
    """q(outer) q(inner | outer) with the precision of the inner one proportional to g(outer)."""
    e, claim = state.engine, state.claim
    inner, outer_element, inner_elements = _ends(state, factor, elements)
    outer = outer_element[0]
    rule = scalar_rule(e, claim.family(outer), state.arguments(outer, site), state.digits)
    g = e.power(rule.nodes, _scale_exponent(state, inner, outer_element, inner_elements[0]))
    args = state.arguments(inner, site)
    if claim.family(inner) == "Normal":
        args = {"mean": [args["mean"]], "precision": [[args["precision"]]]}
    exact = compact or len(inner_elements) > 1  # a full grid over several Normals and their scale is too large
    values, weights, log_q = _vector_normal(state, inner_elements, args, exact, g)
    column = [-1] + [1] * len(inner_elements)
    values[outer_element] = rule.nodes.reshape(column)
    return Unit(
        factor["name"],
        site,
        values,
        weights * rule.weights.reshape(column),
        log_q + rule.log_density.reshape(column),
    )


def _ends(state: State, factor: Mapping[str, Any], elements: list[Element]) -> tuple[str, Element, list[Element]]:
    """The inner latent of a chain-rule block, the element of the outer one, the elements of the inner one."""
    normal = [n for n in factor["latents"] if state.claim.family(n) in ("Normal", "MultivariateNormal")]
    inner = next(iter(normal), None)
    outer = [x for x in elements if x[0] != inner]
    if inner is None or len(factor["latents"]) != 2 or len(outer) != 1:
        raise QuadratureError(f"{factor['name']}: no quadrature for this block; expected a Normal and its scale")
    return inner, outer[0], [x for x in elements if x[0] == inner]


def _scale_exponent(state: State, inner: str, outer: Element, element: Element) -> Any:
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
    if len(factor["latents"]) == 1:
        (latent,) = factor["latents"]
        family, args = claim.family(latent), state.arguments(latent, site)
        if FAMILIES[family].support == "count_vector":
            args = {"total": _total(state, factor, site, args), **args}
        vector = FAMILIES[family].support in ("simplex", "count_vector", "vector")
        value = [at[x] for x in elements] if vector else at[elements[0]]
        return log_density(e, family, value, args)
    inner, outer, own = _ends(state, factor, elements)
    args, g = state.arguments(inner, site), e.power(at[outer], _scale_exponent(state, inner, outer, own[0]))
    if claim.family(inner) == "Normal":
        args = {"mean": [args["mean"]], "precision": [[args["precision"]]]}
    precision = [[x * g for x in row] for row in args["precision"]]
    below = log_density(e, claim.family(outer[0]), at[outer], state.arguments(outer[0], site))
    return below + log_density(
        e, "MultivariateNormal", [at[x] for x in own], {"mean": args["mean"], "precision": precision}
    )
