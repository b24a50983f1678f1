"""A claim set up once, so that many mutants of it can be judged: instances, states, quadratures, checks.

The checks are the ordinary ones. A mutant is put in the place of the formula, the checks that read it are carried out,
and the formula is put back; what does not depend on the formula, the quadratures above all, is computed once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from cavi.verify.arithmetic import precise, precision
from cavi.verify.check_families import check_families
from cavi.verify.check_identity import check_identity
from cavi.verify.check_optimality import check_optimality
from cavi.verify.claim import Claim
from cavi.verify.instance import Instance, make_instance, wide_instance
from cavi.verify.mutations.site import Mutant, Path, get
from cavi.verify.report import Check, Row
from cavi.verify.state import State

WIDE_DIGITS = 10


class Bench:
    """A claim at one instance.

    Args:
        plain: the claim as plain data, which is copied.
        instance: the instance, or None for a random one by the seed.
        digits: asked of every check.
    """

    def __init__(self, plain: Mapping[str, Any], seed: int, digits: int, instance: Instance | None = None) -> None:
        self.plain = copy.deepcopy(dict(plain))
        self.claim = Claim(self.plain)
        self.digits = digits
        self.instance = instance or make_instance(self.claim, seed)
        self._sure: set[str] = set()  # checks that are known to hold for the unchanged claim, and those that do not
        self._unsure: set[str] = set()

    @classmethod
    def wide(cls, plain: Mapping[str, Any], seed: int, digits: int) -> Bench:
        """A claim at an instance of widely spread magnitudes and random sizes."""
        return cls(plain, seed, min(digits, WIDE_DIGITS), wide_instance(Claim(plain), seed))

    @property
    def working(self) -> int:
        """Decimal digits to compute with."""
        return 3 * self.digits + 20

    @cached_property
    def state(self) -> State:
        """The state at the instance; made with the working precision set."""
        return State(self.claim, self.instance, precise(), self.digits)

    @cached_property
    def checks(self) -> list[Check]:
        """The checks of the factors, of the bound and of the optima."""
        return [*check_families(self.state), *check_identity(self.state), *check_optimality(self.state)]

    @contextmanager
    def placed(self, mutant: Mutant) -> Iterator[State]:
        """The state with the mutant in the place of what it changes."""
        with precision(self.working):
            state, _ = self.state, self.checks
            kept = _swap(self.plain, mutant)
            state.forget()
            rebuilt = state
            try:
                if _is_derived(self.plain, mutant.site.path):
                    rebuilt = State(self.claim, self.instance, state.engine, self.digits)
                yield rebuilt
            finally:
                for path, value in kept:
                    get(self.plain, path[:-1])[path[-1]] = value
                state.forget()

    def failure(self, mutant: Mutant, every: bool = False) -> Row | None:
        """The first row that fails for a mutant: of the checks that read the formula, or of every check."""
        with self.placed(mutant) as state:
            if state is self.state:
                checks = self.checks
            else:
                checks = [*check_families(state), *check_identity(state), *check_optimality(state)]
            chosen = [c for c in checks if any(part in c.name for part in mutant.site.checks)]
            rows = (check.row() for check in (checks if every or not chosen else chosen))
            found = next((r for r in rows if r.verdict == "failed" and r.name not in self._unsure), None)
        if found is not None and not self._holds(found.name):
            self._unsure.add(found.name)
            return self.failure(mutant, every)
        return found

    def _holds(self, name: str) -> bool:
        """Whether a check holds for the unchanged claim, at these digits: only then does its failure tell anything."""
        if name not in self._sure:
            with precision(self.working):
                if any(c.name == name and c.row().verdict == "failed" for c in self.checks):
                    return False
            self._sure.add(name)
        return True


def _swap(plain: dict[str, Any], mutant: Mutant) -> list[tuple[Path, Any]]:
    """Put a mutant's formulas into the claim; where, and what stood there."""
    path = mutant.site.path
    if path != ("elbo",):
        kept = [(path, get(plain, path))]
        get(plain, path[:-1])[path[-1]] = get(mutant.plain, path)
        return kept
    theirs = {(t["name"], t["kind"]): t["value"] for t in mutant.plain["elbo"]}
    kept = [(("elbo", j, "value"), t["value"]) for j, t in enumerate(plain["elbo"])]
    for t in plain["elbo"]:
        t["value"] = theirs.get((t["name"], t["kind"]), ["num", "0"])
    return kept


def _is_derived(plain: dict[str, Any], path: Path) -> bool:
    """Whether it is a parameter that follows from the others, which a state computes when it is made."""
    return path[2:3] == ("parameters",) and get(plain, path[:4])["role"] == "derived"
