"""Reads the data files that ship with the library."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np


def table(name: str) -> dict[str, np.ndarray]:
    """The columns of a CSV file of numbers, by the names in its header."""
    with as_file(files("cavi.models") / "data" / f"{name}.csv") as path:
        rows = np.genfromtxt(path, delimiter=",", names=True, dtype=float, deletechars="")
    return {n: np.atleast_1d(rows[n]) for n in rows.dtype.names or ()}


def matrix(name: str, prefix: str) -> np.ndarray:
    """The columns whose names start with the prefix, side by side."""
    columns = [v for k, v in table(name).items() if k.startswith(prefix)]
    return np.stack(columns, axis=1)


def standardised(x: np.ndarray) -> np.ndarray:
    """Columns shifted and scaled to mean zero and unit standard deviation."""
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0))
