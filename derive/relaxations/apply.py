"""Relaxing the log joint: terms that have the form of a rule get what the rule puts in their place.

Model, log joint ──asked for, or proposed──▶ Model with local parameters, log joint that is conjugate, records
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, count
from typing import TypeVar

import sympy

from cavi.derive import families, functions
from cavi.derive.canonical import deltas, fresh_index, replace_sub, subscripts, substitute, sum_over
from cavi.derive.distribution import Distribution
from cavi.derive.errors import RelaxationError
from cavi.derive.expand import element
from cavi.derive.expression import Expr, Number, Power, Ref, SizeOf
from cavi.derive.factorisation import random_atoms
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Gather, Index, Sub, indices_of
from cavi.derive.log_joint import log_density
from cavi.derive.model import Model, Variable
from cavi.derive.names import suggestion
from cavi.derive.relaxations import catalogue
from cavi.derive.relaxations.array_bound import ArrayBound
from cavi.derive.relaxations.array_matching import PART, array_matches
from cavi.derive.relaxations.augmentation import ENDS, Augmentation, B, S, W
from cavi.derive.relaxations.bound import Bound, X
from cavi.derive.relaxations.counted import CountedBound
from cavi.derive.relaxations.counted_matching import counted_matches
from cavi.derive.relaxations.fitting import AnyAugmentation, fitting, misfit, together
from cavi.derive.relaxations.matching import Match, matches
from cavi.derive.relaxations.rejection import M, RejectedDraws
from cavi.derive.relaxations.relaxation import Relaxation, Tangent, joined
from cavi.derive.relaxations.shifted_sum import ShiftedSum
from cavi.derive.relaxations.sites import Site, as_expression
from cavi.derive.relaxations.tangents import TANGENT, couples, has_tangent, tangents
from cavi.derive.relaxations.thinning import Thinning, log_share
from cavi.derive.relaxations.tilt import Tilt
from cavi.derive.rules import AUGMENT, BOUND
from cavi.derive.term import Element, Polynomial, from_atom

Nodes = Mapping[str, Polynomial]
Asked = Mapping[str, object]
AnyBound = catalogue.AnyBound
Touching = Bound | ArrayBound


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

    @property
    def tilts(self) -> tuple[str, ...]:
        """The local parameters whose best value has no closed form."""
        return tuple(n for r in self.relaxations for n in r.tilts)


def relax(model: Model, nodes: Nodes, bounds: Asked | None, augment: Asked | None = None) -> Relaxed:
    """Apply the augmentations and the bounds asked for, node by node.

    Raises:
        RelaxationError: for an unknown node or rule, one that is not proved, and one that fits no term of its node.
    """
    relaxed = Relaxed(model, dict(nodes))
    for name, asked in _entries("augment", augment, nodes):
        rules = _rules("augment", asked, name, catalogue.augmentations(), (Augmentation, RejectedDraws, Thinning))
        fits = [r for r in rules if fitting(relaxed.nodes[name], r, relaxed.model, name)]
        relaxed = augmented(relaxed, name, (fits or rules)[0])
    for name, asked in _entries("bounds", bounds, nodes):
        if any(r.node == name for r in relaxed.relaxations):
            raise RelaxationError(f"{name} is in bounds= and in augment=; one of the two makes its terms conjugate")
        for one in asked if isinstance(asked, tuple | list) else (asked,):
            relaxed = _bounded_as(relaxed, name, one)
    return relaxed


def _bounded_as(relaxed: Relaxed, node: str, asked: object) -> Relaxed:
    """The node bounded by every form of the rule that fits a term of it."""
    if asked == TANGENT:
        return _touched(relaxed, node)
    known = _rules("bounds", asked, node, catalogue.every_bound(), (Bound, ArrayBound, ShiftedSum, Tilt), (TANGENT,))
    usable = [b for b in known if found_by(relaxed.nodes[node], b, relaxed.model, relaxed.tangents)]
    for rule in usable or known[:1]:
        if isinstance(rule, ShiftedSum | Tilt):
            relaxed = in_two_steps(relaxed, node, rule)
        else:
            relaxed = bounded(relaxed, node, rule)
    return relaxed


def _touched(relaxed: Relaxed, node: str, within: Collection[str] = ()) -> Relaxed:
    """The node with tangents of its functions, or of those that mention some names."""
    for bound, found in tangents(relaxed.nodes[node], relaxed.model, node, relaxed.tangents, within):
        relaxed = bounded(relaxed, node, bound, found)
    return relaxed


def in_two_steps(relaxed: Relaxed, node: str, bound: ShiftedSum | Tilt) -> Relaxed:
    """The node with every term replaced by what the first step leaves, and that bounded by the rule of the second."""
    p, model = relaxed.nodes[node], relaxed.model
    found = found_by(p, bound, model, relaxed.tangents)
    if not found:
        raise _fits_nothing(node, bound.form.described, bound.name)
    proof = bound.proof
    value = Polynomial(tuple(m for m in p.monomials if m not in [f.monomial for f in found]))
    names: list[str] = []
    for match in found:
        places = _places(model, node, match, _gathers(match))
        axes = {i: own for i, own in places.items() if i != match.over}
        event = (places[match.over],) if isinstance(bound, Tilt) and match.over is not None else ()
        local = Variable(_free_name(model, bound.parameter), "point", tuple(axes.values()), event)
        model = model.with_variable(local)
        names.append(local.name)
        if isinstance(bound, Tilt):
            left = bound.split_at(match.argument, _tilt(match, local.name, tuple(axes)), match.over, match.beside)
        else:
            assert match.over is not None
            at = from_atom(Element(local.name, tuple(axes)))
            left = bound.lower_at(match.argument, at, match.over, match.beside)
        value = value + sum_over(match.weight * left, match.monomial.bound)
    record = Relaxation(node, bound.name, "bound", bound.rule, tuple(names), p, value, proof, BOUND, through=value)
    if isinstance(bound, Tilt):
        record = replace(record, tilts=tuple(names))
    step = _recorded(Relaxed(model, relaxed.nodes, relaxed.relaxations), record)
    return _touched(step, node, names) if isinstance(bound, Tilt) else _bounded_as(step, node, bound.then)


def _tilt(match: Match, name: str, at: tuple[Sub, ...]) -> Polynomial:
    """a·x: of an array the sum over another index of its size."""
    if match.over is None:
        return from_atom(Element(name, at)) * match.argument
    other = fresh_index(match.over.size)
    return sum_over(from_atom(Element(name, (*at, other))) * substitute(match.argument, {match.over: other}), [other])


def _recorded(relaxed: Relaxed, record: Relaxation) -> Relaxed:
    """The node changed as the record says, which is joined to that of what was done to it before."""
    node = record.node
    earlier = next((r for r in relaxed.relaxations if r.node == node), None)
    others = tuple(r for r in relaxed.relaxations if r is not earlier)
    record = record if earlier is None else joined(earlier, record)
    return Relaxed(relaxed.model, {**relaxed.nodes, node: record.value}, (*others, record))


def _fits_nothing(node: str, function: str, rule: str) -> RelaxationError:
    return RelaxationError(
        f"bounds: no term of the log density of {node} is {function} of latents with a coefficient that is not "
        f"negative, so {rule} does not apply there"
    )


@dataclass(frozen=True)
class Proposal:
    """The rules that would make the terms of a node workable, the cheapest first: a point costs less than a latent.

    `together` are the bounds that it takes where one does not fit all of the terms. `exact` are the augmentations that
    take the place of all these bounds: with the same bound of the evidence, at about its cost, and exact before q is
    chosen. They come first.
    """

    node: str
    bounds: tuple[str, ...]
    augmentations: tuple[str, ...]
    together: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()

    def __str__(self) -> str:
        together = [self.together] if len(self.together) > 1 else self.bounds
        options = [f"bounds={{{self.node!r}: {b!r}}}" for b in together]
        return " or ".join([*options, *(f"augment={{{self.node!r}: {a!r}}}" for a in self.augmentations)])

    @property
    def options(self) -> tuple[tuple[str, object], ...]:
        """(argument of derive, rules), the cheapest first."""
        by_bound = [("bounds", self.together)] if self.together else []
        others = [("augment", a) for a in self.augmentations if a not in self.exact]
        return (*(("augment", a) for a in self.exact), *by_bound, *others)

    @property
    def names(self) -> tuple[str, ...]:
        """All rules, the cheapest first."""
        return (*self.exact, *self.bounds, *(a for a in self.augmentations if a not in self.exact))

    def reasons(self, rule: str) -> tuple[str, ...]:
        """What speaks for a rule beside its cost, where something does."""
        if rule not in self.exact:
            return ()
        bounds = " and ".join(self.together)
        return (f"it has the bound of {bounds} at about its cost, and is exact before q is chosen",)


def proposals(model: Model, nodes: Nodes, curved: bool = False) -> tuple[Proposal, ...]:
    """For every node with a term that has the form of a rule: the rules, in the order of the catalogue.

    A bound brings in one local parameter for each term, an augmentation one latent; the tighter bounds come first.
    With `curved` also the bounds that leave no known family, where a function of several elements needs one.
    """
    found = []
    for name, p in nodes.items():
        fits = {b.name: [m.monomial for m in ms] for b in catalogue.all_bounds() if (ms := found_by(p, b, model))}
        left, covering = list(p.monomials), []
        for rule, terms in fits.items():
            if any(m in left for m in terms):
                covering.append(rule)
                left = [m for m in left if m not in terms]
        covering = _completed(Relaxed(model, dict(nodes)), name, covering, curved)
        fits |= {rule: [] for rule in covering if rule not in fits}
        fitted = [a for a in catalogue.augmentations() if fitting(p, a, model, name)]
        by_latent = tuple(dict.fromkeys(a.name for a in fitted))
        exact = tuple(a.name for a in fitted if isinstance(a, Thinning) and covering == [a.in_place_of])
        if covering or by_latent:
            found.append(Proposal(name, tuple(fits), by_latent, tuple(covering), exact))
    return tuple(found)


def _completed(relaxed: Relaxed, node: str, rules: list[str], curved: bool) -> list[str]:
    """The rules, and those for what they leave of a node: what they keep may stand against another term."""
    rules = list(rules)
    try:
        for rule in rules:
            relaxed = _bounded_as(relaxed, node, rule)
        for bound in catalogue.curvature_bounds() if curved else ():
            found = found_by(relaxed.nodes[node], bound, relaxed.model, relaxed.tangents)
            if not any(couples(m.argument, relaxed.model) for m in found):
                continue
            relaxed = bounded(relaxed, node, bound, found)
            rules.append(bound.name)
            for other in catalogue.all_bounds():
                if found_by(relaxed.nodes[node], other, relaxed.model, relaxed.tangents):
                    relaxed = _bounded_as(relaxed, node, other.name)
                    rules.append(other.name)
    except RelaxationError:
        return rules
    return [*rules, TANGENT] if has_tangent(relaxed.nodes[node], relaxed.model, relaxed.tangents) else rules


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


R = TypeVar("R", AnyBound, AnyAugmentation)


def _rules(
    argument: str,
    asked: object,
    node: str,
    rules: Sequence[R],
    kinds: tuple[type[R], ...],
    others: tuple[str, ...] = (),
) -> Sequence[R]:
    """The rules of a name: one for every form of function that it is known for."""
    if isinstance(asked, kinds):
        return (asked,)
    known = [r for r in rules if r.name == asked]
    if not known:
        raise RelaxationError(
            f"{argument}: {str(asked)[:40]!r} for {node} is neither {kinds[0].__name__}(...) nor the name of one; "
            f"{suggestion(str(asked), {*others, *(r.name for r in rules)})}"
        )
    return known


def augmented(relaxed: Relaxed, node: str, rule: AnyAugmentation) -> Relaxed:
    """The node given an auxiliary latent for every argument of the rule's function."""
    proof, model, p = rule.proof, relaxed.model, relaxed.nodes[node]
    found = fitting(p, rule, model, node)
    if not found:
        raise RelaxationError(f"augment: {rule.name} does not apply to {node}: {misfit(p, rule, model, node)}")
    if isinstance(rule, RejectedDraws):
        return _with_rejected(relaxed, node, rule, found)
    if isinstance(rule, Thinning):
        return _thinned(relaxed, node, rule, found)
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
            env = {X: site.argument, W: element(latent, plates), **_known(site)}
            value = value + sum_over(from_sympy(sympy.expand_mul(rule.joint), env), plates)
    record = Relaxation(node, rule.name, "augmentation", rule.rule, tuple(names), p, value, proof, AUGMENT)
    return Relaxed(model, {**nodes, node: value}, (*relaxed.relaxations, record))


