"""Relaxing the log joint: terms that have the form of a rule get what the rule puts in their place.

Model, log joint ──asked for, or proposed──▶ Model with local parameters, log joint that is conjugate, records
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cavi.derive.canonical import substitute, sum_over
from cavi.derive.derivation import Derivation, Step
from cavi.derive.errors import RelaxationError
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index
from cavi.derive.names import suggestion
from cavi.derive.relaxations.bound import Bound, X
from cavi.derive.relaxations.catalogue import BOUNDS
from cavi.derive.relaxations.matching import Match, matches
from cavi.derive.relaxations.relaxation import Relaxation, Tangent
from cavi.derive.rules import BOUND
from cavi.derive.term import Element, Polynomial, from_atom

if TYPE_CHECKING:
    from cavi.derive.model import Model, Variable

Nodes = Mapping[str, Polynomial]
Asked = Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A model and its log joint after relaxation, with a record for each node that was changed."""

    model: Model
    nodes: dict[str, Polynomial]
    relaxations: tuple[Relaxation, ...] = ()

    @property
    def tangents(self) -> dict[str, Tangent]:
        """The local parameters of all bounds, by name."""
        return {n: t for r in self.relaxations for n, t in r.tangents.items()}


def relax(model: Model, nodes: Nodes, bounds: Asked | None) -> Relaxed:
    """Apply the bounds asked for, node by node.

    Raises:
        RelaxationError: for an unknown node or bound, one that is not proved, and one that fits no term of its node.
    """
    relaxed = Relaxed(model, dict(nodes))
    for name, asked in _entries("bounds", bounds, nodes):
        relaxed = _bounded(relaxed, name, _bound(asked, name))
    return relaxed


@dataclass(frozen=True)
class Proposal:
    """The rules that would make the terms of a node workable, the cheapest first."""

    node: str
    bounds: tuple[str, ...]

    def __str__(self) -> str:
        return " or ".join(f"bounds={{{self.node!r}: {b!r}}}" for b in self.bounds)


def proposals(model: Model, nodes: Nodes) -> tuple[Proposal, ...]:
    """For every node with a term that has the form of a rule: the rules, in the order of the catalogue.

    All bring in one local parameter for each term; the catalogue has the tighter bounds first.
    """
    found = []
    for name, p in nodes.items():
        names = tuple(b.name for b in BOUNDS if matches(p, b.function, model))
        if names:
            found.append(Proposal(name, names))
    return tuple(found)


def _entries(argument: str, asked: Asked | None, nodes: Nodes) -> Sequence[tuple[str, object]]:
    if asked is None:
        return ()
    if not isinstance(asked, Mapping):
        raise RelaxationError(
            f"{argument}: found {type(asked).__name__} {str(asked)[:40]!r}; expected a dict from the name of a node to "
            f"a rule, such as {argument}={{'y': 'jaakkola_jordan'}}"
        )
    found = []
    for key, value in asked.items():
        name = getattr(key, "name", key)
        if not isinstance(name, str) or name not in nodes:
            raise RelaxationError(
                f"{argument}: {str(name)[:40]!r} is not a node with a density; {suggestion(str(name), nodes)}"
            )
        found.append((name, value))
    return found


def _bound(asked: object, node: str) -> Bound:
    if isinstance(asked, Bound):
        return asked
    known = {b.name: b for b in BOUNDS}
    if not isinstance(asked, str) or asked not in known:
        raise RelaxationError(
            f"bounds: {str(asked)[:40]!r} for {node} is neither a Bound nor the name of one; "
            f"{suggestion(str(asked), known)}"
        )
    return known[asked]


def _bounded(relaxed: Relaxed, node: str, bound: Bound) -> Relaxed:
    """The node with every term that has the form of the bound's function replaced."""
    _ = bound.proof
    p = relaxed.nodes[node]
    found = matches(p, bound.function, relaxed.model)
    if not found:
        raise RelaxationError(
            f"bounds: no term of the log density of {node} is {bound.function} of latents with a coefficient that is "
            f"not negative, so {bound.name} does not apply there"
        )
    model = relaxed.model
    tangents: dict[str, Tangent] = {}
    value = Polynomial(tuple(m for m in p.monomials if m not in [f.monomial for f in found]))
    for match in found:
        axes = _axes(model, node, match)
        argument = substitute(match.argument, axes)
        known = next((t for t in tangents.values() if t.argument == argument), None)
        weight = _weight(match, axes)
        if known is None:
            model, xi = _local(model, bound, tuple(axes.values()))
        else:
            xi, weight = known.variable, known.weight + weight
        statistic = from_sympy(bound.statistic, {X: argument})
        tangents[xi.name] = Tangent(xi, argument, statistic, weight, bound.statistic != X)
        at = from_atom(Element(xi.name, tuple(axes)))
        lower = from_sympy(bound.lower, {X: match.argument, bound.xi: at})
        value = value + sum_over(match.weight * lower, match.monomial.bound)
    steps = Derivation(
        f"{bound.name.replace('_', ' ')} bound of {node}",
        f"log p({node} | …)",
        (Step(p, value, BOUND, (bound.name.replace("_", " "),), "≥"),),
        "what stands in the place of the log density is never larger, and touches it at one value of each local "
        "parameter",
    )
    record = Relaxation(
        node, bound.name, "bound", bound.rule, tuple(tangents), p, value, bound.derivation, steps, tangents
    )
    return Relaxed(model, {**relaxed.nodes, node: value}, (*relaxed.relaxations, record))


def _axes(model: Model, node: str, match: Match) -> dict[Index, Index]:
    """The indices open in the argument -> the declared ones that its local parameter lives on."""
    declared = [*model.variable(node).plates, *model.indices]
    axes: dict[Index, Index] = {}
    for i in sorted(match.argument.free, key=lambda i: (i.size, i.name)):
        own = next((j for j in declared if j.size == i.size and j not in axes.values()), None)
        if own is None:
            raise RelaxationError(
                f"bounds: the local parameter of {node} needs another index of size {i.size}; declare one with m.index"
            )
        axes[i] = own
    return axes


def _weight(match: Match, axes: Mapping[Index, Index]) -> Polynomial:
    """The weight at the plates of the local parameter, summed over what its argument does not depend on."""
    others = [i for i in match.monomial.bound if i not in axes]
    return substitute(sum_over(match.weight, others), axes)


def _local(model: Model, bound: Bound, plates: tuple[Index, ...]) -> tuple[Model, Variable]:
    """The model with a new point parameter under a name that is not taken."""
    taken = {v.name for v in model.variables} | {i.name for i in model.indices} | set(model.sizes)
    name, number = bound.parameter, 1
    while name in taken:
        number += 1
        name = f"{bound.parameter}_{number}"
    return model.with_point(name, plates, bound.domain)
