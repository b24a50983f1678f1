"""The verdict on one mutant: killed, equivalent, survived, or out of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from cavi.verify.check_evidence import check_evidence
from cavi.verify.check_steps import check_steps
from cavi.verify.instance import InstanceError
from cavi.verify.mutations.bench import Bench
from cavi.verify.mutations.difference import difference
from cavi.verify.mutations.rules import Rules
from cavi.verify.mutations.site import Mutant
from cavi.verify.mutations.timing import TimeLimit, limited

Outcome = Literal["killed", "equivalent", "no difference found", "survived", "out of time"]
NO_DIFFERENCE: Outcome = "no difference found"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        outcome: ``killed`` by a check; ``equivalent`` by a rule; ``no difference found`` in value at many points;
            ``survived`` although its value differs; ``out of time``.
        by: the check, the rule, or where the value differs.
    """

    operator: str
    label: str
    outcome: Outcome
    by: str


class Judge:
    """Judges mutants of one claim, the checks that read a formula first, then all checks at other instances."""

    def __init__(self, plain: Mapping[str, Any], seed: int = 0, digits: int = 12, seconds: float = 20.0) -> None:
        self.plain, self.seed, self.digits, self.seconds = plain, seed, digits, seconds

    @cached_property
    def bench(self) -> Bench:
        """The claim at the first instance."""
        return Bench(self.plain, self.seed, self.digits)

    @cached_property
    def rules(self) -> Rules:
        """By which mutants mean the same."""
        return Rules(self.plain)

    @cached_property
    def others(self) -> list[Bench]:
        """The claim at another instance, and at one of widely spread magnitudes."""
        found = [Bench(self.plain, self.seed + 1, self.digits)]
        try:
            found.append(Bench.wide(self.plain, self.seed, self.digits))
        except InstanceError:
            pass
        return found

    def __call__(self, mutant: Mutant) -> Verdict:
        """The verdict on a mutant of this claim."""

        def verdict(outcome: Outcome, by: str) -> Verdict:
            return Verdict(mutant.operator, mutant.label, outcome, by)

        proof = self.rules(mutant)
        if proof is not None:
            return verdict("equivalent", proof)
        try:
            with limited(self.seconds):
                found = self._failure(self.bench, mutant)
            if found is not None:
                return verdict("killed", found)
            with limited(self.seconds):
                where = difference(self.plain, mutant)
            if where is None:
                return verdict(NO_DIFFERENCE, "equal at generic instances of three sizes")
            with limited(4 * self.seconds):
                found = self._anywhere(mutant)
        except TimeLimit:
            return verdict("out of time", f"{self.seconds:g} s")
        return verdict("survived", where) if found is None else verdict("killed", found)

    def _failure(self, bench: Bench, mutant: Mutant, every: bool = False) -> str | None:
        try:
            row = bench.failure(mutant, every)
        except (LookupError, ValueError, ArithmeticError, TypeError) as error:
            return f"{type(error).__name__} while the claim is set up"
        return None if row is None else row.name

    def _anywhere(self, mutant: Mutant) -> str | None:
        """The first failure in a full run: at the first instance, at others, of the steps and of the evidence."""
        for bench in (self.bench, *self.others):
            found = self._failure(bench, mutant, every=True)
            if found is not None:
                return found
        with self.bench.placed(mutant) as state:
            for checks in (check_steps(state), check_evidence(state)):
                for check in checks:
                    row = check.row()
                    if row.verdict == "failed":
                        return row.name
        return None