def _with_rejected(relaxed: Relaxed, node: str, rule: RejectedDraws, found: Sequence[Site]) -> Relaxed:
    """The node given, for every site, a number of rejected draws and one latent that stands for so many of them."""
    model, p = relaxed.model, relaxed.nodes[node]
    gone = [m for s in found for m in s.monomials]
    value = Polynomial(tuple(m for m in p.monomials if m not in gone))
    nodes, names = dict(relaxed.nodes), []
    for site in found:
        count, name = _free_name(model, rule.count), _free_name(model, rule.variable)
        half = Number(Fraction(1, 2))
        number = Variable(
            count, "latent", site.plates, distribution=Distribution("Geometric", {"prob": half}), domain="count"
        )
        args = {k: _argument(v, site, model, node) for k, v in rule.at.items()}
        weight = Ref(number, site.plates)
        draw = Variable(
            name,
            "latent",
            site.plates,
            distribution=Distribution(rule.outside, args),
            weight=weight,
            domain=rule.family.domain,
        )
        model = model.with_variable(number).with_variable(draw)
        for v in (number, draw):
            names.append(v.name)
            nodes[v.name] = sum_over(log_density(v, model), v.plates)
        env = {X: site.argument, W: element(draw, site.plates), M: element(number, site.plates), **_known(site)}
        value = value + sum_over(from_sympy(sympy.expand_mul(rule.joint), env), site.plates)
    record = Relaxation(node, rule.name, "augmentation", rule.rule, tuple(names), p, value, rule.proof, AUGMENT)
    return Relaxed(model, {**nodes, node: value}, (*relaxed.relaxations, record))


