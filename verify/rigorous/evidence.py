"""The evidence as an enclosure: categories enumerated, at most two coordinates of continuous latents at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import arb

from cavi.verify.averages import Averages, Held
from cavi.verify.claim import Element
from cavi.verify.density import log_density
from cavi.verify.evaluate import bindings, evaluate
from cavi.verify.gaussian import normal_latents
from cavi.verify.joint_tables import JointTables
from cavi.verify.nodes import branches, distribution_at, node_arguments, node_parts
from cavi.verify.rigorous.deferred import Deferred, coordinates, leaf
from cavi.verify.rigorous.enclose import enclose
from cavi.verify.rigorous.expectations import leaves_of
from cavi.verify.rigorous.jet import Unbounded
from cavi.verify.rigorous.line import with_slope
from cavi.verify.rigorous.normals import integrated
from cavi.verify.state import State

MOST_COORDINATES = 2


class Joint:
    """The declared log density of an instance in leaves, given its categories.

    Raises:
        Unbounded, Infeasible: where latents have no coordinates, or categories are too many.
    """

    def __init__(self, state: State, normals: Sequence[str] = ()) -> None:
        self.state = state
        tables = JointTables(state, normals)
        self.normals = sorted(tables.normals)
        self.configurations = tables.configurations
        self.values: dict[Element, Any] = dict(tables.points)
        self.kinds: dict[Any, str] = {}
        for coordinate in tables.coordinates:
            values, kinds = leaves_of(coordinate.elements, tables.support(coordinate.elements[0][0]))
            self.values |= values
            self.kinds |= kinds
        self.values |= {x: leaf(x, "x", "real") for x in self.normals}

    def parts(self, assigned: dict[Element, int]) -> list[tuple[Any, dict[Any, str]]]:
        """The log density on the line in parts that have no coordinate in common, with these coordinates."""
        groups: list[tuple[Any, set[Any]]] = [(arb(0), {key}) for key in self.kinds]
        constant = arb(0)
        for log_p in self._integrated(assigned):
            mine = coordinates(log_p)
            if not mine:
                constant = constant + log_p
                continue
            joined, scope = log_p, set(mine)
            for other, keys in [g for g in groups if g[1] & mine]:
                joined, scope = joined + other, scope | keys
            groups = [g for g in groups if not g[1] & mine] + [(joined, scope)]
        found = [(with_slope(p, own), own) for p, keys in groups for own in [{k: self.kinds[k] for k in sorted(keys)}]]
        return [*found, (constant, {})]

    def _integrated(self, assigned: dict[Element, int]) -> list[Any]:
        """The log densities of the nodes, those with Normals that are integrated out as the log of one integral."""
        pieces = self._pieces(assigned)
        if not self.normals:
            return pieces
        own = set(self.normals)
        whole = sum((p for p in pieces if coordinates(p) & own), arb(0))
        return [p for p in pieces if not coordinates(p) & own] + [integrated(whole, self.normals, self.kinds)]

    def _pieces(self, assigned: dict[Element, int]) -> list[Any]:
        state, e = self.state, self.state.engine
        pieces = []
        for v in state.claim.nodes:
            for binding in bindings(v["plates"], state.sizes, {}):
                parts, inner = zip(*node_parts(v, state, binding), strict=True)
                (relevant,) = branches(parts, inner, state, assigned)
                scope = Averages(state, Held(relevant, {})).scope(relevant, self.values)
                value, args = node_arguments(v, scope, binding)
                log_p = log_density(e, distribution_at(v, state, binding)["name"], value, args)
                if v["weight"] is not None:
                    log_p = log_p * evaluate(v["weight"], scope, binding)
                pieces.append(log_p)
        return pieces

    def widest(self) -> int:
        """The most coordinates that have to be integrated over at once."""
        return max((len(keys) for c in self.configurations for _, keys in self.parts(c)), default=0)


def log_evidence(state: State, goal: float) -> Any:
    """A ball that holds log p(x), points held at their values.

    Raises:
        Unbounded: for more than two coupled coordinates, or a tail without a proved bound.
        Infeasible: for too many configurations of categories.
    """
    refused: list[Unbounded] = []
    # With Normals integrated out fewer coordinates are left; where the bounds are then lost, all stay.
    for normals in dict.fromkeys([*normal_latents(state.claim, state.claim.nodes), ()]):
        try:
            return _log_evidence(Joint(state, normals), goal)
        except Unbounded as error:
            refused.append(error)
    raise Unbounded("; ".join(dict.fromkeys(map(str, refused))))


def _log_evidence(joint: Joint, goal: float) -> Any:
    known: dict[Any, Any] = {}
    total = arb(0)
    for assigned in joint.configurations:
        product = arb(1)
        for log_p, keys in joint.parts(assigned):
            if len(keys) > MOST_COORDINATES:
                raise Unbounded(f"{len(keys)} coupled coordinates of latents; at most {MOST_COORDINATES} are enclosed")
            place = (tuple(keys), _text(log_p))
            if place not in known:
                known[place] = enclose(log_p, keys, goal)
            product = product * known[place]
        total = total + product
    return total.log()


def _text(e: Any) -> Any:
    """The same for the same expression, to recognise it again."""
    if not isinstance(e, Deferred):
        return e.mid().str(40, radius=False)
    return (e.op, *(map(str, e.args) if e.op == "leaf" else map(_text, e.args)))
