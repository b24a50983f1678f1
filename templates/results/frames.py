"""The arrays of a model from a data frame: which column is which variable, labels coded, nothing missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.derive import CaviError, Model, Variable
from cavi.derive.names import suggestion
from cavi.templates.results.columns import coded, column, labels, names_of, numbers, values


class Data(dict[str, np.ndarray]):
    """Arrays by the names of variables, as ``fit`` takes them.

    Attributes:
        dims: variable -> the names of its axes.
        coords: name of an index -> the labels of its positions, where the frame has them.
        sizes: sizes that labels tell, for ``fit(data, hyper, sizes=data.sizes)``.
    """

    dims: dict[str, tuple[str, ...]]
    coords: dict[str, list[Any]]
    sizes: dict[str, int]


@dataclass(frozen=True)
class _Source:
    """Where a variable is: its columns, and for a long table the column of each of its indices."""

    variable: Variable
    columns: tuple[str, ...]
    along: Mapping[str, str]


def data_from(frame: Any, model: Model, columns: Mapping[str, Any] | None = None) -> Data:
    """The data of a model from a frame of pandas or polars, or a dict of columns.

    A variable with one axis is a column; one with two is a list of columns, or all that start alike: ``"x_*"``. Without
    an entry in `columns` these are the column of its name, or ``name_0``, ``name_1``, …. A long table, a row for each
    value, is read by ``{"value": column, "n": column, "j": column}``, with a column of labels for each index. Observed
    categories and integers may be strings or categoricals: they are coded, and their names kept.

    Args:
        frame: one row for each element of an index, or a long table.
        model: the declared model.
        columns: variable -> column(s).

    Raises:
        CaviError: naming the variable and column, what was found and what is needed; for missing values the rows.
    """
    known = model.with_role("observed", "covariate", "observed_index")
    for name in columns or {}:
        if name not in {v.name for v in known}:
            raise CaviError(
                f"columns: {name!r} is no data of {model.name}; {suggestion(name, [v.name for v in known])}"
            )
    sources = [_source(v, frame, (columns or {}).get(v.name)) for v in known]
    places = {c for s in sources for c in s.along.values()}
    if not places:
        _same_rows(sources)
    codes = _codes(sources, frame)
    along = _along(sources, frame)
    data = Data()
    for s in sources:
        data[s.variable.name] = _array(s, frame, codes, along)
    data.dims = {v.name: tuple(i.name for i in v.indices) for v in known}
    data.coords, data.sizes = _labels(sources, frame, codes, along, model)
    return data


def _source(v: Variable, frame: Any, given: Any) -> _Source:
    names = names_of(frame)
    if isinstance(given, Mapping):
        wanted = {"value", *(i.name for i in v.indices)}
        if set(given) != wanted:
            raise CaviError(f"{v.name}: found {sorted(given)}; expected a column for each of {sorted(wanted)}")
        return _Source(v, (str(given["value"]),), {k: str(c) for k, c in given.items() if k != "value"})
    if isinstance(given, str) and given.endswith("*"):
        found = [n for n in names if n.startswith(given[:-1])]
        if not found:
            raise CaviError(f"{v.name}: no column starts with {given[:-1]!r}; found {', '.join(names)}")
        given = found
    if given is None:
        numbered = [f"{v.name}_{i}" for i in range(len(names)) if f"{v.name}_{i}" in names]
        given = v.name if v.name in names or len(v.indices) < 2 or not numbered else numbered
    chosen = (given,) if isinstance(given, str) else tuple(map(str, given))
    if isinstance(given, str) and len(v.indices) == 2:
        chosen = (given,)  # one column is a matrix of one column
    if len(v.indices) not in (1, 2) or (len(v.indices) == 1 and len(chosen) != 1):
        axes = ", ".join(i.name for i in v.indices)
        raise CaviError(
            f"{v.name} has the axes ({axes}), and {len(chosen)} column(s) {', '.join(chosen)} were found for it; "
            "expected a column for one axis, a list of columns for two, or a long table with a column for each"
        )
    return _Source(v, chosen, {})


def _same_rows(sources: Sequence[_Source]) -> None:
    sizes = {s.variable.indices[0].size: s.variable.name for s in sources}
    if len(sizes) > 1:
        found = ", ".join(f"{name} over {size}" for size, name in sizes.items())
        raise CaviError(f"a row of the frame cannot be an element of several indices: {found}; pass a frame for each")


def _is_index(v: Variable) -> bool:
    return v.over is not None and (
        v.role == "observed_index" or (v.distribution is not None and v.distribution.family == "Categorical")
    )


def _codes(sources: Sequence[_Source], frame: Any) -> dict[str, list[Any]]:
    """Size -> the labels of its positions, shared by all variables that point into it."""
    by_size: dict[str, list[tuple[Any, str]]] = {}
    for s in sources:
        if _is_index(s.variable):
            assert s.variable.over is not None
            parts = [(column(frame, c, s.variable.name), f"{s.variable.name} (column {c})") for c in s.columns]
            by_size.setdefault(s.variable.over.size, []).extend(parts)
    found = {size: labels(parts) for size, parts in by_size.items()}
    return {size: known for size, known in found.items() if known is not None}


def _along(sources: Sequence[_Source], frame: Any) -> dict[str, list[Any]]:
    """Name of an index -> its labels in long tables."""
    parts: dict[str, list[tuple[Any, str]]] = {}
    for s in sources:
        for index, name in s.along.items():
            parts.setdefault(index, []).append((column(frame, name, s.variable.name), f"{index} (column {name})"))
    found = {}
    for index, series in parts.items():
        seen = {v for one, where in series for v in values(one, where).tolist()}
        found[index] = labels(series) or sorted(seen)
    return found


def _array(
    s: _Source, frame: Any, codes: Mapping[str, Sequence[Any]], along: Mapping[str, Sequence[Any]]
) -> np.ndarray:
    parts = []
    for name in s.columns:
        series, where = column(frame, name, s.variable.name), f"{s.variable.name} (column {name})"
        over = s.variable.over if _is_index(s.variable) else None
        known = None if over is None else codes.get(over.size)
        parts.append(numbers(series, where) if known is None else coded(series, known, where))
    if s.along:
        return _pivoted(s, frame, parts[0], along)
    return parts[0] if len(s.variable.indices) == 1 else np.stack(parts, axis=1)


def _pivoted(s: _Source, frame: Any, given: np.ndarray, along: Mapping[str, Sequence[Any]]) -> np.ndarray:
    """One value for each combination of labels; rows that repeat one must agree."""
    name, indices = s.variable.name, s.variable.indices
    at = tuple(coded(column(frame, s.along[i.name], name), along[i.name], i.name) for i in indices)
    found = np.full([len(along[i.name]) for i in indices], np.nan)
    found[at] = given
    if np.any(found[at] != given):
        row = int(np.flatnonzero(found[at] != given)[0])
        labels_there = ", ".join(f"{i.name} = {along[i.name][p[row]]!r}" for i, p in zip(indices, at, strict=True))
        raise CaviError(f"{name}: several values for {labels_there}; expected one; aggregate the rows first")
    if np.isnan(found).any():
        first = np.argwhere(np.isnan(found))[0]
        where = ", ".join(f"{i.name} = {along[i.name][p]!r}" for i, p in zip(indices, first, strict=True))
        count = int(np.isnan(found).sum())
        raise CaviError(f"{name}: no row for {count} combination(s), such as {where}; expected a value for each")
    return found.astype(given.dtype)


def _labels(
    sources: Sequence[_Source],
    frame: Any,
    codes: Mapping[str, list[Any]],
    along: Mapping[str, list[Any]],
    model: Model,
) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """Labels by the names of indices, and the sizes that categories tell."""
    coords: dict[str, list[Any]] = dict(along)
    for s in sources:
        if len(s.variable.indices) == 2 and not s.along:
            coords.setdefault(s.variable.indices[1].name, list(s.columns))
        if not s.along:
            rows = _row_labels(frame)
            if rows is not None:
                coords.setdefault(s.variable.indices[0].name, rows)
    for size, known in codes.items():
        for index in (i for i in model.indices if i.size == size):
            coords.setdefault(index.name, list(known))
    return coords, {size: len(known) for size, known in codes.items()}


def _row_labels(frame: Any) -> list[Any] | None:
    """The index of a pandas frame, unless it only counts."""
    index = getattr(frame, "index", None)
    if index is None or callable(index) or hasattr(index, "step"):
        return None
    return list(index)
