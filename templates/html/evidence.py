"""The numerical evidence as a section of the page: one table for each tier of checks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from cavi.templates.words import ENGLISH, Speaker

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


def evidence_view(report: Mapping[str, Any], say: Speaker = ENGLISH) -> dict[str, Any]:
    """The holes of the section from the plain data of a report, ``Report.as_dict()``.

    Names of checks are said in the language too; why a check failed is as the report has it.
    """
    rows = report["rows"]
    checked = sum(r["verdict"] not in ("failed", "undecided") for r in rows)
    failed = sum(r["verdict"] == "failed" for r in rows)
    words = [say.fixed("{good} of {all} checks hold", good=checked, all=len(rows))]
    if failed:
        words.append(say.fixed("{number} failed", number=failed))
    if len(rows) - checked - failed:
        words.append(say.fixed("{number} could not be carried out", number=len(rows) - checked - failed))
    tiers = [_tier(name, list(found), say) for name, found in groupby(rows, key=lambda r: r["tier"])]
    sizes = [
        say.fixed(
            "seed {number}, {sizes}", number=i["seed"], sizes=", ".join(f"{s} = {k}" for s, k in i["sizes"].items())
        )
        for i in report.get("instances", [])
    ]
    instances = say.fixed("Instances: {it}.", it="; ".join(sizes) or say("not recorded"))
    return {"summary": ", ".join(words) + ".", "instances": instances, "tiers": tiers}


def _tier(name: str, rows: list[dict[str, Any]], say: Speaker) -> dict[str, Any]:
    bad = [r for r in rows if r["verdict"] in ("failed", "undecided")]
    counts = say.fixed("{good} of {all} hold", good=len(rows) - len(bad), all=len(rows))
    digits = [r["digits_got"] for r in rows if r["digits_got"] is not None and r not in bad]
    if digits and name != "certificate":
        counts += ", " + say.fixed("to at least {number} digits", number=int(min(digits)))
    shown = [_row(r, say) for r in rows]
    return {"title": say(TITLES.get(name, name)), "counts": counts, "open": bool(bad), "rows": shown}


def _row(r: Mapping[str, Any], say: Speaker) -> dict[str, str]:
    got = r["digits_got"]
    return {
        "name": say(r["name"]),
        "asked": str(r["digits_asked"]),
        "got": "" if got is None else str(int(got)),
        "verdict": r["verdict"],
        "said": say(r["verdict"]),
        "note": r["detail"] if r["verdict"] in ("failed", "undecided") else "",
    }
