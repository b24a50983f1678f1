"""Values of the lines of an identity at a few instances, each with the digits that it is good for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from cavi.verify.arithmetic import Engine, digits_of, precise
from cavi.verify.averages import Infeasible
from cavi.verify.identities.evaluate import Evaluator
from cavi.verify.identities.functions import flat
from cavi.verify.identities.grammar import Plain
from cavi.verify.identities.instance import GRIDS, Grid, Instance
from cavi.verify.identities.scan import everything
from cavi.verify.identities.solve import instance_for, prepared

INSTANCES = 2
SCALE = 1e-3  # smaller numbers count as absolute: half of all identities say that something is zero


@dataclass(frozen=True)
class Measured:
    """A value (as components: one for a number), and on how many digits two grids agree about it."""

    value: tuple[Any, ...]
    digits: float


@dataclass
class Bench:
    """Evaluates lines in one mode, each line once at every instance.

    The working precision is set by whoever uses it, and must not change in between.
    """

    plain: dict[str, Any]
    mode: str
    digits: int
    seed: int
    grids: tuple[Grid, ...] = GRIDS
    engine: Engine = field(default_factory=precise)
    count: int = INSTANCES
    _instances: dict[int, Instance | Infeasible] = field(default_factory=dict)
    _evaluators: dict[tuple[int, int], Evaluator] = field(default_factory=dict)
    _found: dict[tuple[int, str], Measured] = field(default_factory=dict)

    def measure(self, e: Plain, index: int) -> Measured:
        """The value of a line at an instance.

        Raises:
            Infeasible: when the mode does not fit the identity, or the line cannot be evaluated.
        """
        key = (index, json.dumps(e))
        if key not in self._found:
            self._found[key] = self._measure(e, index)
        return self._found[key]

    def _measure(self, e: Plain, index: int) -> Measured:
        """On finer grids until two of them agree; one grid is enough where nothing is approximated."""
        now = self._on(e, index, 0)
        if not self._approximate:
            return Measured(now, _agreement(now, now))
        digits = 0.0
        for level in range(1, len(self.grids)):
            before, now = now, self._on(e, index, level)
            digits = _agreement(now, before)
            if digits >= self.digits:
                break
        return Measured(now, digits)

    @property
    def _approximate(self) -> bool:
        parts = everything(self.plain)
        return self.mode == "continuous" or any(p[0] == "grad" for p in parts)

    def _on(self, e: Plain, index: int, level: int) -> tuple[Any, ...]:
        key = (index, level)
        if key not in self._evaluators:
            self._evaluators[key] = prepared(self.engine, self.instance(index), self.grids[level], self.digits)
        try:
            return tuple(flat([self._evaluators[key].value(e)]))
        except RecursionError as error:
            raise Infeasible("the line is nested too deeply") from error

    def instance(self, index: int) -> Instance:
        """The instance of that number.

        Raises:
            Infeasible: when the mode does not fit the identity.
        """
        if index not in self._instances:
            try:
                self._instances[index] = instance_for(self.plain, self.mode == "continuous", self.seed, index)
            except Infeasible as reason:
                self._instances[index] = reason
        found = self._instances[index]
        if isinstance(found, Infeasible):
            raise found
        return found


def _agreement(a: tuple[Any, ...], b: tuple[Any, ...]) -> float:
    return min(digits_of(x, y, SCALE) for x, y in zip(a, b, strict=True))
