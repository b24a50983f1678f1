"""Quadrature of one factor from its "q": a chain of ordinary distributions, sampled one after another.

Every distribution adds axes to a tensor grid. Its arguments may depend on what came before, so they are arrays over the
axes so far. Normals are whitened by the Cholesky factor of their precision and Wishart matrices by Bartlett's
decomposition; the weights are then corrected by the reference density, so that a wrong whitening would show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Value
from cavi.verify.claim import Element
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.evaluate import Binding, Position, bindings
from cavi.verify.matrix import cholesky, inverse, lower_inverse
from cavi.verify.rules import QuadratureError, Rule, compressed, half_line, line_rule, normal_rule
from cavi.verify.scalar import scalar_rule

if TYPE_CHECKING:
    from cavi.verify.state import State

OFF_DIAGONAL = 4  # exact to degree 7 in an element of Bartlett's factor off the diagonal
GAUSSIAN = ("Normal", "MultivariateNormal", "MatrixNormal")


def links(state: State, factor: Mapping[str, Any], site: Position) -> Iterator[tuple[dict[str, Any], Binding]]:
    """The pieces of q at a site in the order of sampling: a link and the binding of its axes but the event."""
    outer = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
    for link in factor["q"]:
        free = [a for a in link["plates"] if a[0] not in outer]
        places = list(bindings(free, state.sizes, outer))
        if link["chain"] is not None:
            places.sort(key=lambda b: -b[link["chain"]["index"][0]])
        yield from ((link, b) for b in places)


def event_elements(state: State, link: Mapping[str, Any], binding: Binding) -> list[Element]:
    """The elements of the latent that one piece gives."""
    axes = state.claim.axes(link["latent"])
    return [(link["latent"], tuple(b[i] for i, _ in axes)) for b in bindings(link["event"], state.sizes, binding)]


def gaussian_axes(state: State, factor: Mapping[str, Any], site: Position) -> int:
    """The number of axes of Normals in the grid of a factor."""
    families = state.claim.family
    return sum(
        len(event_elements(state, link, b))
        for link, b in links(state, factor, site)
        if families(link["latent"]) in GAUSSIAN
    )


def log_q_of_links(state: State, factor: Mapping[str, Any], site: Position, values: Mapping[Element, Value]) -> Value:
    """The reference log density at given values of all the elements."""
    from cavi.verify.nodes import distribution_at, node_arguments

    scope = Placed(state, values)
    total: Value = state.engine.number(0)
    for link, binding in links(state, factor, site):
        v = {**link, "name": link["latent"]}
        family = distribution_at(v, state, binding)["name"]
        # An event axis of the factor may stand before its plates in the array of the latent.
        value, args = node_arguments(v, scope, binding, state.claim.axes(link["latent"]))
        if FAMILIES[family].support in ("category", "binary"):
            total = total + _category_density(state, family, value, args)
        else:
            total = total + log_density(state.engine, family, value, args)
    return total


def _category_density(state: State, family: str, value: Value, args: Mapping[str, Any]) -> Value:
    probs = args["probs"] if family == "Categorical" else [1 - args["prob"], args["prob"]]
    if not isinstance(value, np.ndarray):
        return state.engine("log", probs[int(value)])
    total: Value = state.engine.number(0)
    for k, p in enumerate(probs):
        total = total + np.where(value == k, state.engine("log", p), state.engine.number(0))
    return total


class Placed:
    """Scope of q: elements of the block that come earlier, parameters, known values."""

    def __init__(self, state: State, values: Mapping[Element, Value]) -> None:
        self.engine, self.sizes, self.state, self.values = state.engine, state.sizes, state, values
        self.param, self.moment, self.expectation = state.param, state.moment, state.expectation
        self.axes = 0

    def element(self, name: str, at: Position) -> Value:
        """A value given, with the axes added since it was made."""
        if (name, at) not in self.values:
            return self.state.element(name, at)
        return padded(self.values[name, at], self.axes)


def padded(x: Value, axes: int) -> Value:
    """The array with trailing axes of length one up to so many."""
    if not isinstance(x, np.ndarray) or x.ndim >= axes:
        return x
    return x.reshape(x.shape + (1,) * (axes - x.ndim))


class Grid:
    """The grid of one factor at one site while it is built."""

    def __init__(self, state: State, factor: Mapping[str, Any], site: Position, order: int) -> None:
        from cavi.verify.nodes import distribution_at, family_arguments

        self.state, self.e, self.order = state, state.engine, order
        self.values: dict[Element, Value] = {}
        self.axis_of: dict[Element, int] = {}
        self.scope = Placed(state, self.values)
        self.weights: Value = np.array(self.e.number(1), dtype=object)
        self.log_q: Value = self.e.number(0)
        self.lengths: list[int] = []
        for link, binding in links(state, factor, site):
            distribution = distribution_at(link, state, binding)
            args = family_arguments(distribution, link, self.scope, binding)
            self._add(distribution["name"], args, event_elements(state, link, binding), factor["name"])
        count = len(self.lengths)
        self.weights = np.array(np.broadcast_to(padded(self.weights, count), self.lengths))
        self.log_q = padded(self.log_q, count)
        self.values = {x: padded(value, count) for x, value in self.values.items()}

    def _add(self, family: str, args: dict[str, Any], elements: list[Element], name: str) -> None:
        support = FAMILIES[family].support
        if family in GAUSSIAN:
            self._normal(family, args, elements)
        elif family in ("Wishart", "InverseWishart"):
            self._wishart(family, args, elements)
        elif support in ("category", "binary"):
            self._category(args["probs"] if family == "Categorical" else [1 - args["prob"], args["prob"]], elements[0])
        elif len(elements) == 1:
            self._scalar(family, args, elements[0])
        else:
            raise QuadratureError(f"{name}: no quadrature for a {family} inside a block")

    def _axis(self, x: Value) -> Value:
        """The nodes of one more axis."""
        self.lengths.append(len(x))
        self.scope.axes = len(self.lengths)
        return x.reshape((1,) * (len(self.lengths) - 1) + (-1,))

    def _weigh(self, factor: Value, log_density_: Value) -> None:
        count = len(self.lengths)
        self.weights = padded(self.weights, count) * padded(factor, count)
        self.log_q = padded(self.log_q, count) + padded(log_density_, count)

    def _category(self, probs: list[Any], element: Element) -> None:
        count = len(self.lengths) + 1
        table = np.empty(len(probs), dtype=object)
        table[:] = range(len(probs))
        self.axis_of[element] = len(self.lengths)
        self.values[element] = self._axis(table)
        columns = [np.asarray(padded(p, count - 1) if isinstance(p, np.ndarray) else p, dtype=object) for p in probs]
        columns = list(np.broadcast_arrays(*columns))
        stacked = np.stack(columns, axis=-1)
        stacked = stacked.reshape((1,) * (count - stacked.ndim) + stacked.shape)
        self._weigh(stacked, self.e("log", stacked))

    def _scalar(self, family: str, args: dict[str, Any], element: Element) -> None:

        if not any(isinstance(a, np.ndarray) and a.size > 1 for a in args.values()):
            plain = {n: a.ravel()[0] if isinstance(a, np.ndarray) else a for n, a in args.items()}
            rule = scalar_rule(self.e, family, plain, self.state.digits)
            self.values[element] = self._axis(rule.nodes)
            shape = self.values[element].shape
            self._weigh(rule.weights.reshape(shape), rule.log_density.reshape(shape))
            return
        # One rule for every outer node, all padded to one length by nodes of weight zero.
        outer = np.broadcast_arrays(*(np.asarray(a, dtype=object) for a in args.values()))
        shape = outer[0].shape + (1,) * (len(self.lengths) - outer[0].ndim)
        rules = [
            scalar_rule(self.e, family, dict(zip(args, point, strict=True)), self.state.digits)
            for point in zip(*(a.ravel() for a in outer), strict=True)
        ]
        length = max(len(r.nodes) for r in rules)
        nodes, weights, logs = (np.empty((len(rules), length), dtype=object) for _ in range(3))
        for i, r in enumerate(rules):
            nodes[i], logs[i], weights[i] = r.nodes[-1], r.log_density[-1], self.e.number(0)
            nodes[i, : len(r.nodes)], logs[i, : len(r.nodes)] = r.nodes, r.log_density
            weights[i, : len(r.nodes)] = r.weights
        self._axis(nodes[0])
        self.values[element] = nodes.reshape((*shape, length))
        self._weigh(weights.reshape((*shape, length)), logs.reshape((*shape, length)))

    def _normal(self, family: str, args: dict[str, Any], elements: list[Element]) -> None:
        """x = m + L^-T u with L Lᵀ the precision."""
        e, size = self.e, len(elements)
        mean, precision = as_vector(e, family, args)
        low = cholesky(e, precision)
        root = lower_inverse(e, low)
        u, w, standard = self._whitened()
        grids = []
        factor: Value = e.number(1)
        log_proposal: Value = e.number(0)
        for d in range(size):
            node = self._axis(u)
            grids.append(node)
            factor = factor * w.reshape(node.shape) if d == 0 else padded(factor, node.ndim) * w.reshape(node.shape)
            log_proposal = (
                padded(log_proposal, node.ndim) + standard.reshape(node.shape) + padded(e("log", low[d][d]), node.ndim)
            )
        count = len(self.lengths)
        grids = [padded(g, count) for g in grids]
        values = []
        for d in range(size):
            value = padded(mean[d], count)
            for k in range(d, size):
                value = value + padded(root[k][d], count) * grids[k]
            values.append(value)
        for x, value in zip(elements, values, strict=True):
            self.values[x] = value
        again = {
            n: [[padded(x, count) for x in row] if isinstance(row, list) else padded(row, count) for row in a]
            if isinstance(a, list)
            else padded(a, count)
            for n, a in args.items()
        }
        shaped: Any = values if family == "MultivariateNormal" else values[0]
        if family == "MatrixNormal":
            columns = len(args["mean"][0])
            shaped = [values[i : i + columns] for i in range(0, size, columns)]
        logs = log_density(e, family, shaped, again)
        self._weigh(factor * e("exp", logs - log_proposal), logs)

    def _whitened(self) -> tuple[Value, Value, Value]:

        e = self.e
        if self.order:
            u, w = normal_rule(e, self.order)
            return u, w, -u * u / 2 - e("log", 2 * e.constants("pi")) / 2
        rule = scalar_rule(e, "Normal", {"mean": e.number(0), "precision": e.number(1)}, self.state.digits)
        return rule.nodes, rule.weights, rule.log_density

    def _wishart(self, family: str, args: dict[str, Any], elements: list[Element]) -> None:
        """Λ = L A Aᵀ Lᵀ with L Lᵀ the scale: squares on the diagonal of A are χ², elements below it standard Normal."""
        e, dof = self.e, args["dof"]
        size = round(len(elements) ** 0.5)
        if isinstance(dof, np.ndarray):
            raise QuadratureError(f"{elements[0][0]}: its degrees of freedom depend on another latent of the block")
        low = cholesky(e, args["scale"] if family == "Wishart" else inverse(e, args["scale"]))
        a: list[list[Any]] = [[e.number(0)] * size for _ in range(size)]
        factor: Value = e.number(1)
        log_proposal: Value = e.number(0)
        log_jacobian: Value = e.number(0)
        for i in range(size):
            log_jacobian = log_jacobian + (size + 1) * e("log", low[i][i])
            for j in range(i + 1):
                if i == j:
                    rule = chi_square_rule(self.state, dof - i)
                    square = self._axis(rule.nodes)
                    a[i][i] = e("sqrt", square)
                    log_jacobian = padded(log_jacobian, square.ndim) + (size - i - 1) * e("log", square) / 2
                    weights, logs, node = rule.weights, rule.log_density, square
                else:
                    u, weights = normal_rule(e, OFF_DIAGONAL)
                    node = a[i][j] = self._axis(u)
                    logs = -u * u / 2 - e("log", 2 * e.constants("pi")) / 2
                factor = padded(factor, node.ndim) * weights.reshape(node.shape)
                log_proposal = padded(log_proposal, node.ndim) + logs.reshape(node.shape)
        count = len(self.lengths)
        a = [[padded(x, count) for x in row] for row in a]
        b = [
            [
                _sum(padded(low[i][k], count) * a[k][j] for k in range(j, i + 1)) if j <= i else e.number(0)
                for j in range(size)
            ]
            for i in range(size)
        ]
        x = [[_sum(b[i][k] * b[j][k] for k in range(min(i, j) + 1)) for j in range(size)] for i in range(size)]
        if family == "InverseWishart":
            for i in range(size):
                log_jacobian = padded(log_jacobian, count) - 2 * (size + 1) * e("log", b[i][i])
            root = lower_inverse(e, b)
            x = [
                [_sum(root[k][i] * root[k][j] for k in range(max(i, j), size)) for j in range(size)]
                for i in range(size)
            ]
        for element, value in zip(elements, (v for row in x for v in row), strict=True):
            self.values[element] = value
        scale = [[padded(s, count) for s in row] for row in args["scale"]]
        logs = log_density(e, family, x, {"dof": dof, "scale": scale})
        self._weigh(factor * e("exp", logs + padded(log_jacobian, count) - log_proposal), logs)


def chi_square_rule(state: State, dof: Value) -> Rule:
    """A rule for χ²: few nodes, exact for half-integer powers and for the logarithm times them.

    The adaptive rule has hundreds of nodes; weights on a few are found that give the same sums for these functions.
    """
    e = state.engine
    args = {"shape": dof / 2, "rate": e.number(1) / 2}

    def density(x: Value) -> Value:
        return log_density(e, "Gamma", x, args)

    rule = line_rule(e, density, half_line(), state.digits, "Wishart")
    lowest = -2 if float(dof) > 5 else 0
    powers = range(2 * lowest, 7)
    return compressed(e, rule, density, powers)


def _sum(terms: Any) -> Any:
    total = None
    for t in terms:
        total = t if total is None else total + t
    return total


def as_vector(e: Any, family: str, args: Mapping[str, Any]) -> tuple[list[Any], list[list[Any]]]:
    """Mean and precision of a Normal as those of a vector."""
    if family == "Normal":
        return [args["mean"]], [[args["precision"]]]
    if family == "MultivariateNormal":
        return args["mean"], args["precision"]
    v, u = args["row_precision"], args["column_precision"]
    places = [(i, j) for i in range(len(v)) for j in range(len(u))]
    return [args["mean"][i][j] for i, j in places], [[v[i][k] * u[j][m] for k, m in places] for i, j in places]
