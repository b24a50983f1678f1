"""Enclosures of integrals over the line: acb.integral on a finite part, and a proved bound on each tail.

Where the log integrand h has a slope of at most -c on the whole half line beyond T (shown by interval arithmetic),

    ∫_T^∞ exp h dt  ≤  exp h(T) / c.

In two coordinates the same holds along one of them, for every value of the other: the tail is at most 1/c times an
integral over the other one at T.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import acb, arb
from mpmath import iv, mp

from cavi.verify.rigorous.balls import balls
from cavi.verify.rigorous.deferred import Leaf, value_of
from cavi.verify.rigorous.expand import Monomial, collected
from cavi.verify.rigorous.jet import Jet, Unbounded, interval, jets, lower, upper
from cavi.verify.rigorous.line import on_balls, on_jets
from cavi.verify.rigorous.normals import integrated

Keys = Mapping[Any, str]  # coordinate -> kind of support
Box = Mapping[Any, tuple[Any, Any]]  # coordinate -> part of its line
STEPS = 12
FARTHEST = 2.0**STEPS
EVERYWHERE = (float("-inf"), float("inf"))
EVALUATIONS = 200_000
EVALUATIONS_INSIDE = 2_000  # of an inner integral on a ball that is not a point
EVALUATIONS_OUTSIDE = 600


def enclose(h: Any, keys: Keys, goal: float, monomial: Monomial = ()) -> Any:
    """A ball that holds ∫ monomial · exp h over all coordinates (one, or two without a monomial).

    Args:
        h: the log integrand on the line, in leaves.
        keys: its coordinates with their kinds.
        goal: the size that a tail should be below, relative to the largest value of the integrand found.
        monomial: powers of leaves of the coordinate.

    Raises:
        Unbounded: when no bound of a tail could be proved.
    """
    if not keys:
        return value_of(h, {}, balls(False)).exp()
    if len(keys) > 2 or (monomial and len(keys) > 1):
        raise Unbounded(f"an integral over {len(keys)} coordinates; expected one or two")
    try:
        return _over(h, keys, goal, monomial)
    except Unbounded:  # bounds may be lost where terms cancel; collected, they have cancelled before
        return _over(collected(h, dict(keys)), keys, goal, monomial)


def _over(h: Any, keys: Keys, goal: float, monomial: Monomial) -> Any:
    if len(keys) == 1:
        ((key, kind),) = keys.items()
        return _Line(h, key, kind, monomial, {}).integral(goal)
    return _plane(h, keys, goal)


@dataclass(frozen=True)
class _Line:
    """One coordinate; `others` are leaves of another one, at balls."""

    h: Any
    key: Any
    kind: str
    monomial: Monomial
    others: Mapping[Leaf, Any]

    def at(self, t: Any, analytic: bool = False) -> Any:
        """monomial · exp h at a ball."""
        leaves = {**self.others, **on_balls(self.key, self.kind, t)}
        value = value_of(self.h, leaves, balls(analytic))
        value = acb(value).exp()
        for leaf, power in self.monomial:
            value = value * _power(leaves, leaf, power, self.kind)
        return value

    def log_size(self, t: float) -> float:
        """A float near h, where one searches."""
        value = value_of(self.h, {**self.others, **on_balls(self.key, self.kind, arb(t))}, balls(False))
        found = float(acb(value).real.mid())
        return found if found == found else float("-inf")

    def integral(self, goal: float) -> Any:
        """The enclosure, tails included."""
        if self.kind == "angle":
            pi = arb.pi()
            return self.inside(-pi, pi, goal)
        ends = {side: self._end(side, goal) for side in (-1, 1)}
        total = self.inside(ends[-1][0], ends[1][0], goal)
        return total + _around_zero(ends[-1][1] + ends[1][1])

    def inside(self, low: Any, high: Any, goal: float) -> Any:
        """The enclosure over a part of the line."""
        found = acb.integral(lambda t, a: self.at(t, a), acb(low), acb(high), rel_tol=arb(goal), eval_limit=EVALUATIONS)
        return found.real

    def _end(self, side: int, goal: float) -> tuple[Any, Any]:
        """Where the tail on one side begins, and its bound."""
        start = arb(max((k / 2 for k in range(-80, 81)), key=self.log_size))
        top = self.log_size(float(start))
        why = "the integrand does not fall off"
        for step in _distances():
            t = start + side * arb(step)
            rate = decay(self.h, {self.key: self.kind}, self.key, side, t, {}, self.monomial, self.others)
            if rate is None or not rate > 0:
                continue
            bound = abs(self.at(t).real) / interval_ball(rate)
            if bound.is_finite() and bound < arb(goal) * arb(top).exp():
                return t, bound
            why = "its tail is too large"
        raise Unbounded(f"no bound was proved for the tail of {self.key}: {why}")


def _plane(h: Any, keys: Keys, goal: float) -> Any:
    """Two coordinates: edge by edge, each for every value of the other one inside the edges that are known already."""
    start = _top(h, keys)
    tails = arb(0)
    box: dict[Any, list[Any]] = {k: list(EVERYWHERE) for k in keys}
    first, second = keys
    open_ = [(k, side) for side in (1, -1) for k in keys]
    refused = ""
    while open_:
        for key, side in open_:
            other = second if key == first else first
            try:
                t, bound = _edge(h, keys, key, other, side, start[key], {other: (box[other][0], box[other][1])}, goal)
            except Unbounded as error:
                refused = str(error)
                continue
            box[key][side > 0] = t
            tails = tails + bound
            open_.remove((key, side))
            break
        else:
            raise Unbounded(refused)

    inside = _integrated_inside(h, keys, box, goal)
    if inside is not None:  # over the whole line of a Normal: what is outside of the box is at most the tails
        return inside + _around_zero(tails)
    # Tolerances of the size of the integrand: on a wide ball no relative one can be reached.
    size = _Line(h, first, keys[first], (), on_balls(second, keys[second], start[second])).at(start[first]).real
    small = abs(size).mid() * arb(goal)

    def inner(u: Any, analytic: bool) -> Any:
        line = _Line(h, second, keys[second], (), on_balls(first, keys[first], u))
        low, high = (acb(x) for x in box[second])
        limit = EVALUATIONS if acb(u).is_exact() else EVALUATIONS_INSIDE
        return acb.integral(
            lambda t, a: line.at(t, a or analytic), low, high, rel_tol=arb(goal), abs_tol=small, eval_limit=limit
        )

    low, high = (acb(x) for x in box[first])
    whole = acb.integral(inner, low, high, rel_tol=arb(goal), abs_tol=small, eval_limit=EVALUATIONS_OUTSIDE)
    return whole.real + _around_zero(tails)


def _integrated_inside(h: Any, keys: Keys, box: Mapping[Any, Sequence[Any]], goal: float) -> Any:
    """The integral over one coordinate of the box and the whole line of the other, a Normal; None if neither is."""
    for normal in (k for k, kind in keys.items() if kind == "real"):
        (other,) = (k for k in keys if k != normal)
        try:
            marginal = integrated(h, [normal], keys)
            found = _Line(marginal, other, keys[other], (), {}).inside(box[other][0], box[other][1], goal)
        except Unbounded:
            continue
        if found.is_finite():
            return found
    return None


def _edge(h: Any, keys: Keys, key: Any, other: Any, side: int, start: Any, beyond: Box, goal: float) -> tuple[Any, Any]:
    """Where the tail of one coordinate begins, and its bound: an integral over the other one there, over the rate."""
    for step in _distances():
        t = start + side * arb(step)
        rate = decay(h, keys, key, side, t, beyond)
        if rate is None or not rate > 0:
            continue
        at = on_balls(key, keys[key], t)
        try:
            across = _Line(h, other, keys[other], (), at).integral(goal)
        except Unbounded:
            continue
        bound = abs(across) / interval_ball(rate)
        if bound.is_finite() and bound < arb(goal):
            return t, bound
    raise Unbounded(f"no bound was proved for the tail of {key} at every value of {other}")


def _top(h: Any, keys: Keys) -> dict[Any, Any]:
    """A point with a large value of h, by coordinate-wise search."""
    point = {k: arb(0) for k in keys}
    for _ in range(4):
        for key in keys:
            others = {leaf: x for k in keys if k != key for leaf, x in on_balls(k, keys[k], point[k]).items()}
            line = _Line(h, key, keys[key], (), others)
            point[key] = arb(max((k / 4 for k in range(-80, 81)), key=line.log_size))
    return point


def decay(
    h: Any,
    keys: Keys,
    key: Any,
    side: int,
    t: Any,
    beyond: Box,
    monomial: Monomial = (),
    others: Mapping[Leaf, Any] | None = None,
) -> Any:
    """A rate at which exp h, times a monomial, falls everywhere beyond t on one side; None if none was proved."""
    half = interval(t, float("inf")) if side > 0 else interval(float("-inf"), t)
    leaves: dict[Leaf, Jet] = on_jets(key, keys[key], half, iv.mpf(side))
    for k, (low, high) in beyond.items():
        leaves |= on_jets(k, keys[k], interval(low, high), None)
    for leaf, x in (others or {}).items():
        leaves[leaf] = Jet(interval(acb(x).real, acb(x).real))
    try:
        slope = value_of(h, leaves, jets).slope
    except (ZeroDivisionError, ValueError):
        return None
    worst = upper(slope) if slope is not None else mp.mpf(0)
    for leaf, power in monomial:
        change = _relative(leaf, keys[key], leaves[leaf], side)
        if change is None:
            return None
        worst = worst + _number(power) * (change[1] if power > 0 else change[0])
    rate = -worst
    return rate if mp.isfinite(rate) else (mp.mpf(10) ** 6 if rate > 0 else None)


def _relative(leaf: Leaf, kind: str, on: Jet, side: int) -> tuple[Any, Any] | None:
    """The least and the largest relative slope of the size of a leaf on a half line, moving outwards."""
    atom = leaf[1]
    if kind == "positive" and atom == "x":
        return mp.mpf(side), mp.mpf(side)
    if kind == "unit":
        outwards = side if atom.endswith("x") else -side
        if atom in ("x", "rest"):
            return (mp.mpf(0), mp.mpf(1)) if outwards > 0 else (mp.mpf(-1), mp.mpf(0))
        if outwards > 0:  # the logarithm of what tends to one
            return -mp.inf, mp.mpf(0)
    if 0 in on.value or on.slope is None:
        return None
    found = on.slope / on.value
    low, high = lower(found), upper(found)
    return (low, high) if mp.isfinite(low) and mp.isfinite(high) else None


def _power(leaves: Mapping[Leaf, Any], leaf: Leaf, power: Fraction, kind: str) -> Any:
    """A power of a leaf at a ball; of a positive one any rational power is the exponential of a multiple of t."""
    if power.denominator == 1:
        return leaves[leaf] ** int(power)
    if kind != "positive" or leaf[1] != "x":
        raise Unbounded(f"a root of {leaf[0]} is not enclosed")
    return (leaves[leaf[0], "log_x"] * power.numerator / power.denominator).exp()


def _number(power: Fraction) -> Any:
    """A power whose denominator is one or two, exactly."""
    return mp.mpf(power.numerator) / power.denominator


def _distances() -> Sequence[float]:
    """How far from the top an end is tried, in growing steps."""
    return [0.5 * 1.3**k for k in range(36) if 0.5 * 1.3**k < FARTHEST]


def interval_ball(x: Any) -> Any:
    """A number of mpmath as a ball, rounded down."""
    sign, man, exponent, _ = mp.mpf(x)._mpf_
    return arb((-int(man) if sign else int(man), int(exponent)))


def _around_zero(size: Any) -> Any:
    """A ball around zero that holds everything up to a size."""
    return arb(0, size.upper() if hasattr(size, "upper") else size)
