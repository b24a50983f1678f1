"""Values for the plain expressions of a propagation: known data, latents, scalars of sites, quantities of q."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cavi.verify.arithmetic import Engine, Value, to_mpf
from cavi.verify.claim import Claim, Element
from cavi.verify.density import log_density
from cavi.verify.evaluate import Binding, Plain, Position, bindings, evaluate, positions
from cavi.verify.instance import Instance
from cavi.verify.nodes import distribution_at, node_arguments


@dataclass(frozen=True)
class World:
    """A scope of `evaluate`: an instance, with values of latents and of what EP keeps for the elements of its sites."""

    claim: Claim
    instance: Instance
    engine: Engine
    values: Mapping[Element, Value] = field(default_factory=dict)
    params: Mapping[tuple[str, str, Position], Value] = field(default_factory=dict)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Number of elements of each set."""
        return self.instance.sizes

    def element(self, name: str, at: Position) -> Value:
        """A declared variable's element, or the scalar of a site."""
        if (name, at) in self.values:
            return self.values[name, at]
        return self.engine.number(self.instance.data[name][at])

    def moment(self, factor: str, key: str, at: Position) -> Value:
        """There are none here."""
        raise KeyError(f"a propagation has no moments, found {factor}.{key}")

    def param(self, latent: str, name: str, at: Position) -> Value:
        """A quantity of a site, or of q."""
        return self.params[latent, name, at]

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        """There are none here."""
        raise KeyError("a propagation has no expectations that are not taken")

    def at(self, values: Mapping[Element, Value]) -> World:
        """The same with further values."""
        return replace(self, values={**self.values, **values})

    def knowing(self, params: Mapping[tuple[str, str, Position], Value]) -> World:
        """The same with further quantities."""
        return replace(self, params={**self.params, **params})

    @property
    def latents(self) -> list[Element]:
        """The elements of all latents, in the order of the claim."""
        names = [n for c in self.claim.plain["natural"] for n in c["latents"]]
        return [(n, at) for n in names for at in positions(self.claim.axes(n), self.sizes)]

    def log_joint(self) -> Value:
        """The declared log joint density, node by node, with the densities of `cavi.verify.density`."""
        total = self.engine.number(0)
        for v in self.claim.nodes:
            for binding in bindings(v["plates"], self.sizes, {}):
                value, args = node_arguments(v, self, binding)
                one = log_density(self.engine, distribution_at(v, self, binding)["name"], value, args)
                weight = 1 if v["weight"] is None else evaluate(v["weight"], self, binding)
                total = total + weight * one
        return total


@dataclass(frozen=True)
class SiteElement:
    """One element of a site: the plain site, its position, its binding."""

    site: Mapping[str, Any]
    at: Position
    binding: Binding

    @property
    def key(self) -> Element:
        """The scalar as an element."""
        return self.site["variable"], self.at

    def scalar(self, world: World) -> Value:
        """h at the latents of a world."""
        return evaluate(self.site["scalar"], world, self.binding)

    def kinks(self, world: World) -> list[Value]:
        """Where absolute values in the function are zero, in order."""
        found: list[Value] = []
        for inside in _absolute(self.site["function"]):
            zero, one = (evaluate(inside, world.at({self.key: world.engine.number(x)}), self.binding) for x in (0, 1))
            if to_mpf(one - zero) != 0:
                place = -zero / (one - zero)
                found += [place] if all(to_mpf(place - k) != 0 for k in found) else []
        return sorted(found, key=to_mpf)

    def function(self, world: World, h: Value) -> Value:
        """f(h)."""
        return evaluate(self.site["function"], world.at({self.key: h}), self.binding)


def _absolute(e: Any) -> Iterator[Plain]:
    """The arguments of the absolute values in an expression."""
    if isinstance(e, list):
        if e[:2] == ["fn", "abs"]:
            yield e[2][0]
        for part in e:
            yield from _absolute(part)


def site_elements(world: World) -> list[SiteElement]:
    """Every element of every site, in order."""
    found = []
    for site in world.claim.plain["sites"]:
        places = zip(positions(site["plates"], world.sizes), bindings(site["plates"], world.sizes, {}), strict=True)
        found += [SiteElement(site, at, binding) for at, binding in places]
    return found


def assigned(latents: Sequence[Element], values: Sequence[Value]) -> dict[Element, Value]:
    """Latents and their values."""
    return dict(zip(latents, values, strict=True))
