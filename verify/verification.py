"""`verify`: all tiers of evidence for one derivation.

The derivation is read as plain data (``docs/architecture.md``); nothing here knows how it was obtained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cavi.verify.arithmetic import precise, precision
from cavi.verify.check_evidence import check_evidence
from cavi.verify.check_families import check_families
from cavi.verify.check_identity import check_identity
from cavi.verify.check_marginal import check_marginal
from cavi.verify.check_optimality import check_optimality
from cavi.verify.check_steps import check_steps
from cavi.verify.claim import Claim
from cavi.verify.elimination import evidence_instance
from cavi.verify.generated import check_generated
from cavi.verify.grammar import check_claim
from cavi.verify.instance import Instance, InstanceError, make_instance
from cavi.verify.report import Finding, Report, Row, run
from cavi.verify.state import State

Progress = Callable[[Row], None]
MIN_DIGITS, MAX_DIGITS = 6, 60


def verify(
    derived: Any, digits: int = 30, seed: int = 0, *, code: bool = True, progress: Progress | None = None
) -> Report:
    """Evidence from outside the algebra for a derivation, its ELBO and its generated code.

    Args:
        derived: what `cavi.derive.derive` returned, or its plain data (then there is no code to check); an
            identity of `cavi.derive.identities` too.
        digits: decimal digits of agreement asked of everything symbolic.
        seed: of the random instance (data, hyperparameters, q); it is recorded in the report.
        code: whether to render and run the NumPy module too.
        progress: called with each row as it is found.

    Returns:
        A `Report`; ``report.ok`` is False if any check failed.

    Raises:
        CertificateError: when the plain data do not follow the grammar.
        ValueError: for digits out of range.
    """
    if not isinstance(digits, int) or not MIN_DIGITS <= digits <= MAX_DIGITS:
        raise ValueError(f"digits must be a whole number {MIN_DIGITS} … {MAX_DIGITS}, found {digits!r}")
    data = derived if isinstance(derived, dict) else derived.plain()
    if isinstance(data, dict) and data.get("kind") == "identity":
        from cavi.verify.identities import verify_identity

        return verify_identity(data, digits, seed, progress)
    plain = check_claim(data)
    claim = Claim(plain)
    rows: list[Row] = []

    def collect(found: Iterable[Row]) -> None:
        for row in found:
            rows.append(row)
            if progress is not None:
                progress(row)

    instances: list[Instance] = []
    try:
        instances.append(make_instance(claim, seed))
        instances.append(evidence_instance(claim, seed + 1))
    except InstanceError as error:
        reason = str(error)
        collect([run("instance", "families", digits, lambda: Finding(None, reason))])
    else:
        collect(symbolic_rows(claim, instances, digits))
    if code and not isinstance(derived, dict):
        collect(check_generated(claim, derived.numpy, seed))

    return Report(f"{claim.model['title']} ({claim.model['name']})", tuple(rows), digits, tuple(instances))


def symbolic_rows(claim: Claim, instances: Sequence[Instance], digits: int) -> Iterator[Row]:
    """Tiers 1 to 3 and the steps of the derivations at the first instance, the evidence at the last, the smallest."""
    engine = precise()
    # Twice the digits again as guard: 1 - x near 1 and differences of large logs lose some.
    with precision(3 * digits + 20):
        state = State(claim, instances[0], engine, digits)
        yield from check_families(state)
        yield from check_identity(state)
        small = State(claim, instances[-1], engine, digits)
        yield from check_marginal(small)
        yield from check_evidence(small)
        yield from check_optimality(state)
        yield from check_steps(state)
