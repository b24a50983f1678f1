"""Relaxing the log joint: terms that have the form of a rule get what the rule puts in their place.

Model, log joint ──asked for, or proposed──▶ Model with local parameters, log joint that is conjugate, records
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import TypeVar

import sympy

from cavi.derive import families
from cavi.derive.canonical import substitute, sum_over
from cavi.derive.distribution import Distribution
from cavi.derive.errors import RelaxationError
from cavi.derive.expand import element
from cavi.derive.expression import Expr
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index
from cavi.derive.log_joint import log_density
from cavi.derive.model import Model, Variable
from cavi.derive.names import suggestion
from cavi.derive.relaxations import catalogue
from cavi.derive.relaxations.augmentation import Augmentation, B, W
from cavi.derive.relaxations.bound import Bound, X
from cavi.derive.relaxations.fitting import fitting, misfit, together
from cavi.derive.relaxations.matching import Match, matches
from cavi.derive.relaxations.relaxation import Relaxation, Tangent
from cavi.derive.relaxations.sites import Site, as_expression, axes_of
from cavi.derive.rules import AUGMENT, BOUND
from cavi.derive.term import Element, Polynomial, from_atom

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


def relax(model: Model, nodes: Nodes, bounds: Asked | None, augment: Asked | None = None) -> Relaxed:
    """Apply the augmentations and the bounds asked for, node by node.

    Raises:
        RelaxationError: for an unknown node or rule, one that is not proved, and one that fits no term of its node.
    """
    relaxed = Relaxed(model, dict(nodes))
    for name, asked in _entries("augment", augment, nodes):
        relaxed = augmented(relaxed, name, _rule("augment", asked, name, catalogue.augmentations(), Augmentation))
    for name, asked in _entries("bounds", bounds, nodes):
        if any(r.node == name for r in relaxed.relaxations):
            raise RelaxationError(f"{name} is in bounds= and in augment=; one of the two makes its terms conjugate")
        relaxed = bounded(relaxed, name, _rule("bounds", asked, name, catalogue.bounds(), Bound))
    return relaxed


@dataclass(frozen=True)
class Proposal:
    """The rules that would make the terms of a node workable, the cheapest first: a point costs less than a latent."""

    node: str
    bounds: tuple[str, ...]
    augmentations: tuple[str, ...]

    def __str__(self) -> str:
        options = [f"bounds={{{self.node!r}: {b!r}}}" for b in self.bounds]
        return " or ".join([*options, *(f"augment={{{self.node!r}: {a!r}}}" for a in self.augmentations)])

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """(argument of derive, rule), the cheapest first."""
        return (*(("bounds", b) for b in self.bounds), *(("augment", a) for a in self.augmentations))

    @property
    def names(self) -> tuple[str, ...]:
        """All rules, the cheapest first."""
        return (*self.bounds, *self.augmentations)


def proposals(model: Model, nodes: Nodes) -> tuple[Proposal, ...]:
    """For every node with a term that has the form of a rule: the rules, in the order of the catalogue.

    A bound brings in one local parameter for each term, an augmentation one latent; the tighter bounds come first.
    """
    found = []
    for name, p in nodes.items():
        by_bound = tuple(b.name for b in catalogue.bounds() if matches(p, b.function, model))
        by_latent = tuple(a.name for a in catalogue.augmentations() if fitting(p, a, model, name))
        if by_bound or by_latent:
            found.append(Proposal(name, by_bound, by_latent))
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


R = TypeVar("R", Bound, Augmentation)


def _rule(argument: str, asked: object, node: str, rules: Sequence[R], kind: type[R]) -> R:
    if isinstance(asked, kind):
        return asked
    known = {r.name: r for r in rules}
    if not isinstance(asked, str) or asked not in known:
        raise RelaxationError(
            f"{argument}: {str(asked)[:40]!r} for {node} is neither {kind.__name__}(...) nor the name of one; "
            f"{suggestion(str(asked), known)}"
        )
    return known[asked]


def augmented(relaxed: Relaxed, node: str, rule: Augmentation) -> Relaxed:
    """The node given an auxiliary latent for every argument of the rule's function."""
    proof, model, p = rule.proof, relaxed.model, relaxed.nodes[node]
    found = fitting(p, rule, model, node)
    if not found:
        raise RelaxationError(f"augment: {rule.name} does not apply to {node}: {misfit(p, rule, model, node)}")
    gone = [m for s in found for m in s.monomials]
    value = Polynomial(tuple(m for m in p.monomials if m not in gone))
    nodes, names = dict(relaxed.nodes), []
    for shared in together(found, rule, model):
        name, plates = _free_name(model, rule.variable), shared[0].plates
        family = families.CATALOGUE[rule.family]
        args = {k: _argument(v, shared[0], model, node) for k, v in rule.parameters.items()}
        over = Index(f"{name}.value", "2") if family.support == "binary" else None
        latent = Variable(
            name, "latent", plates, distribution=Distribution(rule.family, args), over=over, domain=family.domain
        )
        model = model.with_variable(latent)
        names.append(name)
        nodes[name] = sum_over(log_density(latent, model), plates)
        for site in shared:
            env = {X: site.argument, W: element(latent, plates), B: site.weight}
            value = value + sum_over(from_sympy(sympy.expand_mul(rule.joint), env), plates)
    record = Relaxation(node, rule.name, "augmentation", rule.rule, tuple(names), p, value, proof, AUGMENT)
    return Relaxed(model, {**nodes, node: value}, (*relaxed.relaxations, record))


def _argument(value: sympy.Expr, site: Site, model: Model, node: str) -> Expr:
    """A parameter of the auxiliary's distribution, in the weight of the term."""
    return as_expression(from_sympy(sympy.sympify(value), {B: site.weight}), model, f"augment: a parameter for {node}")


def bounded(relaxed: Relaxed, node: str, bound: Bound) -> Relaxed:
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
        axes = axes_of(model, node, match.argument)
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
    record = Relaxation(
        node, bound.name, "bound", bound.rule, tuple(tangents), p, value, bound.derivation, BOUND, tangents=tangents
    )
    return Relaxed(model, {**relaxed.nodes, node: value}, (*relaxed.relaxations, record))


def _weight(match: Match, axes: Mapping[Index, Index]) -> Polynomial:
    """The weight at the plates of the local parameter, summed over what its argument does not depend on."""
    others = [i for i in match.monomial.bound if i not in axes]
    return substitute(sum_over(match.weight, others), axes)


def _local(model: Model, bound: Bound, plates: tuple[Index, ...]) -> tuple[Model, Variable]:
    """The model with a new point parameter under a name that is not taken."""
    xi = Variable(_free_name(model, bound.parameter), "point", plates, domain=bound.domain)
    return model.with_variable(xi), xi


def _free_name(model: Model, name: str) -> str:
    taken = {v.name for v in model.variables} | {i.name for i in model.indices} | set(model.sizes)
    return next(n for n in chain([name], (f"{name}_{k}" for k in count(2))) if n not in taken)
