"""`relax="auto"`: the cheapest choice of rules with which every factor has an optimum, and what to do where none has.

First every bound and augmentation that is known for the terms of the model. Where no choice of them leaves every factor
in a known family, the last remedy is a factor in none: the optimum normalised numerically where it is of one number or
two, else a Normal that is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product

from cavi.derive.approximations import applicable
from cavi.derive.asked import Asked
from cavi.derive.errors import ApproximationError, NonConjugateError
from cavi.derive.methods import AUTOMATIC, LAST_REMEDY
from cavi.derive.relaxations.apply import Proposal, proposals, relax
from cavi.derive.result import Derived, Update

MAX_CHOICES = 32
Attempt = Callable[[Asked], Derived]


def automatic(attempt: Attempt, asked: Asked, known: Sequence[Proposal]) -> Derived:
    """By rules alone, else with the last remedy for the factors that no rule makes conjugate.

    Raises:
        NonConjugateError: of the first choice of rules, where nothing does.
    """
    try:
        found = _by_rules(attempt, asked, known)
    except NonConjugateError as refused:
        last = _last_remedy(attempt, asked, known)
        if last is None:
            known = [p for p in proposals(asked.model, asked.nodes, curved=True) if not asked.has_rule(p.node)]
            last = _last_remedy(attempt, asked, known)
        if last is None:
            raise refused from None
        found = last
    of = {p.node: p for p in known}
    chosen = (r.proposed(p.names, p.reasons(r.name)) if (p := of.get(r.node)) else r for r in found.relaxations)
    return replace(found, relaxations=tuple(chosen))


def _by_rules(attempt: Attempt, asked: Asked, known: Sequence[Proposal]) -> Derived:
    """By the first choice of rules, the cheapest first, with which every factor has an optimum.

    Raises:
        NonConjugateError: of the first choice, where none does.
    """
    refused: NonConjugateError | None = None
    for choice in _choices(asked, known):
        try:
            return attempt(choice)
        except NonConjugateError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _choices(asked: Asked, known: Sequence[Proposal]) -> Iterator[Asked]:
    """What was asked for with each choice of what is known, the cheapest first."""
    for chosen in islice(product(*(p.options for p in known)), MAX_CHOICES):
        yield asked.also({p.node: rule for p, rule in zip(known, chosen, strict=True)})


def _last_remedy(attempt: Attempt, asked: Asked, known: Sequence[Proposal]) -> Derived | None:
    """By the first choice of rules with which factors in no family do for what they leave; None where none does."""
    for choice in (*_choices(asked, known), *([asked] if known else [])):
        found = _with_methods(attempt, choice)
        if found is not None:
            return found
    return None


def _with_methods(attempt: Attempt, asked: Asked) -> Derived | None:
    """A method for one factor after another that is refused, until none is; None where one has no method."""
    found = dict(asked.methods)
    while True:
        try:
            derived = attempt(replace(asked, methods=found))
        except NonConjugateError as error:
            latents = error.factor.split(",")
            known = () if set(latents) & set(found) else _applicable(error.factor, asked, found)
            best = next((n for n in AUTOMATIC if n in known), None)
            if best is None:
                return None
            found = {**found, **dict.fromkeys(latents, best)}
        except ApproximationError:
            return None
        else:
            mine = set(found) - set(asked.methods)
            updates = tuple(_proposed(u) if mine & set(u.factor.latents) else u for u in derived.updates)
            return replace(derived, updates=updates)


def _applicable(factor: str, asked: Asked, found: Mapping[str, str]) -> Sequence[str]:
    """The methods by which a factor that was refused can be had, beside those found for others."""
    if asked.marginalise:
        return ()
    relaxed = relax(asked.model, asked.nodes, asked.bounds, asked.augment)
    return applicable(factor, relaxed.model, relaxed.nodes, asked.factors, found)


def _proposed(u: Update) -> Update:
    """The update with the reason why its method was taken, at the step that has it."""
    steps = u.derivation.steps
    last = replace(steps[-1], conditions=(*steps[-1].conditions, LAST_REMEDY))
    return replace(u, proposed=True, derivation=replace(u.derivation, steps=(*steps[:-1], last)))
