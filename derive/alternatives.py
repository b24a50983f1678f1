"""Every way that is known here to an approximate posterior of a model: each bound, augmentation, chosen factor, and EP.

They are found by trying: rules that have the form of a term, and, where these leave a factor without a closed form or
there are none, the methods by which such a factor is had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import TypeAlias

from cavi.derive.approximations import applicable
from cavi.derive.errors import CaviError, NonConjugateError
from cavi.derive.log_joint import log_joint
from cavi.derive.model import Model
from cavi.derive.pipeline import derive
from cavi.derive.propagation.pipeline import propagate
from cavi.derive.propagation.result import Propagation
from cavi.derive.relaxations.apply import Proposal, proposals
from cavi.derive.relaxations.apply import relax as apply_relaxations
from cavi.derive.result import Derived

MOST = 12  # choices of rules that are tried
Rule: TypeAlias = str | tuple[str, ...]


@dataclass(frozen=True)
class Alternative:
    """One way to q.

    Attributes:
        name: its rules and methods in a few words.
        found: the derivation.
        bounds: node -> rule, as `derive` takes it.
        augment: node -> rule.
        approximate: latent -> method.
    """

    name: str
    found: Derived | Propagation = field(repr=False)
    bounds: Mapping[str, Rule] = field(default_factory=dict)
    augment: Mapping[str, Rule] = field(default_factory=dict)
    approximate: Mapping[str, str] = field(default_factory=dict)


def alternatives(model: Model, factors: Sequence[object] | None = None) -> tuple[Alternative, ...]:
    """The ways that lead to a q, in the order of the catalogues; mean field alone where every factor has an optimum.

    Args:
        model: a declared model.
        factors: the blocks of q, as `derive` takes them.

    Raises:
        CaviError: where no way is known.

    Examples:
        >>> from cavi.derive import Bernoulli, Model, Normal, sigmoid
        >>> m = Model("coin")
        >>> n = m.index("n", "N")
        >>> w = m.latent("w", Normal(0, 1))
        >>> y = m.observed("y", Bernoulli(sigmoid(w)), n)
        >>> [a.name for a in alternatives(m)][:3]
        ['jaakkola_jordan', 'boehning', 'polya_gamma']
    """
    refused: NonConjugateError | None = None
    found: list[Alternative] = []
    try:
        return (Alternative("mean field", derive(model, factors)), *_propagated(model))
    except NonConjugateError as error:
        refused = error
    groups = _of_one_form(proposals(model, log_joint(model)))
    for chosen in islice(product(*(_options(g[0]) for g in groups)), MOST) if groups else ():
        rules: dict[str, dict[str, Rule]] = {"bounds": {}, "augment": {}}
        for group, (argument, rule) in zip(groups, chosen, strict=True):
            rules[argument] |= {p.node: rule for p in group}
        found += _reached(model, factors, rules["bounds"], rules["augment"], {})
    found += _reached(model, factors, {}, {}, {})
    found += _propagated(model)
    if not found:
        raise refused
    return tuple(found)


def _of_one_form(found: Sequence[Proposal]) -> list[list[Proposal]]:
    """Nodes that the same rules fit, together: all of them take one rule."""
    groups: dict[object, list[Proposal]] = {}
    for p in found:
        groups.setdefault((p.bounds, p.augmentations, p.together), []).append(p)
    return list(groups.values())


def _options(p: Proposal) -> list[tuple[str, Rule]]:
    """(argument of derive, rule) of everything that fits a node."""
    whole: list[Rule] = [p.together] if len(p.together) > 1 else []
    return [*(("bounds", rule) for rule in [*p.bounds, *whole]), *(("augment", rule) for rule in p.augmentations)]


def _reached(
    model: Model,
    factors: Sequence[object] | None,
    bounds: Mapping[str, Rule],
    augment: Mapping[str, Rule],
    methods: Mapping[str, str],
) -> Iterator[Alternative]:
    """The derivation with these rules, or all with a method for each factor that they leave without an optimum."""
    try:
        derived = derive(model, factors, bounds=bounds, augment=augment, approximate=methods)
    except NonConjugateError as error:
        if error.factor in methods:
            return
        try:
            relaxed = apply_relaxations(model, log_joint(model), bounds, augment)
            names = applicable(error.factor, relaxed.model, relaxed.nodes, factors, methods)
        except CaviError:
            return
        alike = [n for n in names if n in methods.values()]  # several factors by one method, where it does for them
        for method in alike or names:
            yield from _reached(model, factors, bounds, augment, {**methods, error.factor: method})
    except CaviError:
        return
    else:
        yield Alternative(_name(bounds, augment, methods), derived, bounds, augment, methods)


def _name(bounds: Mapping[str, Rule], augment: Mapping[str, Rule], methods: Mapping[str, str]) -> str:
    """The rules and methods, each once."""
    rules = [r if isinstance(r, str) else " and ".join(r) for r in (*bounds.values(), *augment.values())]
    return " + ".join(dict.fromkeys([*rules, *methods.values()]))


def _propagated(model: Model) -> list[Alternative]:
    try:
        found = propagate(model)
    except CaviError:
        return []
    return [] if found.is_exact else [Alternative("EP", found)]
