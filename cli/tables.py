"""Arrays by name from CSV, NPY, NPZ, Parquet and JSON files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cavi.derive import CaviError, Model
from cavi.derive.cells import place_names


def read_arrays(path: str, model: Model) -> dict[str, Any]:
    """The arrays of a file by variable name.

    In a table a variable of one axis is a column of its name; one of two axes is the columns
    ``x_0, x_1, …``, or of its cells where it is sparse: ``y_u``, ``y_i`` and ``y``. NPZ and JSON files hold whole
    arrays, JSON files also the cells of sparse ones.

    Raises:
        CaviError: for unknown endings, missing files, text that is not a number, or a missing package.
    """
    file = Path(path)
    if not file.is_file():
        raise CaviError(f"{path}: no such file")
    ending = file.suffix.lower()
    if ending == ".npz":
        try:
            with np.load(file, allow_pickle=False) as archive:
                return {n: archive[n] for n in archive.files}
        except Exception as error:
            raise CaviError(f"{path}: not a readable NPZ file of plain arrays ({error})") from error
    if ending == ".npy":  # one array, of the variable that the file is called after; not read before it is used
        try:
            return {file.stem: np.load(file, mmap_mode="r", allow_pickle=False)}
        except Exception as error:
            raise CaviError(f"{path}: not a readable NPY file of a plain array ({error})") from error
    if ending == ".json":
        return {n: v if isinstance(v, dict) else np.asarray(v) for n, v in read_json(path).items()}
    if ending == ".csv":
        return _columns(_csv(file), model)
    if ending == ".parquet":
        return _columns(_parquet(file), model)
    raise CaviError(f"{path}: the ending {ending or 'none'} is not known; expected .csv, .npy, .npz, .parquet or .json")


def read_json(path: str) -> Mapping[str, Any]:
    """A JSON object of numbers and arrays."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CaviError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(found, dict):
        raise CaviError(f"{path}: expected a JSON object of name: value, found {type(found).__name__}")
    return found


def _csv(file: Path) -> dict[str, np.ndarray]:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        rows = [r for r in csv.reader(stream) if r]
    if len(rows) < 2:
        raise CaviError(f"{file}: expected a header and at least one row, found {len(rows)} line(s)")
    header = [h.strip() for h in rows[0]]
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise CaviError(f"{file}: line {number} has {len(row)} fields; the header has {len(header)}")
    columns = {}
    for position, name in enumerate(header):
        try:
            columns[name] = np.array([float(r[position]) for r in rows[1:]])
        except ValueError as error:
            raise CaviError(f"{file}: column {name}: {error}; expected numbers") from None
    return columns


def parquet_shards(path: str, model: Model) -> Iterator[dict[str, np.ndarray]]:
    """The arrays of one row group of a Parquet file after another, by variable name."""
    parquet = _pyarrow(Path(path))
    with parquet.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            yield _columns({n: table.column(n).to_numpy() for n in table.column_names}, model)


def _pyarrow(file: Path) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise CaviError(
            f"{file}: reading Parquet needs pyarrow; install it with: pip install 'cavi[parquet]'"
        ) from error
    return parquet


def _parquet(file: Path) -> dict[str, np.ndarray]:
    table = _pyarrow(file).read_table(file)
    return {n: table.column(n).to_numpy() for n in table.column_names}


def _columns(columns: Mapping[str, np.ndarray], model: Model) -> dict[str, np.ndarray]:
    found = {}
    for variable in model.with_role("observed", "covariate", "observed_index"):
        many = [f"{variable.name}_{i}" for i in range(len(columns)) if f"{variable.name}_{i}" in columns]
        if variable.name in columns:
            found[variable.name] = columns[variable.name]
            places = place_names(model, variable) if variable.sparse else ()
            found |= {p: columns[p] for p in places if p in columns}
        elif many and len(variable.indices) == 2:
            found[variable.name] = np.stack([columns[c] for c in many], axis=1)
    if not found:
        wanted = ", ".join(v.name for v in model.with_role("observed", "covariate", "observed_index"))
        raise CaviError(
            f"no column of the file is a variable of {model.name}: found {', '.join(columns)}; expected {wanted}"
        )
    return found
