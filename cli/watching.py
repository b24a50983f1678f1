"""``--watch``: do something again whenever a file is saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import typer

from cavi.cli.output import Output
from cavi.derive import CaviError


def watched_file(name: str) -> Path:
    """The file behind a MODEL.

    Raises:
        CaviError: for a model of the library, which nobody saves.
    """
    path, colon, _ = name.rpartition(":")
    file = Path(path if colon else name)
    if not file.is_file():
        raise CaviError(f"--watch: {name} is no file; give path.py:object or path.cavi")
    return file


def watch(file: Path, action: Callable[[], object], output: Output, poll: float = 0.3) -> None:
    """Carry out an action now and after every save of the file; what is wrong with it is said, and waited for.

    Ctrl-C ends it.
    """
    seen: object = None
    try:
        while True:
            found = _stamp(file)
            if found != seen:
                seen = found
                with suppress(typer.Exit):  # what is wrong has been printed
                    action()
                output.text(f"waiting for {file} to change; Ctrl-C ends")
            time.sleep(poll)
    except KeyboardInterrupt:
        return


def _stamp(file: Path) -> object:
    """What changes when a file is saved; editors may take it away for a moment."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
