"""One column of a data frame as numbers, or as labels coded by whole numbers; what is missing is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cavi.derive import CaviError
from cavi.derive.names import suggestion


def names_of(frame: Any) -> list[str]:
    """The names of the columns of a frame: pandas, polars, or a dict of arrays."""
    if hasattr(frame, "columns"):
        return [str(c) for c in frame.columns]
    if hasattr(frame, "keys"):
        return [str(c) for c in frame.keys()]
    raise CaviError(f"found {type(frame).__name__}; expected a data frame of pandas or polars, or a dict of columns")


def column(frame: Any, name: str, variable: str) -> Any:
    """A column by its name.

    Raises:
        CaviError: where there is none of that name, with the nearest.
    """
    names = names_of(frame)
    if name not in names:
        raise CaviError(f"{variable}: the frame has no column {name!r}; {suggestion(name, names)}")
    return frame[name]


def values(series: Any, where: str) -> np.ndarray:
    """The values of a column, numbers or objects, none of them missing.

    Raises:
        CaviError: naming the rows where a value is missing.
    """
    array = np.asarray(series.to_numpy() if hasattr(series, "to_numpy") else series)
    if array.ndim != 1:
        raise CaviError(f"{where}: found shape {array.shape}; expected one value a row")
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind in "biuUSMm":
        missing = np.isnat(array) if array.dtype.kind in "Mm" else np.zeros(len(array), bool)
    else:
        missing = np.array([_is_missing(v) for v in array], dtype=bool)
    if missing.any():
        rows = np.flatnonzero(missing)
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        raise CaviError(
            f"{where}: {len(rows)} value(s) are missing, in row(s) {shown} (from 0); drop these rows, or impute the "
            "values"
        )
    return array


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA: neither equal nor different
        return True


def numbers(series: Any, where: str) -> np.ndarray:
    """A column of numbers.

    Raises:
        CaviError: where values are missing, or are no numbers.
    """
    array = values(series, where)
    if array.dtype.kind in "biuf":
        return array.astype(float)
    if array.dtype.kind == "O" and all(isinstance(v, int | float | np.number | np.bool_) for v in array):
        return array.astype(float)  # nullable numbers
    example = array.tolist()[0] if len(array) else ""
    raise CaviError(
        f"{where}: found {example!r} of {type(example).__name__}; expected numbers; encode the column first"
    )


def labels(columns: Sequence[tuple[Any, str]]) -> list[Any] | None:
    """The labels that columns share, in order; None where they are whole numbers from 0, which need none.

    Those of a categorical column are its categories, used or not.
    """
    known: list[Any] = []
    arrays = [values(series, where) for series, where in columns]
    declared = [found for series, _ in columns if (found := _categories(series)) is not None]
    if all(a.dtype.kind in "biuf" for a in arrays) and not declared:
        return None
    for found in declared:
        known += [v for v in found if v not in known]
    seen = {v for a in arrays for v in a.tolist()} - set(known)
    return known + sorted(seen, key=lambda v: (str(type(v)), v))


def _categories(series: Any) -> list[Any] | None:
    """The categories of a column; None where it has none of its own, as in polars' pools that frames share."""
    found = getattr(getattr(series, "dtype", None), "categories", None)
    return None if found is None or hasattr(found, "is_global") else list(found)


def coded(series: Any, known: Sequence[Any], where: str) -> np.ndarray:
    """The positions of the values of a column among labels."""
    place = {label: i for i, label in enumerate(known)}
    return np.array([place[v] for v in values(series, where).tolist()], dtype=np.intp)
