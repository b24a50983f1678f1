"""Planted mistakes: changes to the lines of an identity, each of which verification must catch.

A mutation changes one line (or one gap, or one relation) the way a person or a rule might get it wrong: a sign, a lost
term, a factor two, the wrong law under an expectation, a conditional for a marginal. The line is changed wherever it
stands, so that the chain of steps stays whole and only the numbers can tell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from cavi.verify.arithmetic import precision
from cavi.verify.identities.bench import Bench
from cavi.verify.identities.grammar import Plain, check_identity
from cavi.verify.identities.scan import arguments, everything, precision_needed
from cavi.verify.identities.verdict import compare, named_relations, unsuitable
from cavi.verify.report import run

DIGITS = 12
QUANTITIES = ("expect", "kl", "entropy", "elbo", "cov", "mass", "fdiv", "grad", "inner")
Cast = dict[str, list[Plain]]
Operator = Callable[[Plain, Cast], Iterator[Plain]]


@dataclass(frozen=True)
class Mutant:
    """A changed identity: the operator, the step and the part of it that was changed."""

    operator: str
    step: int
    part: str
    plain: dict[str, Any]
    was: Plain | str
    now: Plain | str

    def __str__(self) -> str:
        return f"{self.operator}, {self.part} of step {self.step}"


def mutants(plain: dict[str, Any], operators: tuple[str, ...] | None = None) -> Iterator[Mutant]:
    """Every identity with one mistake, by the operators named (all by default)."""
    cast = _cast(plain)
    for k, step in enumerate(plain["steps"]):
        for part in ("after", "gap"):
            line = step.get(part)
            if line is None:
                continue
            for name, operator in OPERATORS.items():
                if operators is None or name in operators:
                    for changed in _once(line, operator, cast):
                        yield Mutant(name, k + 1, part, _changed(plain, k, part, changed), line, changed)
        if step["relation"] != "=" and (operators is None or "relation flipped" in operators):
            flipped = "≤" if step["relation"] == "≥" else "≥"
            other = _changed(plain, k, "relation", flipped)
            yield Mutant("relation flipped", k + 1, "relation", other, step["relation"], flipped)


def survivors(
    plain: dict[str, Any], digits: int = DIGITS, seed: int = 0, operators: tuple[str, ...] | None = None
) -> list[Mutant]:
    """The mutants that verification does not catch, at two seeds: equivalent ones, or holes.

    Raises:
        CertificateError: when the identity itself does not follow the grammar.
    """
    check_identity(plain)
    return [m for m in mutants(plain, operators) if not any(caught(m, digits, s) for s in (seed, seed + 1))]


def caught(mutant: Mutant, digits: int = DIGITS, seed: int = 0) -> bool:
    """Whether the step that was changed, or the one that starts from it, fails or cannot be decided."""
    plain = mutant.plain
    names = dict(named_relations(plain))
    near = [r for i, r in enumerate(names.values(), 1) if i in (mutant.step, mutant.step + 1)][:2]
    if mutant.step == len(plain["steps"]):
        near = near[:1]
    for mode in ("discrete", "continuous"):
        with precision(precision_needed(plain, digits)):
            bench = Bench(plain, mode, digits, seed)
            if unsuitable(bench) is not None:
                continue
            for relation in near:
                row = run("", "derivation", digits, partial(compare, bench, relation))
                if row.verdict != "checked":
                    return True
            return False
    return True


def _changed(plain: dict[str, Any], k: int, part: str, value: Any) -> dict[str, Any]:
    """The identity with one part of a step changed, and its next line and claim with it."""
    other = copy.copy(plain)
    other["steps"] = steps = [copy.copy(s) for s in plain["steps"]]
    other["claim"] = copy.copy(plain["claim"])
    steps[k][part] = value
    if part == "after":
        if k + 1 < len(steps):
            steps[k + 1]["before"] = value
        else:
            other["claim"]["right"] = value
    return other


# --- operators ---------------------------------------------------------------------------------


def _once(line: Plain, operator: Operator, cast: Cast) -> Iterator[Plain]:
    """The line with one of its nodes changed, without repetition."""
    seen: list[Plain] = []
    for changed in _everywhere(line, operator, cast):
        if changed != line and changed not in seen:
            seen.append(changed)
            yield changed


def _everywhere(e: Any, operator: Operator, cast: Cast) -> Iterator[Any]:
    if not isinstance(e, list):
        return
    if e and isinstance(e[0], str):
        yield from operator(e, cast)
    for i, part in enumerate(e):
        for new in _everywhere(part, operator, cast):
            yield [*e[:i], new, *e[i + 1 :]]


def _cast(plain: dict[str, Any]) -> Cast:
    """What can be put in the place of something: the densities, parameters and labels of the identity."""
    cast: Cast = {"density": [], "sym": [], "vec": [], "label": []}
    for e in everything(plain):
        if e[0] in cast and e not in cast[e[0]]:
            cast[e[0]].append(e)
    return cast


def _scaled(factor: str, e: Plain) -> Plain:
    return ["mul", [["num", factor], e]]


def _terms(change: Callable[[Plain], Plain | None]) -> Operator:
    """A change to one term of a sum (None drops it)."""

    def operator(e: Plain, cast: Cast) -> Iterator[Plain]:
        if e[0] == "add":
            for i, t in enumerate(e[1]):
                new = change(t)
                yield ["add", [*e[1][:i], *([] if new is None else [new]), *e[1][i + 1 :]]]

    return operator


def _whole(change: Callable[[Plain], Plain]) -> Operator:
    """A change to a logarithm, an expectation, a divergence: to whatever is a quantity of its own."""

    def operator(e: Plain, cast: Cast) -> Iterator[Plain]:
        if e[0] in ("expect", "kl", "entropy", "elbo", "cov", "mass", "fdiv", "grad", "inner") or e[:2] == [
            "fn",
            "log",
        ]:
            yield change(e)

    return operator


def _swapped_arguments(e: Plain, cast: Cast) -> Iterator[Plain]:
    if e[0] == "kl":
        yield [e[0], e[2], e[1]]
    if e[0] == "fdiv":
        yield [e[0], e[2], e[1], *e[3:]]


def _other_density(e: Plain, cast: Cast) -> Iterator[Plain]:
    """Another density of the same variables."""
    if e[0] == "density":
        yield from (d for d in cast["density"] if d[2] == e[2] and d != e)


def _other_law(e: Plain, cast: Cast) -> Iterator[Plain]:
    slot = {"expect": 2, "cov": 3, "entropy": 1}.get(e[0])
    if slot is not None and e[slot][0] == "density":
        for d in _other_density(e[slot], cast):
            yield [*e[:slot], d, *e[slot + 1 :]]


def _other_conditioning(e: Plain, cast: Cast) -> Iterator[Plain]:
    """A conditional for a marginal, and the reverse; a joint for a conditional."""
    if e[0] == "density":
        family = [d for d in cast["density"] if d[1] == e[1] and d != e]
        yield from (d for d in family if d[2:3] == e[2:3] or d[2] == [*e[2], *e[3]] or [*d[2], *d[3]] == e[2])
        if e[3]:
            yield [*e[:3], [], e[4]]


def _other_parameter(e: Plain, cast: Cast) -> Iterator[Plain]:
    if e[0] in ("sym", "vec"):
        yield from (s for s in cast[e[0]] if s != e and s[2:] == e[2:] and e[2:] != ["whole"])


def _other_label(e: Plain, cast: Cast) -> Iterator[Plain]:
    if e[0] == "component":
        now = e[2]
        yield from ([*e[:2], i] for i in (*cast["label"], ["num", "1"], ["num", "2"]) if i != now)


def _lost_log(e: Plain, cast: Cast) -> Iterator[Plain]:
    if e[:2] == ["fn", "log"]:
        yield e[2][0]


def _exponent(by: int) -> Operator:
    def operator(e: Plain, cast: Cast) -> Iterator[Plain]:
        if e[0] == "pow":
            yield ["pow", e[1], ["add", [e[2], ["num", str(by)]]]]

    return operator


def _lost_reciprocal(e: Plain, cast: Cast) -> Iterator[Plain]:
    if e[0] == "pow" and e[2] == ["num", "-1"]:
        yield e[1]


def _lost_factor(e: Plain, cast: Cast) -> Iterator[Plain]:
    if e[0] == "mul":
        for i in range(len(e[1])):
            yield ["mul", [*e[1][:i], *e[1][i + 1 :]]]


def _lost_node(*heads: str) -> Operator:
    """A sum, a derivative, a substitution left out."""

    def operator(e: Plain, cast: Cast) -> Iterator[Plain]:
        if e[0] in heads:
            yield e[1]

    return operator


def _mean_for_sum(e: Plain, cast: Cast) -> Iterator[Plain]:
    if e[0] in ("total", "average"):
        yield ["average" if e[0] == "total" else "total", *e[1:]]


def _one_more(e: Plain, cast: Cast) -> Iterator[Plain]:
    """One term or copy too many."""
    if e[0] in ("total", "average"):
        yield [*e[:3], ["add", [e[3], ["num", "1"]]], e[4]]


def _inside_out(e: Plain, cast: Cast) -> Iterator[Plain]:
    """E[log x] for log E[x], and the reverse."""
    if e[0] == "expect" and e[1][:2] == ["fn", "log"]:
        yield ["fn", "log", [["expect", e[1][2][0], e[2]]]]
    if e[:2] == ["fn", "log"] and e[2][0][0] == "expect":
        yield ["expect", ["fn", "log", [e[2][0][1]]], e[2][0][2]]


def _other_argument(e: Plain, cast: Cast) -> Iterator[Plain]:
    """A function at another argument: arguments exchanged, or one added to it."""
    if e[0] == "unknown" and len(args := arguments(e)) == 2 and args[0][0] == args[1][0]:
        yield [*e[:3], [args[1], args[0]]]


OPERATORS: dict[str, Operator] = {
    "sign flip": _terms(lambda t: _scaled("-1", t)),
    "sign of a quantity": _whole(lambda e: _scaled("-1", e)),
    "dropped term": _terms(lambda t: None),
    "term times two": _terms(lambda t: _scaled("2", t)),
    "times two": _whole(lambda e: _scaled("2", e)),
    "half": _whole(lambda e: _scaled("1/2", e)),
    "plus a constant": _whole(lambda e: ["add", [e, ["num", "1/1000"]]]),
    "arguments swapped": _swapped_arguments,
    "another density": _other_density,
    "another law": _other_law,
    "another conditioning": _other_conditioning,
    "another parameter": _other_parameter,
    "another component": _other_label,
    "lost logarithm": _lost_log,
    "exponent plus one": _exponent(1),
    "exponent minus one": _exponent(-1),
    "lost reciprocal": _lost_reciprocal,
    "lost factor": _lost_factor,
    "lost sum": _lost_node("mass"),
    "lost derivative": _lost_node("grad"),
    "lost substitution": _lost_node("at"),
    "mean for sum": _mean_for_sum,
    "one term more": _one_more,
    "log inside out": _inside_out,
    "arguments exchanged": _other_argument,
}
