"""Instances that meet the conditions of an identity: equations are solved, inequalities wait for a draw that obeys."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, precise, precision, to_mpf
from cavi.verify.averages import Infeasible
from cavi.verify.identities.evaluate import Evaluator, Scope
from cavi.verify.identities.functions import flat
from cavi.verify.identities.grammar import Plain
from cavi.verify.identities.instance import ROUGH, Instance, draw_instance

DRAWS = 200
ROUGH_DIGITS = 12
NEWTON_STEPS = 60


def instance_for(plain: dict[str, Any], continuous: bool, seed: int, index: int) -> Instance:
    """An instance at which every condition holds, looked for on a rough grid.

    Raises:
        Infeasible: when none of the draws meets the conditions, or the mode cannot meet the assumptions.
    """
    reason = ""
    for attempt in range(DRAWS):
        instance = draw_instance(plain, continuous, seed, index, attempt)
        if not instance.conditions:
            return instance
        with precision(3 * ROUGH_DIGITS):
            try:
                evaluator = prepared(precise(), instance, ROUGH[0], ROUGH_DIGITS)
            except Unsolved as error:
                reason = str(error)
                continue
            broken = [c for c in instance.conditions if not _met(c, evaluator)]
        if not broken:
            return instance
        reason = f"the condition '{broken[0][2]}' was met by none of them"
    raise Infeasible(f"no instance in {DRAWS} draws: {reason}")


class Unsolved(Infeasible):
    """An equation without a solution near the values drawn."""


def prepared(engine: Engine, instance: Instance, grid: Any, digits: int) -> Evaluator:
    """An evaluator in which the equations are solved for their parameters.

    Raises:
        Unsolved: when Newton's method does not arrive.
    """
    evaluator = Evaluator(engine, instance, grid, digits)
    for condition in instance.conditions:
        if condition[2] == "=" and condition[4]:
            _solve(condition, evaluator, digits)
    return evaluator


def _everywhere(e: Plain, evaluator: Evaluator) -> list[Any]:
    """The values of one side, at all values of the variables that the identity sums over."""
    scope, _ = evaluator.bound(evaluator.instance.everywhere, evaluator.scope)
    return [to_mpf(x) for v in flat([evaluator.value(e, scope)]) for x in np.ravel(np.asarray(v, dtype=object))]


def _met(condition: Plain, evaluator: Evaluator) -> bool:
    """Whether a condition holds, an equation to half of the digits."""
    _, left, relation, right, _ = condition
    a, b = _everywhere(left, evaluator), _everywhere(right, evaluator)
    differences = [x - y for x, y in zip(*np.broadcast_arrays(np.array(a, object), np.array(b, object)), strict=True)]
    if not all(mpmath.isfinite(d) for d in differences):
        return False
    if relation == "=":
        return all(abs(d) < mpmath.mpf(10) ** (-ROUGH_DIGITS / 2) for d in differences)
    return all((d if relation == "≥" else -d) > 0 for d in differences)


def _solve(condition: Plain, evaluator: Evaluator, digits: int) -> None:
    """Newton's method with a Jacobian by differences and halved steps, to the working precision."""
    _, left, _, right, unknowns = condition
    keys = [(u[0], u[1]) for u in unknowns]
    start = flat([evaluator.scope.symbols[k] for k in keys])

    def residual(x: list[Any]) -> list[Any]:
        scope = _placed(evaluator.scope, keys, x)
        sides = [flat([evaluator.value(side, scope)]) for side in (left, right)]
        if len(sides[0]) != len(sides[1]) or len(sides[0]) != len(x):
            raise Infeasible(f"{len(sides[0])} equations for {len(x)} unknowns")
        return [to_mpf(a - b) for a, b in zip(*sides, strict=True)]

    goal = mpmath.mpf(10) ** (-digits - 8)
    h = evaluator.difference
    x, now = start, residual(start)
    for _ in range(NEWTON_STEPS):
        size = mpmath.norm(now)
        if not mpmath.isfinite(size):
            break
        if size < goal:
            evaluator.scope = _placed(evaluator.scope, keys, x)
            return
        columns = []
        for k in range(len(x)):
            moved = residual([v + h if i == k else v for i, v in enumerate(x)])
            columns.append([(m - n) / to_mpf(h) for m, n in zip(moved, now, strict=True)])
        try:
            step = mpmath.lu_solve(mpmath.matrix(columns).T, mpmath.matrix([-n for n in now]))
        except ZeroDivisionError:
            break
        share = mpmath.mpf(1)
        while share > mpmath.mpf(2) ** -8:
            there = [evaluator.rounded(to_mpf(v) + share * step[i]) for i, v in enumerate(x)]
            then = residual(there)
            if mpmath.norm(then) < size:
                break
            share /= 2
        else:
            break
        x, now = there, then
    raise Unsolved(f"Newton's method did not solve the equation for {', '.join(u[1] for u in unknowns)}")


def _placed(scope: Scope, keys: list[tuple[str, str]], x: list[Any]) -> Scope:
    rest = list(x)
    for head, name in keys:
        old = scope.symbols[head, name]
        value = tuple(rest.pop(0) for _ in old) if isinstance(old, tuple) else rest.pop(0)
        scope = scope.at(head, name, value)
    return scope
