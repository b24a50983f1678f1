"""What the user sees: tables and progress by rich, errors as one line, exit statuses."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    from cavi.derive import Derived, Propagation
    from cavi.verify import Report

P = ParamSpec("P")
T = TypeVar("T")


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Turn the errors that a user can cause into one line on standard error and exit status 2."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (ValueError, OSError, ArithmeticError, ImportError) as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(2) from None

    return run


def _widest(column: str, cells: Sequence[str]) -> int:
    """The width that a column needs: that of its longest word, or of the longest name."""
    parts = cells if column == "name" else [word for cell in cells for word in cell.split()]
    return max(map(len, [column, *parts]))


class Output:
    """Prints to standard output unless it is to be quiet; progress goes to standard error."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def text(self, text: str) -> None:
        """A line or more of plain text."""
        if not self.quiet:
            typer.echo(text)

    def json(self, value: Any) -> None:
        """A JSON document."""
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table, by rich; NO_COLOR is honoured."""
        if self.quiet:
            return
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        shown = [tuple(row) for row in rows]
        table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        console = Console()
        least = [_widest(column, [row[place] for row in shown]) for place, column in enumerate(columns)]
        room = sum(least) + 2 * len(columns) <= console.width  # for every word to stay whole
        for column, width in zip(columns, least, strict=True):
            table.add_column(column, overflow="fold", no_wrap=column == "name", min_width=width if room else None)
        for row in shown:
            table.add_row(*map(escape, row))
        console.print(table)

    @contextmanager
    def progress(self, total: int, title: str) -> Iterator[Callable[[str], None]]:
        """A bar with the time left, on a terminal; the function given says what is done now."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda name: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title, total=total)
            yield lambda name: bar.update(task, advance=1, description=f"{title}: {name}")

    @contextmanager
    def counting(self, title: str) -> Iterator[Callable[[int, int], None] | None]:
        """A bar for work that tells how much of it is done, on a terminal."""
        if self.quiet or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A line that says what is being done, on a terminal."""
        if self.quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(what):
            yield

    def verified(self, derived: Derived | Propagation, digits: int, seed: int, only: str | None = None) -> Report:
        """The report on a derivation, with a line of progress on a terminal."""
        from rich.console import Console

        from cavi.verify import verify

        console = Console(stderr=True)
        if self.quiet or not sys.stderr.isatty():
            return verify(derived, digits=digits, seed=seed, only=only)
        with console.status(f"verifying {derived.model.name}") as status:
            return verify(
                derived,
                digits=digits,
                seed=seed,
                only=only,
                progress=lambda row: status.update(f"{row.tier}: {row.name}"),
            )
