"""What an expression of the language of identities means: its value in one world.

Every bound variable has an axis of its own, so that a sum (or integral) is a weighted sum over the last
axis. Divergences, entropies, the ELBO and covariances have their textbook definitions here; derivatives
are central differences at a much higher precision. Nothing is simplified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Value, to_int

if TYPE_CHECKING:
    from cavi.verify.identities.world import World

Node = list[Any]
STEP = Fraction(1, 10**36)
MAX_CELLS = 3_000_000
_RENAMED = {"loggamma": "lgamma", "Abs": "abs"}


class Undecided(Exception):
    """An expression whose value is out of reach in this world; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where a variable is: at one node, or along an axis."""

    index: int
    is_axis: bool


@dataclass(frozen=True)
class Scope:
    """What names stand for: variables have places, symbols and vectors values, labels whole numbers."""

    world: World
    depth: int = 0
    sizes: tuple[int, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)

    def bind(self, keys: Iterable[str]) -> Scope:
        """The scope inside a sum over variables, each with a new axis."""
        places, sizes = dict(self.places), list(self.sizes)
        for key in keys:
            places[key] = Place(len(sizes), True)
            sizes.append(len(self.world.nodes(base(key))))
        if int(np.prod(sizes, dtype=object)) > MAX_CELLS:
            raise Undecided(f"{len(sizes)} nested variables are too many for quadrature")
        return replace(self, depth=len(sizes), sizes=tuple(sizes), places=places)

    def with_value(self, name: str, value: Any) -> Scope:
        """The scope with a value for one symbol or vector."""
        return replace(self, values={**self.values, name: value})


def base(key: str) -> str:
    """The variable that a copy is a copy of."""
    return key.partition("@")[0]


def key_of(node: Node, scope: Scope) -> str:
    """The key of a variable or of a copy of one."""
    if node[0] == "sample":
        return f"{node[1]}@{number_of(node[2], scope)}"
    return str(node[1])


def number_of(node: Node, scope: Scope) -> int:
    """A whole number: a label, a count."""
    if node[0] == "label":
        return scope.labels[node[1]] if node[1] in scope.labels else scope.world.label(node[1])
    return to_int(evaluate(node, scope))


def lift(value: Any, depth: int) -> Any:
    """A value with an axis for every bound variable."""
    if isinstance(value, list):
        return [lift(v, depth) for v in value]
    if isinstance(value, np.ndarray) and value.ndim < depth:
        return value.reshape(value.shape + (1,) * (depth - value.ndim))
    return value


def along(array: Value, axes: list[int], depth: int) -> Value:
    """An array whose dimensions are laid along the given axes."""
    order = sorted(range(len(axes)), key=axes.__getitem__)
    array = np.transpose(array, order)
    shape = [1] * depth
    for size, k in zip(array.shape, order, strict=True):
        shape[axes[k]] = size
    return array.reshape(shape)


def evaluate(node: Node, scope: Scope) -> Any:
    """The value of an expression: a number, an array over the bound variables, or a list of them for a vector."""
    return lift(_VALUES[node[0]](node, scope), scope.depth)


def _number(node: Node, scope: Scope) -> Any:
    return scope.world.engine.number(Fraction(node[1]))


def _constant(node: Node, scope: Scope) -> Any:
    e = scope.world.engine
    return e.constants("pi") if node[1] == "pi" else e("exp", e.number(1))


def _symbol(node: Node, scope: Scope) -> Any:
    name = node[1]
    if name in scope.values:
        return scope.values[name]
    definition = scope.world.definition("sym", name)
    if definition is not None:
        return evaluate(definition[1], scope)
    return scope.world.parameter(name, node[2] if node[0] == "sym" else "vector")


def _label(node: Node, scope: Scope) -> Any:
    return scope.world.engine.number(number_of(node, scope))


def _variable(node: Node, scope: Scope) -> Any:
    key = key_of(node, scope)
    if key not in scope.places:
        return scope.world.nodes(base(key))[scope.world.fixed(key)]
    place = scope.places[key]
    nodes = scope.world.nodes(base(key))
    return along(nodes, [place.index], scope.depth) if place.is_axis else nodes[place.index]


def _add(node: Node, scope: Scope) -> Any:
    terms = [evaluate(a, scope) for a in node[1]]
    if any(isinstance(t, list) for t in terms):
        size = max(len(t) for t in terms if isinstance(t, list))
        columns = [t if isinstance(t, list) else [t] * size for t in terms]
        return [_total(c) for c in zip(*columns, strict=True)]
    return _total(terms)


def _total(terms: Iterable[Any]) -> Any:
    total, *rest = terms
    for t in rest:
        total = total + t
    return total


def _multiply(node: Node, scope: Scope) -> Any:
    product: Any = scope.world.engine.number(1)
    for a in node[1]:
        factor = evaluate(a, scope)
        if isinstance(factor, list):
            product = [product * f for f in factor]
        else:
            product = [p * factor for p in product] if isinstance(product, list) else product * factor
    return product


def _power(node: Node, scope: Scope) -> Any:
    e, b = scope.world.engine, evaluate(node[1], scope)
    if node[2][0] == "num":
        return e.power(b, Fraction(node[2][1]))
    return e("exp", e("log", b) * evaluate(node[2], scope))


def _function(node: Node, scope: Scope) -> Any:
    e, name = scope.world.engine, node[1]
    args = [evaluate(a, scope) for a in node[2]]
    if name in ("sinh", "cosh", "tanh"):
        up, down = e("exp", args[0]), e("exp", -args[0])
        odd, even = (up - down) / 2, (up + down) / 2
        return {"sinh": odd, "cosh": even, "tanh": odd / even}[name]
    name = _RENAMED.get(name, name)
    if name not in e.functions:
        raise Undecided(f"the function {name} has no numerical value here")
    return e(name, *args)


def _density(node: Node, scope: Scope) -> Any:
    definition = scope.world.definition("density", node[1])
    if definition is not None:
        return evaluate(definition[1], _applied(definition[0], node, scope))
    parameters = [evaluate(s, scope) for s in node[4]]
    joint = _marginal(node[1], [*node[2], *node[3]], parameters, scope)
    return joint / _marginal(node[1], node[3], parameters, scope) if node[3] else joint


def _marginal(name: str, variables: list[Node], parameters: list[Any], scope: Scope) -> Any:
    keys = [key_of(v, scope) for v in variables]
    table, order = scope.world.marginal(name, tuple(sorted(base(k) for k in keys)), parameters)
    by_base = {base(k): k for k in keys}
    index: list[Any] = []
    axes: list[int] = []
    for variable in order:
        place = scope.places.get(by_base[variable])
        if place is None or not place.is_axis:
            index.append(scope.world.fixed(by_base[variable]) if place is None else place.index)
        else:
            index.append(slice(None))
            axes.append(place.index)
    found = table[tuple(index)]
    return along(found, axes, scope.depth) if axes else found


def _applied(left: Node, use: Node, scope: Scope) -> Scope:
    """The scope for the right side of a definition that is used with other arguments."""
    old = [*left[2], *left[3], *left[4]] if left[0] == "density" else left[3]
    new = [*use[2], *use[3], *use[4]] if use[0] == "density" else use[3]
    places, values, labels = dict(scope.places), dict(scope.values), dict(scope.labels)
    for o, n in zip(old, new, strict=True):
        if o[0] == "var":
            key = key_of(n, scope)
            places[o[1]] = scope.places.get(key) or Place(scope.world.fixed(key), False)
        elif o[0] == "label":
            labels[o[1]] = number_of(n, scope)
        else:
            values[o[1]] = evaluate(n, scope)
    return replace(scope, places=places, values=values, labels=labels)


def _unknown(node: Node, scope: Scope) -> Any:
    _, name, kind, arguments = node
    definition = scope.world.definition("unknown", name)
    if definition is not None:
        return evaluate(definition[1], _applied(definition[0], node, scope))
    return scope.world.function(name, kind, [evaluate(a, scope) for a in arguments])


def _sum(values: Any, scope: Scope, down_to: int) -> Any:
    """Σ over the axes from `down_to` on, of an array that may be constant along some of them."""
    if isinstance(values, list):
        return [_sum(v, scope, down_to) for v in values]
    full = np.empty(scope.sizes, dtype=object)
    full[...] = values
    for _ in range(scope.depth - down_to):
        full = full.sum(axis=-1)
    return full if down_to else full[()] if isinstance(full, np.ndarray) else full


def _weights(keys: list[str], scope: Scope) -> Any:
    product: Any = scope.world.engine.number(1)
    for key in keys:
        product = product * along(scope.world.weights(base(key)), [scope.places[key].index], scope.depth)
    return product


def _times(a: Any, b: Any) -> Any:
    return [v * b for v in a] if isinstance(a, list) else a * b


def _mass(node: Node, scope: Scope) -> Any:
    keys = [key_of(v, scope) for v in node[2]]
    inner = scope.bind(keys)
    return _sum(_times(evaluate(node[1], inner), _weights(keys, inner)), inner, scope.depth)


def _average(law: Node, scope: Scope, body: Callable[[Scope], Any]) -> Any:
    """E_law of a function of the scope inside."""
    if law[0] == "iid":
        density, count = law[1], number_of(law[2], scope)
        keys = [f"{v[1]}@{k}" for k in range(1, count + 1) for v in density[2]]
        inner = scope.bind(keys)
        weight: Any = _weights(keys, inner)
        for k in range(1, count + 1):
            copy = [*density[:2], [["sample", v[1], ["num", str(k)]] for v in density[2]], *density[3:]]
            weight = weight * evaluate(copy, inner)
    else:
        keys = [key_of(v, scope) for v in law[2]]
        inner = scope.bind(keys)
        weight = _weights(keys, inner) * evaluate(law, inner)
    return _sum(_times(body(inner), weight), inner, scope.depth)


def _expect(node: Node, scope: Scope) -> Any:
    return _average(node[2], scope, lambda inner: evaluate(node[1], inner))


def _covariance(node: Node, scope: Scope) -> Any:
    _, f, g, law = node

    def mean(body: Callable[[Scope], Any]) -> Any:
        return _average(law, scope, body)

    a, b = mean(lambda s: evaluate(f, s)), mean(lambda s: evaluate(g, s))
    return mean(lambda s: (evaluate(f, s) - lift(a, s.depth)) * (evaluate(g, s) - lift(b, s.depth)))


def _log_of(density: Node, scope: Scope) -> Any:
    return scope.world.engine("log", evaluate(density, scope))


def _kl(node: Node, scope: Scope) -> Any:
    return _average(node[1], scope, lambda s: _log_of(node[1], s) - _log_of(node[2], s))


def _elbo(node: Node, scope: Scope) -> Any:
    return _average(node[1], scope, lambda s: _log_of(node[2], s) - _log_of(node[1], s))


def _entropy(node: Node, scope: Scope) -> Any:
    return _average(node[1], scope, lambda s: -_log_of(node[1], s))


def _f_divergence(node: Node, scope: Scope) -> Any:
    _, p, q, f, u = node
    return _average(q, scope, lambda s: evaluate(f, s.with_value(u[1], evaluate(p, s) / evaluate(q, s))))


def _gradient(node: Node, scope: Scope) -> Any:
    _, body, s = node
    h = scope.world.engine.number(STEP)

    def moved(sign: int) -> Any:
        if s[0] == "component":
            vector = list(evaluate(s[1], scope))
            i = number_of(s[2], scope) - 1
            vector[i] = vector[i] + sign * h
            return evaluate(body, scope.with_value(s[1][1], vector))
        return evaluate(body, scope.with_value(s[1], evaluate(s, scope) + sign * h))

    up, down = moved(1), moved(-1)
    if isinstance(up, list):
        return [(a - b) / (2 * h) for a, b in zip(up, down, strict=True)]
    return (up - down) / (2 * h)


def _at(node: Node, scope: Scope) -> Any:
    return evaluate(node[1], scope.with_value(node[2][1], evaluate(node[3], scope)))


def _inner(node: Node, scope: Scope) -> Any:
    a, b = evaluate(node[1], scope), evaluate(node[2], scope)
    return _total(x * y for x, y in zip(a, b, strict=True))


def _component(node: Node, scope: Scope) -> Any:
    return evaluate(node[1], scope)[number_of(node[2], scope) - 1]


def _over_labels(node: Node, scope: Scope) -> tuple[list[Any], int]:
    _, body, label, count, without = node
    left_out = number_of(without, scope) if without[0] == "label" else 0
    chosen = [k for k in range(1, number_of(count, scope) + 1) if k != left_out]
    values = [evaluate(body, replace(scope, labels={**scope.labels, label[1]: k})) for k in chosen]
    return values, len(chosen)


def _total_node(node: Node, scope: Scope) -> Any:
    values, _ = _over_labels(node, scope)
    return _total(values)


def _average_node(node: Node, scope: Scope) -> Any:
    values, count = _over_labels(node, scope)
    return _total(values) / count


_VALUES: dict[str, Callable[[Node, Scope], Any]] = {
    "num": _number,
    "const": _constant,
    "sym": _symbol,
    "vec": _symbol,
    "label": _label,
    "var": _variable,
    "sample": _variable,
    "add": _add,
    "mul": _multiply,
    "pow": _power,
    "fn": _function,
    "density": _density,
    "mass": _mass,
    "expect": _expect,
    "cov": _covariance,
    "kl": _kl,
    "fdiv": _f_divergence,
    "entropy": _entropy,
    "elbo": _elbo,
    "unknown": _unknown,
    "grad": _gradient,
    "at": _at,
    "inner": _inner,
    "component": _component,
    "total": _total_node,
    "average": _average_node,
}
KINDS = frozenset(_VALUES) | {"iid"}
