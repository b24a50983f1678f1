"""A report: one row for each check, with the digits asked for and the digits obtained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np

from cavi.verify.averages import Infeasible
from cavi.verify.instance import Instance
from cavi.verify.rules import OutOfReachError, QuadratureError

Verdict = Literal["certified", "checked", "failed", "undecided"]
TIERS = ("families", "identity", "optimality", "derivation", "code", "rigorous", "certificate")


@dataclass(frozen=True)
class Row:
    """One check.

    Attributes:
        name: what was compared.
        tier: one of `TIERS`.
        asked, got: decimal digits of agreement asked for and obtained (None where nothing was compared).
        seconds: time it took.
        verdict: ``certified``: proved, to the ε in `detail`; ``checked``: the two sides agree to the digits obtained;
            ``failed``: they differ; ``undecided``: the check could not be carried out, `detail` says why.
        final: whether more working digits would not change the verdict.
    """

    name: str
    tier: str
    asked: int
    got: float | None
    seconds: float
    verdict: Verdict
    detail: str = ""
    final: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        got = None if self.got is None else math.floor(10 * self.got) / 10  # never more than was found
        return {
            "name": self.name,
            "tier": self.tier,
            "digits_asked": self.asked,
            "digits_got": got,
            "seconds": round(self.seconds, 3),
            "verdict": self.verdict,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Report:
    """The rows of a verification. `ok` unless a check failed; `undecided` counts those not carried out.

    `digits` were asked for in the symbolic tiers, at `instances`.
    """

    title: str
    rows: tuple[Row, ...]
    digits: int = 30
    instances: tuple[Instance, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether at least one check was carried out and none failed."""
        return any(r.verdict in ("checked", "certified") for r in self.rows) and not self.failed

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows that failed."""
        return tuple(r for r in self.rows if r.verdict == "failed")

    @property
    def first_wrong_line(self) -> Row | None:
        """The first line of a derivation whose two sides differ; the rule that it names was applied wrongly."""
        return next((r for r in self.failed if r.tier == "derivation"), None)

    @property
    def undecided(self) -> tuple[Row, ...]:
        """The rows that could not be carried out."""
        return tuple(r for r in self.rows if r.verdict == "undecided")

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "title": self.title,
            "digits": self.digits,
            "ok": self.ok,
            "failed": len(self.failed),
            "undecided": len(self.undecided),
            "first_wrong_line": None if self.first_wrong_line is None else self.first_wrong_line.name,
            "instances": [{"seed": i.seed, "sizes": dict(i.sizes)} for i in self.instances],
            "rows": [r.as_dict() for r in self.rows],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Report:
        """A report from its plain data, without the instances.

        Raises:
            ValueError: when the plain data are not those of a report.
        """
        try:
            rows = tuple(
                Row(
                    str(r["name"]),
                    str(r["tier"]),
                    int(r["digits_asked"]),
                    None if r["digits_got"] is None else float(r["digits_got"]),
                    float(r["seconds"]),
                    r["verdict"],
                    str(r["detail"]),
                )
                for r in plain["rows"]
            )
            return cls(str(plain["title"]), rows, int(plain["digits"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the plain data of a report: {error!r}") from None

    def _what_failed(self) -> list[str]:
        """Where to look: the instances that the failures were found at, and the first line that is wrong."""
        found = [
            f"seed {i.seed}: " + (", ".join(f"{s} = {k}" for s, k in i.sizes.items()) or "no sizes")
            for i in self.instances
        ]
        line = self.first_wrong_line
        return [
            *([f"found at {'; '.join(found)}"] if found else []),
            *([f"first wrong line: {line.name}"] if line is not None else []),
        ]

    def __str__(self) -> str:
        width = min(58, max((len(r.name) for r in self.rows), default=10))
        head = f"{'check':<{width}}  {'tier':<11} {'asked':>5} {'got':>5} {'s':>6}  verdict"
        lines = [f"{self.title}", head, "-" * len(head)]
        for r in self.rows:
            got = "-" if r.got is None else f"{r.got:.0f}"
            name = r.name if len(r.name) <= width else r.name[: width - 1] + "…"
            lines.append(f"{name:<{width}}  {r.tier:<11} {r.asked:>5} {got:>5} {r.seconds:>6.2f}  {r.verdict}")
            if r.verdict != "checked" and r.detail:
                lines.append(f"    {r.detail}")
        counts = f"{len(self.rows)} checks, {len(self.failed)} failed, {len(self.undecided)} undecided"
        seconds = sum(r.seconds for r in self.rows)
        if self.failed:
            lines += self._what_failed()
        lines.append(f"{'ok' if self.ok else 'FAILED'}: {counts}, {seconds:.1f} s")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """A table for notebooks, the rows that do not hold first."""
        order = sorted(self.rows, key=lambda r: r.verdict in ("checked", "certified"))
        head = "".join(f"<th>{h}</th>" for h in ("check", "tier", "digits asked", "digits that hold", "verdict"))
        body = "".join(
            f"<tr><td>{escape(r.name)}{f'<br><small>{escape(r.detail)}</small>' if r.verdict == 'failed' else ''}</td>"
            f"<td>{r.tier}</td><td>{r.asked}</td><td>{'' if r.got is None else math.floor(r.got)}</td>"
            f"<td>{r.verdict}</td></tr>"
            for r in order
        )
        said = f"{len(self.rows)} checks, {len(self.failed)} failed, {len(self.undecided)} undecided"
        return (
            f"<p><strong>{escape(self.title)}</strong>: {'ok' if self.ok else 'FAILED'}, {said}</p>"
            f"<details{'' if self.ok else ' open'}><summary>The checks</summary>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
        )


@dataclass(frozen=True)
class Finding:
    """What a check found: digits of agreement (`proved` or compared), or a reason why it could not be carried out."""

    digits: float | None
    detail: str = ""
    proved: bool = False


@dataclass(frozen=True)
class Check:
    """One check to be carried out: what it compares, its tier, the digits asked for, and how it is found."""

    name: str
    tier: str
    asked: int
    find: Callable[[], Finding]

    def row(self) -> Row:
        """Carry it out and time it. A claim that cannot even be evaluated has failed."""
        start = time.perf_counter()
        verdict: Verdict
        final = False
        try:
            with np.errstate(all="ignore"):  # what is not finite fails by its digits, without a warning
                found = self.find()
            if found.digits is None:
                verdict = "undecided"
            else:
                held: Verdict = "certified" if found.proved else "checked"
                verdict = held if found.digits >= self.asked else "failed"
                final = verdict == held
        except (Infeasible, QuadratureError) as error:
            found, verdict = Finding(None, str(error)), "undecided"
            final = isinstance(error, Infeasible | OutOfReachError)
        except (LookupError, ValueError, ArithmeticError, TypeError, RecursionError) as error:
            found, verdict = Finding(0.0, f"{type(error).__name__}: {error}"), "failed"
        seconds = time.perf_counter() - start
        return Row(self.name, self.tier, self.asked, found.digits, seconds, verdict, found.detail, final)


def run(name: str, tier: str, asked: int, find: Callable[[], Finding]) -> Row:
    """A check carried out at once."""
    return Check(name, tier, asked, find).row()


def worst(findings: Iterator[Finding]) -> Finding:
    """The finding with the fewest digits; undecided if there is none."""
    low: Finding | None = None
    for f in findings:
        if f.digits is None:
            return f
        if low is None or low.digits is None or f.digits < low.digits:
            low = f
    return low or Finding(None, "nothing to compare")
