"""What occurs in an identity: densities and their joints, variables that stay free, nesting of derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cavi.verify.averages import Infeasible
from cavi.verify.identities.grammar import SIGNATURES, Plain


@dataclass(frozen=True)
class Joint:
    """The joint density that a name stands for.

    Attributes:
        name: of the densities.
        variables: all that occur with the name as variables.
        given: those that the name is only ever conditioned on.
        parameters: how the longest list of parameters was written; the names tell which one a shorter list has.
    """

    name: str
    variables: tuple[str, ...]
    given: tuple[str, ...]
    parameters: tuple[Plain, ...]


def nodes(e: Any) -> Iterator[Plain]:
    """All expressions inside an expression, itself first."""
    if isinstance(e, list):
        if e and isinstance(e[0], str) and e[0] in SIGNATURES:
            yield e
        for part in e:
            yield from nodes(part)
    elif isinstance(e, dict):
        for part in e.values():
            yield from nodes(part)


def everything(plain: dict[str, Any]) -> Iterator[Plain]:
    """All expressions of an identity, assumptions included."""
    yield from nodes([a[1:] for a in plain["assumptions"]])
    yield from nodes([[s["before"], s["after"], s.get("gap")] for s in plain["steps"]])
    yield from nodes([plain["claim"]["left"], plain["claim"]["right"]])


def lines(plain: dict[str, Any]) -> Iterator[Plain]:
    """The lines and gaps of an identity, without its assumptions."""
    for s in plain["steps"]:
        yield from (s["before"], s["after"])
        if s.get("gap") is not None:
            yield s["gap"]
    yield from (plain["claim"]["left"], plain["claim"]["right"])


def free_variables(e: Any, bound: frozenset[str] = frozenset()) -> set[str]:
    """Names of the variables of an expression that nothing in it sums over."""
    if not isinstance(e, list):
        return set()
    match e:
        case ["var", n] | ["sample", n, _] if isinstance(n, str):
            return set() if n in bound else {n}
        case ["mass", body, over]:
            return free_variables(body, bound | {v[1] for v in over})
        case ["expect" | "cov", *bodies, law]:
            return _under(law, bodies, bound)
        case ["kl" | "elbo" | "entropy", q, *rest]:
            return _under(q, rest, bound)
        case ["fdiv", p, q, f, _]:
            return _under(q, [p, f], bound)
    return set().union(*(free_variables(part, bound) for part in e)) if e else set()


def _under(law: Plain, bodies: list[Plain], bound: frozenset[str]) -> set[str]:
    density = law[1] if law[0] == "iid" else law
    return free_variables([density, *bodies], bound | {v[1] for v in density[2]})


def joints(plain: dict[str, Any]) -> dict[str, Joint]:
    """Name -> the joint that its densities belong to; defined names are left out."""
    defined = {a[1][1] for a in plain["assumptions"] if a[0] == "definition" and a[1][0] == "density"}
    variables: dict[str, dict[str, None]] = {}
    given: dict[str, dict[str, None]] = {}
    parameters: dict[str, list[Plain]] = {}
    for e in everything(plain):
        if e[0] == "density" and e[1] not in defined:
            variables.setdefault(e[1], {}).update(dict.fromkeys(v[1] for v in e[2]))
            given.setdefault(e[1], {}).update(dict.fromkeys(v[1] for v in e[3]))
            if len(e[4]) >= len(parameters.setdefault(e[1], [])):
                parameters[e[1]] = parameters[e[1]] if len(e[4]) == len(parameters[e[1]]) else e[4]
    return {
        n: Joint(n, tuple(sorted(v)), tuple(sorted(set(given[n]) - set(v))), tuple(parameters[n]))
        for n, v in variables.items()
    }


def decaying_functions(plain: dict[str, Any]) -> frozenset[str]:
    """Functions that occur in a sum or integral without a law, and never in an exponent.

    They must fall off for the sum to exist; in an exponent they must not, and the density next to it falls off.
    """
    found = list(everything(plain))
    summed = {u[1] for e in found if e[0] == "mass" for u in nodes(e[1]) if u[0] == "unknown"}
    raised = {u[1] for e in found if e[:2] == ["fn", "exp"] for u in nodes(e[2]) if u[0] == "unknown"}
    return frozenset(summed - raised)


def derivative_depth(e: Any) -> int:
    """How many derivatives stand inside one another."""
    if not isinstance(e, list):
        return 0
    inner = max((derivative_depth(part) for part in e), default=0)
    return inner + (e[:1] == ["grad"])


def precision_needed(plain: dict[str, Any], digits: int) -> int:
    """Decimals to work with: every nested derivative by differences costs half the digits again."""
    depth = max((derivative_depth(e) for e in lines(plain)), default=0)
    depth += sum(derivative_depth(a) for a in plain["assumptions"] if a[0] == "definition")
    return digits + 14 + depth * (digits // 2 + 8)


def has_variables(plain: dict[str, Any]) -> bool:
    """Whether anything is random, or summed over."""
    return any(e[0] in ("var", "sample", "density") for e in everything(plain))


def definitions(plain: dict[str, Any]) -> dict[tuple[str, str, int], tuple[Plain, Plain]]:
    """(kind, name, number of arguments) -> placeholders and right side.

    Raises:
        Infeasible: when a name is defined twice.
    """
    found: dict[tuple[str, str, int], tuple[Plain, Plain]] = {}
    for _, left, right in (a for a in plain["assumptions"] if a[0] == "definition"):
        key = definition_key(left)
        if key in found:
            raise Infeasible(f"{left[1]} is defined twice")
        found[key] = (arguments(left), right)
    return found


def arguments(e: Plain) -> Plain:
    """The arguments of a symbol (none), a function or a density."""
    match e:
        case ["unknown", _, _, args]:
            return list(args)
        case ["density", _, variables, given, parameters]:
            return [*variables, *given, *parameters]
    return []


def definition_key(e: Plain) -> tuple[str, str, int]:
    """What a definition and its uses have in common."""
    return e[0], e[1], len(arguments(e))
