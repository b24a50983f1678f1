"""The identities at the command line: list them, show one, draw the figures, verify all of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cavi.cli.output import Output
from cavi.derive import CaviError, identities
from cavi.derive.identities.text import show

if TYPE_CHECKING:
    from cavi.derive.identities import Identity
    from cavi.verify import Report

Form = Literal["text", "latex", "html", "json"]


def find_identity(name: str, model: str | None) -> Identity:
    """An identity of the catalogue, abstract or with the variables of a model.

    Raises:
        CaviError: for an unknown identity or model.
    """
    if model is None:
        return identities.load(name)
    from cavi.cli.sources import derived_model

    return derived_model(model, None).identity(name)


def statement(identity: Identity) -> str:
    """The claim on one line."""
    left, relation, right = identity.claim
    return f"{show(left)} {relation} {show(right)}"


def as_dict(identity: Identity) -> dict[str, str]:
    """What a list of identities tells about one."""
    return {
        "name": identity.name,
        "group": identity.group,
        "title": identity.title,
        "summary": identity.summary,
        "source": identity.source,
        "claim": statement(identity),
    }


def listing(output: Output, as_json: bool) -> None:
    """All identities, chapter by chapter."""
    rows = [as_dict(identities.load(n)) for n in identities.names()]
    if as_json:
        output.json(rows)
        return
    for chapter, names in identities.chapters().items():
        output.table(chapter, ("name", "title"), [(r["name"], r["title"]) for r in rows if r["name"] in names])


def shown(identity: Identity, form: Form) -> str | dict[str, Any]:
    """One identity in the form asked for."""
    if form == "latex":
        return identity.latex()
    if form == "html":
        return identity.html()
    return identity.plain() if form == "json" else str(identity)


def draw_figures(folder: Path, output: Output) -> list[Path]:
    """The figures of the theory, written to a folder as SVG and PNG."""
    from cavi.templates.figures import save

    written = save(folder)
    for path in written:
        output.text(f"wrote {path}")
    return written


def verify_all(digits: int, seed: int, output: Output, names: Iterable[str] | None = None) -> list[Report]:
    """The numerical evidence for every identity, with a line for each as it is found."""
    from cavi.verify.identities import verify_identity

    reports = []
    for name in names or identities.names():
        identity = identities.load(name)
        report = verify_identity(identity, digits=digits, seed=seed)
        reports.append(report)
        found = "ok" if report.ok else "FAILED"
        counts = f"{len(report.rows)} checks, {len(report.failed)} failed, {len(report.undecided)} undecided"
        output.text(f"{found:6} {name:<28} {counts}")
    return reports


def check_exclusive(**given: bool) -> None:
    """At most one of several options.

    Raises:
        CaviError: naming those that were given together.
    """
    chosen = [f"--{name}" for name, on in given.items() if on]
    if len(chosen) > 1:
        raise CaviError(f"{' and '.join(chosen)} cannot be used together; choose one")
