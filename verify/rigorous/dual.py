"""Expressions as functions of balls with their gradient: values on a box, and how fast they change on it.

A SymPy tree is read by the names of its nodes; nothing of SymPy is called. Monotone functions are enclosed by their
values at the ends, since the ball arithmetic of special functions is wide for wide balls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flint import arb

LEAST_LOG_GAMMA = "[-0.121486290535849608095514557178 +/- 1e-30]"  # at 1.4616321449683623 (DLMF 5.4.19)


@dataclass(frozen=True)
class Dual:
    """A ball and the balls of its derivatives."""

    value: arb
    slopes: tuple[arb, ...]


Node = Callable[[tuple[Dual, ...]], Dual]


@dataclass(frozen=True)
class Function:
    """An expression as a function of its symbols."""

    names: tuple[str, ...]
    root: Node

    def at(self, point: Mapping[str, float]) -> arb:
        """The value at a point."""
        return self.root(tuple(Dual(arb(point[n]), ()) for n in self.names)).value

    def enclosure(self, box: Mapping[str, tuple[float, float]]) -> tuple[arb, dict[str, float]]:
        """A ball that holds all values on a box, and by how much each side may change the value there.

        The ball is what plain evaluation and the mean value form agree on.
        """
        sides = [_between(*box[n]) for n in self.names]
        ones = [tuple(arb(int(i == j)) for j in range(len(sides))) for i in range(len(sides))]
        whole = self.root(tuple(Dual(x, unit) for x, unit in zip(sides, ones, strict=True)))
        found = self.at({n: (box[n][0] + box[n][1]) / 2 for n in self.names})
        changes: dict[str, float] = {}
        for slope, side, n in zip(whole.slopes, sides, self.names, strict=True):
            change = slope * (side - (box[n][0] + box[n][1]) / 2)
            changes[n] = float(change.abs_upper()) if change.is_finite() else float("inf")
            found = found + change
        if not found.is_finite():
            return whole.value, changes
        return (found if not whole.value.is_finite() else _both(found, whole.value)), changes


def _between(low: float, high: float) -> arb:
    return arb(low).union(arb(high))


def _both(a: arb, b: arb) -> arb:
    """The narrower of two balls, cut to the other where they overlap."""
    low = a.lower() if a.lower() > b.lower() else b.lower()
    high = a.upper() if a.upper() < b.upper() else b.upper()
    return low.union(high)


def function(expression: Any, names: tuple[str, ...]) -> Function:
    """The function that an expression is of the symbols named.

    Raises:
        ValueError: for symbols that are not named and for functions that are not known.
    """
    return Function(names, _read(expression, names))


def _read(e: Any, names: tuple[str, ...]) -> Node:
    head = getattr(getattr(e, "func", None), "__name__", type(e).__name__)
    if head in ("Symbol", "Dummy"):
        if str(e) not in names:
            raise ValueError(f"box: it has no interval for {e}; it has {', '.join(names) or 'none'}")
        place = names.index(str(e))
        return lambda xs: xs[place]
    number = _number(e, head)
    if number is not None:
        return lambda xs: Dual(number(), tuple(arb(0) for _ in xs[0].slopes) if xs else ())
    if head not in (*KNOWN, "Add", "Mul", "Pow", "polygamma"):
        raise ValueError(f"found {e}; expected sums, products, powers, polygamma and {', '.join(KNOWN)}")
    args = [_read(a, names) for a in e.args] if head != "polygamma" else [_read(e.args[1], names)]
    if head in ("Add", "Mul"):
        combine = _plus if head == "Add" else _times
        return lambda xs: _fold(combine, [a(xs) for a in args])
    if head == "Pow":
        return _power(e, args)
    if head == "polygamma":
        if not getattr(e.args[0], "is_Integer", False):
            raise ValueError(f"found {e}; expected a polygamma function of a whole order")
        order = int(e.args[0])
        return lambda xs: _chain(args[0](xs), _polygamma(order), _polygamma(order + 1))
    value, slope = KNOWN[head]
    return lambda xs: _chain(args[0](xs), value, slope)


def _number(e: Any, head: str) -> Callable[[], arb] | None:
    """A number, made anew at the precision of the moment."""
    if getattr(e, "is_Rational", False):
        p, q = int(e.p), int(e.q)
        return lambda: arb(p) / q
    if head in ("int", "float"):
        return lambda: arb(e)
    constants: dict[str, Callable[[], arb]] = {
        "Pi": arb.pi,
        "Exp1": lambda: arb(1).exp(),
        "EulerGamma": arb.const_euler,
    }
    if head == "Float":
        return lambda: arb(str(e))
    return constants.get(head)


def _fold(combine: Callable[[Dual, Dual], Dual], parts: list[Dual]) -> Dual:
    total = parts[0]
    for part in parts[1:]:
        total = combine(total, part)
    return total


def _plus(x: Dual, y: Dual) -> Dual:
    return Dual(x.value + y.value, tuple(a + b for a, b in zip(x.slopes, y.slopes, strict=True)))


def _times(x: Dual, y: Dual) -> Dual:
    slopes = tuple(a * y.value + x.value * b for a, b in zip(x.slopes, y.slopes, strict=True))
    return Dual(x.value * y.value, slopes)


def _power(e: Any, args: list[Node]) -> Node:
    exponent = e.args[1]
    if getattr(e.args[0], "func", None) is not None and type(e.args[0]).__name__ == "Exp1":
        return lambda xs: _chain(args[1](xs), _exp, _exp)
    if getattr(exponent, "is_Integer", False):
        n = int(exponent)
        return lambda xs: _chain(args[0](xs), lambda v: v**n, lambda v: n * v ** (n - 1))
    if getattr(exponent, "is_Rational", False):
        r = arb(int(exponent.p)) / int(exponent.q)
        return lambda xs: _chain(args[0](xs), lambda v: v**r, lambda v: r * v ** (r - 1))
    return lambda xs: _chain(_times(args[1](xs), _chain(args[0](xs), _log, _inverse)), _exp, _exp)


def _chain(x: Dual, value: Callable[[arb], arb], slope: Callable[[arb], arb]) -> Dual:
    if not x.slopes:
        return Dual(value(x.value), ())
    rate = slope(x.value)
    return Dual(value(x.value), tuple(rate * s for s in x.slopes))


def _monotone(f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """A monotone function on a ball, by its values at the ends."""

    def found(x: arb) -> arb:
        return f(x) if x.rad() == 0 else f(x.lower()).union(f(x.upper()))

    return found


def _positive(f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """A function that is analytic and monotone for positive arguments only."""

    def found(x: arb) -> arb:
        return f(x) if x > 0 else arb("nan")

    return found


def _polygamma(order: int) -> Callable[[arb], arb]:
    """ψ⁽ⁿ⁾(x) for x > 0 (DLMF 5.15.1): (-1)ⁿ⁺¹ n! ζ(n + 1, x), monotone."""
    if order == 0:
        return _positive(_monotone(lambda x: x.digamma()))
    scale = (arb(order) + 1).gamma() * (-1) ** (order + 1)
    return _positive(_monotone(lambda x: scale * arb(order + 1).zeta(x)))


def _log_gamma(x: arb) -> arb:
    if not x > 0:
        return arb("nan")
    ends = x.lower().lgamma().union(x.upper().lgamma())
    inside = not (x.lower() > 1.4616322 or x.upper() < 1.4616321)
    return ends.union(arb(LEAST_LOG_GAMMA)) if inside else ends


def _exp(x: arb) -> arb:
    return _monotone(lambda v: v.exp())(x)


def _log(x: arb) -> arb:
    return _positive(_monotone(lambda v: v.log()))(x)


def _inverse(x: arb) -> arb:
    return 1 / x


KNOWN: dict[str, tuple[Callable[[arb], arb], Callable[[arb], arb]]] = {
    "log": (_log, _inverse),
    "exp": (_exp, _exp),
    "loggamma": (_log_gamma, _polygamma(0)),
    "digamma": (_polygamma(0), _polygamma(1)),
    "trigamma": (_polygamma(1), _polygamma(2)),
    "sin": (lambda x: x.sin(), lambda x: x.cos()),
    "cos": (lambda x: x.cos(), lambda x: -x.sin()),
    "tanh": (_monotone(lambda x: x.tanh()), lambda x: 1 - x.tanh() ** 2),
}
