"""`prove_positive`: an expression is above zero on a whole box, by subdivision and ball arithmetic.

    f(X) ⊆ f(c) + Σ f_i(X) (X_i - c_i),   c the centre of the box X        (the mean value form, Moore 1966)

Each box is enclosed by this and by plain interval evaluation; one whose enclosure is not above zero is halved. Where a
point is found at which the expression is below zero, that refutes the claim.
"""

from __future__ import annotations

import heapq
import importlib.util
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cavi.verify.rigorous.dual import Function

MOST, BITS, WIDE = 50_000, 80, 4


@dataclass(frozen=True)
class Inequality:
    """What is known of `expression > 0` on a box.

    Attributes:
        expression: as it was given, printed.
        box: name -> the ends of its interval.
        verdict: ``certified`` (proved everywhere on the box), ``failed`` (a point where it is not positive is proved to
            exist), ``undecided``.
        least: a number that the expression is proved to exceed on the box; where it failed, its value at `where`.
        where: a point or a part of the box, by name: of the least value found, or of the refutation.
        boxes: how many parts were enclosed.
        seconds: that it took.
    """

    expression: str
    box: Mapping[str, tuple[float, float]]
    verdict: str
    least: float
    where: Mapping[str, tuple[float, float]]
    boxes: int
    seconds: float

    def __bool__(self) -> bool:
        """Whether it is proved."""
        return self.verdict == "certified"

    def __str__(self) -> str:
        """One line for the claim, one for what is known."""
        on = ", ".join(f"{n} in [{low:g}, {high:g}]" for n, (low, high) in self.box.items())
        at = ", ".join(f"{n} in [{low:.6g}, {high:.6g}]" for n, (low, high) in self.where.items())
        known = {
            "certified": f"it exceeds {self.least:.6g}, least for {at}",
            "failed": f"it is at most {self.least:.6g} for {at}",
            "undecided": f"not decided for {at}, where it may be as low as {self.least:.6g}",
        }[self.verdict]
        return f"{self.expression} > 0 for {on}: {self.verdict}\n{known} ({self.boxes} boxes, {self.seconds:.2g} s)"


def prove_positive(expression: Any, box: Mapping[str, tuple[Any, Any]], most: int = MOST) -> Inequality:
    """Prove that an expression is positive on a box, or refute it.

    Args:
        expression: a SymPy expression, such as ``jensen_gap(...)`` or ``kl(...)``. It is read node by node; SymPy
            computes nothing.
        box: symbol name -> the least and the largest value, both numbers; every symbol needs an interval.
        most: parts of the box to enclose before giving up.

    Raises:
        ValueError: for symbols without an interval, intervals that are none, and functions that are not known.
        ModuleNotFoundError: without python-flint, saying what to install.

    Examples:
        >>> import sympy
        >>> a = sympy.Symbol("a")
        >>> bool(prove_positive(sympy.log(a) - sympy.digamma(a), {"a": (0.1, 1000)}))
        True
    """
    from cavi.verify.rigorous.certify import MISSING

    if importlib.util.find_spec("flint") is None:
        raise ModuleNotFoundError(MISSING)
    from flint import ctx

    from cavi.verify.rigorous.dual import function

    ends = {str(n): _ends(str(n), pair) for n, pair in box.items()}
    f = function(expression, tuple(ends))
    started, before = time.perf_counter(), ctx.prec
    ctx.prec = BITS
    try:
        verdict, least, where, boxes = _search(f, ends, most)
    finally:
        ctx.prec = before
    return Inequality(str(expression), ends, verdict, least, where, boxes, time.perf_counter() - started)


Ends = dict[str, tuple[float, float]]


def _ends(name: str, pair: Any) -> tuple[float, float]:
    try:
        low, high = (float(x) for x in pair)
    except (TypeError, ValueError):
        raise ValueError(f"box: {name} = {pair!r}; expected its least and its largest value, two numbers") from None
    if not (low <= high and abs(low) < math.inf and abs(high) < math.inf):
        raise ValueError(f"box: {name} = ({low:g}, {high:g}); expected two finite numbers in ascending order")
    return low, high


def _search(f: Function, ends: Ends, most: int) -> tuple[str, float, Ends, int]:
    """Best first: the part that may be lowest is halved, until none may reach zero."""
    waiting = [_part(f, ends, 0)]
    count = 1
    while waiting[0][0] <= 0:
        low, _, part, changes = heapq.heappop(waiting)
        middle = {n: (a + b) / 2 for n, (a, b) in part.items()}
        value = f.at(middle)
        if value <= 0:  # certainly: a comparison of balls holds for all of their numbers
            return "failed", float(value.upper()), {n: (x, x) for n, x in middle.items()}, count
        halves = _halved(part, changes)
        if count + 2 > most or not halves:
            return "undecided", low, part, count
        for half in halves:
            count += 1
            heapq.heappush(waiting, _part(f, half, count))
    return "certified", waiting[0][0], waiting[0][2], count


def _part(f: Function, part: Ends, number: int) -> tuple[float, int, Ends, dict[str, float]]:
    """What the function does not go below on a part, the part, and what each of its sides may change."""
    found, changes = f.enclosure(part)
    low = math.nextafter(float(found.lower()), -math.inf) if found.is_finite() else -math.inf
    return low, number, part, changes


def _halved(part: Ends, changes: Mapping[str, float]) -> list[Ends]:
    """Two halves along the side that may change the value most; of a side of many magnitudes, by its ratio."""
    name = max(part, key=lambda n: (changes[n], _length(*part[n])))
    low, high = part[name]
    middle = (low * high) ** 0.5 if low > 0 and high > WIDE * low else (low + high) / 2
    if not low < middle < high:
        return []
    return [{**part, name: (low, middle)}, {**part, name: (middle, high)}]


def _length(low: float, high: float) -> float:
    """How many times its magnitude a side is long."""
    return (high - low) / min(abs(low), abs(high)) if low * high > 0 else math.inf
