"""What a relaxation puts in the place of a declared density, against that density itself.

A bound must not exceed it anywhere and must reach it where it is said to touch; one in two steps, of which the first
touches nowhere, must reach what the first step left. Its expectation must not exceed that
of the declared density.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Value, digits_of, to_float, to_mpf
from cavi.verify.averages import Averages, Held, Infeasible
from cavi.verify.check_families import compare
from cavi.verify.check_marginal import random_values
from cavi.verify.claim import Element, names_in
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import Binding, Position, bindings, evaluate
from cavi.verify.mentions import mentioned
from cavi.verify.points import as_array
from cavi.verify.report import Check, Finding, worst
from cavi.verify.rules import Map, counting_rule, half_line, line_rule, real_line
from cavi.verify.scalar import bounded_map, outside_rule
from cavi.verify.state import State

POINTS = 5
NEAR = (Fraction(1, 2), Fraction(15, 16), Fraction(17, 16), Fraction(2))


def check_relaxed(state: State) -> Iterator[Check]:
    """Rows at single points: a bound is below the declared log density, and touches it where it says."""
    for name, entry in state.claim.relaxed.items():
        rule = entry["rule"]
        if entry["kind"] != "bound":
            title = f"augmentation {rule}: integrating {', '.join(entry['variables'])} out gives p({name})"
            yield Check(title, "identity", state.digits, partial(_integrates, state, entry))
            continue
        yield Check(f"bound {rule} of {name} holds", "identity", state.digits, partial(_holds, state, entry))
        if entry.get("through") is not None:
            yield Check(
                f"bound {rule} of {name}: the first step", "identity", state.digits, partial(_first, state, entry)
            )
        yield Check(f"bound {rule} of {name} touches", "identity", state.digits, partial(_touches, state, entry))


def check_gap(state: State) -> Iterator[Check]:
    """A row for every bound: its expectation is not above that of the declared log density."""
    for name, entry in state.claim.relaxed.items():
        if entry["kind"] == "bound":
            yield Check(f"E[bound of {name}] ≤ E[log p({name})]", "identity", state.digits, partial(_gap, state, entry))


def _both(state: State, entry: Mapping[str, Any], held: Held) -> tuple[Value, Value]:
    """The declared log density and what stands in its place, at one value of every latent."""
    averages = Averages(state, held)
    declared = averages.node(state.claim.variables[entry["node"]])
    return _one(declared), _one(averages.relaxed(entry["node"]))


def _first(state: State, entry: Mapping[str, Any]) -> Finding:
    """What the first of two steps puts in the place of the density is below it at random points; a tilt is equal."""
    if entry.get("tilts"):
        return worst(_equal(state, entry, k) for k in range(POINTS))
    least = mpmath.inf
    for k in range(POINTS):
        averages = Averages(state, random_values(state, k))
        declared = to_mpf(_one(averages.node(state.claim.variables[entry["node"]])))
        gap = declared - to_mpf(_one(averages.through(entry["node"])))
        if not gap >= -(mpmath.mpf(10) ** -state.digits):
            return Finding(0.0, f"above the declared log density by {float(-gap):.6g} at point {k + 1}")
        least = min(least, gap)
    return Finding(60.0, f"at {POINTS} points the first step is lower, by {float(least):.3g} or more")


def _equal(state: State, entry: Mapping[str, Any], k: int) -> Finding:
    """Whatever the tilt is, the density is as declared."""
    averages = Averages(state, random_values(state, k))
    declared = averages.node(state.claim.variables[entry["node"]])
    found, expected = to_mpf(_one(averages.through(entry["node"]))), to_mpf(_one(declared))
    return Finding(digits_of(found, expected), f"first step {float(found):.12g}, declared {float(expected):.12g}")


def _one(value: Value) -> Value:
    return np.ravel(np.asarray(value, dtype=object))[0]


def _holds(state: State, entry: Mapping[str, Any]) -> Finding:
    """At random local parameters, and near those where it touches: a slope there would show on one side."""
    least = mpmath.inf
    for k in range(POINTS):
        held = random_values(state, k)
        for where in (held, *(_touching(state, entry, held, f) for f in NEAR)):
            declared, bound = _both(state, entry, where)
            gap = to_mpf(declared) - to_mpf(bound)
            if not gap >= -(mpmath.mpf(10) ** -state.digits):
                return Finding(0.0, f"above the declared log density by {float(-gap):.6g} at point {k + 1}")
            least = min(least, gap)
    return Finding(60.0, f"at {POINTS * (1 + len(NEAR))} points the bound is lower, by {float(least):.3g} or more")


def _touching(state: State, entry: Mapping[str, Any], held: Held, factor: Fraction = Fraction(1)) -> Held:
    """The latents held, with the local parameters where the bound is said to touch, or at a multiple of that."""
    averages = Averages(state, held)
    points = dict(held.points)
    for name, axes, e in entry["touches"]:
        for b in bindings(axes, state.sizes, {}):
            at = _one(averages.expression(e, b)) * state.engine.number(factor)
            points[name, tuple(b[i] for i, _ in axes)] = as_array([at])
    return Held(held.assigned, points)


def _touches(state: State, entry: Mapping[str, Any]) -> Finding:
    free = set(names_in(entry.get("through") or []))
    if {t[0] for t in entry["touches"]} | free & set(entry["variables"]) != set(entry["variables"]):
        return Finding(0.0, "it is not said where each local parameter touches")

    def at(k: int) -> Finding:
        held = _touching(state, entry, random_values(state, k))
        bound, above = _both(state, entry, held)[1], _one(Averages(state, held).through(entry["node"]))
        what = "declared" if entry.get("through") is None else "the first step"
        detail = f"bound {to_float(bound):.12g}, {what} {to_float(above):.12g} where it touches"
        return Finding(digits_of(bound, above), detail)

    return worst(at(k) for k in range(POINTS))


def _gap(state: State, entry: Mapping[str, Any]) -> Finding:
    averages = Averages(state)
    declared = averages.node(state.claim.variables[entry["node"]])
    gap = to_mpf(declared) - to_mpf(averages.relaxed(entry["node"]))
    if not gap >= -(mpmath.mpf(10) ** -state.digits):
        return Finding(0.0, f"the expected bound is above the expected log density by {float(-gap):.6g}")
    return Finding(60.0, f"the gap is {float(gap):.6g}")


def _integrates(state: State, entry: Mapping[str, Any]) -> Finding:
    """The log of the integral (or sum) over every auxiliary element, at random values of all other latents.

    The joint density must be a product over these elements: with v = c + Σ_n u_n(ω_n) at a reference, each is
    integrated with the others at theirs, relative to the density there: v + Σ_n log ∫ exp(u_n - u_n(reference)).
    """

    def at(k: int) -> Finding:
        held = random_values(state, k)
        auxiliary = sorted(x for x in {**held.points, **held.assigned} if x[0] in entry["variables"])
        base = _with_auxiliaries(state, entry, held)
        logs, alone = mpmath.mpf(0), mpmath.mpf(0)
        for group in _groups(state, auxiliary):
            logs += _log_integral(state, entry, held, *group)
            alone += _with_auxiliaries(state, entry, _moved(held, group)) - base
        together = _with_auxiliaries(state, entry, _moved(held, auxiliary)) - base
        if digits_of(together, alone) < state.digits:
            return Finding(0.0, "the joint density is no product over the elements of the auxiliary")
        declared = _one(Averages(state, held).node(state.claim.variables[entry["node"]]))
        return compare(base + logs, declared, f"at point {k + 1}")

    return worst(at(k) for k in range(2))


def _groups(state: State, auxiliary: Collection[Element]) -> list[tuple[Element, ...]]:
    """Single elements, the counts of one vector, and pairs of what stands for copies and what says how many."""
    copies = state.claim.copies
    pairs = [(x, (copies[x[0]], x[1])) for x in auxiliary if x[0] in copies]
    vectors: dict[tuple[str, Position], list[Element]] = {}
    for x in auxiliary:
        if state.claim.support(x[0]) == "count_vector":
            vectors.setdefault((x[0], x[1][:-1]), []).append(x)
    joined = [*pairs, *map(tuple, vectors.values())]
    return [*joined, *((x,) for x in auxiliary if not any(x in p for p in joined))]


def _log_integral(state: State, entry: Mapping[str, Any], held: Held, *group: Element) -> mpmath.mpf:
    """Over one element, over counts that add up to a total, or over copies and how many there are."""
    if state.claim.support(group[0][0]) == "count_vector":
        return _over_counts(state, entry, held, group)
    if len(group) > 1:
        return _over_copies(state, entry, held, *group)
    return _over_one(state, entry, held, *group)


def _over_counts(state: State, entry: Mapping[str, Any], held: Held, group: Sequence[Element]) -> mpmath.mpf:
    """log Σ over all counts with the total, relative to the density at the values held."""
    name, at = group[0]
    values = state.unit(state.claim.factor_of[name], at[:-1]).values
    each = zip(*(np.ravel(values[x]) for x in group), strict=True)
    points = [{x: as_array([v]) for x, v in zip(group, counts, strict=True)} for counts in each]
    logs = [_with_auxiliaries(state, entry, Held(held.assigned, {**held.points, **p})) for p in points]
    return mpmath.log(mpmath.fsum(map(mpmath.exp, logs))) - _with_auxiliaries(state, entry, held)


def _over_copies(state: State, entry: Mapping[str, Any], held: Held, x: Element, number: Element) -> mpmath.mpf:
    """log Σ_m ∫ of m copies, relative to the density at the values held.

    The log density is c + m u(x), one u for each copy, and so the sum is c - log(1 - ∫ exp(u)).
    """

    def with_count(m: int) -> Held:
        return Held(held.assigned, {**held.points, number: as_array([state.engine.number(m)])})

    none, one, two = (_with_auxiliaries(state, entry, with_count(m)) for m in range(3))
    elsewhere = _with_auxiliaries(state, entry, _moved(with_count(0), [x]))
    if digits_of(two - one, one - none) < state.digits or digits_of(elsewhere, none) < state.digits:
        raise Infeasible(f"the joint density is not one factor for each of the copies of {x[0]}")
    ratio = mpmath.exp(one - none + _over_one(state, entry, with_count(1), x))
    if not ratio < 1:
        raise Infeasible(f"the sum over {number[0]} does not converge: its terms grow by {float(ratio):.6g}")
    return none - mpmath.log(1 - ratio) - _with_auxiliaries(state, entry, held)


def _over_one(state: State, entry: Mapping[str, Any], held: Held, x: Element) -> mpmath.mpf:
    """Over one element of an auxiliary, the others at their values, relative to the density at its own.

    Only what mentions the element is evaluated again and again.
    """
    v = state.claim.variables[x[0]]
    own = dict(zip((i for i, _ in v["plates"]), x[1], strict=True))
    parts = list(_mentioning(entry["value"], state, {}, held, x))

    def joint(at: Held) -> Value:
        averages = Averages(state, at)
        return sum((averages.expression(e, b) for e, b in parts), averages.element(v, own))

    top = _one(joint(held))
    if x in held.assigned:
        each = [Held({**held.assigned, x: k}, held.points) for k in range(_categories(state, x))]
        return mpmath.log(sum(mpmath.exp(to_mpf(_one(joint(h)) - top)) for h in each))

    def density(values: Value) -> Value:
        several = np.atleast_1d(np.asarray(values, dtype=object))
        points = {y: as_array([_one(p)] * len(several)) for y, p in held.points.items()}
        found = joint(Held(held.assigned, {**points, x: several})) - top
        return found if isinstance(values, np.ndarray) else _one(found)

    if FAMILIES[v["distribution"]["name"]].support == "count":
        rule = counting_rule(state.engine, density, state.digits, None)
    elif FAMILIES[v["distribution"]["name"]].support == "outside":
        ends = {n: evaluate(v["distribution"]["args"][n], state, own) for n in ("lower", "upper")}
        rule = outside_rule(state.engine, density, ends, state.digits, x[0])
    else:
        rule = line_rule(state.engine, density, _onto(state, x), state.digits, x[0])
    return mpmath.log(to_mpf(rule.weights.sum()))


def _mentioning(e: Any, state: State, binding: Binding, held: Held, x: Element) -> Iterator[tuple[Any, Binding]]:
    """The terms of an expression that depend on an element."""
    match e:
        case ["add", terms]:
            for t in terms:
                yield from _mentioning(t, state, binding, held, x)
        case ["sum", axes, body]:
            for b in bindings(axes, state.sizes, binding):
                yield from _mentioning(body, state, b, held, x)
        case ["fn", "E", [inner]]:
            yield from _mentioning(inner, state, binding, held, x)
        case _ if x in mentioned(e, state, binding, held.assigned):
            yield e, binding


def _with_auxiliaries(state: State, entry: Mapping[str, Any], held: Held) -> mpmath.mpf:
    """What stands in the place of the declared log density, with the log densities of its auxiliaries."""
    averages = Averages(state, held)
    value = averages.relaxed(entry["node"])
    for name in entry["variables"]:
        value = value + averages.node(state.claim.variables[name])
    return to_mpf(_one(value))


def _moved(held: Held, elements: Iterable[Element]) -> Held:
    """Some elements at other values: nearer to one end of their support, or the other category."""
    elements = set(elements)
    points = {x: as_array([_one(v) / 2]) if x in elements else v for x, v in held.points.items()}
    return Held({x: 1 - k if x in elements and k < 2 else k for x, k in held.assigned.items()}, points)


def _categories(state: State, x: Element) -> int:
    over = state.claim.variables[x[0]]["over"]
    return state.sizes[over[1]] if over[1] in state.sizes else int(over[1])


def _onto(state: State, x: Element) -> Map:
    """The map onto the support of an auxiliary."""
    v = state.claim.variables[x[0]]
    support = FAMILIES[v["distribution"]["name"]].support
    if support == "interval":
        binding = dict(zip((i for i, _ in v["plates"]), x[1], strict=True))
        ends = {n: e for n, e in v["distribution"]["args"].items() if n in ("lower", "upper")}
        return bounded_map({n: evaluate(e, state, binding) for n, e in ends.items()})
    return real_line() if support == "real" else half_line()
