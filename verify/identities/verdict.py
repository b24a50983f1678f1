"""Evidence for an identity: every step and the claim, at random instances, discrete and continuous.

Nothing of the derivation is trusted: each line is evaluated by the textbook definitions of what stands in it, and
the relation that the step claims is checked between the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import mpmath

from cavi.verify.arithmetic import digits_of, precision, to_mpf
from cavi.verify.averages import Infeasible
from cavi.verify.identities.bench import SCALE, Bench, Measured
from cavi.verify.identities.grammar import Plain, check_identity
from cavi.verify.identities.instance import GRIDS, Grid
from cavi.verify.identities.scan import has_variables, precision_needed
from cavi.verify.report import Finding, Report, Row, run

Progress = Callable[[Row], None]
Relation = tuple[Plain, str, Plain, Plain | None]
MIN_DIGITS, MAX_DIGITS = 6, 60
SLACK = 2


def verify_identity(identity: Any, digits: int = 30, seed: int = 0, progress: Progress | None = None) -> Report:
    """Numerical evidence for an identity between arbitrary densities.

    Args:
        identity: an identity with a method ``plain()``, or its plain data.
        digits: decimal digits of agreement asked of every step.
        seed: of the random instances.
        progress: called with each row as it is found.

    Returns:
        A `Report` with a row for each step and mode. In the discrete mode variables have a few values and all
        probabilities are random; in the continuous one they lie on the line and sums are integrals, taken on
        two grids. A step that could be decided in neither mode fails.

    Raises:
        CertificateError: when the plain data do not follow the grammar.
        ValueError: for digits out of range.
    """
    if not isinstance(digits, int) or not MIN_DIGITS <= digits <= MAX_DIGITS:
        raise ValueError(f"digits must be a whole number {MIN_DIGITS} … {MAX_DIGITS}, found {digits!r}")
    plain = check_identity(identity if isinstance(identity, dict) else identity.plain())
    rows = []
    for row in identity_rows(plain, digits, seed):
        rows.append(row)
        if progress is not None:
            progress(row)
    return Report(plain["title"], tuple(rows), digits)


def identity_rows(plain: dict[str, Any], digits: int, seed: int, grids: tuple[Grid, ...] = GRIDS) -> Iterator[Row]:
    """The rows for plain data that follow the grammar."""
    yield run("the steps form one chain", "derivation", digits, lambda: chain(plain, digits))
    relations = dict(named_relations(plain))
    decided: set[str] = set()
    for mode in ("discrete", "continuous") if has_variables(plain) else ("discrete",):
        label = mode if has_variables(plain) else "numbers"
        with precision(precision_needed(plain, digits)):
            bench = Bench(plain, mode, digits, seed, grids)
            if (reason := unsuitable(bench)) is not None:
                yield run(f"{label} instances", "identity", digits, partial(Finding, None, reason))
                continue
            for name, relation in relations.items():
                tier = "identity" if name == "claim" else "derivation"
                row = run(f"{name} ({label})", tier, digits, partial(compare, bench, relation))
                if row.verdict != "undecided":
                    decided.add(name)
                yield row
    open_ones = [name for name in relations if name not in decided]
    yield run("every step was decided", "derivation", digits, lambda: _coverage(open_ones, digits))


def chain(plain: dict[str, Any], digits: int) -> Finding:
    """Whether each line is where the one before it ended, and the claim joins the first to the last."""
    steps, claim = plain["steps"], plain["claim"]
    for i, (s, t) in enumerate(pairwise(steps), 2):
        if s["after"] != t["before"]:
            return Finding(0.0, f"step {i} does not start where step {i - 1} ended")
    first, last = (steps[0]["before"], steps[-1]["after"]) if steps else (claim["left"], claim["left"])
    if claim["left"] != first or claim["right"] != last:
        return Finding(0.0, "the claim does not join the first line to the last")
    directions = {s["relation"] for s in steps} - {"="}
    if len(directions) > 1:
        return Finding(0.0, "the steps have inequalities in both directions")
    if claim["relation"] != (directions.pop() if directions else "="):
        return Finding(0.0, f"the steps do not give the relation {claim['relation']!r} of the claim")
    return Finding(float(digits))


def named_relations(plain: dict[str, Any]) -> Iterator[tuple[str, Relation]]:
    """What is claimed: name -> left, relation, right and gap."""
    for i, s in enumerate(plain["steps"], 1):
        yield f"step {i}: {s['rule']}", (s["before"], s["relation"], s["after"], s.get("gap"))
    claim = plain["claim"]
    yield "claim", (claim["left"], claim["relation"], claim["right"], None)


def unsuitable(bench: Bench) -> str | None:
    """Why a mode does not fit the identity; None if it does."""
    try:
        for index in range(bench.count):
            bench.instance(index)
    except Infeasible as error:
        return str(error)
    return None


def compare(bench: Bench, relation: Relation) -> Finding:
    """The worst finding over the instances: one that fails, else one that is undecided, else the fewest digits."""
    findings: list[Finding] = []
    for index in range(bench.count):
        try:
            findings.append(_compare_at(bench, relation, index))
        except Infeasible as error:
            findings.append(Finding(None, str(error)))
    failed = [f for f in findings if f.digits is not None and f.digits < bench.digits]
    undecided = [f for f in findings if f.digits is None]
    return (failed or undecided or sorted(findings, key=lambda f: f.digits or 0.0))[0]


def _compare_at(bench: Bench, relation: Relation, index: int) -> Finding:
    left, sign, right, gap = relation
    a, b = bench.measure(left, index), bench.measure(right, index)
    if len(a.value) != len(b.value):
        return Finding(0.0, f"a vector of {len(a.value)} is compared with one of {len(b.value)}")
    if not all(mpmath.isfinite(to_mpf(x)) for x in (*a.value, *b.value)):
        return Finding(0.0, f"not a finite number: {_shown(a)} {sign} {_shown(b)}")
    good = min(a.digits, b.digits)
    if sign == "=":
        agree = min(digits_of(x, y, SCALE) for x, y in zip(a.value, b.value, strict=True))
        return _judged(agree, good, bench.digits, f"{_shown(a)} = {_shown(b)} does not hold")
    if len(a.value) != 1:
        return Finding(0.0, "vectors have no order")
    larger, smaller = (a.value[0], b.value[0]) if sign == "≥" else (b.value[0], a.value[0])
    difference = to_mpf(larger - smaller)
    scale = max(abs(to_mpf(larger)), abs(to_mpf(smaller)), mpmath.mpf(SCALE))
    noise = scale * mpmath.mpf(10) ** -min(good, bench.digits)
    if difference < -noise:
        return Finding(0.0, f"{_shown(a)} {sign} {_shown(b)} does not hold")
    if gap is None:
        return _judged(float(bench.digits), good, bench.digits, "")
    g = bench.measure(gap, index)
    if len(g.value) != 1 or not mpmath.isfinite(to_mpf(g.value[0])):
        return Finding(0.0, f"the gap is not a finite number: {_shown(g)}")
    if to_mpf(g.value[0]) < -noise:
        return Finding(0.0, f"the gap {_shown(g)} is negative")
    agree = digits_of(g.value[0], larger - smaller, scale)
    return _judged(agree, min(good, g.digits), bench.digits, f"the gap is not {_shown(g)}")


def _judged(agree: float, good: float, asked: int, wrong: str) -> Finding:
    """Agreement to as many digits as the two numbers are good for; undecided when that is too few."""
    if agree < min(good, asked) - SLACK or (agree < asked <= good):
        return Finding(min(agree, asked - 1.0), f"{wrong} ({agree:.0f} digits agree)")
    if good < asked:
        return Finding(None, f"two grids agree on {good:.0f} digits only")
    return Finding(min(agree, good))


def _coverage(open_ones: list[str], digits: int) -> Finding:
    return Finding(0.0, f"not decided: {', '.join(open_ones)}") if open_ones else Finding(float(digits))


def _shown(m: Measured) -> str:
    return ", ".join(mpmath.nstr(to_mpf(x), 12) for x in m.value)