def _thinned(relaxed: Relaxed, node: str, rule: Thinning, found: Sequence[Site]) -> Relaxed:
    """The node given, for every sum, the counts of its terms."""
    model, p = relaxed.model, relaxed.nodes[node]
    gone = [m for s in found for m in s.monomials]
    value = Polynomial(tuple(m for m in p.monomials if m not in gone))
    nodes, names = dict(relaxed.nodes), []
    for site in found:
        assert site.over is not None
        over = Index(_free_name(model, PART), site.over.size) if site.over.name == PART else site.over
        name = _free_name(model, rule.variable)
        total = as_expression(site.weight, model, f"augment: the total of {node}")
        distribution = Distribution(rule.family, {"total": total, "probs": _equal_share(over)}, over=over)
        counts = Variable(name, "latent", site.plates, (over,), distribution, over=over, domain="count")
        model = model.with_variable(counts)
        names.append(name)
        nodes[name] = sum_over(log_density(counts, model), site.plates)
        size = functions.log(functions.size_of(over))
        argument = substitute(site.argument, {site.over: over})
        share = from_atom(Element(name, (*site.plates, over))) * log_share(argument)
        value = value + sum_over(site.weight * size + sum_over(share, [over]), site.plates)
    record = Relaxation(node, rule.name, "augmentation", rule.rule, tuple(names), p, value, rule.proof, AUGMENT)
    return Relaxed(model, {**nodes, node: value}, (*relaxed.relaxations, record))


