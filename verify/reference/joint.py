"""The log joint density of a declared model on unconstrained coordinates, for many draws at once, with its gradient.

Categories are summed out exactly where each element of a node depends on one element of them. Of bounds, augmentations
and factors nothing is used: the plain data of the declaration alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cavi.verify.claim import names_in
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import size_of
from cavi.verify.reference.coordinates import Part, mapped, parts, unmapped
from cavi.verify.reference.densities import node_density
from cavi.verify.reference.formulas import ENGINE, Scope, evaluate, whole
from cavi.verify.reference.tape import Array, Node, Plain, Tape, log_sum_exp, moved, total

SUMMED = ("category", "binary")


class ReferenceError(ValueError):
    """A model for which no reference can be computed: the message says which variable, and why."""


class LogJoint:
    """log p(x, z) + log |dz/du| as a function of unconstrained coordinates u, categories summed out.

    Attributes:
        parts: the continuous latents and their coordinates.
        size: number of coordinates.
        summed: latents that are summed out.
        scaled: Normal latents whose coordinates are (z - mean) √precision, given the latents before them.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        sizes: Mapping[str, int],
        known: Mapping[str, Array],
        scaled: Collection[str] = (),
    ) -> None:
        """From the plain data of a model without auxiliary variables, and arrays of all that is known.

        Raises:
            ReferenceError: for latents that are maximised over, counts, chains of categories and constraints.
        """
        self.model, self.sizes = model, dict(sizes)
        variables = [v for v in model["variables"] if v["role"] in ("latent", "observed", "point")]
        for v in variables:
            if v["role"] == "point":
                raise ReferenceError(f"{v['name']} is maximised over; expected a prior for each latent")
            if v["constraint"] is not None:
                raise ReferenceError(f"{v['name']} is a function of latents, whose joint density has no coordinates")
        latents = [v for v in variables if v["role"] == "latent"]
        discrete = [v for v in latents if FAMILIES[v["distribution"]["name"]].support in SUMMED]
        self.nodes, self.scaled = variables, frozenset(scaled)
        self.summed = {v["name"]: size_of(sizes, v["over"][1]) if v["over"] else 2 for v in discrete}
        try:
            self.parts: tuple[Part, ...] = parts([v for v in latents if v["name"] not in self.summed], sizes)
        except NotImplementedError as error:
            raise ReferenceError(f"{model['name']}: {error}") from None
        self.size = sum(p.size for p in self.parts)
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

    def latents(self, points: Array) -> dict[str, Array]:
        """The latents themselves at points: draws × axes."""
        with np.errstate(all="ignore"):
            values = self.tape.values(np.asarray(points, dtype=float))
        found = {}
        for part, node in zip(self.parts, self._mapped, strict=True):
            found[part.name] = np.broadcast_to(values[node.place], (len(points), *part.shape))
        return found

    def coordinates(self, latents: Mapping[str, Array]) -> Array:
        """The coordinates of values of the latents: the inverse of `latents`, with nothing scaled."""
        assert not self.scaled
        if not self.parts:
            return np.zeros((1, 0))
        return np.concatenate([unmapped(p, np.asarray(latents[p.name], dtype=float)) for p in self.parts], axis=1)

    def _recorded(self) -> Node:
        values: dict[str, Plain] = dict(self.known)
        heights: list[Plain] = []
        self._mapped: list[Node] = []
        by_name = {v["name"]: v for v in self.nodes}
        for part in self.parts:
            value, height = mapped(part, self.tape.input)
            if part.name in self.scaled:
                value, height = unscaled(value, by_name[part.name], Scope(values, self.sizes, {}))
            values[part.name] = value
            self._mapped.append(value)
            heights += [] if height is None else [height]
        scope = Scope(values, self.sizes, self.summed)
        terms = {v["name"]: node_density(v, scope) for v in self.nodes}
        result: Plain = total(self.tape.input * 0.0, (1,))
        for h in heights:
            result = result + h
        for v in self.nodes:
            if not self._depends(terms[v["name"]]):
                weighted = terms[v["name"]] * self._weight(v, scope)
                result = result + total(weighted, tuple(range(1, weighted.ndim)))
        for group in self._groups(terms):
            result = result + self._summed_out(group, terms, scope)
        assert isinstance(result, Node)
        self.tape.keep([result, *self._mapped])
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


def scalable(model: Mapping[str, Any]) -> tuple[str, ...]:
    """Normal latents whose mean or precision depends on latents declared before them.

    Where data say little of them their coordinates are better taken in standard deviations (Papaspiliopoulos, Roberts
    and Sköld 2007): no funnel is left.
    """
    found, before = [], set[str]()
    for v in model["variables"]:
        if v["role"] != "latent":
            continue
        if v["distribution"]["name"] == "Normal" and not v.get("chain"):
            named = {n for e in v["distribution"]["args"].values() for n in names_in(e)}
            found += [v["name"]] if named & before else []
        before |= {v["name"]} if FAMILIES[v["distribution"]["name"]].support not in SUMMED else set()
    return tuple(found)


def unscaled(value: Plain, v: Mapping[str, Any], scope: Scope) -> tuple[Plain, Plain]:
    """mean + u / √precision, and the log determinant of the map."""
    context = tuple((i, s) for i, s in v["plates"])
    args = v["distribution"]["args"]
    precision = whole(evaluate(args["precision"], scope, context), scope, context)
    log_precision = ENGINE("log", precision)
    found = evaluate(args["mean"], scope, context) + value / ENGINE("sqrt", precision)
    return found, total(log_precision, tuple(range(1, log_precision.ndim))) * -0.5


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
