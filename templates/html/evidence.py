"""The numerical evidence as a section of the page: one table for each tier of checks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

TITLES = {
    "families": "Factors are normalised, their moments and entropies right",
    "identity": "The bound is E[log p] - E[log q], and log p(x) = L + KL",
    "optimality": "Each factor is optimal given the others",
    "derivation": "Both sides of every line agree",
    "code": "The generated code computes what is claimed",
    "rigorous": "Proved by ball arithmetic",
    "calibration": "Draws and fits have the right distribution",
    "certificate": "The certificate is whole",
}


def evidence_view(report: Mapping[str, Any]) -> dict[str, Any]:
    """The holes of the section from the plain data of a report, ``Report.as_dict()``."""
    rows = report["rows"]
    checked = sum(r["verdict"] not in ("failed", "undecided") for r in rows)
    failed = sum(r["verdict"] == "failed" for r in rows)
    words = [f"{checked} of {len(rows)} checks hold"]
    if failed:
        words.append(f"{failed} failed")
    if len(rows) - checked - failed:
        words.append(f"{len(rows) - checked - failed} could not be carried out")
    tiers = [_tier(name, list(found)) for name, found in groupby(rows, key=lambda r: r["tier"])]
    sizes = [
        "seed {}, {}".format(i["seed"], ", ".join(f"{s} = {k}" for s, k in i["sizes"].items()))
        for i in report.get("instances", [])
    ]
    return {"summary": ", ".join(words) + ".", "instances": "; ".join(sizes) or "not recorded", "tiers": tiers}


def _tier(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    bad = [r for r in rows if r["verdict"] in ("failed", "undecided")]
    counts = f"{len(rows) - len(bad)} of {len(rows)} hold"
    digits = [r["digits_got"] for r in rows if r["digits_got"] is not None and r not in bad]
    if digits and name != "certificate":
        counts += f", to at least {int(min(digits))} digits"
    return {"title": TITLES.get(name, name), "counts": counts, "open": bool(bad), "rows": [_row(r) for r in rows]}


def _row(r: Mapping[str, Any]) -> dict[str, str]:
    got = r["digits_got"]
    return {
        "name": r["name"],
        "asked": str(r["digits_asked"]),
        "got": "" if got is None else str(int(got)),
        "verdict": r["verdict"],
        "note": r["detail"] if r["verdict"] in ("failed", "undecided") else "",
    }
