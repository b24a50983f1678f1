"""Whether a mutant's value differs from the original's anywhere: evidence, and said to be no more than that.

Both are evaluated in 40 digits at random rationals, which no two different rational functions of such a size share
but by a chance that is negligible (Schwartz 1980 and Zippel 1979 on identity testing).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import precise, precision, to_mpf
from cavi.verify.averages import Held
from cavi.verify.check_optimality import free_axes
from cavi.verify.claim import Claim
from cavi.verify.evaluate import Binding, Plain, Position, bindings, evaluate, positions
from cavi.verify.instance import InstanceError, make_instance, small_sizes
from cavi.verify.mutations.site import Mutant, get
from cavi.verify.points import held_points
from cavi.verify.state import State

POINTS, DIGITS = 20, 40
Values = dict[Any, Any]


def difference(plain: Mapping[str, Any], mutant: Mutant, points: int = POINTS) -> str | None:
    """Where a mutant's value differs from the original's; None if no difference was found.

    Parameters are compared by the standard parameters of their factor after its update, so that what cancels on the
    way there is no difference; a normalised statistic up to a constant along its index.
    """
    one, other = Claim(plain), Claim(mutant.plain)
    small = small_sizes(one, 3)
    shapes: list[Mapping[str, int]] = [small, {s: k + 1 for s, k in small.items()}, dict.fromkeys(small, 2)]
    with precision(2 * DIGITS), np.errstate(all="ignore"):
        for i in range(points):
            try:
                instance = make_instance(one, 1000 + i, shapes[i % 3])
            except InstanceError:
                continue
            engine = precise()
            before = _values(State(one, instance, engine, DIGITS), mutant, plain, mutant.plain)
            try:
                after = _values(State(other, instance, engine, DIGITS), mutant, mutant.plain, plain)
            except (KeyError, IndexError, ValueError, ArithmeticError, TypeError) as error:
                return f"{type(error).__name__} at instance {i}"
            if not _alike(before, after, mutant.site.over if mutant.site.kind == "statistic" else ""):
                return f"values differ at instance {i}, sizes {dict(instance.sizes)}"
    return None


def _values(state: State, mutant: Mutant, plain: Mapping[str, Any], other: Mapping[str, Any]) -> Values:
    """The values of the formula of `plain` over the bindings of its free indices and those of the other's."""
    site = mutant.site
    if site.kind == "bound":
        total = sum((evaluate(t["value"], state, {}) for t in plain["elbo"]), state.engine.number(0))
        return {(): to_mpf(total)}
    if site.kind in ("parameter", "array"):
        return _updated(state, site.factor)
    expression = get(plain, site.path)
    both = [expression, get(other, site.path)]
    found: Values = {}
    factor = state.claim.factor_named.get(site.factor)
    if factor is None or site.kind == "moment":
        axes = [list(a) for a in site.indices]
        for b in bindings(axes, state.sizes, {}):
            found[tuple(sorted(b.items()))] = to_mpf(evaluate(expression, state, b))
        return found
    for at in positions(factor["plates"], state.sizes):
        outer = dict(zip((i for i, _ in factor["plates"]), at, strict=True))
        for k, held in enumerate(held_points(state, factor, at) if site.kind == "log_q" else [Held({}, {})]):
            scope = _AtPoints(state, held)
            for b in bindings(free_axes(both, set(outer)), state.sizes, outer):
                value = np.ravel(np.asarray(evaluate(expression, scope, b), dtype=object))
                count = max(held.count, len(value))
                found[(k, *sorted(b.items()))] = [to_mpf(x) for x in (list(value) * count)[:count]]
    return found


def _updated(state: State, name: str) -> Values:
    """The standard and derived parameters of a factor after the update of every site."""
    factor = state.claim.factor_named[name]
    shown = {(p["latent"], p["name"]) for p in factor["parameters"] if p["role"] != "auxiliary"}
    after = state
    for at in positions(factor["plates"], state.sizes):
        after = after.solve(factor, at)
    return {(key, at): to_mpf(x) for key, t in after.params.items() if key in shown for at, x in t.items()}


def _alike(before: Values, after: Values, over: str) -> bool:
    """Whether all values are the same; with an index along which they are normalised, up to a constant along it."""
    if before.keys() != after.keys():
        return False
    if not over:
        return all(_near(x, after[key]) for key, x in before.items())
    gaps: dict[Any, list[Any]] = {}
    for key, values in before.items():
        rest = tuple(part for part in key if not (isinstance(part, tuple) and part[0] == over))
        gaps.setdefault(rest, []).append([y - x for x, y in zip(values, after[key], strict=True)])
    return all(_near(g, along[0]) for along in gaps.values() for g in along)


def _near(x: Any, y: Any) -> bool:
    if isinstance(x, list):
        return len(x) == len(y) and all(map(_near, x, y))
    return bool(abs(x - y) <= max(1, abs(x)) * mpmath.mpf(10) ** -DIGITS)


class _AtPoints:
    """The scope of a state with a factor's latents at given points."""

    def __init__(self, state: State, held: Held) -> None:
        self.engine, self.sizes, self.state, self.held = state.engine, state.sizes, state, held
        self.param, self.moment = state.param, state.moment

    def element(self, name: str, at: Position) -> Any:
        """A latent at its points, or a known value."""
        if (name, at) in self.held.points:
            return self.held.points[name, at]
        if (name, at) in self.held.assigned:
            return self.held.assigned[name, at]
        return self.state.element(name, at)

    def expectation(self, expr: Plain, binding: Binding) -> Any:
        """Formulas have none."""
        raise KeyError("an expectation that is not yet taken stands only in derivation steps")
