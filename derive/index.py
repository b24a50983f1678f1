"""Indices and subscripts: what can stand between the brackets of ``mu[...]``.

An `Index` runs over the set that its size names: two indices of one size run over the same set.
A `Gather` is a declared integer datum used as a subscript (``doc[n]``); a `Literal` is one fixed
position; a `Shift` is the neighbour of another subscript (``t-1``). A subscript knows the set it points into, so
that a wrong plate is found at once.
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
            f"arithmetic on the index {self.name} (with {other}) is not known: an index only selects, and its "
            f"neighbours are {self.name}-1 and {self.name}+1. For a number use size({self.name}) or known data, "
            f"m.covariate(name, {self.name}); for other positions, m.observed_index"
        )

    def __add__(self, other: object) -> Shift:
        if other == 1 and isinstance(other, int):
            return Shift(self, 1)
        self._refuse(other)

    def __sub__(self, other: object) -> Shift:
        if other == 1 and isinstance(other, int):
            return Shift(self, -1)
        self._refuse(other)

    def __lt__(self, other: object) -> Order:
        if isinstance(other, Index) and other.size == self.size:
            return Order(self, other)
        raise DeclarationError(f"{self.name} < {other}: expected another index of size {self.size}")

    def __gt__(self, other: object) -> Order:
        if isinstance(other, Index) and other.size == self.size:
            return Order(other, self)
        raise DeclarationError(f"{self.name} > {other}: expected another index of size {self.size}")

    __radd__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = _refuse


@dataclass(frozen=True)
class Order:
    """The condition ``i < j`` on two indices of one size, for ``where=``."""

    left: Index
    right: Index

    def __bool__(self) -> bool:
        raise DeclarationError(
            f"{self.left.name} < {self.right.name} has no truth value: give it as where= of a declaration"
        )


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


@dataclass(frozen=True)
class Shift:
    """A neighbour of a subscript, one before or after it: ``t-1``. It may point outside the set; see `term.Link`."""

    base: Index | Gather
    offset: int

    @property
    def size(self) -> str:
        """The set it points into."""
        return self.base.size

    def __repr__(self) -> str:
        return f"{self.base!r}{self.offset:+d}"


Sub = Index | Gather | Literal | Shift


def shifted(sub: Sub, offset: int) -> Sub:
    """The subscript so many positions further."""
    match sub:
        case Literal():
            return Literal(sub.value + offset, sub.size)
        case Shift():
            total = sub.offset + offset
            return Shift(sub.base, total) if total else sub.base
    return Shift(sub, offset) if offset else sub


def primed(index: Index) -> Index:
    """The second index of a square matrix over the set of an index."""
    return Index(index.name + "'", index.size)


def stem(size: str) -> str:
    """What the canonical names of indices over a set begin with: a letter, also for a size in numbers."""
    return f"i{size}" if size.isdigit() else size


def indices_of(sub: Sub) -> Iterator[Index]:
    """Every running index inside a subscript, in order of appearance."""
    match sub:
        case Index():
            yield sub
        case Gather():
            for inner in sub.subs:
                yield from indices_of(inner)
        case Shift():
            yield from indices_of(sub.base)


def replace_index(sub: Sub, mapping: Mapping[Index, Sub]) -> Sub:
    """The subscript with running indices replaced, all at once."""
    match sub:
        case Index():
            return mapping.get(sub, sub)
        case Gather():
            return Gather(sub.name, tuple(replace_index(s, mapping) for s in sub.subs), sub.size)
        case Shift():
            return shifted(replace_index(sub.base, mapping), sub.offset)
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
        case Shift():
            return (3, sub.size, sub_key(sub.base), sub.offset)
