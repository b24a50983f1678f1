"""Mutants of a model by the dozen: a fair sample of every operator, judged; and correct instances, which must pass."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cavi.verify.claim import Claim
from cavi.verify.generated import generated_checks
from cavi.verify.instance import InstanceError, make_instance, wide_instance
from cavi.verify.mutations.claims import mutants
from cavi.verify.mutations.code import CodeMutant, code_mutants
from cavi.verify.mutations.code_judge import CodeJudge
from cavi.verify.mutations.judge import Judge, Verdict
from cavi.verify.mutations.site import Mutant
from cavi.verify.report import Row
from cavi.verify.verification import local_rows

AnyMutant = TypeVar("AnyMutant", Mutant, CodeMutant)
OUTCOMES = ("killed", "equivalent", "no difference found", "survived", "out of time")


@dataclass(frozen=True)
class Sample:
    """What became of the mutants of one model.

    Attributes:
        available: how many mutants there are, of the claim and of its code.
        claim: verdicts on mutants of the claim.
        code: verdicts on mutants of the generated source.
    """

    available: tuple[int, int]
    claim: tuple[Verdict, ...]
    code: tuple[Verdict, ...]


def sample(plain: dict[str, Any], source: str, limit: int, seed: int = 0) -> Sample:
    """Judge up to `limit` mutants of a claim and as many of its generated source.

    Args:
        plain: a derivation as plain data.
        source: the NumPy module generated from it.
        limit: of mutants of each of the two; every operator in its turn gives one until it is reached.
        seed: of the choice, and of the instances of the checks.
    """
    claims, codes = list(mutants(plain)), list(code_mutants(source))
    judge, code_judge = Judge(plain, seed), CodeJudge(plain, source, seed)
    return Sample(
        (len(claims), len(codes)),
        tuple(map(judge, fair(claims, limit, seed))),
        tuple(map(code_judge, fair(codes, limit, seed))),
    )


def fair(found: Sequence[AnyMutant], limit: int, seed: int) -> list[AnyMutant]:
    """Up to `limit` mutants, one of each operator in its turn, at random within an operator."""
    rng = random.Random(seed)
    piles: dict[str, list[AnyMutant]] = {}
    for mutant in found:
        piles.setdefault(mutant.operator, []).append(mutant)
    for pile in piles.values():
        rng.shuffle(pile)
    chosen: list[AnyMutant] = []
    while len(chosen) < limit and any(piles.values()):
        chosen += [pile.pop() for pile in piles.values() if pile]
    return chosen[:limit]


def correct_rows(plain: Mapping[str, Any], source: str, seed: int, digits: int = 12) -> list[Row]:
    """The rows on the unchanged claim and its code at the instances of a seed; one that fails is a false alarm.

    All that `verify` checks but for the evidence, which takes as long as all else.
    """
    claim = Claim(plain)
    instances = [make_instance(claim, seed)]
    try:
        instances.append(wide_instance(claim, seed))
    except InstanceError:
        pass
    rows = list(local_rows(claim, instances, digits))
    return rows + [check.row() for check in generated_checks(claim, lambda: source, seed)]


def counted(verdicts: Iterable[Verdict]) -> dict[str, dict[str, int]]:
    """How often each outcome came about, by operator."""
    table: dict[str, dict[str, int]] = {}
    for verdict in verdicts:
        row = table.setdefault(verdict.operator, dict.fromkeys(OUTCOMES, 0))
        row[verdict.outcome] += 1
    return table
