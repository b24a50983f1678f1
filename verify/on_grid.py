"""The scope of a declaration on a tensor grid: assigned categories, held points, units along their axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from cavi.verify.arithmetic import Engine, Value
from cavi.verify.claim import Element
from cavi.verify.evaluate import Binding, Plain, Position
from cavi.verify.units import Unit

if TYPE_CHECKING:
    from cavi.verify.averages import Averages


class OnGrid:
    """Scope of a declaration on a tensor grid: assigned categories, held points, units along their axes."""

    def __init__(self, averages: Averages, assigned: Mapping[Element, int], units: Mapping[Unit, int]) -> None:
        state = averages.state
        self.engine: Engine = state.engine
        self.sizes, self.state, self.assigned = state.sizes, state, assigned
        self.moment, self.param = state.moment, state.param
        self.axes = 1 + sum(len(u.shape) for u in units)
        self.placed: dict[Element, Value] = {}
        for unit, axis in units.items():
            for element, x in unit.values.items():
                self.placed[element] = self._place(x, axis) if isinstance(x, np.ndarray) else x
        for element, x in averages.held.points.items():
            self.placed[element] = self._place(x, 0)

    def _place(self, x: Value, axis: int) -> Value:
        return x.reshape((1,) * axis + x.shape + (1,) * (self.axes - axis - x.ndim))

    def element(self, name: str, at: Position) -> Value:
        """A latent on the grid, or a known value."""
        if (name, at) in self.assigned:
            return self.assigned[name, at]
        return self.placed[name, at] if (name, at) in self.placed else self.state.element(name, at)

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        """An expectation inside a density is no part of the grammar of declarations."""
        raise KeyError("an expectation cannot stand inside another")


def flat(value: Value) -> Value:
    """A result over the held points only, or a number."""
    if not isinstance(value, np.ndarray):
        return value
    flat = value.reshape(value.shape[0], -1)[:, 0] if value.ndim else value[()]
    return flat[0] if isinstance(flat, np.ndarray) and len(flat) == 1 else flat
