"""Numbers and functions in the places of the arbitrary ones of an identity, drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cavi.verify.averages import Infeasible
from cavi.verify.identities.functions import Draws
from cavi.verify.identities.grammar import Plain
from cavi.verify.identities.scan import (
    Joint,
    decaying_functions,
    definitions,
    everything,
    free_variables,
    joints,
    lines,
)

DIMENSIONS = 2
DOMAINS: dict[str, tuple[float, float]] = {
    "positive": (0.3, 1.9),
    "nonnegative": (0.3, 1.9),
    "unit": (0.15, 0.85),
}


@dataclass(frozen=True)
class Grid:
    """Nodes k·step on the line up to a reach, for densities of unit scale; and the step of differences.

    `difference` is a power of ten; None asks for half the digits.
    """

    step: Fraction
    reach: Fraction
    finer: int = 0


# Each is finer *and* wider than the one before; differences get finer too.
GRIDS = (
    Grid(Fraction(26, 100), Fraction(27, 2), 0),
    Grid(Fraction(23, 100), Fraction(29, 2), 1),
    Grid(Fraction(17, 100), Fraction(18), 2),
    Grid(Fraction(13, 100), Fraction(21), 3),
)
ROUGH = (Grid(Fraction(1, 2), Fraction(7)),)


@dataclass(frozen=True)
class Instance:
    """One choice of everything that an identity leaves open.

    Attributes:
        continuous: whether variables lie on the line (else they have a few values each).
        joints: name -> the joint density of the name.
        definitions: what stands for an expression.
        special: name of a density -> the assumption (factorises, pushforward, law) that makes it.
        conditions: the assumptions that must hold.
        draws: coefficients of the random functions.
        symbols: values of the parameters; vectors have two components.
        labels: values of the free labels, from one.
        points: where variables lie that nothing sums over.
        supports: variable -> its values, if it has finitely many.
        everywhere: variables that a condition must hold for all values of.
        decaying: the functions that are summed by themselves, without a density.
    """

    continuous: bool
    joints: Mapping[str, Joint]
    definitions: Mapping[tuple[str, str, int], tuple[Plain, Plain]]
    special: Mapping[str, Plain]
    conditions: tuple[Plain, ...]
    draws: Draws
    symbols: Mapping[tuple[str, str], Fraction | tuple[Fraction, ...]]
    labels: Mapping[str, int]
    points: Mapping[str, Fraction]
    supports: Mapping[str, tuple[Fraction, ...]]
    everywhere: tuple[str, ...]
    decaying: frozenset[str]

    @property
    def maps(self) -> dict[str, Plain]:
        """Name of a function -> the pushforward that it makes."""
        return {a[3][1]: a for a in self.special.values() if a[0] == "pushforward"}


def draw_instance(plain: dict[str, Any], continuous: bool, seed: int, index: int, attempt: int) -> Instance:
    """An instance that need not meet the conditions yet; `index` tells instances of one check apart.

    Raises:
        Infeasible: when the identity has assumptions that the mode cannot meet.
    """
    draws = Draws((seed, index, attempt, int(continuous)))
    found = list(everything(plain))
    special = _special(plain, continuous)
    names = sorted({e[1] for e in found if e[0] in ("var", "sample")})
    labels = sorted({e[1] for e in found if e[0] == "label"})
    copies = any(e[0] == "iid" for e in found)
    at_least = DIMENSIONS if labels and _free_labels(plain) else 1
    at_most = at_least if copies and continuous else 3
    symbols: dict[tuple[str, str], Fraction | tuple[Fraction, ...]] = {}
    defined = definitions(plain)
    for e in found:
        if e[0] == "sym" and ("sym", e[1], 0) not in defined:
            symbols.setdefault(("sym", e[1]), _symbol(draws, e[1], e[2], at_least, at_most))
        elif e[0] == "vec":
            parts = tuple(draws.signed(f"vector {e[1]} {i}", 0.2, 1.1) for i in range(DIMENSIONS))
            symbols.setdefault(("vec", e[1]), parts)
    supports = {} if continuous else {n: _values(draws, n, len(names)) for n in names}
    points = {n: supports[n][draws.whole(f"at {n}", 0, len(supports[n]) - 1)] for n in supports}
    if continuous:
        points = {n: draws.signed(f"at {n}", 0.1, 0.9) for n in names}
    conditions = tuple(a for a in plain["assumptions"] if a[0] == "holds")
    fixed = set().union(*(free_variables(e) for e in lines(plain)))
    everywhere = tuple(sorted(free_variables(list(conditions)) - fixed))
    return Instance(
        continuous,
        joints(plain),
        defined,
        special,
        conditions,
        draws,
        symbols,
        {n: 1 + (index + k) % DIMENSIONS for k, n in enumerate(labels)},
        points,
        supports,
        everywhere,
        decaying_functions(plain),
    )


def _special(plain: dict[str, Any], continuous: bool) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for a in plain["assumptions"]:
        if a[0] in ("factorises", "pushforward", "law"):
            if a[1][1] in found:
                raise Infeasible(f"two assumptions make the density {a[1][1]}")
            found[a[1][1]] = a
            if a[0] == "pushforward" and not continuous:
                raise Infeasible(f"{a[1][1]} is the law of a smooth map, which needs continuous variables")
            if a[0] == "factorises":
                _covered(a)
            if a[0] == "factorises" and continuous:
                raise Infeasible(f"{a[1][1]} factorises over many variables; its tables are checked for discrete ones")
            if a[0] == "law":
                raise Infeasible(f"{a[1][1]} is a {a[2]}; identities for one family are not evaluated")
    return found


def _covered(a: Plain) -> None:
    """Every variable of a joint must have just one factor, or the product is no density of the joint."""
    _, joint, factors = a
    whole, parts = sorted(v[1] for v in joint[2]), sorted(v[1] for f in factors for v in f[2])
    if whole != parts:
        found = f"factors of {', '.join(parts) or 'nothing'}"
        raise Infeasible(f"{joint[1]} is a density of {', '.join(whole)}, but it is said to be a product of {found}")


def _free_labels(plain: dict[str, Any]) -> bool:
    found = list(everything(plain))
    bound = {e[2][1] for e in found if e[0] in ("total", "average")}
    return any(e[0] == "label" and e[1] not in bound for e in found)


def _symbol(draws: Draws, name: str, domain: str, at_least: int, at_most: int) -> Fraction:
    key = f"symbol {name}"
    if domain == "whole":
        return Fraction(draws.whole(key, at_least, at_most))
    return draws(key, *DOMAINS[domain]) if domain in DOMAINS else draws.signed(key, 0.2, 1.1)


def _values(draws: Draws, name: str, variables: int) -> tuple[Fraction, ...]:
    """Distinct values of a discrete variable, fewer where there are many variables."""
    low, high = (3, 4) if variables <= 3 else (2, 3) if variables <= 5 else (2, 2)
    count = draws.whole(f"count {name}", low, high)
    return tuple(draws(f"value {name} {k}", -1.2, -0.9) + Fraction(7, 10) * k for k in range(count))
