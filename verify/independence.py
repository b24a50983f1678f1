"""Smaller grids for the density of one element of a node, where its parts are independent under q.

Normal: E[λ d²] = E[λ] E[d²] for a precision λ and a distance d that share no factor of q, so that two small grids do
the work of their product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value
from cavi.verify.claim import Claim, Element
from cavi.verify.degree import degree, polynomial_degree
from cavi.verify.evaluate import Binding, Plain, bindings, evaluate
from cavi.verify.matrix import log_determinant
from cavi.verify.mentions import mentioned
from cavi.verify.nodes import distribution_at, node_parts
from cavi.verify.on_grid import OnGrid

if TYPE_CHECKING:
    from cavi.verify.averages import Averages
    from cavi.verify.state import State


@dataclass(frozen=True)
class Parts:
    """One element of a node with its categories assigned, taken apart."""

    averages: Averages
    v: Mapping[str, Any]
    binding: Binding
    assigned: Mapping[Element, int]

    @property
    def state(self) -> State:
        """The state that expectations are taken under."""
        return self.averages.state

    @property
    def claim(self) -> Claim:
        """What is claimed."""
        return self.averages.state.claim

    @property
    def engine(self) -> Engine:
        """The arithmetic."""
        return self.averages.engine

    def scales(self) -> dict[Element, tuple[Value, Value]]:
        """E[log u] and E[u] of numbers u that multiply the precision of a Normal and are independent of all else.

        E[log p(x | m, u Λ)] is E[log p(x | m, E[u] Λ)] with E[log u] in the place of log E[u], D/2 times.
        """
        distribution = distribution_at(self.v, self.state, self.binding)
        precision = distribution["args"].get("precision")
        if distribution["name"] not in ("Normal", "MultivariateNormal") or precision is None or precision[0] != "mul":
            return {}
        event = {i for i, _ in self.v["event"]} | {f"{i}'" for i, _ in self.v["event"]}
        factors = [f for f in precision[1] if f[0] == "ref" and self._is_positive(f) and not _indices(f) & event]
        apart = {
            **self.v,
            "distribution": {**distribution, "args": {**distribution["args"], "precision": None}},
            "chain": None,
        }
        found: dict[Element, tuple[Value, Value]] = {}
        for f in factors:
            scope = self.averages.touched([f], [self.binding], self.assigned)
            others = ["mul", [g for g in precision[1] if g is not f]]
            apart["distribution"]["args"]["precision"] = others
            parts, inner = zip(*node_parts(apart, self.state, self.binding), strict=True)
            sites = {self.claim.site_of(*x) for x in self.averages.touched(parts, inner, self.assigned)}
            if len(scope) == 1 and self.claim.site_of(*next(iter(scope))) not in sites:
                found[next(iter(scope))] = self._log_and_mean(f)
        return found

    def apart(self) -> Value | None:
        """Smaller grids where two parts of a density are independent; None where they are not.

        Normal: E[λ d²] = E[λ] E[d²] for the precision λ and the distance d; Poisson: E[x log r] = E[x] E[log r].
        """
        distribution = distribution_at(self.v, self.state, self.binding)
        family, args = distribution["name"], distribution["args"]
        own = ["ref", self.v["name"], [["index", i, s] for i, s in self.v["plates"]]]
        if family == "Normal":
            first, second = ["add", [own, ["mul", [["num", "-1"], args["mean"]]]]], args["precision"]
        elif family == "MultivariateNormal":
            return self._vector_apart()
        elif family == "Poisson":
            first, second = own, args["rate"]
        else:
            return None
        left, right = (self.averages.touched([e], [self.binding], self.assigned) for e in (first, second))
        site_of = self.claim.site_of
        if {site_of(*x) for x in left} & {site_of(*x) for x in right}:
            return None
        left_units = self.averages.units(left, partial(polynomial_degree, self.v), self.assigned)
        x = evaluate(first, OnGrid(self.averages, self.assigned, left_units), self.binding)
        log_r, mean_r = self._log_and_mean(second)
        if family == "Normal":
            square = self.averages.contract(x * x, left_units)
            return (log_r - self.engine("log", 2 * self.engine.constants("pi")) - mean_r * square) / 2
        factorial = self.averages.contract(self.engine("lgamma", x + self.engine.number(1)), left_units)
        return self.averages.contract(x, left_units) * log_r - mean_r - factorial

    def _vector_apart(self) -> Value | None:
        """Σ E[Λ_ij] E[d_i d_j] and E[log det Λ] where the precision Λ and the distance d are independent."""
        args = distribution_at(self.v, self.state, self.binding)["args"]
        own = ["ref", self.v["name"], [["index", i, s] for i, s in [*self.v["plates"], *self.v["event"]]]]
        away = ["add", [own, ["mul", [["num", "-1"], args["mean"]]]]]
        rows = list(bindings(self.v["event"], self.state.sizes, self.binding))
        pairs = [b for r in rows for b in bindings([[f"{i}'", s] for i, s in self.v["event"]], self.state.sizes, r)]
        if self._is_diagonal(args["precision"], pairs, len(rows)):
            parts = [self._coordinate(away, args["precision"], r) for r in rows]
            return sum(parts[1:], parts[0])
        left = self.averages.touched([away] * len(rows), rows, self.assigned)
        right = self.averages.touched([args["precision"]] * len(pairs), pairs, self.assigned)
        site_of = self.claim.site_of
        if not right or {site_of(*x) for x in left} & {site_of(*x) for x in right}:
            return None
        degrees = partial(polynomial_degree, self.v)
        units = self.averages.units(left, degrees, self.assigned)
        distance = [evaluate(away, OnGrid(self.averages, self.assigned, units), r) for r in rows]
        precise = self.averages.units(right, degrees, self.assigned)
        scope, size = OnGrid(self.averages, self.assigned, precise), range(len(rows))
        table = [evaluate(args["precision"], scope, b) for b in pairs]
        matrix = [table[i * len(rows) : (i + 1) * len(rows)] for i in size]
        value = self.averages.contract(log_determinant(self.engine, matrix), precise)
        for i in size:
            for j in size:
                square = self.averages.contract(distance[i] * distance[j], units)
                value = value - self.averages.contract(matrix[i][j], precise) * square
        return (value - len(rows) * self.engine("log", 2 * self.engine.constants("pi"))) / 2

    def _is_diagonal(self, e: Plain, pairs: list[dict[str, int]], size: int) -> bool:
        """Whether the elements of a matrix off the diagonal are known to be zero."""
        scope = OnGrid(self.averages, self.assigned, {})
        off = [b for i, b in enumerate(pairs) if i // size != i % size]
        return bool(off) and all(
            not mentioned(e, self.state, b, self.assigned) and bool(np.all(evaluate(e, scope, b) == 0)) for b in off
        )

    def _coordinate(self, away: Plain, precision: Plain, row: Binding) -> Value:
        """E[log p] of one coordinate of a vector with independent coordinates."""
        column = {**row, **{f"{i}'": row[i] for i, _ in self.v["event"]}}
        units = self.averages.units(
            self.averages.touched([away, precision], [row, column], self.assigned),
            partial(polynomial_degree, self.v),
            self.assigned,
        )
        scope = OnGrid(self.averages, self.assigned, units)
        gap, known = evaluate(away, scope, row), evaluate(precision, scope, column)
        constant = self.engine("log", 2 * self.engine.constants("pi"))
        return self.averages.contract((self.engine("log", known) - constant - known * gap * gap) / 2, units)

    def _log_and_mean(self, e: Plain) -> tuple[Value, Value]:
        """E[log e] and E[e]; positive independent factors of a product one by one."""
        factors = list(e[1]) if e[0] == "mul" and all(map(self._is_positive, e[1])) else [e]
        scopes = [self.averages.touched([f], [self.binding], self.assigned) for f in factors]
        sites = [site for scope in scopes for site in {self.claim.site_of(*x) for x in scope}]
        if len(set(sites)) < len(sites):
            factors, scopes = [e], [set().union(*scopes)]
        log: Value = self.engine.number(0)
        mean: Value = self.engine.number(1)
        for f, scope in zip(factors, scopes, strict=True):
            means = [self._along_one(g) for g in (["fn", "log", [f]], f)]
            if None not in means:
                log, mean = log + means[0], mean * means[1]
                continue
            units = self.averages.units(scope, partial(polynomial_degree, self.v), self.assigned)
            value = evaluate(f, OnGrid(self.averages, self.assigned, units), self.binding)
            log = log + self.averages.contract(self.engine("log", value), units)
            mean = mean * self.averages.contract(value, units)
        return log, mean

    def _along_one(self, e: Plain) -> Value | None:
        """E[e] as an integral over one number, where it is one under a Normal factor that was chosen."""
        return self.averages.along_one(
            [e],
            [self.binding],
            lambda scope: evaluate(e, scope, self.binding),
            partial(degree, e),
            self.assigned,
        )

    def _is_positive(self, e: Plain) -> bool:
        """Whether a factor is positive by its form and the declared domains."""
        match e:
            case ["num", value]:
                return Fraction(value) > 0
            case ["size", _] | ["const", "pi"]:
                return True
            case ["ref", name, _]:
                return self.claim.variables[name]["domain"] in ("positive", "unit", "simplex")
            case ["pow", base, _]:
                return self._is_positive(base)
        return False


def _indices(e: Any) -> set[str]:
    """The names of the indices in an expression."""
    if not isinstance(e, list):
        return set()
    return {e[1]} if e[:1] == ["index"] else set().union(*map(_indices, e))
