"""Evaluation of plain expressions at an instance: nested loops for sums, no algebra.

    evaluate(["sum", [["n", "N"]], ["ref", "x", [["index", "n", "N"]]]], scope, {})  =  Σ_n x[n]

A scope supplies the values; they may be scalars or arrays that broadcast against each other, so
that one call evaluates an expression at every node of a quadrature grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, Protocol

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_int
from cavi.verify.matrix import inverse, log_determinant
from cavi.verify.rules import QuadratureError
from cavi.verify.standard_normal import standard_mean

FLOAT_DIGITS = 11  # asked of an integral where numbers have sixteen
GUARDS = ("link", "delta", "before")
Plain = list[Any]
Position = tuple[int, ...]
Binding = Mapping[str, int]


class Scope(Protocol):
    """Where an expression finds its values."""

    @property
    def engine(self) -> Engine:
        """The numbers to compute with."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Number of elements of each set."""

    def element(self, name: str, at: Position) -> Value:
        """A declared variable's element."""

    def moment(self, factor: str, key: str, at: Position) -> Value:
        """An entry of a factor's table of moments."""

    def param(self, latent: str, name: str, at: Position) -> Value:
        """A parameter of the factor of a latent."""

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        """An expectation under q that is not yet taken."""


def size_of(sizes: Mapping[str, int], name: str) -> int:
    """A symbolic size, or a fixed one given by its digits."""
    return int(name) if name.isdigit() else sizes[name]


def positions(axes: Sequence[Sequence[str]], sizes: Mapping[str, int]) -> Iterator[Position]:
    """Every position of an array with these axes."""
    return product(*(range(size_of(sizes, size)) for _, size in axes))


def bindings(axes: Sequence[Sequence[str]], sizes: Mapping[str, int], outer: Binding) -> Iterator[dict[str, int]]:
    """The outer binding with every combination of values of the axes."""
    for at in positions(axes, sizes):
        yield {**outer, **{name: i for (name, _), i in zip(axes, at, strict=True)}}


def evaluate(e: Plain, scope: Scope, binding: Binding) -> Value:
    """The value of an expression, its free indices bound as given.

    Raises:
        KeyError: for an index that is not bound or a value that the scope does not have.
        ValueError: for a head that the grammar does not have.
    """
    engine = scope.engine
    match e:
        case ["num", value]:
            return engine.number(Fraction(value))
        case ["const", name]:
            return engine.constants(name)
        case ["size", name]:
            return engine.number(size_of(scope.sizes, name))
        case ["ref", name, subs]:
            return scope.element(name, tuple(subscript(s, scope, binding) for s in subs))
        case ["is", name, subs, category]:
            value = scope.element(name, tuple(subscript(s, scope, binding) for s in subs))
            return equals(value, subscript(category, scope, binding))
        case ["delta", left, right]:
            return engine.number(int(subscript(left, scope, binding) == subscript(right, scope, binding)))
        case ["link", sub]:
            return engine.number(int(1 <= subscript(sub, scope, binding) <= _extent(sub, scope) - 1))
        case ["before", left, right]:
            return engine.number(int(subscript(left, scope, binding) < subscript(right, scope, binding)))
        case ["logdet", row, column, body]:
            return log_determinant(engine, _matrix(row, column, body, scope, binding))
        case ["inverse", row, column, body, left, right]:
            rows = inverse(engine, _matrix(row, column, body, scope, binding))
            return rows[subscript(left, scope, binding)][subscript(right, scope, binding)]
        case ["moment", factor, key, subs]:
            return scope.moment(factor, key, tuple(subscript(s, scope, binding) for s in subs))
        case ["param", latent, name, subs]:
            return scope.param(latent, name, tuple(subscript(s, scope, binding) for s in subs))
        case ["add", terms]:
            total = engine.number(0)
            for t in terms:
                total = total + evaluate(t, scope, binding)
            return total
        case ["mul", factors]:
            value = engine.number(1)
            for f in sorted(factors, key=_is_not_guard):  # guards first: behind a zero nothing is looked up
                value = value * evaluate(f, scope, binding)
                if not isinstance(value, np.ndarray) and value == 0:
                    return value
            return value
        case ["pow", base, exponent]:
            return engine.power(evaluate(base, scope, binding), Fraction(exponent))
        case ["sum", axes, body]:
            total = engine.number(0)
            for inner in bindings(axes, scope.sizes, binding):
                total = total + evaluate(body, scope, inner)
            return total
        case ["fn", "E", [inner]]:
            return scope.expectation(inner, binding)
        case ["fn", "normal_mean", [f, mean, variance]]:
            m, v = (evaluate(a, scope, binding) for a in (mean, variance))
            return _normal_mean(f, m, v, scope, binding)
        case ["given", value]:
            return value
        case ["fn", name, args]:
            return engine(name, *(evaluate(a, scope, binding) for a in args))
    raise ValueError(f"no rule to evaluate {str(e)[:80]}")


