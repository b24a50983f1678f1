"""Mutants of the claim of a propagation: every operator at every formula, and mistakes in the step as a whole.

The declaration is left alone, since it is what the rest is measured against.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cavi.verify.mutations.operators import OPERATORS
from cavi.verify.mutations.site import Mutant, Path, Site, get, put

ZEROS = (["num", "0"], ["add", []])  # twice nothing is no mistake
LOST, POWER = "dropped term of log Z_EP", "another power"


def sites(plain: dict[str, Any]) -> Iterator[Site]:
    """Every formula of a claim that a mistake could be in."""
    yield Site(("gaussian",), "elbo", "Gaussian part")
    yield Site(("constant",), "elbo", "constant of the Gaussian part")
    for i, c in enumerate(plain["natural"]):
        for j, (name, axes, _) in enumerate(c["linear"]):
            path: Path = ("natural", i, "linear", j, 2)
            yield Site(path, "statistic", f"linear coefficients of {name}", indices=_pairs(axes))
        for j, (first, second, left, right, _) in enumerate(c["precision"]):
            path = ("natural", i, "precision", j, 4)
            yield Site(path, "statistic", f"precision of {first}, {second}", indices=_pairs([*left, *right]))
    for i, s in enumerate(plain["sites"]):
        over = _pairs(s["plates"])
        for key in ("scalar", "function"):
            yield Site(("sites", i, key), "parameter", f"{key} of {s['name']}", indices=over)
        for j, (name, _) in enumerate(s["formulas"]):
            yield Site(("sites", i, "formulas", j, 1), "parameter", f"{name} of {s['name']}", indices=over)
    for i, t in enumerate(plain["evidence"]):
        yield Site(("evidence", i, "value"), "elbo", f"log Z_EP of {t['name']}")


def mutants(plain: dict[str, Any], operators: Sequence[str] | None = None) -> Iterator[Mutant]:
    """Every mutant of a claim by the operators named (all by default), formula by formula, none twice."""
    wanted = {*OPERATORS, LOST, POWER} if operators is None else set(operators)
    for site in sites(plain):
        expr = get(plain, site.path)
        if expr in ZEROS:
            continue
        seen = [expr]
        for name, operator in OPERATORS.items():
            for changed in operator(expr, site) if name in wanted else ():
                if changed not in seen:
                    seen.append(changed)
                    yield Mutant(name, site.label, put(plain, site.path, changed), site)
    if LOST in wanted:
        for j, t in enumerate(plain["evidence"]):
            left = [*plain["evidence"][:j], *plain["evidence"][j + 1 :]]
            whole = Site(("evidence",), "elbo", "log Z_EP")
            yield Mutant(LOST, f"log Z_EP of {t['name']}", put(plain, ("evidence",), left), whole)
    if POWER in wanted and plain["sites"]:
        other = "1/2" if plain["power"] == "1" else "1"
        yield Mutant(POWER, "power", {**plain, "power": other}, Site(("power",), "parameter", "power"))


def _pairs(axes: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((i, n) for i, n in axes)
