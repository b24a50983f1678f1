"""The joint density of an instance as tables over the coordinates of its continuous latents, given its categories.

Every element of a declared node gives a table over the coordinates in its scope. Elements of nodes that share Normals
which are to be integrated out give one table together. The product of the tables is summed one coordinate at a time;
what stands in no common table is a factor of its own, computed once for all configurations that agree on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float
from cavi.verify.averages import NOTHING_HELD, Averages, Held, Infeasible
from cavi.verify.axis import Axis, Coordinates, Key, cholesky_coordinates, scalar, sticks, typical
from cavi.verify.claim import Element, names_in
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.evaluate import bindings, evaluate, positions, size_of
from cavi.verify.gaussian import Quadratic, check_gap, form_and_gap, integral
from cavi.verify.mentions import mentioned, position
from cavi.verify.nodes import branches, distribution_at, node_arguments, node_parts
from cavi.verify.rules import Map, creased_line, half_line, interval, real_line, stretched_line
from cavi.verify.scalar import bounded_map
from cavi.verify.state import State

MAX_CONFIGURATIONS = 256
MAX_TABLE = {"float64": 12_000_000}
MAX_TABLE_PRECISE = 60_000
SLAB = 1 << 16  # entries of a table in float64 that are made at a time: what is on the way to them stays in the cache
FOR_WINDOWS = 8  # configurations looked at to place the windows
CREASED = {"Laplace": "location", "AsymmetricLaplace": "mean"}  # densities with a crease at a parameter
Table = tuple[tuple[Key, ...], Value]


@dataclass(frozen=True)
class Piece:
    """One element of a node given the categories: where it is, the categories it depends on, what it depends on."""

    key: Key
    node: Mapping[str, Any]
    binding: Mapping[str, int]
    relevant: Mapping[Element, int]
    axes: tuple[Key, ...]
    normals: tuple[Element, ...]


class JointTables:
    """The declared densities of an instance with the tables they make on grids.

    Only some nodes may be asked for, and latents may be held at given values (categories, or arrays of one point).

    Raises:
        Infeasible: for copies, for too many categories, for supports without coordinates.
    """

    def __init__(
        self, state: State, normals: Sequence[str] = (), held: Held = NOTHING_HELD, nodes: Collection[str] | None = None
    ) -> None:
        self.state, self.engine, self.claim = state, state.engine, state.claim
        declared = [v for v in self.claim.nodes if v["name"] not in self.claim.auxiliary]
        self.nodes = [v for v in declared if nodes is None or v["name"] in nodes]
        for f in self.claim.factors:
            if f["name"] in self.claim.auxiliary:
                continue
            if any(to_float(state.weight(f, site)) != 1 for site in positions(f["plates"], state.sizes)):
                raise Infeasible(f"{f['name']} stands for several copies, which elimination does not enumerate")
        self.fixed: dict[Element, int] = dict(held.assigned)
        self.points: dict[Element, Value] = {x: value[0] for x, value in held.points.items()}
        self.random: list[Element] = []
        for f in self.claim.factors:
            if f["name"] in self.claim.auxiliary:
                continue  # nothing declared depends on it
            for site in positions(f["plates"], state.sizes):
                for x in self.claim.elements(f, site, state.sizes):
                    if x in self.fixed or x in self.points:
                        continue
                    if not f["point"]:
                        self.random.append(x)
                        continue
                    value = state.unit(f, site).values[x]
                    if self.claim.selects(x[0]):
                        self.fixed[x] = int(value)
                    else:
                        self.points[x] = value
        for name in self.claim.marginalised:
            self.random += [(name, at) for at in positions(self.claim.axes(name), state.sizes)]
        self.configurations = self._configurations()
        self.normals = {x for x in self.continuous if x[0] in normals}
        self.coordinates = self._coordinates()
        self.axes_of = {x: tuple(a.name for a in c.axes) for c in self.coordinates for x in c.elements}

    def support(self, name: str) -> str:
        """The support of a latent's prior."""
        return FAMILIES[self.claim.variables[name]["distribution"]["name"]].support

    def axes(self) -> dict[Key, Axis]:
        """The coordinates of the latents that stay on grids, with wide windows."""
        return {a.name: a for c in self.coordinates for a in c.axes}

    def recentre(self, axes: Mapping[Key, Axis], marginals: Mapping[Key, Value], count: int) -> dict[Key, Axis]:
        """Better coordinates from the marginals on a first grid, and all the axes; the same if there are none."""
        e, kept = self.engine, dict(axes)
        for n, c in enumerate(self.coordinates):
            if c.recentred is not None:
                point = [typical(e, axes[a.name], marginals[a.name], count) for a in c.axes]
                self.coordinates[n] = c.recentred(e, point)
                kept |= {a.name: a for a in self.coordinates[n].axes}
        return kept

    def width(self) -> int:
        """The most coordinates that stand in one table when they are eliminated, the best order greedily chosen."""
        widest = 0
        for assigned in self.configurations[:FOR_WINDOWS]:
            scopes = [set().union(*(p.axes for p in group)) for group in self._groups(assigned)]
            widest = max([widest, *map(len, scopes)])
            while any(scopes):
                open_ = sorted(set().union(*scopes), key=repr)
                joined = {k: set().union(*(s for s in scopes if k in s)) for k in open_}
                key = min(open_, key=lambda k: len(joined[k]))
                widest = max(widest, len(joined[key]))
                scopes = [s for s in scopes if key not in s] + [joined[key] - {key}]
        return widest

    def total(self, axes: Mapping[Key, Axis], count: int, marginals: bool = False) -> tuple[Value, dict[Key, Value]]:
        """p(x) on grids of so many nodes, and (if asked for) p(x, axis) along every axis."""
        e = self.engine
        nodes = {k: a.nodes(e, count) for k, a in axes.items()}
        made = _Made(self, {k: t for k, (t, _) in nodes.items()}, {k: w for k, (_, w) in nodes.items()})
        total: Value = e.number(0)
        along: dict[Key, Value] = {}
        looked_at = self.configurations
        if marginals:
            looked_at = looked_at[:: max(1, len(looked_at) // FOR_WINDOWS)]
        for assigned in looked_at:
            parts = made.independent(self._groups(assigned))
            value = e.number(1)
            for part in parts:
                value = value * made.summed(part, None)
            total = total + value
            if marginals:
                for part in parts:
                    rest = e.number(1)
                    for other in parts:
                        rest = rest * (e.number(1) if other is part else made.summed(other, None))
                    for key in part.axes:
                        found = made.summed(part, key) * rest
                        along[key] = found if key not in along else along[key] + found
        return total, along

    def _configurations(self) -> list[dict[Element, int]]:
        """Every assignment of the categories and of the counts with an observed total."""
        state = self.state
        choices: list[list[dict[Element, int]]] = []
        tied: set[Element] = set()
        for v in self.claim.constraints:
            for binding in bindings(v["plates"], state.sizes, {}):
                group = sorted(mentioned(v["constraint"], state, binding))
                if all(x in self.fixed or x in self.points for x in group):
                    continue
                total = round(to_float(state.known[v["name"]][tuple(binding[i] for i, _ in v["plates"])]))
                vectors = [c for c in product(range(total + 1), repeat=len(group)) if sum(c) == total]
                choices.append([dict(zip(group, c, strict=True)) for c in vectors])
                tied |= set(group)
        for x in self.random:
            if self.claim.selects(x[0]):
                over = self.claim.variables[x[0]]["over"]
                choices.append([{x: k} for k in range(size_of(state.sizes, over[1]) if over else 2)])
        size = int(np.prod([len(c) for c in choices], dtype=float)) if choices else 1
        if size > MAX_CONFIGURATIONS:
            raise Infeasible(f"{size} configurations of categories (limit {MAX_CONFIGURATIONS})")
        self.continuous = [x for x in self.random if not self.claim.selects(x[0]) and x not in tied]
        return [{k: v for c in choice for k, v in c.items()} | self.fixed for choice in product(*choices)]

    def _coordinates(self) -> list[Coordinates]:
        found: dict[Element, Coordinates] = {}
        for x in self.continuous:
            if x in found or x in self.normals:
                continue
            support = self.support(x[0])
            if support in ("simplex", "positive_definite"):
                event = 1 if support == "simplex" else 2
                axes = self.claim.axes(x[0])[-event:]
                group = [(x[0], (*x[1][:-event], *at)) for at in positions(axes, self.state.sizes)]
                if support == "simplex":
                    made = sticks(group)
                else:
                    prior = self.claim.variables[x[0]]["distribution"]["name"]
                    made = cholesky_coordinates(group, covariance=prior == "InverseWishart")
            elif support == "count_vector":
                raise Infeasible(f"counts {x[0]} in the evidence")
            else:
                made = self._scalar(x, support)
            found |= dict.fromkeys(made.elements, made)
        return list({id(c): c for c in found.values()}.values())

    def _scalar(self, x: Element, support: str) -> Coordinates:
        v = self.claim.variables[x[0]]
        binding = dict(zip((i for i, _ in v["plates"]), x[1], strict=False))
        args = v["distribution"]["args"]
        known = {n: evaluate(args[n], self.state, binding) for n in ("lower", "upper", "minimum") if n in args}
        kind, window = "line", (-14.0, 10.0)
        onto: Map = half_line()
        if support in ("real", "vector", "matrix"):
            onto, window = stretched_line(), (-9.0, 9.0)
            if v["distribution"]["name"] in CREASED and not list(names_in(args[CREASED[v["distribution"]["name"]]])):
                onto = creased_line(evaluate(args[CREASED[v["distribution"]["name"]]], self.state, binding))
                kind, window = "creased", (-14.0, 10.0)
        elif support == "unit":
            onto, window = interval(0, 1), (-15.0, 15.0)
        elif support == "interval":
            onto, window = bounded_map(known), (-15.0, 15.0)
        elif support == "above":
            onto = half_line(known["minimum"])
        elif support == "outside":
            raise Infeasible(f"{x[0]} lies on two half lines, for which there is no grid")
        elif support == "angle":
            onto, kind = real_line(), "circle"
        elif support in ("count", "bounded_count"):
            last = 60.0 if support == "count" else to_float(evaluate(args["total"], self.state, binding))
            onto, kind, window = real_line(), "count", (0.0, last)
        return scalar(x, onto, window, kind)

    def _groups(self, assigned: Mapping[Element, int]) -> list[list[Piece]]:
        """The pieces of the joint density; those with a Normal to be integrated out in common are together."""
        groups: list[list[Piece]] = []
        for v in self.nodes:
            for binding in bindings(v["plates"], self.state.sizes, {}):
                piece = self._piece(v, binding, assigned)
                if not piece.normals:
                    groups.append([piece])
                    continue
                mine = [g for g in groups if any(set(piece.normals) & set(p.normals) for p in g)]
                groups = [g for g in groups if g not in mine] + [[p for g in mine for p in g] + [piece]]
        return groups

    def _piece(self, v: Mapping[str, Any], binding: Mapping[str, int], assigned: Mapping[Element, int]) -> Piece:
        parts, inner = zip(*node_parts(v, self.state, binding), strict=True)
        (relevant,) = branches(parts, inner, self.state, assigned)
        touched: set[Element] = set()
        used: set[Element] = set()
        for p, b in zip(parts, inner, strict=True):
            touched |= mentioned(p, self.state, b, relevant)
            used |= _selectors(p, self.state, b, assigned)
        used = (used | touched) & set(assigned)
        key = (v["name"], *sorted(binding.items()), tuple(sorted((x, assigned[x]) for x in used)))
        axes = dict.fromkeys(k for x in sorted(touched) for k in self.axes_of.get(x, ()))
        return Piece(key, v, binding, relevant, tuple(axes), tuple(sorted(touched & self.normals)))


@dataclass(frozen=True)
class _Part:
    """Tables that share coordinates with each other and with no others."""

    key: frozenset[Key]
    groups: tuple[tuple[Piece, ...], ...]
    axes: tuple[Key, ...]


class _Made:
    """The tables on one grid, and what their elimination leaves, each made once.

    On a part of a grid it only gathers in `gaps` how far densities are from quadratic: that is judged on the whole.
    """

    def __init__(
        self,
        model: JointTables,
        nodes: Mapping[Key, Value],
        weights: Mapping[Key, Value],
        gaps: dict[Key, list[Any]] | None = None,
    ) -> None:
        self.model, self.nodes, self.weights, self.engine, self._gaps = model, nodes, weights, model.engine, gaps
        self._tables: dict[Key, Table] = {}
        self._forms: dict[Key, Quadratic] = {}
        self._summed: dict[Key, Value] = {}

    def independent(self, groups: list[list[Piece]]) -> list[_Part]:
        """The groups in parts that have no coordinate in common."""
        parts: list[tuple[list[list[Piece]], set[Key]]] = [([], {k}) for k in self.weights]
        for g in groups:
            scope = {k for p in g for k in p.axes}
            mine = [p for p in parts if p[1] & scope]
            joined = ([h for p in mine for h in p[0]] + [g], scope.union(*(p[1] for p in mine)))
            parts = [p for p in parts if not p[1] & scope] + [joined]
        return [
            _Part(
                frozenset(p.key for g in own for p in g) | {("axis", k) for k in scope},
                tuple(map(tuple, own)),
                tuple(sorted(scope, key=repr)),
            )
            for own, scope in parts
        ]

    def summed(self, part: _Part, keep: Key | None) -> Value:
        """The product of the tables of a part summed over its coordinates, but for one that is kept."""
        key = (part.key, keep)
        if key not in self._summed:
            tables: list[Table] = [((k,), self.weights[k]) for k in part.axes]
            tables += [self._table(g) for g in part.groups]
            self._summed[key] = eliminate(self.engine, tables, keep)
        return self._summed[key]

    def _table(self, group: Sequence[Piece]) -> Table:
        """The density of a group, its Normals integrated out, on the grid of the coordinates in its scope."""
        key = tuple(p.key for p in group)
        if key not in self._tables:
            e = self.engine
            scope = tuple(dict.fromkeys(k for p in group for k in p.axes))
            sizes = [len(self.nodes[k]) for k in scope]
            elements = sorted({x for p in group for x in p.normals})
            if np.prod(sizes, dtype=float) * max(1, len(elements) / 8) > largest_table(e):
                raise Infeasible(f"a table over {len(scope)} coordinates of latents in the evidence")
            density = self._by_slabs(group, elements, scope)
            if e.name == "float64":
                # Far out, where the density is negligible, rounding may leave a form that has no integral.
                density = np.nan_to_num(density, nan=0.0, posinf=0.0)
            self._tables[key] = (scope, np.broadcast_to(density, sizes))
        return self._tables[key]

    def _by_slabs(self, group: Sequence[Piece], elements: Sequence[Element], scope: tuple[Key, ...]) -> Value:
        """The density of a group; a large table in float64 is made a slab of nodes of one coordinate at a time."""
        length, *others = [len(self.nodes[k]) for k in scope] or [1]
        rest = int(np.prod(others))
        if self.engine.name != "float64" or rest * length <= 4 * SLAB:
            return self._density(group, elements, scope)
        shared = {p.key: self._form(p) for p in group if elements and scope[0] not in p.axes}
        gaps: dict[Key, list[Any]] = defaultdict(list)
        step, found = max(1, SLAB // rest), []
        for first in range(0, length, step):
            nodes = {**self.nodes, scope[0]: self.nodes[scope[0]][first : first + step]}
            slab = _Made(self.model, nodes, self.weights, gaps)
            slab._forms |= shared
            density = slab._density(group, elements, scope)
            found.append(np.broadcast_to(density, (len(nodes[scope[0]]), *others)))
        for p in group:
            if p.key in gaps:
                check_gap(np.concatenate(gaps[p.key]), p.normals)
        return np.concatenate(found)

    def _density(self, group: Sequence[Piece], elements: Sequence[Element], scope: tuple[Key, ...]) -> Value:
        e = self.engine
        if not elements:
            return np.asarray(e("exp", self._log_density(group[0], {})))
        forms = [_spread(self._form(p), p.axes, scope) for p in group]
        return np.asarray(e("exp", integral(e, forms, elements)))

    def _form(self, piece: Piece) -> Quadratic:
        if piece.key not in self._forms:
            form, gap = form_and_gap(self.engine, partial(self._log_density, piece), piece.normals)
            if self._gaps is None:
                check_gap(gap, piece.normals)
            else:
                self._gaps[piece.key].append(gap)
            self._forms[piece.key] = form
        return self._forms[piece.key]

    def _log_density(self, piece: Piece, normals: Mapping[Element, Value]) -> Value:
        model, e = self.model, self.engine
        grid: dict[Element, Value] = {**model.points, **normals}
        for c in model.coordinates:
            if all(a.name in piece.axes for a in c.axes):  # a simplex of one category has no axis
                shaped = [_along(self.nodes[a.name], piece.axes.index(a.name), len(piece.axes)) for a in c.axes]
                grid |= c.values(e, shaped)
        lookup = Averages(model.state, Held(piece.relevant, {})).scope(piece.relevant, grid)
        value, args = node_arguments(piece.node, lookup, piece.binding)
        family = distribution_at(piece.node, model.state, piece.binding)["name"]
        logs = log_density(e, family, value, args)
        if piece.node["weight"] is not None:
            logs = logs * evaluate(piece.node["weight"], lookup, piece.binding)
        return logs


def largest_table(e: Engine) -> int:
    """The most entries of one table."""
    return MAX_TABLE.get(e.name, MAX_TABLE_PRECISE)


def _along(x: Value, axis: int, count: int) -> Value:
    return x.reshape([-1 if i == axis else 1 for i in range(count)])


def _spread(form: Quadratic, own: tuple[Key, ...], scope: tuple[Key, ...]) -> Quadratic:
    """The form with the axes of a larger scope."""

    def over(x: Value) -> Value:
        if not isinstance(x, np.ndarray) or not own:
            return x
        return _aligned(own, x.reshape((1,) * (len(own) - x.ndim) + x.shape), scope)

    return Quadratic(
        over(form.constant), {k: over(x) for k, x in form.linear.items()}, {k: over(x) for k, x in form.square.items()}
    )


def _selectors(e: Any, state: State, binding: Mapping[str, int], assigned: Mapping[Element, int]) -> set[Element]:
    """The elements of selecting latents inside subscripts, in sums too."""
    match e:
        case ["select" | "gather", str(name), list(subs), _] if state.claim.is_random(name):
            own = (name, tuple(position(s, state, binding, assigned) for s in subs))
            return {own}.union(*(_selectors(s, state, binding, assigned) for s in subs))
        case ["sum", axes, body]:
            every = [_selectors(body, state, b, assigned) for b in bindings(axes, state.sizes, binding)]
            return set().union(*every)
        case list():
            return set().union(*(_selectors(part, state, binding, assigned) for part in e))
    return set()


def eliminate(e: Engine, tables: list[Table], keep: Key | None) -> Value:
    """Sum the product of tables over every axis but one, the cheapest axis first."""
    left = list(tables)
    while True:
        open_ = {k for scope, _ in left for k in scope} - {keep}
        if not open_:
            break

        def cost(key: Key, left: list[Table] = left) -> float:
            sizes = {k: t.shape[i] for scope, t in left if key in scope for i, k in enumerate(scope)}
            return float(np.prod(list(sizes.values()), dtype=float))

        key = min(sorted(open_), key=cost)
        if cost(key) > largest_table(e) * 2:
            raise Infeasible(f"elimination needs a table of {cost(key):.0f} points")
        mine = [t for t in left if key in t[0]]
        scope = (*dict.fromkeys(k for s, _ in mine for k in s if k != key), key)
        result: Value = e.number(1)
        for s, t in sorted(mine, key=lambda item: item[1].size):
            result = result * _aligned(s, t, scope)
        left = [t for t in left if key not in t[0]] + [(scope[:-1], np.sum(result, axis=-1))]
    result = e.number(1)
    for _, t in left:
        result = result * t
    return result[()] if isinstance(result, np.ndarray) and result.ndim == 0 else result


def _aligned(own: tuple[Key, ...], table: Value, scope: tuple[Key, ...]) -> Value:
    order = sorted(range(len(own)), key=lambda i: scope.index(own[i]))
    moved = np.transpose(table, order)
    shape, places = [1] * len(scope), [scope.index(own[i]) for i in order]
    for place, size in zip(places, moved.shape, strict=True):
        shape[place] = size
    return moved.reshape(shape)
