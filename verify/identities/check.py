"""Evidence for one identity: every step and the claim, in discrete and in continuous worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import mpmath

from cavi.verify.arithmetic import digits_of, precise, precision, to_mpf
from cavi.verify.identities.conditions import prepared
from cavi.verify.identities.grammar import check_identity, joints_of, variables_free_in
from cavi.verify.identities.semantics import Scope, Undecided, evaluate
from cavi.verify.identities.world import COARSE, FINE, Mode, World
from cavi.verify.report import Finding, Report, Row, run

Progress = Callable[[Row], None]
Line = dict[str, Any]
WORLDS: tuple[tuple[Mode, int], ...] = (("discrete", 0), ("discrete", 1), ("continuous", 0), ("continuous", 1))


def verify_identity(identity: Any, digits: int = 30, seed: int = 0, progress: Progress | None = None) -> Report:
    """The evidence for an identity, as rows of a report.

    Args:
        identity: an identity of `cavi.derive.identities`, or its plain data.
        digits: decimal digits of agreement asked for, at most 30.
        seed: of the random tables, densities, functions and parameters.
        progress: called with each row as it is found.

    Raises:
        CertificateError: when the plain data do not follow the grammar.
        ValueError: for digits out of range.
    """
    if not isinstance(digits, int) or not 6 <= digits <= 30:
        raise ValueError(f"digits must be a whole number 6 … 30 for identities, found {digits!r}")
    plain = check_identity(identity if isinstance(identity, dict) else identity.plain())
    rows = []
    with precision(110):
        for row in _rows(plain, digits, seed):
            rows.append(row)
            if progress is not None:
                progress(row)
    return Report(f"{plain['title']} ({plain['name']})", tuple(rows), digits)


def _rows(plain: dict[str, Any], digits: int, seed: int) -> Iterator[Row]:
    yield run("the steps make one chain", "derivation", 1, lambda: _chain(plain))
    worlds = _worlds(plain, seed)
    for number, step in enumerate(plain["steps"], 1):
        line = {"left": step["before"], "relation": step["relation"], "right": step["after"], "gap": step["gap"]}
        yield from _line(f"{number} {step['rule']}", line, worlds, digits)
    yield from _line("the claim", {**plain["claim"], "gap": None}, worlds, digits)


def _line(name: str, line: Line, worlds: list[tuple[World, World | None]], digits: int) -> Iterator[Row]:
    """One row for each mode, at all its worlds."""
    for mode in ("discrete", "continuous"):
        own = [w for w in worlds if w[0].mode == mode]

        def check(own: list[tuple[World, World | None]] = own) -> Finding:
            found = [_compare(line, world, other, digits) for world, other in own]
            return min(found, key=lambda f: -1.0 if f.digits is None else f.digits)

        yield run(f"{name} ({mode})", "derivation", digits, _guarded(check))


def _guarded(check: Callable[[], Finding]) -> Callable[[], Finding]:
    def guarded() -> Finding:
        try:
            return check()
        except Undecided as error:
            return Finding(None, str(error))

    return guarded


def _chain(plain: dict[str, Any]) -> Finding:
    """Each step starts where the one before ended; the claim joins the ends; relations do not turn around."""
    steps, claim = plain["steps"], plain["claim"]
    broken = [k for k, (a, b) in enumerate(zip(steps, steps[1:], strict=False), 2) if a["after"] != b["before"]]
    if broken:
        return Finding(0.0, f"step {broken[0]} does not start where the one before ends")
    relations = {s["relation"] for s in steps} - {"="}
    if len(relations) > 1 or claim["relation"] != (relations.pop() if relations else "="):
        return Finding(0.0, "the relations of the steps do not add up to the relation of the claim")
    if steps and (claim["left"] != steps[0]["before"] or claim["right"] != steps[-1]["after"]):
        return Finding(0.0, "the claim is not the first and the last line")
    return Finding(60.0)


def _worlds(plain: dict[str, Any], seed: int) -> list[tuple[World, World | None]]:
    """Each world, with the same world on a finer and wider grid where it is continuous."""
    engine = precise()
    found = []
    for mode, k in WORLDS:
        world = World(
            engine, mode, 10 * seed + k, joints_of(plain), variables_free_in(plain), plain["assumptions"], COARSE
        )
        other = replace(world, grid=FINE, chosen={}, _tables={}, _nodes={}) if mode == "continuous" else None
        found.append((world, other))
    return found


def _compare(line: Line, world: World, other: World | None, digits: int) -> Finding:
    """Digits to which a line holds in one world, and to which its sides do not depend on the grid."""
    left, right = (_value(line[side], world) for side in ("left", "right"))
    found = _holds(line, left, right, world, digits)
    if other is None or not found.digits:
        return found
    for side, value in (("left", left), ("right", right)):
        again = digits_of(value, _value(line[side], other))
        if again < digits:
            return Finding(None, f"the {side} side depends on the grid: {again:.0f} digits")
    return found


def _value(node: Any, world: World) -> Any:
    return evaluate(node, Scope(prepared(world)))


def _holds(line: Line, left: Any, right: Any, world: World, digits: int) -> Finding:
    relation, gap = line["relation"], line["gap"]
    if relation == "=":
        return Finding(digits_of(left, right))
    larger, smaller = (left, right) if relation in ("≥", ">") else (right, left)
    difference = to_mpf(larger) - to_mpf(smaller)
    noise = mpmath.mpf(10) ** -digits * max(1, abs(to_mpf(larger)))
    if not difference > -noise or not mpmath.isfinite(difference):
        return Finding(0.0, f"the sides differ by {mpmath.nstr(difference, 5)} in the wrong direction")
    if gap is None:
        return Finding(60.0)
    value = _value(gap, world)
    if to_mpf(value) < -noise:
        return Finding(0.0, f"the gap is negative: {mpmath.nstr(to_mpf(value), 5)}")
    return Finding(digits_of(difference, value))
