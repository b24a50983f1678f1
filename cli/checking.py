"""``cavi check``: what is doubtful in a declaration, and whether it can be derived at all."""

from __future__ import annotations

from cavi.cli.sources import derived_model, find_model
from cavi.derive import CaviError
from cavi.derive.lint import Finding, check


def checked(name: str) -> tuple[Finding, ...]:
    """The findings of the declaration; one more where its derivation is refused."""
    findings = check(find_model(name)[0])
    try:
        derived_model(name, None)
    except CaviError as error:
        refused = Finding(
            "refused",
            "warning",
            name,
            f"it cannot be derived as it stands: {str(error).removesuffix('.')}",
            "Every factor needs a closed form, or a bound or augmentation in the place of what has none",
            "Try cavi derive with --bounds, --augment or --relax, or another factorisation",
        )
        return (refused, *findings)
    return findings