def _normal_mean(f: Plain, mean: Value, variance: Value, scope: Scope, binding: Binding) -> Value:
    """E[f(t)] of t ~ Normal(mean, variance), for each of an array of them."""
    if isinstance(mean, np.ndarray) or isinstance(variance, np.ndarray):
        means, variances = np.broadcast_arrays(np.asarray(mean, dtype=object), np.asarray(variance, dtype=object))
        found = np.empty(means.shape, dtype=object)
        for at in np.ndindex(means.shape):
            found[at] = _normal_mean(f, means[at], variances[at], scope, binding)
        return found
    e = scope.engine
    if variance == 0:
        return evaluate(_with_value(f, mean), scope, binding)
    deviation = e("sqrt", variance)
    digits = FLOAT_DIGITS if e.name == "float64" else mpmath.mp.dps // 3
    value = standard_mean(e, lambda z: evaluate(_with_value(f, mean + deviation * z), scope, binding), digits)
    if value is None:
        raise QuadratureError(
            f"the mean of {str(f)[:80]} under a Normal has no {digits} digits by the trapezoidal rule"
        )
    return value


def _with_value(f: Any, value: Value) -> Any:
    """A function of the Normal number at a value of it; one inside is of another number."""
    match f:
        case ["const", "t"]:
            return ["given", value]
        case ["fn", "normal_mean", [inner, *rest]]:
            return ["fn", "normal_mean", [inner, *(_with_value(a, value) for a in rest)]]
        case list():
            return [_with_value(part, value) for part in f]
    return f


def subscript(s: Plain, scope: Scope, binding: Binding) -> int:
    """The position that a subscript points at."""
    match s:
        case ["index", name, _]:
            return binding[name]
        case ["int", value, _]:
            return int(value)
        case ["shift", inner, k]:
            return subscript(inner, scope, binding) + int(k)
        case ["gather" | "select", name, subs, _]:
            at = tuple(subscript(i, scope, binding) for i in subs)
            return to_int(scope.element(name, at))
    raise ValueError(f"no rule for the subscript {str(s)[:80]}")


def reaches(e: Any, scope: Scope, binding: Binding) -> bool:
    """Whether every shifted subscript of an expression in free indices points inside its set."""
    match e:
        case ["shift", ["index", name, size], k]:
            return name not in binding or 0 <= binding[name] + k < size_of(scope.sizes, size)
        case list():
            return all(reaches(part, scope, binding) for part in e)
    return True


def _is_not_guard(e: Plain) -> bool:
    return not (e[0] in GUARDS or (e[0] == "mul" and any(f[0] in GUARDS for f in e[1])))


def _extent(sub: Plain, scope: Scope) -> int:
    """The size of the set that a subscript, perhaps shifted, points into."""
    return _extent(sub[1], scope) if sub[0] == "shift" else size_of(scope.sizes, sub[-1])


def _matrix(row: list[str], column: list[str], body: Plain, scope: Scope, binding: Binding) -> list[list[Value]]:
    size = range(size_of(scope.sizes, row[1]))
    return [[evaluate(body, scope, {**binding, row[0]: i, column[0]: j}) for j in size] for i in size]


def equals(value: Value, category: int) -> Value:
    """One where a category has that value, else zero."""
    if isinstance(value, np.ndarray):
        return np.vectorize(lambda v: int(to_int(v) == category), otypes=[object])(value)
    return int(to_int(value) == category)
