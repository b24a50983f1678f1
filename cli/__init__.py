"""The command line, ``cavi``: the one place that imports everything."""

from __future__ import annotations

from cavi.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; the exit status is 0 (ok), 1 (evidence fails) or 2 (bad usage or input)."""
    app()
