"""Reports of calibration: rows with p-values instead of digits, and tables that describe without judging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cavi.verify.report import Report, Row, Verdict

TIER = "calibration"
REFUTED = 1e-6


@dataclass(frozen=True)
class Table:
    """What was measured, without a verdict: one line for each quantity.

    Attributes:
        title: what the lines are about.
        columns: the name of each column; the first column names the quantity.
        lines: as many entries as there are columns; numbers are printed with four digits.
        note: how to read it.
    """

    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str | float, ...], ...]
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The table as plain data."""
        lines = [list(line) for line in self.lines]
        return {"title": self.title, "columns": list(self.columns), "lines": lines, "note": self.note}

    def __str__(self) -> str:
        cells = [self.columns, *(tuple(map(_cell, line)) for line in self.lines)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        text = [self.title, *(_aligned(row, widths) for row in cells)]
        return "\n".join([*text, *([self.note] if self.note else [])])


@dataclass(frozen=True)
class CalibrationReport(Report):
    """A report whose rows are statistical tests, with tables beside them.

    A row is ``failed`` where chance alone would do as much less than once in a million reports, ``checked`` where it
    stays within the band whose family-wise error is stated in the title, and ``undecided`` between the two.
    """

    tables: tuple[Table, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, its tables included."""
        return {**super().as_dict(), "tables": [t.as_dict() for t in self.tables]}

    def __str__(self) -> str:
        width = max((len(r.name) for r in self.rows), default=10)
        lines = [self.title, *(f"  {r.name:<{width}}  {r.verdict:<9}  {r.detail}" for r in self.rows)]
        for table in self.tables:
            lines += ["", str(table)]
        counts = f"{len(self.rows)} checks, {len(self.failed)} failed, {len(self.undecided)} undecided"
        lines.append(f"{'ok' if self.ok else 'FAILED'}: {counts}")
        return "\n".join(lines)


def judged(name: str, p: float, tests: int, level: float, detail: str, seconds: float = 0.0) -> Row:
    """The row of one of several tests: its p-value times their number (Bonferroni) against the level and 1e-6."""
    adjusted = min(1.0, p * tests)
    verdict: Verdict = "checked" if adjusted >= level else "failed" if adjusted < REFUTED else "undecided"
    if verdict == "undecided":
        detail += f"; between {REFUTED:g} and {level:g} for all {tests} together: repeat with another seed"
    return Row(name, TIER, 0, None, seconds, verdict, f"p = {p:.2g}; {detail}")


def plain_row(name: str, verdict: Verdict, detail: str) -> Row:
    """A row whose verdict does not come from a p-value."""
    return Row(name, TIER, 0, None, 0.0, verdict, detail)


FAULTS = (ArithmeticError, IndexError, KeyError, TypeError, ValueError)


def broken(error: Exception) -> Row:
    """The row of a sampler that raised an error.

    A matrix that is singular in double precision is met by right samplers too, where data drawn from the prior explode.

    Raises:
        Exception: the error itself, if it is one of this project's that says what the user can do.
    """
    if type(error).__module__.startswith("cavi."):
        raise error
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, np.linalg.LinAlgError):
        return plain_row("the sampler runs", "undecided", f"{said}; choose hyper for which the data stay moderate")
    return plain_row("the sampler runs", "failed", said)


def timed(rows: Sequence[Row], seconds: float) -> tuple[Row, ...]:
    """The rows, with the time that they took together entered in the first."""
    return (replace(rows[0], seconds=seconds), *rows[1:])


def _cell(x: str | float) -> str:
    return x if isinstance(x, str) else f"{x:.4g}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (f"{c:<{w}}" if i == 0 else f"{c:>{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True)))
    return "  " + "  ".join([first, *rest])
