"""Conditions that an identity assumes: a world is chosen in which they hold."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import to_mpf
from cavi.verify.identities.grammar import free_variables
from cavi.verify.identities.semantics import Node, Scope, Undecided, evaluate
from cavi.verify.identities.world import DIMENSION, World

DRAWS = 300


def prepared(world: World) -> World:
    """The world with its parameters chosen so that every condition holds.

    Raises:
        Undecided: when no such choice was found.
    """
    conditions = [a for a in world.assumptions if a[0] == "holds"]
    if not conditions or world.chosen.get("prepared"):
        return world
    for condition in conditions:
        if condition[4]:
            _solve(condition, world)
    orders = [c for c in conditions if not c[4]]
    while not all(_is_true(c, world) for c in orders):
        world.draw += 1
        if world.draw > DRAWS:
            raise Undecided(f"no parameters were found in {DRAWS} draws for which the assumption holds")
    world.chosen["prepared"] = True
    return world


def _is_true(condition: Node, world: World) -> bool:
    _, left, relation, right, _ = condition
    everywhere = (free_variables(left) | free_variables(right)) - world.free
    scope = Scope(world).bind(sorted(everywhere))
    difference = evaluate(left, scope) - evaluate(right, scope)
    values = [to_mpf(d) for d in np.ravel(np.array(difference, dtype=object))]
    if relation == "=":
        return all(abs(d) < mpmath.mpf(10) ** -40 for d in values)
    return all(d >= 0 if relation == "≥" else d <= 0 for d in values)


def _solve(condition: Node, world: World) -> None:
    """Newton's method for the vector that an equation determines, with differences for derivatives.

    Raises:
        Undecided: when it does not converge.
    """
    _, left, _, right, unknowns = condition
    if len(unknowns) != 1 or unknowns[0][0] != "vec":
        raise Undecided("only an equation for one vector is solved")
    (name,) = (u[1] for u in unknowns)
    number = world.engine.number

    def residual(point: list[Any]) -> list[Any]:
        world.chosen[name] = point
        scope = Scope(world)
        pairs = zip(evaluate(left, scope), evaluate(right, scope), strict=True)
        return [to_mpf(a - b) for a, b in pairs]

    def exact(values: Any) -> list[Any]:
        return [_number(world, v) for v in values]

    point = [mpmath.mpf(0)] * DIMENSION
    h = mpmath.mpf(10) ** -40
    for _ in range(60):
        value = mpmath.matrix(residual(exact(point)))
        if mpmath.norm(value) < mpmath.mpf(10) ** -90:
            residual(exact(point))
            return
        slope = mpmath.matrix(DIMENSION, DIMENSION)
        for k in range(DIMENSION):
            moved = [p + (h if i == k else 0) for i, p in enumerate(point)]
            slope[:, k] = (mpmath.matrix(residual(exact(moved))) - value) / h
        step = mpmath.lu_solve(slope, -value)
        share = min(mpmath.mpf(1), 1 / (mpmath.norm(step) + mpmath.mpf(10) ** -50))
        point = [p + share * s for p, s in zip(point, step, strict=True)]
        if mpmath.norm(step) < mpmath.mpf(10) ** -75:
            residual(exact(point))
            return
    del number
    raise Undecided("the equation that the parameters must satisfy was not solved")


def _number(world: World, value: Any) -> Any:
    """An mpf as a number of the engine."""
    if world.engine.name != "arb":
        return value
    sign, man, exponent, _ = mpmath.mpf(value)._mpf_
    flint = __import__("flint")
    return flint.arb((-int(man) if sign else int(man), int(exponent)))
