"""Tier 3: with the other factors at a random q, log q* - E[log p(x, z)] is the same at every point z.

For a point mass the objective must be stationary at the claimed value and lower around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float, to_mpf
from cavi.verify.averages import Averages, Held
from cavi.verify.check_chosen import check_chosen
from cavi.verify.check_identity import claimed_elbo
from cavi.verify.claim import Element
from cavi.verify.climbs import at_the_top, check_climbs
from cavi.verify.evaluate import Position, bindings, positions
from cavi.verify.mentions import mentioned
from cavi.verify.points import as_array, held_points
from cavi.verify.report import Check, Finding, worst
from cavi.verify.state import State
from cavi.verify.units import log_q_at, reference_unit

NUDGE = 25  # digits: the step of a difference quotient
SLACK = 10  # digits that rounding may take from the values of an objective
END = 20  # digits: how near to an end of its support a point is tried
BOUNDED = ("positive", "unit", "simplex")


def check_optimality(state: State) -> Iterator[Check]:
    """One row for every factor: the worst of its elements."""
    for factor in state.claim.factors:
        name = factor["name"]
        if factor["point"]:
            title = f"{name} is the maximiser"
            yield Check(title, "optimality", state.digits, partial(_each, state, factor, _maximiser))
            if factor.get("climbs") is not None:
                yield from check_climbs(state, factor)
            continue
        if factor.get("chosen"):
            yield from check_chosen(state, factor)
        else:
            title = f"log q*({name}) - E[log p] is constant"
            yield Check(title, "optimality", state.digits, partial(_each, state, factor, _constant))
        if factor["statistics"]:
            title = f"log q*({name}) has the stated statistics"
            yield Check(title, "optimality", state.digits, partial(_each, state, factor, _statistics))


def _each(state: State, factor: Mapping[str, Any], check: Any) -> Finding:
    if factor.get("climbs") is not None:
        state = at_the_top(state, factor, claimed_elbo)
    sites = list(positions(factor["plates"], state.sizes))
    chosen = sites if len(sites) <= 4 else [*sites[:2], *sites[-2:]]
    return worst(check(state, factor, site) for site in chosen)


def objective(state: State, factor: Mapping[str, Any], site: Position, held: Held) -> Value:
    """E[log p(x, z)] under the other factors, terms with this element only, per copy it stands for.

    Where the element says how many copies of others there are, these bring as many times the entropy of their factor.
    """
    own = set(state.claim.elements(factor, site, state.sizes))
    averages = Averages(state, held)
    total = averages.touching(own)
    for name, number in state.claim.copies.items():
        if number in factor["latents"]:
            v, others = state.claim.variables[name], state.claim.factor_of[name]
            for at in positions(others["plates"], state.sizes):
                binding = dict(zip((i for i, _ in others["plates"]), at, strict=True))
                if own & mentioned(v["weight"], state, binding):
                    unit = reference_unit(state, others, at)
                    total = total - averages.expression(v["weight"], binding) * unit.mean(unit.log_q)
    return total / state.weight(factor, site)


def _statistics(state: State, factor: Mapping[str, Any], site: Position) -> Finding:
    """log q* - Σ coefficient · statistic is the same at every point."""
    best = state.solve(factor, site)
    plates = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
    differences: list[Any] = []
    heights: list[Any] = []
    scale = mpmath.mpf(1)
    for held in held_points(state, factor, site):
        averages = Averages(state, held)
        stated: Value = state.engine.number(0)
        for statistic, coefficient in factor["statistics"]:
            free = free_axes([statistic, coefficient], set(plates))
            for binding in bindings(free, state.sizes, plates):
                stated = stated + averages.expression(["mul", [coefficient, statistic]], binding)
        gap = log_q_at(best, factor, site, held.assigned, held.points) - stated
        differences += [to_mpf(g) for g in np.ravel(np.asarray(gap, dtype=object))]
        heights += [to_mpf(x) for x in np.ravel(np.asarray(stated, dtype=object))]
    scale = max(scale, *map(abs, heights))
    return _unless_at_an_end(_spread(differences, scale, site), best, factor, heights)


def free_axes(e: Any, bound: set[str]) -> list[list[str]]:
    """The running indices of expressions that nothing binds, in order of appearance."""
    found: dict[str, str] = {}
    match e:
        case ["index", str(name), str(size)]:
            return [] if name in bound else [[name, size]]
        case ["sum", axes, body]:
            return free_axes(body, bound | {name for name, _ in axes})
        case ["logdet" | "inverse", row, column, body, *subs]:
            found = {name: size for name, size in free_axes(body, bound | {row[0], column[0]})}
            found |= {name: size for name, size in free_axes(subs, bound)}
            return [[name, size] for name, size in found.items()]
        case list():
            for part in e:
                found |= {name: size for name, size in free_axes(part, bound)}
    return [[name, size] for name, size in found.items()]


def _constant(state: State, factor: Mapping[str, Any], site: Position) -> Finding:
    best = state.solve(factor, site)
    differences: list[Any] = []
    heights: list[Any] = []
    scale = mpmath.mpf(1)
    for held in held_points(state, factor, site):
        expected = objective(state, factor, site, held)
        log_q = log_q_at(best, factor, site, held.assigned, held.points)
        gap = log_q - expected
        values = [gap] if not isinstance(gap, np.ndarray) else list(gap)
        differences += [to_mpf(g) for g in values]
        heights += [to_mpf(x) for x in np.ravel(np.asarray(expected, dtype=object))]
    scale = max(scale, *map(abs, heights))
    return _unless_at_an_end(_spread(differences, scale, site), best, factor, heights)


def _unless_at_an_end(finding: Finding, best: State, factor: Mapping[str, Any], heights: Sequence[Any]) -> Finding:
    """What is not finite because a probability lies nearer to zero or one than the working digits tell is undecided.

    It must be so: the heights of the optimum, which know nothing of the probability, are as far apart.
    """
    if finding.digits or not finding.detail.startswith("not finite"):
        return finding
    told = mpmath.mpf(10) ** (SLACK - mpmath.mp.dps)
    if max(heights) - min(heights) < -mpmath.log(told) / 2:
        return finding
    for p in factor["parameters"]:
        values = [to_mpf(v) for v in best.params[p["latent"], p["name"]].values()] if p["domain"] == "unit" else []
        if any(min(abs(v), abs(1 - v)) < told for v in values):
            reason = f"{p['latent']}.{p['name']} is zero or one to {mpmath.mp.dps - SLACK} digits: log q has no value"
            return Finding(None, reason)
    return finding


def _spread(differences: list[Any], scale: Any, site: Position) -> Finding:
    """Digits to which differences are all the same."""
    if len(differences) < 2:
        return Finding(None, "fewer than two points in the support")
    if not all(map(mpmath.isfinite, differences)):  # a maximum passes over what is no number
        return Finding(0.0, f"not finite at {site}")
    spread = max(differences) - min(differences)
    digits = 60.0 if spread == 0 else float(-mpmath.log10(spread / scale))
    return Finding(
        max(0.0, min(60.0, digits)), f"varies by {float(spread):.3g} over {len(differences)} points at {site}"
    )


def _maximiser(state: State, factor: Mapping[str, Any], site: Position) -> Finding:
    best = state if factor.get("climbs") is not None else state.solve(factor, site)
    (latent,) = factor["latents"]
    elements = list(state.claim.elements(factor, site, state.sizes))
    if state.claim.selects(latent) and not state.claim.variables[latent]["event"]:
        return _best_category(state, factor, site, elements[0], best)
    at = {x: best.params[latent, "value"][x[1]] for x in elements}
    domain = state.claim.variables[latent]["domain"]
    at, ends = _drawn_in(state.engine, domain, at)
    outside = _outside(domain, [to_mpf(v) for v in at.values()], state.digits)
    if outside:
        return Finding(0.0, f"the claimed maximiser {outside} at {site}")
    inside = [x for x in elements if x not in ends]
    found = [_along(state, factor, site, at, move) for move in _moves(state, latent, inside)]
    return worst(iter([*found, *(_at_an_end(state, factor, site, at, x, ends) for x in ends)]))


def _drawn_in(e: Engine, domain: str, at: Mapping[Element, Any]) -> tuple[dict[Element, Any], dict[Element, int]]:
    """A point a little inside its support, and its elements that lie at an end of that: which way is inside."""
    near, ends, drawn = mpmath.mpf(10) ** (SLACK - mpmath.mp.dps), dict[Element, int](), dict(at)
    for x, value in at.items():
        for end, inward in ((0, 1), (1, -1)) if domain == "unit" else ((0, 1),):
            if domain in BOUNDED and abs(to_mpf(value) - end) <= near:
                ends[x], drawn[x] = inward, e.number(end + inward * Fraction(1, 10**END))
    if domain == "simplex" and ends:  # what is given to them is taken from the largest
        largest = max(at, key=lambda x: to_float(at[x]))
        drawn[largest] = at[largest] - e.number(len(ends) * Fraction(1, 10**END))
    return drawn, ends


def _at_an_end(
    state: State,
    factor: Mapping[str, Any],
    site: Position,
    at: Mapping[Element, Any],
    x: Element,
    ends: Mapping[Element, int],
) -> Finding:
    """Where a maximum lies at an end of the support, the objective falls from there to the inside, all the way.

    What one element of a simplex gains, the largest loses.
    """
    e = state.engine
    move = {x: ends[x]}
    if state.claim.variables[x[0]]["domain"] == "simplex":
        move[max((y for y in at if y not in ends), key=lambda y: to_float(at[y]))] = -1
    room = min([1.0, *(to_float(at[y]) for y in move if y != x)])
    steps = [e.number(0), *(e.number(Fraction(k, 8)) * e.number(room) for k in (1, 3, 5, 7))]
    points = {y: as_array([value + move.get(y, 0) * s for s in steps]) for y, value in at.items()}
    f = np.ravel(np.asarray(objective(state, factor, site, Held({}, points)), dtype=object))
    if f.size == 1:
        return Finding(60.0, f"no term depends on it here: any value is a maximiser at {site}")
    falls = all(to_mpf(a - b) > 0 for a, b in pairwise(f))
    return Finding(60.0 if falls else 0.0, f"the objective {'falls' if falls else 'rises'} from the end at {site}")


def _outside(domain: str, values: list[Any], digits: int) -> str:
    """How a value misses its support; empty if it does not."""
    if domain in BOUNDED and min(values) <= 0:
        return "is not positive"
    if domain == "unit" and max(values) >= 1:
        return "is not below one"
    if domain == "simplex" and abs(mpmath.fsum(values) - 1) > mpmath.mpf(10) ** -digits:
        return f"adds up to {float(mpmath.fsum(values)):.6g}, not to one"
    return ""


def _moves(state: State, latent: str, elements: list[Element]) -> Iterator[dict[Element, int]]:
    """Directions that stay in the support: one element each, or pairs that keep a sum or a symmetry."""
    domain = state.claim.variables[latent]["domain"]
    if domain == "positive_definite":
        for name, at in elements:
            yield {(name, at): 1, (name, (*at[:-2], at[-1], at[-2])): 1}
    elif domain == "simplex":
        for other in elements[1:]:
            yield {elements[0]: 1, other: -1}
        if len(elements) == 1:
            yield {}
    else:
        for x in elements:
            yield {x: 1}


def _along(
    state: State, factor: Mapping[str, Any], site: Position, at: Mapping[Element, Any], move: Mapping[Element, int]
) -> Finding:
    """Stationary and lower on both sides along one direction."""
    e = state.engine
    if not move:
        return Finding(60.0, "a simplex with one element")
    domain = state.claim.variables[factor["latents"][0]]["domain"]
    room = min(abs(to_float(at[x])) for x in move) or 1.0
    if domain in ("real", "nonnegative") and room < 10.0**-state.digits:
        room = 1.0  # zero but for rounding
    if domain in ("unit", "simplex"):
        room = min(room, *(1 - to_float(at[x]) for x in move))
    if domain == "positive_definite":
        room = _smallest_eigenvalue(at)
    small = e.number(Fraction(1, 10**NUDGE)) * e.number(room)
    large = [e.number(room) * e.number(Fraction(k, 8)) for k in (-3, -1, 1, 3)]
    steps = [-small, e.number(0), small, *large]
    points = {x: as_array([value + move.get(x, 0) * s for s in steps]) for x, value in at.items()}
    f = np.ravel(np.asarray(objective(state, factor, site, Held({}, points)), dtype=object))
    if f.size == 1:
        return Finding(60.0, f"no term depends on it here: any value is a maximiser at {site}")
    slope, bend = (f[2] - f[0]) / (2 * small), (f[2] - 2 * f[1] + f[0]) / (small * small)
    where = f"at {site}"
    seen = mpmath.mpf(10) ** (SLACK - mpmath.mp.dps) * (1 + abs(to_mpf(f[1])))
    if all(abs(to_mpf(f[1] - f[k])) <= seen for k in (0, 2)) and all(to_mpf(f[1] - f[k]) >= -seen for k in range(3, 7)):
        return Finding(
            60.0, f"the objective is level beside it to {mpmath.mp.dps - SLACK} digits, and nowhere higher {where}"
        )
    if not to_mpf(bend) < 0 or any(not to_mpf(f[1] - f[k]) > 0 for k in range(3, 7)):
        return Finding(0.0, f"a larger value of the objective lies beside the claimed maximiser {where}")
    newton = abs(to_mpf(slope / bend)) / mpmath.mpf(room)
    digits = 60.0 if newton == 0 else float(-mpmath.log10(newton))
    return Finding(max(0.0, min(60.0, digits)), f"Newton step {float(newton):.3g} relative to the value {where}")


def _smallest_eigenvalue(at: Mapping[Element, Any]) -> float:
    """Of a matrix, or of several along the first axes: how far a move of length one may go."""
    places: dict[Position, dict[Position, float]] = {}
    for (_, place), value in at.items():
        places.setdefault(place[:-2], {})[place[-2:]] = to_float(value)
    sides = round(len(next(iter(places.values()))) ** 0.5)
    matrices = [np.reshape([table[k] for k in sorted(table)], (sides, sides)) for table in places.values()]
    return min(float(np.linalg.eigvalsh(m)[0]) for m in matrices)


def _best_category(state: State, factor: Mapping[str, Any], site: Position, element: Element, best: State) -> Finding:
    scores = [
        to_mpf(objective(state, factor, site, held)) for held in held_points(state, factor, site) if held.assigned
    ]
    row = best.params[element[0], "value"]
    chosen = max(range(len(scores)), key=lambda k: float(to_mpf(row[(*site, k)])))
    gap = scores[chosen] - max(scores)
    return Finding(60.0 if gap == 0 else 0.0, f"category {chosen} scores {float(gap):.3g} below the best at {site}")
