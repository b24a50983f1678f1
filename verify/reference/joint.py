"""The log joint density of a declared model on unconstrained coordinates, for many draws at once, with its gradient.

Categories are summed out exactly where each element of a node depends on one element of them. Of bounds, augmentations
and factors nothing is used: the plain data of the declaration alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import size_of
from cavi.verify.reference.coordinates import Part, mapped, parts, unmapped
from cavi.verify.reference.densities import node_density
from cavi.verify.reference.formulas import Scope, evaluate, whole
from cavi.verify.reference.sites import SUMMED, Site, coordinates, found_site, nothing, placed
from cavi.verify.reference.tape import Array, Node, Plain, Tape, log_sum_exp, moved, total


class ReferenceError(ValueError):
    """A model for which no reference can be computed: the message says which variable, and why."""


class LogJoint:
    """log p(x, z) + log |dz/du| as a function of unconstrained coordinates u, categories summed out.

    Attributes:
        parts: the continuous latents and their coordinates.
        size: number of coordinates.
        summed: latents that are summed out.
        sites: Normal latents whose coordinates are in standard deviations given the latents before them.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        sizes: Mapping[str, int],
        known: Mapping[str, Array],
        sites: Collection[str] | Mapping[str, Site] = (),
    ) -> None:
        """From the plain data of a model without auxiliary variables, and arrays of all that is known.

        Raises:
            ReferenceError: for latents that are maximised over, counts, chains of categories and constraints.
        """
        self.model, self.sizes, self.given = model, dict(sizes), known
        variables = [v for v in model["variables"] if v["role"] in ("latent", "observed", "point")]
        for v in variables:
            if v["role"] == "point":
                raise ReferenceError(f"{v['name']} is maximised over; expected a prior for each latent")
            if v["constraint"] is not None:
                raise ReferenceError(f"{v['name']} is a function of latents, whose joint density has no coordinates")
        latents = [v for v in variables if v["role"] == "latent"]
        discrete = [v for v in latents if FAMILIES[v["distribution"]["name"]].support in SUMMED]
        self.nodes = variables
        self.summed = {v["name"]: size_of(sizes, v["over"][1]) if v["over"] else 2 for v in discrete}
        try:
            self.parts: tuple[Part, ...] = parts(
                [v for v in latents if v["name"] not in self.summed],
                sizes,
                {n: np.asarray(x)[None] for n, x in known.items()},
            )
        except NotImplementedError as error:
            raise ReferenceError(f"{model['name']}: {error}") from None
        self.size = sum(p.size for p in self.parts)
        self.sites: dict[str, Site] = dict(sites) if isinstance(sites, Mapping) else {
            p.name: nothing(p.shape, p.support == "vector") for p in self.parts if p.name in sites
        }  # fmt: skip
        self.known = {n: np.asarray(a)[None] for n, a in known.items()}
        self.tape = Tape(self.size)
        try:
            with np.errstate(all="ignore"):
                self.output = self._recorded()
        except NotImplementedError as error:
            raise ReferenceError(f"{model['name']}: {error}") from None

    def __call__(self, points: Array) -> Array:
        """The log density of each point (draws × coordinates); minus infinity where it is not a number."""
        with np.errstate(all="ignore"):
            found = self.tape.values(np.asarray(points, dtype=float))[self.output.place].reshape(len(points))
        return np.where(np.isfinite(found), found, -np.inf)

    def gradient(self, points: Array) -> tuple[Array, Array]:
        """The log density of each point, and its gradient."""
        with np.errstate(all="ignore"):
            found, slope = self.tape.gradient(np.asarray(points, dtype=float), self.output)
        good = np.isfinite(found) & np.isfinite(slope).all(axis=1)
        return np.where(good, found, -np.inf), np.where(good[:, None], slope, 0.0)

    def on_latents(self, points: Array) -> Array:
        """The log density of the latents themselves at points: without the determinants of the maps."""
        with np.errstate(all="ignore"):
            values = self.tape.values(np.asarray(points, dtype=float))
        height = values[self._height.place] if isinstance(self._height, Node) else np.asarray(self._height)
        return np.asarray((values[self.output.place] - height).reshape(len(points)))

    def latents(self, points: Array) -> dict[str, Array]:
        """The latents themselves at points: draws × axes."""
        with np.errstate(all="ignore"):
            values = self.tape.values(np.asarray(points, dtype=float))
        found = {}
        for part, node in zip(self.parts, self._mapped, strict=True):
            found[part.name] = np.broadcast_to(values[node.place], (len(points), *part.shape))
        return found

    def coordinates(self, latents: Mapping[str, Array]) -> Array:
        """The coordinates of values of the latents: the inverse of `latents`."""
        if not self.parts:
            return np.zeros((1, 0))
        count = len(next(iter(latents.values())))
        found = np.zeros((count, self.size))
        for part in self.parts:  # what is in standard deviations is so given the latents before it
            x = np.asarray(latents[part.name], dtype=float)
            if part.name in self.sites:
                with np.errstate(all="ignore"):
                    prior = self._prior(part.name, self.tape.values(found), count)
                site = self.sites[part.name]
                x = coordinates(x.reshape(prior[0].shape), *prior, site).reshape(x.shape)
            found[:, part.start : part.start + part.size] = unmapped(part, x)
        return found

    def learned(self, points: Array) -> LogJoint:
        """The same density in coordinates with the sites that draws (rows) tell."""
        with np.errstate(all="ignore"):
            values = self.tape.values(np.asarray(points, dtype=float))
            nodes = dict(zip((p.name for p in self.parts), self._mapped, strict=True))
            slopes = dict(zip(nodes, self.tape.slopes(values, self.output, list(nodes.values())), strict=True))
        sites = {}
        for part in self.parts:
            if part.name in self.sites:
                prior = self._prior(part.name, values, len(points))
                x, slope = (a.reshape(prior[0].shape) for a in (values[nodes[part.name].place], slopes[part.name]))
                sites[part.name] = found_site(x, *prior, slope)
        return LogJoint(self.model, self.sizes, self.given, sites)

    def _prior(self, name: str, values: Sequence[Array], count: int) -> tuple[Array, Array]:
        """Mean and precision of a latent in standard deviations, draws first."""
        found = [values[a.place] if isinstance(a, Node) else a for a in self._priors[name]]
        mean, precision = (np.broadcast_to(a, (count, *a.shape[1:])) for a in found)
        return mean, precision

    def _recorded(self) -> Node:
        values: dict[str, Plain] = dict(self.known)
        heights: list[Plain] = []
        self._mapped: list[Node] = []
        self._priors: dict[str, tuple[Plain, Plain]] = {}
        by_name = {v["name"]: v for v in self.nodes}
        for part in self.parts:
            value, height = mapped(part, self.tape.input)
            if part.name in self.sites:
                own = placed(value, by_name[part.name], self.sites[part.name], Scope(values, self.sizes, {}))
                value, height = own.value, own.height
                self._priors[part.name] = (own.mean, own.precision)
            values[part.name] = value
            self._mapped.append(value)
            heights += [] if height is None else [height]
        scope = Scope(values, self.sizes, self.summed)
        terms = {v["name"]: node_density(v, scope) for v in self.nodes}
        result: Plain = total(self.tape.input * 0.0, (1,))
        for h in heights:
            result = result + h
        self._height = result
        for v in self.nodes:
            if not self._depends(terms[v["name"]]):
                weighted = terms[v["name"]] * self._weight(v, scope)
                result = result + total(weighted, tuple(range(1, weighted.ndim)))
        for group in self._groups(terms):
            result = result + self._summed_out(group, terms, scope)
        assert isinstance(result, Node)
        priors = [n for pair in self._priors.values() for n in pair if isinstance(n, Node)]
        self.tape.keep([result, self._height, *self._mapped, *priors])
        return result

    def _weight(self, v: Mapping[str, Any], scope: Scope) -> Plain:
        if v["weight"] is None:
            return 1.0
        context = tuple((i, s) for i, s in v["plates"])
        found = whole(evaluate(v["weight"], scope, context), scope, context)
        if v["role"] == "latent" and v["name"] not in self.summed and np.any(np.asarray(found) != 1.0):
            raise NotImplementedError(
                f"an element of {v['name']} stands for several; repeat the rows of the data, with weights of one"
            )
        return found

    def _depends(self, term: Plain) -> tuple[str, ...]:
        return tuple(n for i, n in enumerate(self.summed) if term.shape[1 + i] > 1)

    def _groups(self, terms: Mapping[str, Plain]) -> list[tuple[str, ...]]:
        """Categories that nodes couple, as they have to be summed out together."""
        groups = [{n} for n in self.summed]
        for term in terms.values():
            own = set(self._depends(term))
            touched = [g for g in groups if g & own]
            if touched:
                groups = [g for g in groups if not g & own] + [set().union(*touched)]
        return [tuple(n for n in self.summed if n in g) for g in groups]

    def _summed_out(self, group: tuple[str, ...], terms: Mapping[str, Plain], scope: Scope) -> Plain:
        by_name = {v["name"]: v for v in self.nodes}
        shape = [size_of(self.sizes, s) for _, s in by_name[group[0]]["plates"]]
        inside: Plain = 0.0
        weight: Plain | None = None
        for v in self.nodes:
            if not set(self._depends(terms[v["name"]])) & set(group):
                continue
            own = self._weight(v, scope)
            aligned, place = self._aligned(v, group, terms[v["name"]], len(shape))
            if not isinstance(own, float):
                if place != list(range(len(v["plates"]))):
                    raise NotImplementedError(f"{v['name']} has a weight on other plates than {', '.join(group)}")
                if weight is not None and not np.array_equal(np.asarray(weight), np.asarray(own)):
                    raise NotImplementedError(f"{v['name']} and {', '.join(group)} have different weights")
                weight = own
            inside = inside + aligned
        axes = tuple(1 + i for i, n in enumerate(self.summed) if n in group)
        found = log_sum_exp(inside, axes)
        found = found if weight is None else found * weight
        return total(found, tuple(range(1, found.ndim)))

    def _aligned(
        self, v: Mapping[str, Any], group: tuple[str, ...], term: Plain, plates: int
    ) -> tuple[Plain, list[int]]:
        """A node's log densities added up to the plates of the categories, in their order; and these among its own."""
        names = [i for i, _ in v["plates"]]
        if v.get("chain") and v["name"] in group:
            raise NotImplementedError(f"{v['name']} is a chain of categories, which are not summed out here")
        found: set[tuple[str, ...]] = {tuple(names)} if v["name"] in group else set()
        for subs in _mentions([v["distribution"], v.get("chain")], group):
            if any(s[0] != "index" or s[1] not in names for s in subs):
                raise NotImplementedError(
                    f"{v['name']} depends on {', '.join(group)} by {subs}, and not element by element"
                )
            found.add(tuple(s[1] for s in subs))
        if len(found) != 1 or len(set(next(iter(found)))) != plates:
            raise NotImplementedError(f"an element of {v['name']} depends on several of {', '.join(group)}")
        place = [names.index(i) for i in next(iter(found))]
        front = 1 + len(self.summed)
        others = tuple(front + i for i in range(len(names)) if i not in place)
        summed = total(term, others) if others else term
        left = sorted(place)
        order = (*range(front), *(front + left.index(i) for i in place))
        return (summed if order == tuple(range(len(order))) else moved(summed, order)), place


def _mentions(e: Any, names: Sequence[str]) -> Iterator[list[Any]]:
    """Subscripts with which a plain expression mentions one of some variables."""
    if isinstance(e, Mapping):
        for part in e.values():
            yield from _mentions(part, names)
    elif isinstance(e, list) and e:
        if e[0] in ("ref", "is", "gather", "select") and e[1] in names:
            yield e[2]
        for part in e:
            yield from _mentions(part, names)
