"""The command line, ``cavi``: the one place that imports everything."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from cavi.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; the exit status is 0 (ok), 1 (evidence fails) or 2 (bad usage or input)."""
    if not sys.stdout.isatty() and "PYTHONIOENCODING" not in os.environ and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # as files that are written are; elsewhere a locale may lack the signs
    app()
