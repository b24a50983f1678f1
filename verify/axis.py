"""The coordinate of one latent on which the evidence is eliminated: its nodes, weights and movable window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float, to_mpf
from cavi.verify.averages import Infeasible
from cavi.verify.claim import Element
from cavi.verify.rules import interval

NEGLIGIBLE = 1e-15
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Axis:
    """One coordinate: its elements as functions of the nodes, and the window on the line (or whole counts)."""

    name: Key
    values: Callable[[Engine, Value], dict[Element, Value]]
    log_slope: Callable[[Engine, Value], Value]
    window: tuple[float, float]
    kind: str  # line, circle or count

    def nodes(self, e: Engine, count: int) -> tuple[dict[Element, Value], Value]:
        """Values of its elements and quadrature weights at so many nodes."""
        low, high = self.window
        if self.kind == "count":
            t = _array(e, range(int(high) + 1), 1)
            return self.values(e, t), t * 0 + e.number(1)
        step = e.number((high - low) / count) if self.kind == "line" else 2 * e.constants("pi") / count
        start = round(low / to_float(step)) if self.kind == "line" else -(count // 2)
        t = _array(e, range(start, start + count + 1 - (self.kind == "circle")), step)
        return self.values(e, t), e("exp", self.log_slope(e, t)) * step

    def widened(self, share: float) -> Axis:
        """The axis with a window wider by that share on both sides."""
        if self.kind != "line":
            return self
        low, high = self.window
        return replace(self, window=(low - share * (high - low), high + share * (high - low)))

    def narrowed(self, marginal: Value, count: int) -> Axis:
        """The axis with its window around the mass of a marginal, wider where the mass reaches an end."""
        if self.kind != "line":
            return self
        mass = np.array([float(x) for x in (to_mpf(m) for m in _scaled(marginal))])
        inside = np.flatnonzero(mass > NEGLIGIBLE)
        if not len(inside):
            raise Infeasible(f"the marginal of {self.name} vanishes on its window")
        low, high = self.window
        step = (high - low) / count
        first, last = int(inside[0]), int(inside[-1])
        left = low - 0.7 * (high - low) if first == 0 else low + (first - 1) * step
        right = high + 0.7 * (high - low) if last == len(mass) - 1 else low + (last + 1) * step
        return replace(self, window=(max(left, -400.0), min(right, 400.0)))


def sticks(group: list[Element]) -> Axis:
    """A simplex of two parts as logistic functions of one coordinate."""

    def values(e: Engine, t: Value) -> dict[Element, Value]:
        return {group[0]: 1 / (1 + e("exp", -t)), group[1]: 1 / (1 + e("exp", t))}

    return Axis(group[0], values, interval(0, 1).log_slope, (-15.0, 15.0), "line")


def _array(e: Engine, counts: range, step: Any) -> Value:
    out = e.zeros((len(counts),))
    out[:] = [e.number(k) * step for k in counts]
    return out


def _scaled(marginal: Value) -> list[Any]:
    values = [to_mpf(m) for m in marginal]
    top = max(values)
    return [v / top for v in values]
