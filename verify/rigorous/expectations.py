"""Expectations under q as enclosures: every factor a density of one coordinate, so that monomials are products.

`Enclosed` is the checker's own walk over the declared densities (`Averages`) with latents that are not on a grid but
stand for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb

from cavi.verify.averages import Averages
from cavi.verify.blocks import GAUSSIAN, Placed, as_vector, event_elements, links
from cavi.verify.claim import Element
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.evaluate import Position
from cavi.verify.matrix import cholesky, lower_inverse
from cavi.verify.nodes import distribution_at, family_arguments
from cavi.verify.rigorous.deferred import Deferred, coordinates, leaf
from cavi.verify.rigorous.enclose import enclose
from cavi.verify.rigorous.expand import Monomial, expand
from cavi.verify.rigorous.jet import Unbounded
from cavi.verify.rigorous.line import KINDS, with_slope
from cavi.verify.state import State
from cavi.verify.units import Unit, linked, log_q_at


def leaves_of(elements: Sequence[Element], support: str) -> tuple[dict[Element, Any], dict[Any, str]]:
    """The elements of one latent as leaves, and the coordinates that these are functions of.

    Raises:
        Unbounded: for a support without a line of its own.
    """
    if support == "simplex" and len(elements) == 2:
        first, rest = elements
        return {first: leaf(first, "x", "unit"), rest: leaf(first, "rest", "unit")}, {first: "unit"}
    if support == "simplex" and len(elements) == 1:
        return {elements[0]: arb(1)}, {}
    if support == "positive_definite" and len(elements) == 1:
        support = "positive"
    if support not in KINDS:
        raise Unbounded(f"{elements[0][0]}: no enclosure over the support {support}")
    kind = KINDS[support]
    return {x: leaf(x, "x", kind) for x in elements}, {x: kind for x in elements}


class Enclosed(Averages):
    """Expectations under the q of a state, enclosed."""

    def __init__(self, state: State, goal: float) -> None:
        super().__init__(state)
        self.goal = goal
        self._densities: dict[Any, tuple[Any, str]] = {}
        self._integrals: dict[tuple[Any, Monomial], Any] = {}

    def units(
        self, touched: set[Element], degree_in: Callable[[Sequence[str]], int], assigned: Mapping[Element, int]
    ) -> dict[Unit, int]:
        """Units whose elements are leaves, or the values of points."""
        claim = self.state.claim
        found: dict[Unit, int] = {}
        for name, site in sorted({claim.site_of(*x) for x in touched}):
            factor = claim.factor_named[name]
            if factor["point"]:
                found[self.state.unit(factor, site)] = 1
            else:
                found[Unit(name, site, self.leaves(factor, site), arb(1), arb(0))] = 1
        return found

    def contract(self, value: Any, units: Mapping[Unit, int]) -> Any:
        """The expectation of an expression in leaves."""
        return self.mean(value)

    def leaves(self, factor: Mapping[str, Any], site: Position) -> dict[Element, Any]:
        """The elements of a factor at a site as leaves, its density kept for their integrals."""
        state, claim = self.state, self.state.claim
        elements = list(claim.elements(factor, site, state.sizes))
        if linked(state, factor, elements):
            return self._linked(factor, site)
        if len(factor["latents"]) != 1:
            raise Unbounded(f"the block {factor['name']} is over several latents")
        family = claim.family(elements[0][0])
        args = state.arguments(elements[0][0], site)
        return self._normal(family, args, elements) if family in GAUSSIAN else self._other(family, args, elements)

    def _linked(self, factor: Mapping[str, Any], site: Position) -> dict[Element, Any]:
        """One distribution after another, each given the values of those before it."""
        state = self.state
        values: dict[Element, Any] = {}
        scope = Placed(state, values)
        for link, binding in links(state, factor, site):
            distribution = distribution_at(link, state, binding)
            family, elements = distribution["name"], event_elements(state, link, binding)
            args = family_arguments(distribution, link, scope, binding)
            found = self._normal(family, args, elements) if family in GAUSSIAN else self._other(family, args, elements)
            values |= found
        return values

    def _other(self, family: str, args: Mapping[str, Any], elements: list[Element]) -> dict[Element, Any]:
        values, keys = leaves_of(elements, FAMILIES[family].support)
        if len(keys) > 1 or any(coordinates(a) for x in args.values() for a in _entries(x)):
            raise Unbounded(f"{elements[0][0]} is over {len(keys)} coordinates at once, or depends on others under q")
        for key, kind in keys.items():
            log_q = log_density(self.engine, family, _shaped(family, [values[x] for x in elements]), args)
            self._densities[key] = (with_slope(log_q, keys), kind)
        return values

    def _normal(self, family: str, args: Mapping[str, Any], elements: list[Element]) -> dict[Element, Any]:
        """w = m + L^-T u with L Lᵀ the precision and u standard Normals, which are the coordinates."""
        e = self.engine
        mean, precision = as_vector(e, family, args)
        inverse = lower_inverse(e, cholesky(e, precision))
        standard = [leaf(("standard", x), "x", "real") for x in elements]
        for u in standard:
            log_q = (u * u + e("log", 2 * e.constants("pi"))) * e.number(Fraction(-1, 2))
            self._densities[u.args[0][0]] = (log_q, "real")
        size = range(len(elements))
        return {
            x: mean[d] + sum((standard[k] * inverse[k][d] for k in size if k >= d), e.number(0))
            for d, x in enumerate(elements)
        }

    def mean(self, value: Any) -> Any:
        """E_q of an expression in leaves: of each monomial the product over its coordinates."""
        if not isinstance(value, Deferred):
            return value
        total = arb(0)
        for monomial, coefficient in expand(value).items():
            product = coefficient
            for key in dict.fromkeys(atom[0] for atom, _ in monomial):
                own = tuple((atom, power) for atom, power in monomial if atom[0] == key)
                product = product * self._integral(key, own)
            total = total + product
        return total

    def _integral(self, key: Any, monomial: Monomial) -> Any:
        if (key, monomial) not in self._integrals:
            log_q, kind = self._densities[key]
            self._integrals[key, monomial] = enclose(log_q, {key: kind}, self.goal, monomial)
        return self._integrals[key, monomial]

    def total(self, factor: Mapping[str, Any], site: Position) -> Any:
        """∫ q of one element of a factor."""
        keys = {key for x in self.leaves(factor, site).values() for key in coordinates(x)}
        product = arb(1)
        for key in sorted(keys, key=repr):
            product = product * self._integral(key, ())
        return product

    def entropy(self, factor: Mapping[str, Any], site: Position) -> Any:
        """E[-log q] of one element of a factor."""
        return -self.mean(log_q_at(self.state, factor, site, {}, self.leaves(factor, site)))


def _shaped(family: str, values: list[Any]) -> Any:
    """The value of a distribution as its density takes it: a number, a vector, or a matrix of one element."""
    support = FAMILIES[family].support
    return [values] if support == "positive_definite" else values if support == "simplex" else values[0]


def _entries(x: Any) -> list[Any]:
    return [e for part in x for e in _entries(part)] if isinstance(x, list) else [x]
