"""Expectations under q of the *declared* densities, node by node, by quadrature over the latents in their scope.

Latents that select are enumerated, so that with their values fixed every scope is small; the other latents become axes
of a tensor grid. Elements may be held at given points instead of averaged: the first axis of every
result runs over those points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value
from cavi.verify.claim import Element
from cavi.verify.degree import NORMALS, degree, polynomial_degree
from cavi.verify.density import log_density
from cavi.verify.evaluate import Binding, Plain, Position, bindings, evaluate
from cavi.verify.matrix import log_determinant
from cavi.verify.mentions import mentioned, vanishes
from cavi.verify.nodes import assignments, branches, distribution_at, node_arguments, node_parts
from cavi.verify.state import State
from cavi.verify.units import COMPACT_ORDER, Unit, conditioned

MAX_POINTS = 1_500_000


class Infeasible(ValueError):
    """An expectation over more grid points than can be afforded."""


@dataclass(frozen=True)
class Held:
    """Elements held fixed: categories by `assigned`, others at points (arrays of one length)."""

    assigned: Mapping[Element, int]
    points: Mapping[Element, Value]

    @property
    def count(self) -> int:
        """Number of points."""
        return max((len(p) for p in self.points.values()), default=1)


NOTHING_HELD = Held({}, {})


class Averages:
    """Expectations under the q of a state, with some elements held fixed."""

    def __init__(self, state: State, held: Held = NOTHING_HELD) -> None:
        self.state, self.held, self.engine = state, held, state.engine
        self._known: dict[str, Value] = {}

    # --- the log joint ---------------------------------------------------------------------

    def log_joint(self) -> Value:
        """E[log p(x, z)] summed over every element of every node."""
        return sum((self.node(v) for v in self.state.claim.kept_nodes), self.marginal())

    def marginal(self) -> Value:
        """E of what stands in the place of the densities in which latents are integrated out; zero without any."""
        claimed = self.state.claim.marginal
        return self.engine.number(0) if claimed is None else self.expression(claimed["value"], {})

    def touching(self, elements: set[Element]) -> Value:
        """The same over those elements of nodes whose density depends on some of the given latents."""
        total = self.marginal()
        for v in self.state.claim.kept_nodes:
            for binding in bindings(v["plates"], self.state.sizes, {}):
                total = total + self._node_element(v, binding, elements)
        return total

    def node(self, v: Mapping[str, Any]) -> Value:
        """E[log p(v | parents)] summed over the plates of v."""
        total: Value = self.engine.number(0)
        for binding in bindings(v["plates"], self.state.sizes, {}):
            total = total + self._node_element(v, binding, None)
        return total

    def _node_element(self, v: Mapping[str, Any], binding: Binding, only: set[Element] | None) -> Value:
        state = self.state
        parts = [e for e, b in node_parts(v, state, binding)]
        inner = [b for e, b in node_parts(v, state, binding)]
        total: Value = self.engine.number(0)
        for assigned in branches(parts, inner, state, self.held.assigned):
            if only is not None and not self._depends(parts, inner, assigned, only):
                continue
            probability = self._probability(assigned)
            if not isinstance(probability, np.ndarray) and probability == 0:
                continue
            value = self._log_density(v, binding, assigned)
            if v["weight"] is not None:
                value = value * evaluate(v["weight"], _OnGrid(self, assigned, {}), binding)
            total = total + probability * value
        return total

    def _log_density(self, v: Mapping[str, Any], binding: Binding, assigned: Mapping[Element, int]) -> Value:
        """E[log p] of one element with its categories assigned."""
        apart = self._apart(v, binding, assigned)
        if apart is not None:
            return apart
        family = distribution_at(v, self.state, binding)["name"]
        parts, inner = zip(*node_parts(v, self.state, binding), strict=True)
        touched = self._scope(parts, inner, assigned)
        scales = self._scales(v, binding, assigned)
        units = self._units(touched - set(scales), partial(polynomial_degree, v), assigned)
        scope = _OnGrid(self, assigned, units)
        scope.placed |= {x: mean for x, (_, mean) in scales.items()}
        value = self._contract(log_density(self.engine, family, *node_arguments(v, scope, binding)), units)
        order = len(list(bindings(v["event"], self.state.sizes, binding)))
        for log, mean in scales.values():
            value = value + order * (log - self.engine("log", mean)) / 2
        return value

    def _scales(
        self, v: Mapping[str, Any], binding: Binding, assigned: Mapping[Element, int]
    ) -> dict[Element, tuple[Value, Value]]:
        """E[log u] and E[u] of numbers u that multiply the precision of a Normal and are independent of all else.

        E[log p(x | m, u Λ)] is E[log p(x | m, E[u] Λ)] with E[log u] in the place of log E[u], D/2 times.
        """
        distribution = distribution_at(v, self.state, binding)
        precision = distribution["args"].get("precision")
        if distribution["name"] not in ("Normal", "MultivariateNormal") or precision is None or precision[0] != "mul":
            return {}
        event = {i for i, _ in v["event"]} | {f"{i}'" for i, _ in v["event"]}
        factors = [f for f in precision[1] if f[0] == "ref" and self._is_positive(f) and not _indices(f) & event]
        apart = {
            **v,
            "distribution": {**distribution, "args": {**distribution["args"], "precision": None}},
            "chain": None,
        }
        found: dict[Element, tuple[Value, Value]] = {}
        for f in factors:
            scope = self._scope([f], [binding], assigned)
            others = ["mul", [g for g in precision[1] if g is not f]]
            apart["distribution"]["args"]["precision"] = others
            parts, inner = zip(*node_parts(apart, self.state, binding), strict=True)
            sites = {self.state.claim.site_of(*x) for x in self._scope(parts, inner, assigned)}
            if len(scope) == 1 and self.state.claim.site_of(*next(iter(scope))) not in sites:
                found[next(iter(scope))] = self._log_and_mean(f, v, binding, assigned)
        return found

    def _apart(self, v: Mapping[str, Any], binding: Binding, assigned: Mapping[Element, int]) -> Value | None:
        """Smaller grids where two parts of a density are independent; None where they are not.

        Normal: E[λ d²] = E[λ] E[d²] for the precision λ and the distance d; Poisson: E[x log r] = E[x] E[log r].
        """
        distribution = distribution_at(v, self.state, binding)
        family, args = distribution["name"], distribution["args"]
        own = ["ref", v["name"], [["index", i, s] for i, s in v["plates"]]]
        if family == "Normal":
            first, second = ["add", [own, ["mul", [["num", "-1"], args["mean"]]]]], args["precision"]
        elif family == "MultivariateNormal":
            return self._vector_apart(v, binding, assigned)
        elif family == "Poisson":
            first, second = own, args["rate"]
        else:
            return None
        left, right = (self._scope([e], [binding], assigned) for e in (first, second))
        site_of = self.state.claim.site_of
        if {site_of(*x) for x in left} & {site_of(*x) for x in right}:
            return None
        left_units = self._units(left, partial(polynomial_degree, v), assigned)
        x = evaluate(first, _OnGrid(self, assigned, left_units), binding)
        log_r, mean_r = self._log_and_mean(second, v, binding, assigned)
        if family == "Normal":
            square = self._contract(x * x, left_units)
            return (log_r - self.engine("log", 2 * self.engine.constants("pi")) - mean_r * square) / 2
        factorial = self._contract(self.engine("lgamma", x + self.engine.number(1)), left_units)
        return self._contract(x, left_units) * log_r - mean_r - factorial

    def _vector_apart(self, v: Mapping[str, Any], binding: Binding, assigned: Mapping[Element, int]) -> Value | None:
        """Σ E[Λ_ij] E[d_i d_j] and E[log det Λ] where the precision Λ and the distance d are independent."""
        args = distribution_at(v, self.state, binding)["args"]
        own = ["ref", v["name"], [["index", i, s] for i, s in [*v["plates"], *v["event"]]]]
        away = ["add", [own, ["mul", [["num", "-1"], args["mean"]]]]]
        rows = list(bindings(v["event"], self.state.sizes, binding))
        pairs = [b for r in rows for b in bindings([[f"{i}'", s] for i, s in v["event"]], self.state.sizes, r)]
        if self._is_diagonal(args["precision"], pairs, len(rows), assigned):
            parts = [self._coordinate(v, away, args["precision"], r, assigned) for r in rows]
            return sum(parts[1:], parts[0])
        left = self._scope([away] * len(rows), rows, assigned)
        right = self._scope([args["precision"]] * len(pairs), pairs, assigned)
        site_of = self.state.claim.site_of
        if not right or {site_of(*x) for x in left} & {site_of(*x) for x in right}:
            return None
        degrees = partial(polynomial_degree, v)
        units = self._units(left, degrees, assigned)
        distance = [evaluate(away, _OnGrid(self, assigned, units), r) for r in rows]
        precise = self._units(right, degrees, assigned)
        scope, size = _OnGrid(self, assigned, precise), range(len(rows))
        table = [evaluate(args["precision"], scope, b) for b in pairs]
        matrix = [table[i * len(rows) : (i + 1) * len(rows)] for i in size]
        value = self._contract(log_determinant(self.engine, matrix), precise)
        for i in size:
            for j in size:
                square = self._contract(distance[i] * distance[j], units)
                value = value - self._contract(matrix[i][j], precise) * square
        return (value - len(rows) * self.engine("log", 2 * self.engine.constants("pi"))) / 2

    def _is_diagonal(self, e: Plain, pairs: list[dict[str, int]], size: int, assigned: Mapping[Element, int]) -> bool:
        """Whether the elements of a matrix off the diagonal are known to be zero."""
        scope = _OnGrid(self, assigned, {})
        off = [b for i, b in enumerate(pairs) if i // size != i % size]
        return bool(off) and all(
            not mentioned(e, self.state, b, assigned) and bool(np.all(evaluate(e, scope, b) == 0)) for b in off
        )

    def _coordinate(
        self, v: Mapping[str, Any], away: Plain, precision: Plain, row: Binding, assigned: Mapping[Element, int]
    ) -> Value:
        """E[log p] of one coordinate of a vector with independent coordinates."""
        column = {**row, **{f"{i}'": row[i] for i, _ in v["event"]}}
        units = self._units(
            self._scope([away, precision], [row, column], assigned), partial(polynomial_degree, v), assigned
        )
        scope = _OnGrid(self, assigned, units)
        gap, known = evaluate(away, scope, row), evaluate(precision, scope, column)
        constant = self.engine("log", 2 * self.engine.constants("pi"))
        return self._contract((self.engine("log", known) - constant - known * gap * gap) / 2, units)

    def _log_and_mean(
        self, e: Plain, v: Mapping[str, Any], binding: Binding, assigned: Mapping[Element, int]
    ) -> tuple[Value, Value]:
        """E[log e] and E[e]; positive independent factors of a product one by one."""
        factors = list(e[1]) if e[0] == "mul" and all(map(self._is_positive, e[1])) else [e]
        scopes = [self._scope([f], [binding], assigned) for f in factors]
        sites = [site for scope in scopes for site in {self.state.claim.site_of(*x) for x in scope}]
        if len(set(sites)) < len(sites):
            factors, scopes = [e], [set().union(*scopes)]
        log: Value = self.engine.number(0)
        mean: Value = self.engine.number(1)
        for f, scope in zip(factors, scopes, strict=True):
            units = self._units(scope, partial(polynomial_degree, v), assigned)
            value = evaluate(f, _OnGrid(self, assigned, units), binding)
            log = log + self._contract(self.engine("log", value), units)
            mean = mean * self._contract(value, units)
        return log, mean

    def _is_positive(self, e: Plain) -> bool:
        """Whether a factor is positive by its form and the declared domains."""
        match e:
            case ["num", value]:
                return Fraction(value) > 0
            case ["size", _] | ["const", "pi"]:
                return True
            case ["ref", name, _]:
                return self.state.claim.variables[name]["domain"] in ("positive", "unit", "simplex")
            case ["pow", base, _]:
                return self._is_positive(base)
        return False

    def _depends(
        self, parts: list[Plain], inner: list[Binding], assigned: Mapping[Element, int], only: set[Element]
    ) -> bool:
        """Whether this node depends on the elements in any branch: what selects counts too."""
        if only & set(assigned):
            return True
        return any(only & mentioned(p, self.state, b, assigned) for p, b in zip(parts, inner, strict=True))

    # --- any expression --------------------------------------------------------------------

    def expression(self, e: Plain, binding: Binding) -> Value:
        """E[e]; independent factors of a product are averaged one by one."""
        match e:
            case ["add", terms]:
                return sum((self.expression(t, binding) for t in terms), self.engine.number(0))
            case ["sum", axes, body]:
                total: Value = self.engine.number(0)
                for b in bindings(axes, self.state.sizes, binding):
                    total = total + self.expression(body, b)
                return total
            case ["fn", "E", [inner]]:
                return self.expression(inner, binding)
            case ["mul", factors]:
                return self._product(list(factors), binding)
        return self._product([e], binding)

    def _product(self, factors: list[Plain], binding: Binding) -> Value:
        zero = self.engine.number(0)
        value: Value = self.engine.number(1)
        random: list[tuple[Plain, set[tuple[str, Position]]]] = []
        claim, bare = self.state.claim, _OnGrid(self, self.held.assigned, {})
        if any(vanishes(f, self.state, binding, self.held.assigned) for f in factors):
            return zero  # behind a zero nothing is looked up: an element there may not exist
        for f in factors:
            touched = self._scope([f], [binding], self.held.assigned)
            if touched:
                random.append((f, {claim.site_of(*x) for x in touched}))
                continue
            known = evaluate(f, bare, binding)
            if not isinstance(known, np.ndarray) and known == 0:
                return zero
            value = value * known
        while random:
            group, sites = [random[0][0]], set(random[0][1])
            rest = random[1:]
            grown = True
            while grown:
                joined = [r for r in rest if r[1] & sites]
                rest = [r for r in rest if not r[1] & sites]
                grown = bool(joined)
                for f, s in joined:
                    group.append(f)
                    sites |= s
            value = value * self._group(group, binding)
            random = rest
        return _flat(value)

    def _group(self, group: list[Plain], binding: Binding) -> Value:
        key = repr([_resolved(f, binding) for f in group])
        if key not in self._known:
            parts, inner = group, [binding] * len(group)
            total: Value = self.engine.number(0)
            categories = {
                x for x in self._scope(parts, inner, self.held.assigned) if self.state.claim.selects(x[0])
            } - set(self.held.assigned)
            for assigned in assignments(categories, self.state, self.held.assigned):
                units = self._units(self._scope(parts, inner, assigned), partial(_product_degree, group), assigned)
                scope = _OnGrid(self, assigned, units)
                value = self.engine.number(1)
                for f in group:
                    value = value * evaluate(f, scope, binding)
                total = total + self._probability(assigned) * self._contract(value, units)
            self._known[key] = total
        return self._known[key]

    def scope(self, assigned: Mapping[Element, int], values: Mapping[Element, Value]) -> _OnGrid:
        """A scope with the given categories and with values placed by the caller."""
        scope = _OnGrid(self, assigned, {})
        scope.placed |= values
        return scope

    # --- grids -----------------------------------------------------------------------------

    def _scope(self, parts: Sequence[Plain], inner: Sequence[Binding], assigned: Mapping[Element, int]) -> set[Element]:
        found: set[Element] = set()
        for p, b in zip(parts, inner, strict=True):
            found |= mentioned(p, self.state, b, assigned)
        return found - set(self.held.points) - set(assigned)

    def _units(
        self, touched: set[Element], degree_in: Callable[[Sequence[str]], int], assigned: Mapping[Element, int]
    ) -> dict[Unit, int]:
        """The units to average over given the assigned categories, with the first of their axes in the grid."""
        claim = self.state.claim
        units: dict[Unit, int] = {}
        axis, points = 1, self.held.count
        for factor, site in sorted({claim.site_of(*x) for x in touched}):
            f = claim.factor_named[factor]
            normal = [n for n in f["latents"] if not f["point"] and claim.family(n) in NORMALS]
            degree_ = degree_in(normal) if normal else 99  # in all of them: one may be linear in another
            order = degree_ // 2 + 1 if degree_ <= 2 * COMPACT_ORDER - 1 else 0
            unit = conditioned(self.state, self.state.unit(f, site, order), self._given(factor, site, assigned))[1]
            units[unit] = axis
            axis += len(unit.shape)
            points *= int(np.prod(unit.shape))
        if points > MAX_POINTS:
            names = ", ".join(u.factor for u in units)
            raise Infeasible(f"an expectation over {names} needs a grid of {points} points (limit {MAX_POINTS})")
        return units

    def _probability(self, assigned: Mapping[Element, int]) -> Value:
        """q of the enumerated categories that are not held."""
        value: Value = self.engine.number(1)
        site_of = self.state.claim.site_of
        for factor, site in sorted({site_of(*x) for x in assigned if x not in self.held.assigned}):
            unit = self.state.unit(self.state.claim.factor_named[factor], site, 2)
            value = value * conditioned(self.state, unit, self._given(factor, site, assigned))[0]
        return value

    def _given(self, factor: str, site: Position, assigned: Mapping[Element, int]) -> dict[Element, int]:
        """The assigned categories of one unit that are not held."""
        site_of = self.state.claim.site_of
        return {x: k for x, k in assigned.items() if x not in self.held.assigned and site_of(*x) == (factor, site)}

    def _contract(self, value: Value, units: Mapping[Unit, int]) -> Value:
        if not isinstance(value, np.ndarray):
            return value
        for unit, axis in sorted(units.items(), key=lambda item: -item[1]):
            count = len(unit.shape)
            if value.ndim <= axis or not count:
                continue
            axes = tuple(range(axis, axis + count))
            if all(value.shape[a] == 1 for a in axes):
                value = value.reshape(value.shape[:axis] + value.shape[axis + count :])
                continue
            weights = unit.weights.reshape(unit.shape + (1,) * (value.ndim - axis - count))
            value = (value * weights).sum(axis=axes)
        return _flat(value)


class _OnGrid:
    """Scope of a declaration on a tensor grid: assigned categories, held points, units along their axes."""

    def __init__(self, averages: Averages, assigned: Mapping[Element, int], units: Mapping[Unit, int]) -> None:
        state = averages.state
        self.engine: Engine = state.engine
        self.sizes, self.state, self.assigned = state.sizes, state, assigned
        self.moment, self.param = state.moment, state.param
        self.axes = 1 + sum(len(u.shape) for u in units)
        self.placed: dict[Element, Value] = {}
        for unit, axis in units.items():
            for element, x in unit.values.items():
                self.placed[element] = self._place(x, axis) if isinstance(x, np.ndarray) else x
        for element, x in averages.held.points.items():
            self.placed[element] = self._place(x, 0)

    def _place(self, x: Value, axis: int) -> Value:
        return x.reshape((1,) * axis + x.shape + (1,) * (self.axes - axis - x.ndim))

    def element(self, name: str, at: Position) -> Value:
        """A latent on the grid, or a known value."""
        if (name, at) in self.assigned:
            return self.assigned[name, at]
        return self.placed[name, at] if (name, at) in self.placed else self.state.element(name, at)

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        """An expectation inside a density is no part of the grammar of declarations."""
        raise KeyError("an expectation cannot stand inside another")


def _product_degree(factors: Sequence[Plain], names: Sequence[str]) -> int:
    """Degree of a product in the elements of latents."""
    return min(99, sum(degree(f, names) for f in factors))


def _indices(e: Any) -> set[str]:
    """The names of the indices in an expression."""
    if not isinstance(e, list):
        return set()
    return {e[1]} if e[:1] == ["index"] else set().union(*map(_indices, e))


def _resolved(e: Any, binding: Binding) -> Any:
    """The expression with its bound indices as positions, to recognise it again."""
    match e:
        case ["index", str(name), size] if name in binding:
            return ["int", binding[name], size]
        case list():
            return [_resolved(part, binding) for part in e]
    return e


def _flat(value: Value) -> Value:
    """A result over the held points only, or a number."""
    if not isinstance(value, np.ndarray):
        return value
    flat = value.reshape(value.shape[0], -1)[:, 0] if value.ndim else value[()]
    return flat[0] if isinstance(flat, np.ndarray) and len(flat) == 1 else flat
