"""Indices and subscripts: what can stand between the brackets of ``mu[...]``.

An `Index` runs over the set that its size names: two indices of one size run over the same set.
A `Gather` is a declared integer datum used as a subscript (``doc[n]``); a `Literal` is one fixed
position. A subscript knows the set it points into, so that a wrong plate is found at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from cavi.derive.errors import DeclarationError


@dataclass(frozen=True)
class Index:
    """A running index, ``n = 1 … N``: its name and the symbol of its size."""

    name: str
    size: str

    def __repr__(self) -> str:
        return f"{self.name}:{self.size}"

    def _refuse(self, other: object) -> NoReturn:
        raise DeclarationError(
            f"arithmetic on the index {self.name} (with {other}) is not known: an index only selects. For a number use "
            f"size({self.name}) or known data, m.covariate(name, {self.name}); for a neighbour, m.observed_index"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = _refuse


@dataclass(frozen=True)
class Gather:
    """An observed integer used as a subscript: ``doc[n]`` points into the set of size `size`."""

    name: str
    subs: tuple[Sub, ...]
    size: str

    def __repr__(self) -> str:
        return f"{self.name}[{', '.join(map(repr, self.subs))}]"


@dataclass(frozen=True)
class Literal:
    """One fixed position, counted from zero, of the set of size `size`."""

    value: int
    size: str

    def __repr__(self) -> str:
        return str(self.value)


Sub = Index | Gather | Literal


def indices_of(sub: Sub) -> Iterator[Index]:
    """Every running index inside a subscript, in order of appearance."""
    match sub:
        case Index():
            yield sub
        case Gather():
            for inner in sub.subs:
                yield from indices_of(inner)


def replace_index(sub: Sub, mapping: Mapping[Index, Sub]) -> Sub:
    """The subscript with running indices replaced, all at once."""
    match sub:
        case Index():
            return mapping.get(sub, sub)
        case Gather():
            return Gather(sub.name, tuple(replace_index(s, mapping) for s in sub.subs), sub.size)
        case _:
            return sub


def sub_key(sub: Sub) -> tuple[object, ...]:
    """A total order on subscripts, the most definite first: positions, indices, gathers."""
    match sub:
        case Literal():
            return (0, sub.size, sub.value)
        case Index():
            return (1, sub.size, sub.name)
        case Gather():
            return (2, sub.size, sub.name, tuple(sub_key(s) for s in sub.subs))
