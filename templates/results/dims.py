"""Names for the axes of arrays, and labels for their positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cavi.derive import CaviError, Derived
from cavi.derive.index import Index
from cavi.derive.names import suggestion


def dims_of(indices: Sequence[Index]) -> tuple[str, ...]:
    """A name for each axis: that of its index; a second axis of the same index is primed, ``d`` and ``d_2``."""
    found: list[str] = []
    for index in indices:
        base = index.name.rstrip("'")
        name, count = base, 1
        while name in found:
            count += 1
            name = f"{base}_{count}"
        found.append(name)
    return tuple(found)


class Coords:
    """Labels by the name of an index, or of a size for all indices over it.

    Raises:
        CaviError: for a name that is neither.
    """

    def __init__(self, derived: Derived, *given: Mapping[str, Sequence[Any]] | None) -> None:
        self.known: dict[str, list[Any]] = {}
        names = {i.name for i in derived.model.indices}
        sizes = {i.size for i in derived.model.indices}
        for coords in given:
            for name, labels in (coords or {}).items():
                if name not in names | sizes:
                    raise CaviError(
                        f"coords: {name!r} is no index of {derived.model.name}; {suggestion(name, names | sizes)}"
                    )
                self.known[name] = list(labels)

    def of(self, indices: Sequence[Index], shape: Sequence[int]) -> dict[str, list[Any]]:
        """The labels of the axes that have some, by the names of the axes.

        Raises:
            CaviError: where there are more or fewer labels than positions.
        """
        found = {}
        for name, index, length in zip(dims_of(indices), indices, shape, strict=True):
            labels = self.known.get(index.name.rstrip("'"), self.known.get(index.size))
            if labels is None:
                continue
            if len(labels) != length:
                raise CaviError(f"coords: {len(labels)} labels for {name}; expected {length}, one for each position")
            found[name] = labels
        return found


def variables(
    arrays: Mapping[str, tuple[Sequence[Index], Any]], coords: Coords, lead: Sequence[str] = ()
) -> tuple[dict[str, tuple[tuple[str, ...], np.ndarray]], dict[str, list[Any]]]:
    """Arrays with named axes, after those of `lead`, and the labels of all of them."""
    found, labels = {}, dict[str, list[Any]]()
    for name, (indices, value) in arrays.items():
        array = np.asarray(value)
        found[name] = ((*lead, *dims_of(indices)), array)
        labels |= coords.of(indices, array.shape[len(lead) :])
    return found, labels
