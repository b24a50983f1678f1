"""Figures as files: the same bytes every time, and never half a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cavi.derive.errors import CaviError
from cavi.templates.figures import catalogue
from cavi.templates.figures.style import SETTINGS

# What each kind of file says about itself by default would change from day to day, or with the version.
_METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_DOTS_PER_INCH = 160


def save(
    folder: str | os.PathLike[str],
    names: Iterable[str] | None = None,
    formats: Iterable[str] = ("svg", "png"),
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Draw figures into a folder, which is made if need be; a file appears under its name only when it is complete.

    Args:
        folder: where to.
        names: which figures; all of them by default.
        formats: svg, png, pdf.
        progress: called with each figure's name before it is drawn.

    Returns:
        The files, figure by figure.

    Raises:
        CaviError: for an unknown figure or format, or a folder that cannot be written to.
    """
    wanted = _listed(names, catalogue.names(), "names")
    kinds = _listed(formats, list(_METADATA), "formats")
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CaviError(f"cannot make the folder {target}: {error.strerror}; choose another one") from error
    written = []
    for name in wanted:
        if progress is not None:
            progress(name)
        figure = catalogue.draw(name)
        for kind in kinds:
            path = target / f"{name}.{kind}"
            try:
                _write(figure, path, kind)
            except OSError as error:
                raise CaviError(f"cannot write {path}: {error.strerror}; choose another folder") from error
            written.append(path)
    return written


def _listed(given: Iterable[str] | None, known: list[str], what: str) -> list[str]:
    if given is None:
        return known
    if isinstance(given, str):
        raise CaviError(f"{what}: found the text {given!r}; expected a list such as [{given!r}]")
    listed = list(given)
    strange = [g for g in listed if g not in known]
    if strange:
        raise CaviError(f"{what}: found {strange[0]!r}; expected some of {', '.join(known)}")
    return listed


def _write(figure: Any, path: Path, kind: str) -> None:
    from matplotlib import rc_context

    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file, rc_context(SETTINGS):
            figure.savefig(file, format=kind, dpi=_DOTS_PER_INCH, metadata=dict(_METADATA[kind]))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
