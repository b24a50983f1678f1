"""Normals integrated out of a log density that is quadratic in them, by evaluating it: no formula of any model.

    f(g) = c + bᵀg - gᵀA g / 2,     log ∫ exp f dg = c + |L⁻¹ b|² / 2 - log det L + (D/2) log 2π,     A = L Lᵀ

c, b and A are read off the values of f at 0, ± e_i and e_i + e_j; one more point tells whether f is quadratic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import add
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float
from cavi.verify.averages import Infeasible
from cavi.verify.claim import Claim, Element
from cavi.verify.degree import NORMALS, polynomial_degree
from cavi.verify.matrix import cholesky, is_zero

LogDensity = Callable[[Mapping[Element, Value]], Value]
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Quadratic:
    """c, b and A of one density or of a product of several; every entry is a number or an array of one rank."""

    constant: Value
    linear: Mapping[Element, Value]
    square: Mapping[tuple[Element, Element], Value]


def quadratic(e: Engine, f: LogDensity, elements: Sequence[Element]) -> Quadratic:
    """The form of f, found by evaluating it.

    Raises:
        Infeasible: when f is not quadratic.
    """
    form, gap = form_and_gap(e, f, elements)
    check_gap(gap, elements)
    return form


def form_and_gap(e: Engine, f: LogDensity, elements: Sequence[Element]) -> tuple[Quadratic, Any]:
    """The form of f if it is quadratic, and how far from it f is at one more point, at every node of a grid."""
    zero, one = e.number(0), e.number(1)

    def at(values: Mapping[Element, Any]) -> Value:
        return f({x: values.get(x, zero) for x in elements})

    c = at({})
    up, down = {x: at({x: one}) for x in elements}, {x: at({x: -one}) for x in elements}
    linear = {x: (up[x] - down[x]) / 2 for x in elements}
    square = {(x, x): 2 * c - up[x] - down[x] for x in elements}
    for x, y in combinations(elements, 2):
        square[x, y] = up[x] + up[y] - c - at({x: one, y: one})
    somewhere = {x: (one + i) / (3 + i) for i, x in enumerate(elements)}
    expected = c
    for x in elements:
        expected = expected + linear[x] * somewhere[x]
    for (x, y), a in square.items():
        expected = expected - a * somewhere[x] * somewhere[y] * (one / 2 if x == y else one)
    gap = np.ravel(np.asarray(abs(at(somewhere) - expected) / (1 + abs(expected) + sum(map(abs, up.values())))))
    return Quadratic(c, linear, square), gap if e.name == "float64" else np.array([to_float(x) for x in gap])


def check_gap(gap: Any, elements: Sequence[Element]) -> None:
    """Refuse a form that is not that of the function.

    At the ends of wide windows rounding hides the form, or there is no density; a typical node tells.

    Raises:
        Infeasible: when the function is not quadratic.
    """
    if not np.isfinite(gap).any() or np.nanmedian(gap) > TOLERANCE:
        raise Infeasible(f"the log density is not quadratic in {elements[0][0]}")


def integral(e: Engine, forms: Sequence[Quadratic], elements: Sequence[Element]) -> Value:
    """log ∫ exp(Σ forms) over all the elements; not a number where the product has no finite integral."""

    def added(values: Iterable[Value]) -> Value:
        found = list(values)
        return reduce(add, found) if found else e.number(0)  # a zero to begin with would cost a pass over the grid

    total = added(f.constant for f in forms)
    b = [added(f.linear[x] for f in forms if x in f.linear) for x in elements]

    def entry(x: Element, y: Element) -> Value:
        return added(a for f in forms for p in {(x, y), (y, x)} if (a := f.square.get(p)) is not None)

    low = cholesky(e, [[entry(x, y) for y in elements[: i + 1]] for i, x in enumerate(elements)])
    solved: list[Value] = []
    for i in range(len(elements)):
        rest = b[i]
        for k in range(i):
            if not is_zero(low[i][k]):
                rest = rest - low[i][k] * solved[k]
        solved.append(rest / low[i][i])
        total = total + solved[i] * solved[i] / 2 - e("log", low[i][i])
    return total + len(elements) * e("log", 2 * e.constants("pi")) / 2


def normal_latents(claim: Claim, nodes: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Sets of latents with Normal priors in which the log density of every node is quadratic, begun at each of them."""
    candidates = [
        v["name"]
        for v in nodes
        if claim.is_random(v["name"])
        and v["distribution"]["name"] in NORMALS
        and not claim.factor_of.get(v["name"], {"point": False})["point"]
    ]

    def quadratic_in(names: tuple[str, ...]) -> bool:
        return all(polynomial_degree(v, names) <= 2 for v in nodes)

    found: dict[tuple[str, ...], None] = {}
    for first in range(len(candidates)):
        chosen: tuple[str, ...] = ()
        for name in candidates[first:] + candidates[:first]:
            if quadratic_in((*chosen, name)):
                chosen = (*chosen, name)
        found[tuple(sorted(chosen))] = None
    return list(found) or [()]
