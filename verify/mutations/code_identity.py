"""Whether a changed module computes the same functions: both are carried out in a finite field, at random points.

That proves more than agreement of floating-point numbers: that what differs in the text is the same by the laws of a
field and the symmetry of the matrices that are symmetric, whatever the values. It says nothing of rounding.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from cavi.verify.cells import at_cells, given_cells
from cavi.verify.claim import Axes, Claim
from cavi.verify.evaluate import positions, size_of
from cavi.verify.generated import Arrays, Generated, floats
from cavi.verify.generic import Table
from cavi.verify.instance import Instance, make_instance, small_sizes
from cavi.verify.mutations import residue
from cavi.verify.mutations.residue import Residue, uninterpreted

POINTS = 3
PASSES = ("collect_", "expand_")
SAME = "the same function in exact arithmetic at random points"
ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, NotImplementedError)


class Identity:
    """The module of a claim in exact arithmetic."""

    def __init__(self, claim: Claim, source: str, seed: int) -> None:
        self.claim, self.source, self.seed = claim, source, seed

    @cached_property
    def instances(self) -> list[Instance]:
        """At sizes that tell axes apart."""
        small = small_sizes(self.claim, 3)
        shapes = [small, {s: 2 + i % 3 for i, s in enumerate(small)}, {s: 4 - i % 3 for i, s in enumerate(small)}]
        return [make_instance(self.claim, self.seed + i, shapes[i]) for i in range(POINTS)]

    @cached_property
    def expected(self) -> list[list[Any]] | None:
        """What the module as it was generated computes; None where exact arithmetic cannot follow it."""
        return self._outcomes(ast.parse(self.source), "")

    def __call__(self, tree: ast.Module, function: str) -> bool:
        """Whether a module in which that function was changed computes the same; False where it cannot be told."""
        if function in REPLACED or self.expected is None or not self._carried_out(function):
            return False
        found = self._outcomes(tree, function)
        return found is not None and all(_equal(a, b) for a, b in zip(found, self.expected, strict=True))

    def _carried_out(self, function: str) -> bool:
        """Whether a function is: what passes over chains keep is not, where the recursion is followed instead."""
        return not (function.startswith(PASSES) and "def forward_backward(" in self.source)

    def _outcomes(self, tree: ast.Module, function: str) -> list[list[Any]] | None:
        try:
            module = Generated(ast.unparse(ast.fix_missing_locations(_Exact().visit(copy.deepcopy(tree))))).module
            module.__dict__["_residues"] = np.frompyfunc(Residue.of, 1, 1)
            for name, replacement in REPLACED.items():
                if hasattr(module, name):
                    setattr(module, name, replacement)
            return [list(self._outcome(module, instance)) for instance in self.instances]
        except ERRORS:
            return None

    def _outcome(self, module: Any, instance: Instance) -> Iterator[Any]:
        """Terms of the bound, and all that each function of the module makes of a random state."""
        state = self._state(module, instance)
        yield from module.elbo_terms(copy.deepcopy(state)).values()
        for functions in (module.UPDATES, module.FROM_MARGINALS, module.STARTS):
            for change in functions.values():
                after = copy.deepcopy(state)
                change(after)
                yield from _numbers(after)
        for name, collect in module.COLLECT.items():
            after = copy.deepcopy(state)
            collect(after)
            yield from module.elbo_terms(after).values()
            if name in module.EXPAND and "natural" in after.params[name]:
                module.EXPAND[name](after)
            yield from _numbers(after)

    def _state(self, module: Any, instance: Instance) -> Any:
        rng = np.random.default_rng(self.seed)
        known: dict[str, dict[str, Any]] = {"data": {}, "hyper": {}}
        for name, table in instance.data.items():
            v = self.claim.variables[name]
            array = _array(v["domain"], self.claim.axes(name), table, instance.sizes, rng, v["over"] is not None)
            known["hyper" if v["role"] == "hyper" else "data"][name] = array
        cells, sizes = self._given_cells(module, instance, known["data"])
        state = module.State(known["data"], known["hyper"], sizes, dtype=object)
        for latent in self.claim.factor_of:
            values = {}
            for p in self.claim.standard(latent):
                table = instance.q[latent][p["name"]]
                whole = _array(p.get("domain"), p["indices"], table, instance.sizes, rng, False)
                values[p["name"]] = at_cells(self.claim, cells, latent, p["indices"], whole)
            state.store(latent, **values)
        for functions in (module.FOLLOWS, module.MOMENTS):
            for follow in functions.values():
                follow(state)
        return state

    def _given_cells(self, module: Any, instance: Instance, data: dict[str, Any]) -> tuple[Arrays, dict[str, int]]:
        """Sparse arrays as the values and places of cells, as `prepare` would make them; the cells, and all sizes."""
        cells: Arrays = {}
        sizes = dict(instance.sizes)
        for name, spec in getattr(module, "CELLS", {}).items():
            cells[name] = given_cells(self.claim, name, floats(instance.data[name], self.claim.axes(name), sizes))
            at = tuple(cells[name][key] for key in spec["keys"])
            data[name] = data[name][at]
            data |= dict(zip(spec["places"], at, strict=True))
            sizes[module.KNOWN[name]["axes"][0]] = len(at[0])
        return cells, sizes


def _numbers(state: Any) -> Iterator[Any]:
    yield from (value for p in state.params.values() for value in p.values())
    yield from state.moments.values()


def _array(
    domain: str | None, axes: Axes, table: Table, sizes: Mapping[str, int], rng: np.random.Generator, whole: bool
) -> Any:
    """Random residues, subject to the equations that such an array fulfils; marks and categories as they are."""
    out = np.empty(tuple(size_of(sizes, s) for _, s in axes), dtype=object)
    if whole or domain in ("binary", "index"):
        for at in positions(axes, sizes):
            out[at] = int(table[at])
        return out.astype(int)
    for at in positions(axes, sizes):
        out[at] = Residue(int(rng.integers(residue.PRIME)))
    if domain in ("spd", "positive_definite"):
        for at in positions(axes, sizes):  # what is equal by symmetry is equal in the table too
            out[at] = uninterpreted("entry", table[at], int(rng.bit_generator.seed_seq.entropy))  # type: ignore[attr-defined]
    if domain == "simplex":
        out = out / out.sum(axis=-1, keepdims=True)
    return out


def _equal(found: list[Any], expected: list[Any]) -> bool:
    if len(found) != len(expected):
        return False
    for a, b in zip(found, expected, strict=True):
        one, other = np.asarray(a, dtype=object), np.asarray(b, dtype=object)
        if one.shape != other.shape or not all(x == y for x, y in zip(one.ravel(), other.ravel(), strict=True)):
            return False
    return True


class _Exact(ast.NodeTransformer):
    """Arrays of objects in the place of arrays of floats."""

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        self.generic_visit(node)
        if node.arg == "dtype" and ast.unparse(node.value) in ("float", "np.float64"):
            return ast.keyword("dtype", ast.Name("object", ast.Load()))
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = ast.unparse(node.func)
        if called == "float" and len(node.args) == 1:
            return node.args[0]
        if called.removeprefix("np.") in residue.FUNCTIONS and len(node.args) == 1 and not node.keywords:
            node.args = [ast.Call(ast.Name("_residues", ast.Load()), node.args, [])]  # a number may be a plain float
        if called in ("np.zeros", "np.empty", "np.ones") and len(node.args) == 1 and not node.keywords:
            node.keywords = [ast.keyword("dtype", ast.Name("object", ast.Load()))]
        return node


# --- helpers of generated modules, in exact arithmetic -----------------------------------------


def _elementwise(name: str) -> Callable[..., Any]:
    def function(*arguments: Any) -> Any:
        return np.frompyfunc(lambda *x: uninterpreted(name, *x), len(arguments), 1)(*arguments)

    return function


def _squares(matrix: Any, axes: int) -> tuple[Any, tuple[int, ...]]:
    """Matrices one after another, and the axes before them."""
    lead = matrix.shape[: matrix.ndim - 2 * axes]
    side = int(np.prod(matrix.shape[matrix.ndim - axes :]))
    return matrix.reshape(-1, side, side), lead


def _inverse(matrix: Any, axes: int = 1) -> Any:
    squares, _ = _squares(matrix, axes)
    found = np.empty(squares.shape, dtype=object)
    for i, square in enumerate(squares):
        found[i] = residue.inverse(square)
    return found.reshape(matrix.shape)


def _logdet(matrix: Any, axes: int = 1) -> Any:
    squares, lead = _squares(matrix, axes)
    found = np.empty(len(squares), dtype=object)
    for i, square in enumerate(squares):
        found[i] = uninterpreted("log", residue.determinant(square))
    return found.reshape(lead) if lead else found[0]


class _Softmax:
    """Softmaxes of products, without regard to the range of numbers."""

    def __init__(self, natural: Any) -> None:
        self.natural = natural

    def __call__(self, features: Any) -> tuple[Any, Any]:
        weights = _elementwise("exp")(self.natural @ features)
        total = weights.sum(axis=0)
        return weights / total, _elementwise("log")(total).sum()


def _product(natural: Any, features: Any, out: Any) -> None:
    out[...] = natural @ features


def _segments(index: Any, size: Any) -> Any:
    indexes, sizes = (x if isinstance(x, tuple) else (x,) for x in (index, size))
    np.ravel_multi_index(tuple(np.asarray(i).ravel() for i in indexes), sizes)  # refuses what is out of range
    return index


def _segment_sum(values: Any, index: Any, size: Any) -> Any:
    indexes = index if isinstance(index, tuple) else (index,)
    sizes = size if isinstance(size, tuple) else (size,)
    out = np.zeros((*sizes, *values.shape[np.ndim(indexes[0]) :]), dtype=object)
    np.add.at(out, indexes, values)
    return out


def _scanned(steps: Any, values: Any, reverse: bool = False) -> Any:
    out = np.zeros(values.shape, dtype=object)
    last: Any = np.zeros(values.shape[1:], dtype=object)
    for t in range(len(values))[:: -1 if reverse else 1]:
        last = out[t] = (steps[t] @ last if values.ndim > 1 else steps[t] * last) + values[t]
    return out


def _unsettled(known: Any, own: Any, reverse: bool = False) -> Any:
    return range(len(own[0]))[:: -1 if reverse else 1]


class _Narrow:
    """A Normal vector in its form by rows, with the matrices that a field has."""

    def __init__(self, rows: Any, weights: Any, diagonal: Any, linear: Any) -> None:
        a = np.broadcast_to(np.asarray(diagonal, dtype=object), rows.shape[1:])
        self.precision = _outer(rows, weights) + np.diag(a)
        self.covariance = _inverse(self.precision)
        self.mean = self.covariance @ linear

    solved = classmethod(lambda cls, *arguments: cls(*arguments))

    def params(self, linear: Any) -> dict[str, Any]:
        return {
            "linear": linear,
            "precision": self.precision,
            "covariance": self.covariance,
            "logdet_precision": _logdet(self.precision),
            "mean": self.mean,
        }


def _outer(rows: Any, weights: Any = 1) -> Any:
    return (np.broadcast_to(np.asarray(weights, dtype=object), len(rows))[:, None] * rows).T @ rows


def _marks(lines: Any, columns: Any, weight: Any = 1) -> Any:
    places = [np.ravel_multi_index(np.broadcast_arrays(*index), sizes) for index, sizes in (lines, columns)]
    line, column, weight = (a.ravel() for a in np.broadcast_arrays(*places, weight))
    out = np.zeros([int(np.prod(sizes)) for _, sizes in (lines, columns)], dtype=object)
    np.add.at(out, (line, column), weight)
    return out


def _gathered(tables: Any, exponentials: Any, indices: Any) -> Any:
    heights = np.take(exponentials[0], indices[0], axis=0)
    for table, index in zip(exponentials[1:], indices[1:], strict=True):
        heights = heights * np.take(table, index, axis=0)
    masses = heights.sum(axis=1)
    return heights, masses, _elementwise("log")(masses)


def _scattered(shares: Any, index: Any, values: Any, size: int) -> Any:
    return _segment_sum(shares[:, None] * values, index, size)


def _cells(column: Any, line: Any, weight: Any, shape: Any, groups: Any) -> Any:
    return column, line, weight


def _bilinear(pairs: Any, columns: Any, lines: Any, dtype: Any) -> Any:
    column, line, weight = pairs
    tables, exponentials = zip(columns, lines, strict=True)
    heights, masses, log_masses = _gathered(tables, exponentials, [column, line])
    shares = weight / masses
    by_column, by_line = (_scattered(shares, i, heights, len(t)) for i, t in zip((column, line), tables, strict=True))
    return lambda: by_column, lambda: by_line, lambda: (weight * log_masses).sum()


_NODES = {"real": 1, "positive": 2, "unit": 3}  # with the logarithms that are nodes too


def _untold(axes: int, *coefficients: Any) -> Any:
    """Whether nothing depends on an element: a function of all its coefficients."""
    found = [np.asarray(c, dtype=object) for c in coefficients]
    out = np.empty(found[0].shape[:axes], dtype=object)
    for at in np.ndindex(out.shape):
        out[at] = uninterpreted("untold", *(x for c in found for x in np.ravel(c[at])))
    return out


def _stays(free: Any, before: Any, value: Any) -> Any:
    """One of two values, depending on whether something depends on it."""
    lead = np.asarray(free).reshape(np.shape(free) + (1,) * (np.ndim(value) - np.ndim(free)))
    return _elementwise("stays")(lead, before, value)


def _regular(free: Any, matrix: Any, axes: int = 1) -> Any:
    """Matrices that have an inverse where something depends on an element, and where nothing does."""
    return _stays(free, 0, matrix)


def _quadrature(log_density: Callable[..., Any], supports: str | tuple[str, str], shape: tuple[int, ...]) -> Any:
    """Three nodes of each number, the same for all; weights and normalisers are functions of the density there."""
    both = (supports,) if isinstance(supports, str) else supports
    points = [_row(f"node {k}", 3) for k in range(sum(_NODES[support] for support in both))]
    nodes = tuple(np.broadcast_to(p, (*shape, 3)) for p in points)
    heights = np.array(np.broadcast_to(log_density(*nodes), (*shape, 3)), dtype=object)
    weights, normalisers = np.empty((*shape, 3), dtype=object), np.empty(shape, dtype=object)
    for at in np.ndindex(shape):
        normalisers[at] = uninterpreted("normaliser", *heights[at])
        weights[at] = [uninterpreted(f"weight {k}", *heights[at]) for k in range(3)]
    return nodes, weights, normalisers


def _row(name: str, count: int) -> Any:
    out = np.empty(count, dtype=object)
    out[:] = [uninterpreted(name, k) for k in range(count)]
    return out


def _deviation(nodes: Any, weights: Any) -> Any:
    return _elementwise("sqrt")((nodes * nodes * weights).sum(axis=-1) - (nodes * weights).sum(axis=-1) ** 2)


def _correlation(x: Any, y: Any, weights: Any) -> Any:
    mean = (weights * x).sum(axis=-1), (weights * y).sum(axis=-1)
    return ((weights * x * y).sum(axis=-1) - mean[0] * mean[1]) / (_deviation(x, weights) * _deviation(y, weights))


def _normal_nodes(mean: Any, variance: Any) -> Any:
    deviations = np.asarray(_elementwise("sqrt")(variance), dtype=object)
    nodes = np.asarray(mean, dtype=object)[..., None] + deviations[..., None] * _row("z", 3)
    return nodes, _row("weight", 3)


def _step(state: Any, latent: str, propose: Callable[[Any], None], *merit: Any, **ways: Any) -> None:
    """What a step proposes; whether it is shortened is a matter of rounding too."""
    propose(state)


UNINTERPRETED = (
    "gammaln digamma polygamma xlogy multigammaln multidigamma log_maximised expit softplus tanhc log_bessel_i "
    "log_bessel_k dlog_bessel_k log_normal_interval truncated_mean truncated_second log_normal_outside outside_mean "
    "outside_second"
).split()
REPLACED: dict[str, Callable[..., Any]] = {
    **{name: _elementwise(name) for name in UNINTERPRETED},
    "inverse": _inverse,
    "logdet": _logdet,
    "forward_backward": lambda *arguments: None,  # it declines: the recursion in logarithms is followed
    "distinct": lambda array, axes: array,
    "Softmax": _Softmax,
    "product": _product,
    "weighted": lambda features, shares: features @ shares,
    "marks": _marks,
    "scanned": _scanned,
    "unsettled": _unsettled,
    "Narrow": _Narrow,
    "Outer": _outer,
    "squares_of": lambda rows, second: ((rows @ second) * rows).sum(axis=1),
    "trace_of_product": lambda second, outer: (second * outer).sum(),
    "segments": _segments,
    "segment_sum": _segment_sum,
    "gathered": _gathered,
    "scattered": _scattered,
    "cells": _cells,
    "bilinear": _bilinear,
    "quadrature": _quadrature,
    "plane_quadrature": _quadrature,
    "untold": _untold,
    "stays": _stays,
    "regular": _regular,
    "deviation": _deviation,
    "correlation": _correlation,
    "normal_nodes": _normal_nodes,
    "damped": _step,
    "settled": _step,
}
