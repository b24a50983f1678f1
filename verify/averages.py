"""Expectations under q of the *declared* densities, node by node, by quadrature over the latents in their scope.

Latents that select are enumerated, so that with their values fixed every scope is small; the other latents become axes
of a tensor grid. Elements may be held at given points instead of averaged: the first axis of every
result runs over those points.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value
from cavi.verify.claim import Element
from cavi.verify.degree import NORMALS, degree, polynomial_degree
from cavi.verify.density import log_density
from cavi.verify.evaluate import Binding, Plain, Position, bindings, evaluate
from cavi.verify.independence import Parts
from cavi.verify.mentions import mentioned, vanishes
from cavi.verify.nodes import assignments, branches, distribution_at, node_arguments, node_parts
from cavi.verify.on_grid import OnGrid, flat
from cavi.verify.projection import projected
from cavi.verify.second_order import as_array
from cavi.verify.state import State
from cavi.verify.units import Unit, conditioned
from cavi.verify.vector_normal import COMPACT_ORDER

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


class _Read(dict[Element, int]):
    """Assigned categories, and which of them were asked for."""

    def __init__(self, assigned: Mapping[Element, int]) -> None:
        super().__init__(assigned)
        self.asked: set[Element] = set()

    def __getitem__(self, x: Element) -> int:
        self.asked.add(x)
        return super().__getitem__(x)


class Averages:
    """Expectations under the q of a state, with some elements held fixed."""

    def __init__(self, state: State, held: Held = NOTHING_HELD) -> None:
        self.state, self.held, self.engine = state, held, state.engine
        self._known: dict[str, Value] = {}

    # --- the log joint ---------------------------------------------------------------------

    def log_joint(self) -> Value:
        """E[log p(x, z)] summed over every element of every node."""
        return sum((self.node(v) for v in self.state.claim.kept_nodes), self.replaced())

    def marginal(self) -> Value:
        """E of what stands in the place of the densities in which latents are integrated out; zero without any."""
        claimed = self.state.claim.marginal
        return self.engine.number(0) if claimed is None else self.expression(claimed["value"], {})

    def relaxed(self, name: str) -> Value:
        """E of what stands in the place of the log density of a node that was relaxed."""
        return self.expression(self.state.claim.relaxed[name]["value"], {})

    def through(self, name: str) -> Value:
        """E of what the first of two steps has put there; of the density itself where there is one step."""
        entry = self.state.claim.relaxed[name]
        if entry.get("through") is None:
            return self.node(self.state.claim.variables[name])
        return self.expression(entry["through"], {})

    def replaced(self) -> Value:
        """E of all that stands in the place of declared densities."""
        return sum((self.relaxed(n) for n in self.state.claim.relaxed), self.marginal())

    def touching(self, elements: set[Element]) -> Value:
        """The same over those elements of nodes whose density depends on some of the given latents."""
        total = self.replaced()
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

    def element(self, v: Mapping[str, Any], binding: Binding) -> Value:
        """E[log p(v | parents)] of one element of v."""
        return self._node_element(v, binding, None)

    def _node_element(self, v: Mapping[str, Any], binding: Binding, only: set[Element] | None) -> Value:
        state = self.state
        parts = [e for e, b in node_parts(v, state, binding)]
        inner = [b for e, b in node_parts(v, state, binding)]
        counted = [*parts, v["weight"]] if v["name"] in state.claim.copies else parts
        total: Value = self.engine.number(0)
        for assigned in branches(parts, inner, state, self.held.assigned):
            if only is not None and not self._depends(counted, [*inner, binding], assigned, only):
                continue
            probability = self._probability(assigned)
            if not isinstance(probability, np.ndarray) and probability == 0:
                continue
            value = self._once(
                (v["name"], *sorted(binding.items())),
                parts,
                inner,
                assigned,
                partial(self._log_density, v, binding, assigned),
            )
            if v["weight"] is not None:
                value = value * self._weight(v, binding, assigned)
            total = total + probability * value
        return total

    def _weight(self, v: Mapping[str, Any], binding: Binding, assigned: Mapping[Element, int]) -> Value:
        """E of the number of copies that an element stands for, which its density does not depend on."""
        if v["name"] in self.state.claim.copies:
            return self.expression(v["weight"], binding)
        return evaluate(v["weight"], OnGrid(self, assigned, {}), binding)

    def _once(
        self,
        name: Hashable,
        parts: Sequence[Plain],
        inner: Sequence[Binding],
        assigned: Mapping[Element, int],
        find: Callable[[], Value],
    ) -> Value:
        """An average, found once for all that is held if it depends on none of it but some categories."""
        read = _Read(assigned)
        found: set[Element] = set()
        for p, b in zip(parts, inner, strict=True):
            found |= mentioned(p, self.state, b, read)
        if found & set(self.held.points):
            return find()
        told = {x: k for x, k in assigned.items() if x in found or x in read.asked or x not in self.held.assigned}
        key = name, frozenset((x, k, x in self.held.assigned) for x, k in told.items())
        if key not in self.state.averaged:
            self.state.averaged[key] = find()
        return self.state.averaged[key]

    def _log_density(self, v: Mapping[str, Any], binding: Binding, assigned: Mapping[Element, int]) -> Value:
        """E[log p] of one element with its categories assigned."""
        parts_of = Parts(self, v, binding, assigned)
        apart = parts_of.apart()
        if apart is not None:
            return apart
        family = distribution_at(v, self.state, binding)["name"]
        parts, inner = zip(*node_parts(v, self.state, binding), strict=True)

        def value_of(scope: OnGrid) -> Value:
            return log_density(self.engine, family, *node_arguments(v, scope, binding))

        along = self.along_one(parts, inner, value_of, partial(polynomial_degree, v), assigned)
        if along is not None:
            return along
        touched = self.touched(parts, inner, assigned)
        scales = parts_of.scales()
        units = self.units(touched - set(scales), partial(polynomial_degree, v), assigned)
        scope = OnGrid(self, assigned, units)
        scope.placed |= {x: mean for x, (_, mean) in scales.items()}
        value = self.contract(value_of(scope), units)
        order = len(list(bindings(v["event"], self.state.sizes, binding)))
        for log, mean in scales.values():
            value = value + order * (log - self.engine("log", mean)) / 2
        return value

    def _depends(
        self, parts: list[Plain], inner: list[Binding], assigned: Mapping[Element, int], only: set[Element]
    ) -> bool:
        """Whether this node depends on the elements in any branch: what selects counts too."""
        if only & set(assigned):
            return True
        return any(only & mentioned(p, self.state, b, assigned) for p, b in zip(parts, inner, strict=False))

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
        claim, bare = self.state.claim, OnGrid(self, self.held.assigned, {})
        if any(vanishes(f, self.state, binding, self.held.assigned) for f in factors):
            return zero  # behind a zero nothing is looked up: an element there may not exist
        for f in factors:
            touched = self.touched([f], [binding], self.held.assigned)
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
        return flat(value)

    def _group(self, group: list[Plain], binding: Binding) -> Value:
        key = repr([_resolved(f, binding) for f in group])
        if key not in self._known:
            inner = [binding] * len(group)
            self._known[key] = self._once(
                key, group, inner, self.held.assigned, partial(self._product_mean, group, binding)
            )
        return self._known[key]

    def _product_mean(self, group: list[Plain], binding: Binding) -> Value:
        """E of a product whose factors depend on each other."""
        parts, inner = group, [binding] * len(group)

        def product(scope: OnGrid) -> Value:
            value: Value = self.engine.number(1)
            for f in group:
                value = value * evaluate(f, scope, binding)
            return value

        along = self.along_one(parts, inner, product, partial(_product_degree, group), self.held.assigned)
        if along is not None:
            return along
        total: Value = self.engine.number(0)
        categories = {
            x for x in self.touched(parts, inner, self.held.assigned) if self.state.claim.selects(x[0])
        } - set(self.held.assigned)
        for assigned in assignments(categories, self.state, self.held.assigned):
            units = self.units(self.touched(parts, inner, assigned), partial(_product_degree, group), assigned)
            scope = OnGrid(self, assigned, units)
            total = total + self._probability(assigned) * self.contract(product(scope), units)
        return total

    def along_one(
        self,
        parts: Sequence[Plain],
        inner: Sequence[Binding],
        value_of: Callable[[OnGrid], Value],
        degree_in: Callable[[Sequence[str]], int],
        assigned: Mapping[Element, int],
    ) -> Value | None:
        """E of a function of one combination of the elements of chosen Normal factors, points beside them.

        Factors are independent: together they are one Normal vector. None where it is another function or a polynomial,
        where other factors are in it.
        """
        state, claim = self.state, self.state.claim
        sites = sorted({claim.site_of(*x) for x in self.touched(parts, inner, assigned)})
        normals = [s for s in sites if not claim.factor_named[s[0]]["point"]]
        if not normals or any(claim.factor_named[name].get("chosen") != "cvi" for name, _ in normals):
            return None
        elements: list[Element] = []
        middle: list[Value] = []
        blocks = []
        for name, at in normals:
            factor = claim.factor_named[name]
            elements += claim.elements(factor, at, state.sizes)
            mean, precision = state.normal(factor, at)
            middle += mean
            blocks.append(precision)
        latents = [x for name, _ in normals for x in claim.factor_named[name]["latents"]]
        if degree_in(latents) < 99 or set(elements) & set(self.held.points):
            return None
        args = {"mean": middle, "precision": _block_diagonal(self.engine, blocks)}
        points = {state.unit(claim.factor_named[n], at): 1 for n, at in sites if (n, at) not in normals}
        found = []
        for i in range(self.held.count):
            one = Held(self.held.assigned, {x: p[i : i + 1] if len(p) > 1 else p for x, p in self.held.points.items()})
            averages = Averages(state, one)

            def value_at(placed: Mapping[Element, Value], averages: Averages = averages) -> Value:
                scope = OnGrid(averages, assigned, points)
                scope.placed |= placed
                value = value_of(scope)
                return value if np.size(value) > 1 else np.ravel(np.asarray(value, dtype=object))[0]

            average = projected(state, elements, args, value_at)
            if average is None:
                return None
            found.append(average)
        return as_array(found) if len(found) > 1 else found[0]

    def scope(self, assigned: Mapping[Element, int], values: Mapping[Element, Value]) -> OnGrid:
        """A scope with the given categories and with values placed by the caller."""
        scope = OnGrid(self, assigned, {})
        scope.placed |= values
        return scope

    # --- grids -----------------------------------------------------------------------------

    def touched(
        self, parts: Sequence[Plain], inner: Sequence[Binding], assigned: Mapping[Element, int]
    ) -> set[Element]:
        """The elements of latents in some expressions that are neither held nor assigned."""
        found: set[Element] = set()
        for p, b in zip(parts, inner, strict=True):
            found |= mentioned(p, self.state, b, assigned)
        return found - set(self.held.points) - set(assigned)

    def units(
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

    def contract(self, value: Value, units: Mapping[Unit, int]) -> Value:
        """The mean of values on the grid of some units."""
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
        return flat(value)


def _block_diagonal(e: Any, blocks: Sequence[list[list[Value]]]) -> list[list[Value]]:
    """Square matrices along the diagonal of one, zeros elsewhere."""
    size, rows, before = sum(map(len, blocks)), [], 0
    for block in blocks:
        for row in block:
            rows.append([e.number(0)] * before + list(row) + [e.number(0)] * (size - before - len(row)))
        before += len(block)
    return rows


def _product_degree(factors: Sequence[Plain], names: Sequence[str]) -> int:
    """Degree of a product in the elements of latents."""
    return min(99, sum(degree(f, names) for f in factors))


def _resolved(e: Any, binding: Binding) -> Any:
    """The expression with its bound indices as positions, to recognise it again."""
    match e:
        case ["index", str(name), size] if name in binding:
            return ["int", binding[name], size]
        case list():
            return [_resolved(part, binding) for part in e]
    return e
