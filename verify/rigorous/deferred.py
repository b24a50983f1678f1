"""Expressions in latents whose values come later: built by the checker's own densities, read in several arithmetics.

The same tree is evaluated on complex balls, where it is integrated; on intervals with derivatives, where its tails are
bounded; and expanded in monomials. Constants are balls of real numbers. A leaf is a function of one coordinate of the
line: ``x`` itself, its logarithm, and for x in (0, 1) ``rest`` = 1 - x and its logarithm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flint import arb

from cavi.verify.arithmetic import ELEMENTARY, Engine, precise
from cavi.verify.rigorous.jet import Unbounded

Arithmetic = Callable[[str, tuple[Any, ...]], Any]
Leaf = tuple[Any, str]
# Functions that python-flint encloses; the others are found by mpmath, without a bound of their error.
PROVED = ("log", "exp", "lgamma", "digamma", "trigamma", "cos", "sin", "sqrt", "abs", "pow", "xlogx", "atan2")
LOGARITHMS = {"x": "log_x", "rest": "log_rest"}


class Deferred:
    """An operation on values that are not known yet."""

    __slots__ = ("args", "op")

    def __init__(self, op: str, *args: Any) -> None:
        self.op, self.args = op, args

    def __add__(self, other: Any) -> Any:
        return self if _is(other, 0) else Deferred("add", self, known(other))

    def __sub__(self, other: Any) -> Any:
        return self + -known(other)

    def __mul__(self, other: Any) -> Any:
        if _is(other, 0):
            return arb(0)
        if _is(other, 1):
            return self
        # A square is known not to be negative, whatever interval its root is in.
        if other is self:
            return Deferred("square", self)
        if self.op == "mul" and other is self.args[1]:
            return Deferred("mul", self.args[0], Deferred("square", other))
        return Deferred("mul", self, known(other))

    def __truediv__(self, other: Any) -> Any:
        return self if _is(other, 1) else self * (1 / known(other))

    def __neg__(self) -> Any:
        return Deferred("mul", self, arb(-1))

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __rsub__(self, other: Any) -> Any:
        complement = {"x": "rest", "rest": "x"}.get(self.args[0][1]) if self.op == "leaf" else None
        if _is(other, 1) and complement and self.args[1] == "unit":
            return leaf(self.args[0][0], complement, "unit")
        return -self + other

    def __rtruediv__(self, other: Any) -> Any:
        return Deferred("inverse", self) * other


def leaf(key: Any, atom: str, kind: str) -> Deferred:
    """A function of a coordinate of a kind of support: real, positive, unit or angle."""
    return Deferred("leaf", (key, atom), kind)


def leaves(e: Any) -> frozenset[Leaf]:
    """The leaves of an expression."""
    found: set[Leaf] = set()
    seen: set[int] = set()
    waiting = [e]
    while waiting:
        x = waiting.pop()
        if not isinstance(x, Deferred) or id(x) in seen:
            continue
        seen.add(id(x))
        if x.op == "leaf":
            found.add(x.args[0])
        else:
            waiting.extend(x.args)
    return frozenset(found)


def coordinates(e: Any) -> frozenset[Any]:
    """The coordinates that an expression depends on."""
    return frozenset(key for key, _ in leaves(e))


def value_of(e: Any, at: Mapping[Leaf, Any], arithmetic: Arithmetic) -> Any:
    """An expression at given values of its leaves."""
    done: dict[int, Any] = {}

    def find(x: Any) -> Any:
        if not isinstance(x, Deferred):
            return arithmetic("constant", (x,))
        if id(x) not in done:
            done[id(x)] = at[x.args[0]] if x.op == "leaf" else arithmetic(x.op, tuple(map(find, x.args)))
        return done[id(x)]

    return find(e)


def deferring() -> Engine:
    """The arithmetic of balls in which a function of something deferred is deferred."""
    plain = precise()

    def function(name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if name not in PROVED:
                raise Unbounded(f"no enclosure is known for the function {name!r}")
            if not any(isinstance(a, Deferred) for a in args):
                return plain(name, *args)
            if name == "log":
                return _log(args[0])
            return Deferred(name, *map(known, args))

        return call

    return Engine("arb", plain.number, {n: function(n) for n in ELEMENTARY}, plain.constants)


def _log(x: Deferred) -> Any:
    """log x; of a product of a positive constant and a leaf that of its factors."""
    if x.op == "leaf" and x.args[1] in ("positive", "unit") and x.args[0][1] in LOGARITHMS:
        return leaf(x.args[0][0], LOGARITHMS[x.args[0][1]], x.args[1])
    if x.op == "inverse":
        return -_log(x.args[0])
    if x.op == "sqrt":
        return _log(x.args[0]) * arb("0.5")
    if x.op == "mul" and isinstance(x.args[1], arb) and x.args[1] > 0:
        return _log(x.args[0]) + x.args[1].log()
    if x.op == "mul" and isinstance(x.args[1], Deferred):
        return _log(x.args[0]) + _log(x.args[1])
    return Deferred("log", x)


def known(x: Any) -> Any:
    """A number as a ball; what is deferred as it is."""
    return x if isinstance(x, Deferred | arb) else arb(x)


def _is(x: Any, value: int) -> bool:
    return not isinstance(x, Deferred) and bool(x == value)
