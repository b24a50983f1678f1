"""Evidence beside what it is evidence for: how many digits of a step, an update or a term of the bound hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cavi.templates.words import ENGLISH, Speaker


@dataclass(frozen=True)
class Badge:
    """What a few rows of a report say together.

    Attributes:
        text: for the reader: ``holds to 28 digits``, ``failed``, ``not checked``.
        verdict: checked, failed or undecided; the style of the badge.
        rows: the names of the rows.
    """

    text: str
    verdict: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Badges:
    """The rows of a report, found by the name of their check; none without a report. `say` is whose words they use."""

    rows: tuple[Mapping[str, Any], ...] = ()
    say: Speaker = ENGLISH

    def step(self, title: str, number: int | None) -> Badge | None:
        """The badge of one step of a derivation, both counted and named as the report does."""
        return None if number is None else self._of([r for r in self.rows if _step(r, f"{title}, step {number}: ")])

    def check(self, *names: str) -> Badge | None:
        """The badge of checks by their names, on whatever instance they were carried out."""
        return self._of([r for r in self.rows if r["name"].partition(", at ")[0] in names])

    def _of(self, rows: list[Mapping[str, Any]]) -> Badge | None:
        if not rows:
            return None
        names = tuple(self.say(n) for n in dict.fromkeys(r["name"] for r in rows))
        verdicts = {r["verdict"] for r in rows}
        digits = [int(r["digits_got"]) for r in rows if r["digits_got"] is not None]
        if "failed" in verdicts:
            return Badge(self.say("failed"), "failed", names)
        if "undecided" in verdicts or not digits:
            return Badge(self.say("not checked"), "undecided", names)
        return Badge(self.say.fixed("holds to {number} digits", number=min(digits)), "checked", names)


def _step(row: Mapping[str, Any], start: str) -> bool:
    return row["tier"] == "derivation" and str(row["name"]).startswith(start)
