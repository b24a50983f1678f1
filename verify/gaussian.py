"""Normals integrated out of a log density that is quadratic in them, by evaluating it: no formula of any model.

    f(g) = c + bᵀg - gᵀA g / 2,     log ∫ exp f dg = c + |L⁻¹ b|² / 2 - log det L + (D/2) log 2π,     A = L Lᵀ

c, b and A are read off the values of f at 0, ± e_i and e_i + e_j; one more point tells whether f is quadratic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float
from cavi.verify.averages import Infeasible
from cavi.verify.claim import Claim, Element
from cavi.verify.degree import NORMALS, polynomial_degree
from cavi.verify.matrix import cholesky

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
    # At the ends of wide windows rounding hides the form, or there is no density; a typical node tells.
    found = gap if e.name == "float64" else np.array([to_float(x) for x in gap])
    if not np.isfinite(found).any() or np.nanmedian(found) > TOLERANCE:
        raise Infeasible(f"the log density is not quadratic in {elements[0][0]}")
    return Quadratic(c, linear, square)


def integral(e: Engine, forms: Sequence[Quadratic], elements: Sequence[Element]) -> Value:
    """log ∫ exp(Σ forms) over all the elements; not a number where the product has no finite integral."""
    zero = e.number(0)
    total = sum((f.constant for f in forms), zero)
    b = [sum((f.linear[x] for f in forms if x in f.linear), zero) for x in elements]

    def entry(x: Element, y: Element) -> Value:
        return sum((a for f in forms for p in {(x, y), (y, x)} if (a := f.square.get(p)) is not None), zero)

    low = cholesky(e, [[entry(x, y) for y in elements] for x in elements])
    solved: list[Value] = []
    for i in range(len(elements)):
        rest = b[i]
        for k in range(i):
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
