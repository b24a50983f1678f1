"""``cavi fit --rows`` and ``--cores``: data in shards, one after another with a bar of a sweep, or one on each core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from cavi.cli.output import Output
from cavi.cli.tables import parquet_shards
from cavi.derive import CaviError, Model


def tables_of(data: Sequence[str]) -> list[str]:
    """The Parquet files among the data, which are read a row group at a time."""
    found = [path for path in data if path.lower().endswith(".parquet")]
    if len(found) > 1:
        raise CaviError(f"--rows: found {len(found)} Parquet files; expected one, whose row groups are the shards")
    return found


# Of the settings of a run those that runs over shards have.
SETTINGS = ("seed", "max_iter", "tol", "restarts", "inner")


def check_inner(module: Any, model: Model, settings: Mapping[str, Any]) -> None:
    """Refuse repeated updates where no factors of rows depend on one another beside those that all share."""
    if "inner" in settings and "inner" not in signature(module.fit).parameters:
        raise CaviError(
            f"--inner: {model.name} has no factors of rows and of groups of rows that depend on one another, beside "
            "others that all share; found nothing to update several times in a sweep; leave it out"
        )


def fit_in_shards(
    module: Any,
    model: Model,
    known: Mapping[str, Any],
    hyper: Mapping[str, Any],
    sizes: Mapping[str, int],
    rows: int,
    tables: Sequence[str],
    checkpoint: Path | None,
    settings: Mapping[str, Any],
    output: Output,
) -> Any:
    """A run over shards of so many rows, or over the row groups of a Parquet file; other data are in every shard."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    def shards() -> Iterator[Any]:
        if tables:
            return ({**known, **group} for group in parquet_shards(tables[0], model))
        found: Iterator[Any] = module.cut(known, rows, sizes)
        return found

    check_inner(module, model, settings)
    options = {n: v for n, v in settings.items() if n in SETTINGS}
    path = None if checkpoint is None else str(checkpoint)
    if output.quiet:
        return module.fit_chunks(shards, hyper, sizes, checkpoint=path, **options)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sweep 1", total=None)
        sweep = [(1, 1)]

        def tell(p: Any) -> None:
            if (p.restart, p.sweep) != sweep[0]:
                sweep[0] = p.restart, p.sweep
                bar.reset(task, total=p.of)
            bound = "" if p.bound is None else f", ELBO {p.bound:.8g}"
            bar.update(task, completed=p.shards, total=p.of, description=f"{_which(p)}{bound}")

        return module.fit_chunks(shards, hyper, sizes, checkpoint=path, progress=tell, **options)


def _which(p: Any) -> str:
    """The sweep, and the restart where there are several."""
    return f"restart {p.restart}, sweep {p.sweep}" if p.restart > 1 else f"sweep {p.sweep}"


def fit_on_cores(
    module: Any,
    model: Model,
    known: Mapping[str, Any],
    hyper: Mapping[str, Any],
    sizes: Mapping[str, int],
    cores: int,
    checkpoint: Path | None,
    settings: Mapping[str, Any],
    output: Output,
) -> Any:
    """A run whose rows are shared out among so many processes, which import the module; 0 stands for all cores."""
    from rich.console import Console

    check_inner(module, model, settings)
    options = {n: v for n, v in settings.items() if n in SETTINGS}
    options |= {"cores": cores or None, "checkpoint": None if checkpoint is None else str(checkpoint)}
    if output.quiet:
        return module.fit_cores(known, hyper, sizes, **options)
    with Console(stderr=True).status("starting a process for each core") as status:

        def tell(p: Any) -> None:
            status.update(f"{_which(p)} on {p.of} cores: ELBO {p.bound:.8g}")

        return module.fit_cores(known, hyper, sizes, progress=tell, **options)
