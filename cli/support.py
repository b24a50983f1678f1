"""``cavi supported``: what can be inferred in closed form, found by deriving it, family by family.

For every argument of every family a latent is put in its place in the usual ways, alone or through a link function, the
little model is derived, and what happened is the entry. Nothing in the table is typed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from cavi import derive as language
from cavi.derive import CaviError, Derived, Index, Model, derive, families
from cavi.derive.errors import NonConjugateError

VERDICTS = ("exact", "augmentation", "bound", "numeric", "refused")
WAYS = {"quadrature": "by quadrature", "cvi": "a Normal by conjugate-computation VI"}


@dataclass(frozen=True)
class Entry:
    """One pair.

    Attributes:
        family: of what is observed.
        argument: its argument, by the keyword that a user writes.
        place: how the latent stands there.
        verdict: exact (its optimal factor is closed), augmentation or bound (by the rule named), numeric (its factor is
            in no known family, and is found all the same), or refused.
        detail: the family of the optimal factor, the rule, how the factor is found, or the reason.
    """

    family: str
    argument: str
    place: str
    verdict: str
    detail: str


@dataclass(frozen=True)
class Place:
    """A way for a latent to stand where a domain is asked for."""

    name: str
    domain: str
    make: Callable[[Model, Index, tuple[Index, ...]], object]


def _weights(m: Model, n: Index) -> Any:
    d = m.index("j", "J")
    return language.dot(m.latent("w", language.Normal(0, 1), d), m.covariate("X", n, d)[n])


def _scores(m: Model, n: Index, k: Index) -> Any:
    d = m.index("j", "J")
    return language.dot(m.latent("w", language.Normal(0, 1), k, d)[k], m.covariate("X", n, d)[n])


def _sum(m: Model) -> Any:
    j = m.index("j", "J")
    return language.Sum(m.latent("w", language.Gamma(2, 1), j)[j], j)


def _real(m: Model, event: tuple[Index, ...]) -> Any:
    """A number, a vector, or a matrix of independent elements."""
    if len(event) == 1:
        return m.latent("w", language.MultivariateNormal(0, 1, over=event[0]))
    return m.latent("w", language.Normal(0, 1), *event)


PLACES = (
    Place("a Normal", "real", lambda m, n, e: _real(m, e)),
    Place("a regression", "real", lambda m, n, e: _weights(m, n)),
    Place("a Gamma", "positive", lambda m, n, e: m.latent("w", language.Gamma(2, 1))),
    Place("an inverse Gamma", "positive", lambda m, n, e: m.latent("w", language.InverseGamma(3, 1))),
    Place("exp of a Normal", "positive", lambda m, n, e: language.exp(m.latent("w", language.Normal(0, 1)))),
    Place("exp of a regression", "positive", lambda m, n, e: language.exp(_weights(m, n))),
    Place("a sum of Gammas", "positive", lambda m, n, e: _sum(m)),
    Place("a Beta", "unit", lambda m, n, e: m.latent("w", language.Beta(1, 1))),
    Place("sigmoid of a Normal", "unit", lambda m, n, e: language.sigmoid(m.latent("w", language.Normal(0, 1)))),
    Place("sigmoid of a regression", "unit", lambda m, n, e: language.sigmoid(_weights(m, n))),
    Place("probit of a regression", "unit", lambda m, n, e: language.probit(_weights(m, n))),
    Place("a Dirichlet", "simplex", lambda m, n, e: m.latent("w", language.Dirichlet(1, over=e[0]))),
    Place("softmax of Normals", "simplex", lambda m, n, e: language.softmax(_real(m, e))),
    Place("softmax of regressions", "simplex", lambda m, n, e: language.softmax(_scores(m, n, e[0]), over=e[0])),
    Place("a Wishart", "positive_definite", lambda m, n, e: m.latent("w", language.Wishart(5, 1, over=e[0]))),
    Place(
        "an inverse Wishart",
        "positive_definite",
        lambda m, n, e: m.latent("w", language.InverseWishart(7, 1, over=e[0])),
    ),
    Place("a von Mises", "angle", lambda m, n, e: m.latent("w", language.VonMises(0, 1))),
)
# Values for the arguments beside the one that is latent.
KNOWN = {
    "real": 0,
    "positive": 6.5,
    "positive_definite": 1,
    "nonnegative": None,  # left at its default
    "unit": 0.5,
    "count": 3,
    "binary": 1,
    "angle": 0,
    "simplex": None,
}
# What is tried, one after another: as it stands, by the cheapest rule, the same with the elements kept together.
ATTEMPTS: tuple[dict[str, Any], ...] = ({}, {"relax": "auto"}, {"relax": "auto", "factors": [("w",)]})
# Keywords that stand for another of the family's parameters -> the domain of what is put there.
OTHER = {"covariance": "positive_definite", "inverse_scale": "positive_definite"}


@cache
def supported() -> tuple[Entry, ...]:
    """Every pair of an argument and a place."""
    named = (*families.CATALOGUE, *families.MIXED_FAMILIES, *families.VECTOR_FAMILIES)
    return tuple(e for name in named for e in _entries(name))


def _entries(name: str) -> Iterator[Entry]:
    make = getattr(language, name, None)
    if make is None:
        return
    family = families.lookup(name)
    known = {p.name for p in family.parameters if p.known and not p.free}
    domains = {p.name: p.domain for p in family.parameters}
    accepted = [k for k in inspect.signature(make).parameters if k != "over"]
    if isinstance(family, families.MixedFamily):  # other keywords of a parameter do there what they do in the Normal
        accepted = [k for k in accepted if k not in family.aliases]
    for keyword in accepted:
        domain = domains.get(keyword) or OTHER.get(keyword, "positive")
        if keyword in known:
            yield Entry(name, keyword, "any", "refused", "known only")
            continue
        for place in (p for p in PLACES if p.domain == domain):
            yield _entry(name, keyword, place)


def _entry(name: str, keyword: str, place: Place) -> Entry:
    refused: CaviError | None = None
    for asked in ATTEMPTS:
        try:
            return Entry(name, keyword, place.name, *_found(derive(_declared(name, keyword, place), **asked)))
        except CaviError as error:
            refused = refused or error
            if not isinstance(error, NonConjugateError):
                break
    reason = str(refused).partition(". ")[0].partition(" Remedies")[0]
    return Entry(name, keyword, place.name, "refused", reason)


def _found(derived: Derived) -> tuple[str, str]:
    """The verdict on a derivation, and its detail."""
    update = derived.update("w")
    way = WAYS["quadrature"] if update.numeric else WAYS.get(update.chosen, "")
    if not derived.relaxations:
        return ("numeric", way) if way else ("exact", str(update.family))
    (first, *_) = derived.relaxations
    rule = first.rule.name.removeprefix(f"{first.kind} ")
    return first.kind, f"{rule}, {way}" if way else rule


def _declared(name: str, keyword: str, place: Place) -> Model:
    """A model that observes the family, the latent in the place of one argument, numbers in those of the others."""
    m = Model("pair")
    n = m.index("n", "N")
    make, family = getattr(language, name), families.lookup(name)
    accepted = inspect.signature(make).parameters
    event: tuple[Index, ...] = ()
    if "over" in accepted:
        event = (m.index("d", "D"), m.index("e", "E")) if name == "MatrixNormal" else (m.index("d", "D"),)
    replaced = _replaced(family, keyword)
    arguments: dict[str, object] = {
        p.name: KNOWN[p.domain] for p in family.parameters if p.name != replaced and KNOWN[p.domain] is not None
    }
    axes = event[1:] if keyword == "column_precision" else event
    arguments[keyword] = place.make(m, n, axes)
    if event:
        arguments["over"] = event if len(event) > 1 else event[0]
    m.observed("x", make(**{k: v for k, v in arguments.items() if k in accepted}), n)
    return m


def _replaced(family: families.Family, keyword: str) -> str:
    """The parameter that a keyword gives: itself, or the one it is another form of."""
    if any(p.name == keyword for p in family.parameters):
        return keyword
    aliases = getattr(family, "aliases", {})
    return aliases[keyword][0] if keyword in aliases else family.parameters[-1].name


def table(entries: tuple[Entry, ...]) -> str:
    """The entries as a table in Markdown, one row an argument of a family."""
    lines = ["| observed | argument | latent there | |", "|---|---|---|---|"]
    for e in entries:
        detail = e.detail if e.verdict != "refused" else ("known only" if e.place == "any" else "")
        lines.append(f"| {e.family} | `{e.argument}` | {e.place} | {e.verdict}{': ' + detail if detail else ''} |")
    return "\n".join(lines)
