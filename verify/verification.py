"""`verify`: all tiers of evidence for one derivation.

The derivation is read as plain data (``docs/architecture.md``); nothing here knows how it was obtained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cavi.verify.arithmetic import precise, precision
from cavi.verify.check_evidence import check_evidence
from cavi.verify.check_families import check_families
from cavi.verify.check_identity import WHOLE, check_identity
from cavi.verify.check_marginal import check_marginal
from cavi.verify.check_optimality import check_optimality
from cavi.verify.check_relaxed import check_gap, check_relaxed
from cavi.verify.check_steps import check_steps
from cavi.verify.claim import Claim
from cavi.verify.elimination import evidence_instance
from cavi.verify.generated import generated_checks
from cavi.verify.grammar import check_claim
from cavi.verify.instance import Instance, InstanceError, make_instance, wide_instance
from cavi.verify.report import TIERS, Check, Finding, Report, Row
from cavi.verify.state import State

Progress = Callable[[Row], None]
Wanted = Callable[[Check], bool]
MIN_DIGITS, MAX_DIGITS = 6, 60
WIDE_DIGITS = 15  # asked of a case whose magnitudes are spread, where many digits of guard are lost
WIDE = ", at widely spread magnitudes"
ESCALATION = (1, 3, 9)  # times the working digits, until a check is decided


def verify(
    derived: Any,
    digits: int = 30,
    seed: int = 0,
    *,
    code: bool = True,
    only: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evidence from outside the algebra for a derivation, its ELBO and its generated code.

    Args:
        derived: what `cavi.derive.derive` or `cavi.derive.propagate` returned, or its plain data (then there is no
            code to check); an identity of `cavi.derive.identities` too.
        digits: decimal digits of agreement asked of everything symbolic.
        seed: of the random instances (data, hyperparameters, q); it is recorded in the report.
        code: whether to render and run the NumPy module too.
        only: carry out the checks whose name contains this text, or whose tier it is; with the seed of a report it
            repeats a row.
        progress: called with each row as it is found.

    Returns:
        A `Report`; ``report.ok`` is False if any check failed.

    Raises:
        CertificateError: when the plain data do not follow the grammar.
        ValueError: for digits out of range, or when no check is called as `only` says.
    """
    if not isinstance(digits, int) or not MIN_DIGITS <= digits <= MAX_DIGITS:
        raise ValueError(f"digits must be a whole number {MIN_DIGITS} … {MAX_DIGITS}, found {digits!r}")
    data = derived if isinstance(derived, dict) else derived.plain()
    if isinstance(data, dict) and data.get("kind") == "identity":
        from cavi.verify.identities import verify_identity

        return verify_identity(data, digits, seed, progress)
    if isinstance(data, dict) and data.get("kind") == "propagation":
        from cavi.verify.propagation import verify_propagation

        return verify_propagation(derived, digits, seed, code=code, only=only, progress=progress)
    claim = Claim(check_claim(data))
    rows: list[Row] = []
    names: list[str] = []

    def wanted(check: Check) -> bool:
        names.append(check.name)
        return only is None or only.lower() in check.name.lower() or only == check.tier

    def collect(found: Iterable[Row]) -> None:
        for row in found:
            rows.append(row)
            if progress is not None:
                progress(row)

    instances: list[Instance] = []
    try:
        instances += [make_instance(claim, seed), wide_instance(claim, seed), evidence_instance(claim, seed + 1)]
    except InstanceError as error:
        reason = str(error)
        collect([Check("instance", "families", digits, lambda: Finding(None, reason)).row()])
    else:
        collect(symbolic_rows(claim, instances, digits, wanted))
    if code and not isinstance(derived, dict):
        collect(c.row() for c in generated_checks(claim, derived.numpy, seed) if wanted(c))
    if not rows:
        raise ValueError(f"no check is called {only!r}; there are: {'; '.join(dict.fromkeys(names))}")

    rows.sort(key=lambda row: TIERS.index(row.tier))
    return Report(f"{claim.model['title']} ({claim.model['name']})", tuple(rows), digits, tuple(instances))


def _all(check: Check) -> bool:
    return True


def symbolic_rows(claim: Claim, instances: Sequence[Instance], digits: int, wanted: Wanted = _all) -> Iterator[Row]:
    """Tiers 1 to 3 and the steps of the derivations at the first instance, the evidence at the last, the smallest.

    Instances between them are of widely spread magnitudes.
    """
    yield from local_rows(claim, instances[:-1] or instances, digits, wanted)
    yield from _rows(claim, instances[-1], digits, _on_the_whole, wanted, escalation=(1,))


def local_rows(claim: Claim, instances: Sequence[Instance], digits: int, wanted: Wanted = _all) -> Iterator[Row]:
    """All but the evidence: everything at the first instance, factors, bound and optima at those of wide magnitudes."""
    yield from _rows(claim, instances[0], digits, _everything, wanted)
    for instance in instances[1:]:
        yield from _rows(claim, instance, min(digits, WIDE_DIGITS), _at_wide_magnitudes, wanted)


def _everything(state: State) -> Iterator[Check]:
    yield from check_families(state)
    yield from check_identity(state)
    yield from check_optimality(state)
    yield from check_steps(state)
    yield from check_relaxed(state)


def _at_wide_magnitudes(state: State) -> Iterator[Check]:
    """The factors, the bound and the optima where shapes are as small as 0.1 and as large as 1000."""
    whole = (c for c in check_identity(state) if c.name == WHOLE)
    for checks in (check_families(state), whole, check_optimality(state)):
        yield from (replace(c, name=c.name + WIDE) for c in checks)


def _on_the_whole(state: State) -> Iterator[Check]:
    yield from check_marginal(state)
    yield from check_gap(state)
    yield from check_evidence(state)


def _rows(
    claim: Claim,
    instance: Instance,
    digits: int,
    checks: Callable[[State], Iterator[Check]],
    wanted: Wanted,
    escalation: Sequence[int] = ESCALATION,
) -> Iterator[Row]:
    """Checks at one instance; those that do not hold again with more working digits, until they are decided.

    Where 1 - x is tiny or large terms cancel, hundreds of digits may be lost; a mistake is one at any precision.
    """
    open_: set[str] | None = None
    for more in escalation:
        again: set[str] = set()
        # Twice the digits again as guard: 1 - x near 1 and differences of large logs lose some.
        with precision(more * (3 * digits + 20)):
            for check in checks(State(claim, instance, precise(), digits)):
                if not wanted(check) or (open_ is not None and check.name not in open_):
                    continue
                row = check.row()
                if row.final or more == escalation[-1]:
                    yield row
                else:
                    again.add(check.name)
        if not again:
            return
        open_ = again
