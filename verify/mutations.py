"""Planted mistakes: domain mutations of a claim, each of which verification must catch.

A mutation changes one place of the plain data the way a person (or a rule) might get it wrong: a sign, a factor two,
half a degree of freedom, E[log x] for log E[x], a lost term, a wrong index. The claim's *declaration* is left alone,
since it is what the rest is measured against.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from cavi.verify.arithmetic import precise, precision
from cavi.verify.check_evidence import check_evidence
from cavi.verify.check_families import check_families
from cavi.verify.check_identity import check_identity
from cavi.verify.check_optimality import check_optimality
from cavi.verify.check_steps import check_steps
from cavi.verify.claim import Claim
from cavi.verify.evaluate import Plain
from cavi.verify.instance import Instance, make_instance
from cavi.verify.report import Row
from cavi.verify.state import State

Path = tuple[Any, ...]
Operator = Callable[[Plain, "Site"], Iterator[Plain]]


@dataclass(frozen=True)
class Site:
    """One formula of a claim: where it is, what it is, the axes it is free in."""

    path: Path
    kind: str  # parameter, moment, statistic, elbo, entropy, log_q
    label: str
    normalised: bool = False  # a constant added to it cancels, as in the logits of a softmax
    over: str = ""  # the index along which it is normalised
    ratio: bool = False  # a factor cancels, as in counts that are divided by their sum
    points: frozenset[str] = frozenset()  # point masses, under which E[log x] = log E[x]


@dataclass(frozen=True)
class Mutant:
    """A changed claim: the operator, the place, and the plain data."""

    operator: str
    label: str
    plain: dict[str, Any]


def sites(plain: dict[str, Any]) -> Iterator[Site]:
    """Every formula of a claim that a mistake could be in."""
    simplex = {v["name"] for v in plain["model"]["variables"] if v["domain"] == "simplex"}
    for i, f in enumerate(plain["factors"]):
        soft = {p["value"][2] for p in f["parameters"] if p["value"][:2] in (["array", "softmax"],)}
        for j, p in enumerate(f["parameters"]):
            if p["value"][0] != "array":
                place: Path = ("factors", i, "parameters", j, "value")
                over = p["indices"][-1][0] if p["indices"] else ""
                ratio = f["point"] and p["latent"] in simplex and p["role"] == "auxiliary"
                yield Site(place, "parameter", f"{p['latent']}.{p['name']}", p["name"] in soft, over, ratio)
        for j, m in enumerate(f["moments"]):
            if m["value"] is not None:
                yield Site(("factors", i, "moments", j, "value"), "moment", f"E[{m['key']}] of {f['name']}")
        for j, _ in enumerate(f["statistics"] if not f["point"] else ()):
            over = f["event"][-1][0] if soft and f["event"] else ""
            yield Site(("factors", i, "statistics", j, 1), "statistic", f"statistics of {f['name']}", bool(soft), over)
        if not f["point"]:
            yield Site(("factors", i, "entropy"), "entropy", f"entropy of {f['name']}")
            yield Site(("factors", i, "log_q"), "log_q", f"log q({f['name']})")
    for j, t in enumerate(plain["elbo"]):
        yield Site(("elbo", j, "value"), "elbo", f"ELBO {t['kind']} of {t['name']}")


def mutants(plain: dict[str, Any], operators: tuple[str, ...] | None = None) -> Iterator[Mutant]:
    """Every mutant of a claim by the operators named (all by default), site by site."""
    points = frozenset(f["name"] for f in plain["factors"] if f["point"])
    for site in (replace(s, points=points) for s in sites(plain)):
        expr = _get(plain, site.path)
        for name, operator in OPERATORS.items():
            if operators is not None and name not in operators:
                continue
            for changed in operator(expr, site):
                if changed != expr:
                    yield Mutant(name, site.label, _put(plain, site.path, changed))
    if operators is None or "dropped ELBO term" in operators:
        for j, t in enumerate(plain["elbo"]):
            if t["value"] not in (["num", "0"], ["add", []]):
                other = copy.deepcopy(plain)
                del other["elbo"][j]
                yield Mutant("dropped ELBO term", f"ELBO {t['kind']} of {t['name']}", other)


def first_failure(plain: dict[str, Any], digits: int = 12, instance: Instance | None = None) -> Row | None:
    """The first row that fails for a claim, cheapest checks first; None if it survives them all."""
    claim = Claim(plain)
    instance = instance or make_instance(claim, 0)
    with precision(3 * digits + 20):
        state = State(claim, instance, precise(), digits)
        for check in (check_identity, check_optimality, check_families, check_steps, check_evidence):
            for row in check(state):
                if row.verdict == "failed":
                    return row
        # Few binary data can make a wrong index come out right; another instance then tells.
        other = State(claim, make_instance(claim, instance.seed + 1), precise(), digits)
        return next((row for row in check_identity(other) if row.verdict == "failed"), None)


# --- operators ---------------------------------------------------------------------------------


def _terms(e: Plain) -> list[Plain]:
    return list(e[1]) if e[0] == "add" else [e]


def _mentions_index(e: Any, name: str) -> bool:
    if isinstance(e, list):
        return e[:2] == ["index", name] or any(_mentions_index(part, name) for part in e)
    return False


def _relevant(e: Plain, site: Site) -> Iterator[int]:
    """Positions of the terms that matter: in a normalised vector those that differ along it."""
    if site.ratio and len(_terms(e)) == 1:
        return
    for i, t in enumerate(_terms(e)):
        if not site.normalised or _mentions_index(t, site.over):
            yield i


def _sign(e: Plain, site: Site) -> Iterator[Plain]:
    terms = _terms(e)
    for i in _relevant(e, site):
        yield ["add", [["mul", [["num", "-1"], t]] if i == j else t for j, t in enumerate(terms)]]


def _drop(e: Plain, site: Site) -> Iterator[Plain]:
    terms = _terms(e)
    if len(terms) > 1:
        for i in _relevant(e, site):
            yield ["add", terms[:i] + terms[i + 1 :]]


def _times(factor: str) -> Operator:
    def operator(e: Plain, site: Site) -> Iterator[Plain]:
        terms = _terms(e)
        for i in _relevant(e, site):
            yield ["add", [["mul", [["num", factor], t]] if i == j else t for j, t in enumerate(terms)]]

    return operator


def _plus(amount: str) -> Operator:
    def operator(e: Plain, site: Site) -> Iterator[Plain]:
        if not site.normalised:
            yield ["add", [e, ["num", amount]]]

    return operator


def _everywhere(e: Any, change: Callable[[list[Any]], list[Any] | None]) -> Iterator[Any]:
    """The expression with one inner node changed, for every node that the change applies to."""
    if not isinstance(e, list):
        return
    if e and isinstance(e[0], str) and (new := change(e)) is not None:
        yield new
    for i, part in enumerate(e):
        for new_part in _everywhere(part, change):
            yield [*e[:i], new_part, *e[i + 1 :]]


def _log_of_mean(e: Plain, site: Site) -> Iterator[Plain]:
    """E[log x] -> log E[x], where x is a plain element."""

    def change(node: list[Any]) -> list[Any] | None:
        if (
            node[0] == "moment"
            and node[1] not in site.points
            and node[2].startswith("log ")
            and node[2][4:].isidentifier()
        ):
            return ["fn", "log", [["moment", node[1], node[2][4:], node[3]]]]
        return ["fn", "log", node[2]] if node[:2] == ["fn", "digamma"] else None

    yield from _everywhere(e, change)


def _square_of_mean(e: Plain, site: Site) -> Iterator[Plain]:
    """E[x²] -> E[x]²."""

    def change(node: list[Any]) -> list[Any] | None:
        if (
            node[0] == "moment"
            and node[1] not in site.points
            and node[2].endswith("^2")
            and node[2][:-2].isidentifier()
        ):
            return ["pow", ["moment", node[1], node[2][:-2], node[3]], "2"]
        return None

    yield from _everywhere(e, change)


def _first_index(e: Plain, site: Site) -> Iterator[Plain]:
    """A running index replaced by the first position."""

    def change(node: list[Any]) -> list[Any] | None:
        return ["int", 0, node[2]] if node[0] == "index" else None

    yield from _everywhere(e, change)


def _one_of_many(e: Plain, site: Site) -> Iterator[Plain]:
    """Σ over a plate -> its first element; a size -> 1."""

    def change(node: list[Any]) -> list[Any] | None:
        if node[0] == "size":
            return ["num", "1"]
        if node[0] == "sum":
            return list(_fixed(node[2], {name for name, _ in node[1]}))
        return None

    yield from _everywhere(e, change)


def _fixed(e: Any, names: set[str]) -> Any:
    if isinstance(e, list):
        if e[:1] == ["index"] and e[1] in names:
            return ["int", 0, e[2]]
        return [_fixed(part, names) for part in e]
    return e


def _inverse(e: Plain, site: Site) -> Iterator[Plain]:
    """A parameter and its reciprocal confused: rate and scale, precision and variance."""
    if site.kind in ("parameter", "moment") and not site.normalised:
        yield ["pow", e, "-1"]


OPERATORS: dict[str, Operator] = {
    "sign flip": _sign,
    "dropped term": _drop,
    "times two": _times("2"),
    "half": _times("1/2"),
    "plus one half": _plus("1/2"),
    "minus one half": _plus("-1/2"),
    "plus one": _plus("1"),
    "E[log x] as log E[x]": _log_of_mean,
    "E[x^2] as E[x]^2": _square_of_mean,
    "wrong index": _first_index,
    "one instead of all": _one_of_many,
    "reciprocal": _inverse,
}


def _get(plain: Any, path: Path) -> Any:
    for step in path:
        plain = plain[step]
    return plain


def _put(plain: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    other = copy.deepcopy(plain)
    _get(other, path[:-1])[path[-1]] = value
    return other