def _equal_share(over: Index) -> Expr:
    """1 / K."""
    size = over.size
    return Number(Fraction(1, int(size))) if size.isdigit() else Power(SizeOf(size), Number(Fraction(-1)))


def _argument(value: sympy.Expr, site: Site, model: Model, node: str) -> Expr:
    """A parameter of the auxiliary's distribution, in the weight of the term."""
    return as_expression(from_sympy(sympy.sympify(value), _known(site)), model, f"augment: a parameter for {node}")


def _known(site: Site) -> dict[sympy.Symbol, Polynomial]:
    """What the symbols of a rule stand for, but for the argument and the auxiliary."""
    return {B: site.weight, S: site.scale, **dict(zip(ENDS, site.ends, strict=False))}


def bounded(relaxed: Relaxed, node: str, bound: Touching, found: Sequence[Match] | None = None) -> Relaxed:
    """The node with every term that has the form of the bound's function replaced, or the terms found."""
    _ = bound.proof
    p = relaxed.nodes[node]
    found = found_by(p, bound, relaxed.model, relaxed.tangents) if found is None else found
    if not found:
        raise _fits_nothing(node, bound.described, bound.name)
    model = relaxed.model
    local: dict[str, Tangent] = {}
    value = Polynomial(tuple(m for m in p.monomials if m not in [f.monomial for f in found]))
    for match in found:
        axes = _places(model, node, match, _gathers(match))
        argument = _moved(match.argument, axes)
        known = next((t for t in local.values() if t.argument == argument), None)
        weight = _weight(match, axes)
        if known is None:
            model, xi = _local(model, bound, axes, match)
        else:
            xi, weight = known.variable, known.weight + weight
        over = None if match.over is None else xi.event[0]
        softmax = isinstance(bound, ArrayBound) and bound.is_softmax and not match.beside
        statistic = bound.statistic_of(argument)
        convex = bound.convex_part if isinstance(bound, Bound) and not bound.known else None
        local[xi.name] = Tangent(xi, argument, statistic, weight, bound.statistic, over, softmax, convex)
        back = {own: i for i, own in axes.items()}
        at = from_atom(Element(xi.name, tuple(back[i] for i in xi.indices)))
        lower = bound.lower_at(match.argument, at, match.over, match.beside)
        value = value + sum_over(match.weight * lower, match.monomial.bound)
    rule = bound.rule
    if isinstance(bound, ArrayBound) and any(match.beside for match in found):
        rule = replace(rule, condition="a known term of the sum is one more element, which stays where it is")
    record = Relaxation(
        node, bound.name, "bound", rule, tuple(local), p, value, bound.derivation, BOUND, tangents=local
    )
    return _recorded(Relaxed(model, relaxed.nodes, relaxed.relaxations), record)


