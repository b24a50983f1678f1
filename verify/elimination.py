"""The evidence p(x) of a small instance: categories enumerated, continuous latents eliminated one at a time on grids.

    p(x) = Σ_categories ∫ Π_nodes p(node | parents) d(latents)

Every latent element has a grid on the line its support is mapped to. The windows of the grids are moved until they
hold the posterior marginals, then the number of nodes is raised until two counts agree. Only the declared densities are
used, and nothing of q but the values of point parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, doubles, precision, to_float, to_mpf
from cavi.verify.averages import Averages, Held, Infeasible
from cavi.verify.axis import Axis, Key, sticks
from cavi.verify.claim import Element
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.evaluate import bindings, evaluate, positions, size_of
from cavi.verify.mentions import mentioned, position
from cavi.verify.nodes import branches, distribution_at, node_arguments, node_parts
from cavi.verify.rules import Map, half_line, interval, real_line, stretched_line
from cavi.verify.state import State
from cavi.verify.units import bounded_map

DIGITS = 8
GUARDED = 70  # working digits: 1 - p is exact to the ends of the windows
COUNTS = (36, 54, 80, 120, 150, 220, 330, 500)
WIDENING = 0.04
MAX_CONFIGURATIONS = 256
MANY = 40
MAX_TABLE = {"float64": 9_000_000}
MAX_TABLE_PRECISE = 60_000
MAX_WIDTH = {"float64": 4}
MAX_WIDTH_PRECISE = 2
FOR_WINDOWS = 8  # configurations looked at to place the windows
Table = tuple[tuple[Key, ...], Value]


def _largest_table(e: Engine) -> int:
    return MAX_TABLE.get(e.name, MAX_TABLE_PRECISE)


def log_evidence(state: State) -> tuple[Value, float]:
    """log p(x), points held at their value under q, and the digits on which the two finest grids agree.

    Raises:
        Infeasible: when the model has too many categories or too wide scopes for elimination.
    """
    try:
        with precision(GUARDED):
            return _log_evidence(state)
    except Infeasible:
        # In float64 larger tables can be afforded; eight digits are all that is asked.
        with np.errstate(all="ignore"):
            return _log_evidence(State(state.claim, state.instance, doubles(), state.digits))


def _log_evidence(state: State) -> tuple[Value, float]:
    model = _Model(state)
    axes = model.axes()
    width, largest = model.width(), MAX_WIDTH.get(state.engine.name, MAX_WIDTH_PRECISE)
    if state.engine.name != "float64" and model.prefers_doubles():
        raise Infeasible("many configurations: float64 is precise enough here")
    if width > largest:
        raise Infeasible(f"the evidence couples {width} latents at once (limit {largest})")
    for _ in range(8):
        before = {k: a.window for k, a in axes.items()}
        _, marginals = model.total(axes, COUNTS[0], marginals=True)
        axes = {k: a.narrowed(marginals[k], COUNTS[0]) for k, a in axes.items()}
        if all(_close(before[k], a.window) for k, a in axes.items()):
            break
    previous, digits = None, 0.0
    for level, count in enumerate(COUNTS):
        # Nodes and range grow together, so that two levels agree only if both suffice.
        wider = {k: a.widened(WIDENING * level) for k, a in axes.items()}
        try:
            value = state.engine("log", model.total(wider, count)[0])
        except Infeasible:
            if previous is None or digits < DIGITS:
                raise
            break
        if previous is not None:
            gap = abs(to_mpf(value - previous))
            digits = float(-mpmath.log10(gap)) if gap else 60.0
            if digits > DIGITS:
                break
        previous = value
    return value, digits


def _close(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) < 0.15 * (b[1] - b[0])


class _Model:
    """The declared densities of an instance with the tables they make on grids."""

    def __init__(self, state: State) -> None:
        self.state, self.engine, self.claim = state, state.engine, state.claim
        for f in self.claim.factors:
            if any(to_float(state.weight(f, site)) != 1 for site in positions(f["plates"], state.sizes)):
                raise Infeasible(f"{f['name']} stands for several copies, which elimination does not enumerate")
        self.fixed: dict[Element, int] = {}
        self.points: dict[Element, Value] = {}
        self.random: list[Element] = []
        for f in self.claim.factors:
            for site in positions(f["plates"], state.sizes):
                for x in self.claim.elements(f, site, state.sizes):
                    if not f["point"]:
                        self.random.append(x)
                        continue
                    value = state.unit(f, site).values[x]
                    if self.claim.selects(x[0]):
                        self.fixed[x] = int(value)
                    else:
                        self.points[x] = value

    def support(self, name: str) -> str:
        """The support of a latent's prior."""
        return FAMILIES[self.claim.variables[name]["distribution"]["name"]].support

    def configurations(self) -> list[dict[Element, int]]:
        """Every assignment of the categories and of the counts with an observed total."""
        state = self.state
        choices: list[list[dict[Element, int]]] = []
        tied: set[Element] = set()
        for v in self.claim.constraints:
            for binding in bindings(v["plates"], state.sizes, {}):
                group = sorted(mentioned(v["constraint"], state, binding))
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

    def axes(self) -> dict[Key, Axis]:
        """The axes of the continuous latents, with wide windows."""
        self.all_configurations = self.configurations()
        found: dict[Key, Axis] = {}
        self.axis_of: dict[Element, tuple[Key, ...]] = {}
        for x in self.continuous:
            if x in self.axis_of:
                continue
            support = self.support(x[0])
            if support in ("matrix", "positive_definite"):
                raise Infeasible(f"the evidence over the matrix {x[0]} is not eliminated on grids")
            if support == "simplex":
                group = [
                    (x[0], (*x[1][:-1], k)) for k in range(size_of(self.state.sizes, self.claim.axes(x[0])[-1][1]))
                ]
                if len(group) != 2:
                    raise Infeasible(f"a simplex of {len(group)} parts in the evidence")
                axis = sticks(group)
            elif support == "count_vector":
                raise Infeasible(f"counts {x[0]} in the evidence")
            else:
                group, axis = [x], self._scalar(x, support)
            found[axis.name] = axis
            for y in group:
                self.axis_of[y] = (axis.name,)
        return found

    def _scalar(self, x: Element, support: str) -> Axis:
        v = self.claim.variables[x[0]]
        binding = dict(zip((i for i, _ in v["plates"]), x[1], strict=False))
        args = v["distribution"]["args"]
        known = {n: evaluate(args[n], self.state, binding) for n in ("lower", "upper", "minimum") if n in args}
        kind, window = "line", (-14.0, 10.0)
        onto: Map = half_line()
        if support in ("real", "vector"):
            onto, window = stretched_line(), (-9.0, 9.0)
        elif support == "unit":
            onto, window = interval(0, 1), (-15.0, 15.0)
        elif support == "interval":
            onto, window = bounded_map(known), (-15.0, 15.0)
        elif support == "above":
            onto = half_line(known["minimum"])
        elif support == "angle":
            onto, kind = real_line(), "circle"
        elif support in ("count", "bounded_count"):
            last = 60.0 if support == "count" else to_float(evaluate(args["total"], self.state, binding))
            onto, kind, window = real_line(), "count", (0.0, last)
        return Axis(x, lambda e, t: {x: onto.position(e, t)}, onto.log_slope, window, kind)

    def total(self, axes: Mapping[Key, Axis], count: int, marginals: bool = False) -> tuple[Value, dict[Key, Value]]:
        """p(x) on grids of so many nodes, and (if asked for) p(x, axis) along every axis."""
        e = self.engine
        placed: dict[Element, Value] = {}
        weights: dict[Key, Value] = {}
        for key, axis in axes.items():
            values, weights[key] = axis.nodes(e, count)
            placed |= values
        cache: dict[Key, Table] = {}
        total: Value = e.number(0)
        along: dict[Key, Value] = {}
        looked_at = self.all_configurations
        if marginals:
            looked_at = looked_at[:: max(1, len(looked_at) // FOR_WINDOWS)]
        for assigned in looked_at:
            tables: list[Table] = [((k,), w) for k, w in weights.items()]
            tables += [self._table(v, b, assigned, placed, cache) for v, b in self._node_elements()]
            total = total + eliminate(e, tables, None)
            if marginals:
                for key in axes:
                    part = eliminate(e, tables, key)
                    along[key] = part if key not in along else along[key] + part
        return total, along

    def prefers_doubles(self) -> bool:
        """Whether many sums are needed and no 1 - p near one can lose digits in float64."""
        many = len(self.all_configurations) * len(self.continuous) > MANY
        slow = self.engine.name == "mpf" and len(self.continuous) > 1
        return (many or slow) and all(self.support(x[0]) != "unit" for x in self.continuous)

    def width(self) -> int:
        """The most latents that stand in one table when they are eliminated, the best order greedily chosen."""
        widest = 0
        for assigned in self.all_configurations[:FOR_WINDOWS]:
            scopes = [set(self._scope(v, b, assigned)[0]) for v, b in self._node_elements()]
            while any(scopes):
                open_ = sorted(set().union(*scopes))
                joined = {k: set().union(*(s for s in scopes if k in s)) for k in open_}
                key = min(open_, key=lambda k: len(joined[k]))
                widest = max(widest, len(joined[key]))
                scopes = [s for s in scopes if key not in s] + [joined[key] - {key}]
        return widest

    def _scope(
        self, v: dict[str, Any], binding: dict[str, int], assigned: Mapping[Element, int]
    ) -> tuple[list[Key], dict[Element, int]]:
        """The axes that one element of a node depends on, and the categories relevant to it."""
        parts, inner = zip(*node_parts(v, self.state, binding), strict=True)
        (relevant,) = branches(parts, inner, self.state, assigned)
        touched: set[Element] = set()
        for p, b in zip(parts, inner, strict=True):
            touched |= mentioned(p, self.state, b, relevant)
        return list(dict.fromkeys(self.axis_of[x][0] for x in sorted(touched) if x in self.axis_of)), relevant

    def _node_elements(self) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
        for v in self.claim.nodes:
            for binding in bindings(v["plates"], self.state.sizes, {}):
                yield v, binding

    def _table(
        self,
        v: dict[str, Any],
        binding: dict[str, int],
        assigned: Mapping[Element, int],
        placed: Mapping[Element, Value],
        cache: dict[Key, Table],
    ) -> Table:
        """p(node element) on the grid of the latents in its scope."""
        parts, inner = zip(*node_parts(v, self.state, binding), strict=True)
        used = tuple(sorted((x, assigned[x]) for x in self._used(parts, inner, assigned)))
        key = (v["name"], *sorted(binding.items()), used)
        if key not in cache:
            scope, relevant = self._scope(v, binding, assigned)
            sizes = [len(next(placed[x] for x in placed if self.axis_of[x][0] == k)) for k in scope]
            if np.prod(sizes, dtype=float) > _largest_table(self.engine):
                raise Infeasible(f"a table over {len(scope)} latents in the evidence")
            grid: dict[Element, Value] = dict(self.points)
            for x, values in placed.items():
                if self.axis_of[x][0] in scope:
                    shape = [1] * len(scope)
                    shape[scope.index(self.axis_of[x][0])] = -1
                    grid[x] = values.reshape(shape)
            lookup = Averages(self.state, Held(relevant, {})).scope(relevant, grid)
            value, args = node_arguments(v, lookup, binding)
            family = distribution_at(v, self.state, binding)["name"]
            logs = log_density(self.engine, family, value, args)
            if v["weight"] is not None:
                logs = logs * evaluate(v["weight"], lookup, binding)
            cache[key] = (tuple(scope), np.broadcast_to(np.asarray(self.engine("exp", logs)), sizes))
        return cache[key]

    def _used(self, parts: Any, inner: Any, assigned: Mapping[Element, int]) -> set[Element]:
        """The assigned elements that the parts depend on, by selection or by value."""
        found: set[Element] = set()
        for p, b in zip(parts, inner, strict=True):
            found |= mentioned(p, self.state, b, assigned)
            found |= _selectors(p, self.state, b, assigned)
        return found & set(assigned)


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
        if cost(key) > _largest_table(e) * 2:
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
