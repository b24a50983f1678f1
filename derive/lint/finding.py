"""One thing that is doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """A finding.

    Attributes:
        code: what kind it is: a word for tools.
        severity: ``warning`` for what is most likely a mistake, ``note`` for what one should know.
        variable: the variable or index that it is about.
        found: what was found.
        why: why that matters.
        remedy: what can be done.
    """

    code: str
    severity: Literal["warning", "note"]
    variable: str
    found: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.found}\n  {self.why}.\n  {self.remedy}."