def found_by(p: Polynomial, bound: AnyBound, model: Model, settled: Collection[str] = ()) -> tuple[Match, ...]:
    """The terms that a bound applies to, but for those of local parameters (`settled`) alone."""
    form = bound.form if isinstance(bound, ShiftedSum | Tilt) else bound
    if isinstance(form, CountedBound):
        found = counted_matches(p, form, model)
    else:
        found = array_matches(p, form, model) if isinstance(form, ArrayBound) else matches(p, form.function, model)
    names = [v.name for v in model.with_role("latent", "point") if v.name not in settled]
    return tuple(m for m in found if any(True for a in m.argument.atoms() for _ in random_atoms(a, names)))


def _places(model: Model, node: str, match: Match, gathers: Collection[Gather]) -> dict[Sub, Index]:
    """The subscripts open in the argument -> the declared indices that its local parameter lives on.

    An argument that depends on n by doc[n] alone has one parameter for each document.
    """
    declared = [*model.variable(node).plates, *model.indices]
    covered = {i for g in gathers for i in indices_of(g)}
    axes: dict[Sub, Index] = {}
    open_subs: list[Index | Gather] = [*gathers, *(i for i in match.argument.free if i not in covered)]
    for i in sorted(open_subs, key=lambda i: (i.size, i.name)):
        own = next((j for j in declared if j.size == i.size and j not in axes.values()), None)
        if i == match.over and i.name == PART:
            own = Index(_free_name(model, PART), i.size)
        if own is None:
            raise RelaxationError(
                f"bounds: the local parameter of {node} needs another index of size {i.size}; declare one with m.index"
            )
        axes[i] = own
    return axes


def _gathers(match: Match) -> list[Gather]:
    """The observed integers by which alone an argument depends on their indices; not those of a sum over it."""
    subs = [s for s in subscripts(match.argument) if set(indices_of(s)) & match.argument.free]
    alone = [s for s in subs if not any(o != s and set(indices_of(o)) & set(indices_of(s)) for o in subs)]
    return [s for s in alone if isinstance(s, Gather) and match.over not in set(indices_of(s))]


def _moved(p: Polynomial, axes: Mapping[Sub, Index]) -> Polynomial:
    """The polynomial at the plates of the local parameter."""
    for sub, own in axes.items():
        if isinstance(sub, Gather):
            p = replace_sub(p, sub, own)
    return substitute(p, {i: own for i, own in axes.items() if isinstance(i, Index)})


def _weight(match: Match, axes: Mapping[Sub, Index]) -> Polynomial:
    """The weight at the plates of the local parameter, summed over what its argument does not depend on."""
    others = [i for i in match.monomial.bound if i not in axes]
    gathers = {g: own for g, own in axes.items() if isinstance(g, Gather)}
    weight = match.weight * deltas(gathers.values(), gathers)
    return substitute(sum_over(weight, others), {i: own for i, own in axes.items() if isinstance(i, Index)})


def _local(model: Model, bound: Touching, axes: Mapping[Sub, Index], match: Match) -> tuple[Model, Variable]:
    """The model with a new point parameter under a name that is not taken; an array over the index of one."""
    plates = tuple(own for i, own in axes.items() if i != match.over)
    event = () if match.over is None else (axes[match.over],)
    # A square may be zero: where an argument is known to be, as in s[i] - s[i].
    domain = "nonnegative" if bound.statistic == X**2 else bound.domain
    xi = Variable(_free_name(model, bound.parameter), "point", plates, event, domain=domain)
    return model.with_variable(xi), xi


def _free_name(model: Model, name: str) -> str:
    taken = {v.name for v in model.variables} | {i.name for i in model.indices} | set(model.sizes)
    return next(n for n in chain([name], (f"{name}_{k}" for k in count(2))) if n not in taken)
