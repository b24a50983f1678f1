"""The normal form: sums of monomials, each a coefficient times powers of atoms, summed over indices.

    value = Σ_m  c_m · Σ_{bound}  Π_a  a ** e_a

All types are immutable and hashable. They carry data only; `canonical` alone simplifies them, and
the arithmetic below (`Polynomial` operators) always returns a canonical result. A canonical
polynomial is unique up to the order of its factors and the names of its bound indices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from cavi.derive.index import Index, Sub, indices_of, sub_key
from cavi.derive.once import hashed_once


@hashed_once
@dataclass(frozen=True)
class Element:
    """One element of a declared variable, ``mu[k]``: latent, observed, hyperparameter or datum.

    `symmetric` is the number of axes of each side of a symmetric array: with one, the last two subscripts can change
    places, and stand in a fixed order.
    """

    name: str
    subs: tuple[Sub, ...]
    symmetric: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "subs", symmetrised(self.subs, self.symmetric))


@hashed_once
@dataclass(frozen=True)
class Indicator:
    """``[z[n] = k]``: one where the categorical variable takes the value, else zero."""

    name: str
    subs: tuple[Sub, ...]
    value: Sub


@hashed_once
@dataclass(frozen=True)
class Delta:
    """Kronecker ``δ[left, right]``; both subscripts point into one set."""

    left: Sub
    right: Sub


@hashed_once
@dataclass(frozen=True)
class Function:
    """A named function of polynomials, such as ``log tau[k]`` or ``lgamma(alpha)``."""

    name: str
    args: tuple[Polynomial, ...]


@hashed_once
@dataclass(frozen=True)
class Moment:
    """An expectation under q: ``key`` names an entry of the factor's table of moments."""

    factor: str
    key: str
    subs: tuple[Sub, ...]
    symmetric: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "subs", symmetrised(self.subs, self.symmetric))


@hashed_once
@dataclass(frozen=True)
class Parameter:
    """A parameter of the factor of one latent, ``q(tau).shape[k]``."""

    latent: str
    name: str
    subs: tuple[Sub, ...]
    symmetric: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "subs", symmetrised(self.subs, self.symmetric))


@hashed_once
@dataclass(frozen=True)
class Matrix:
    """A function of a symmetric positive-definite matrix: its ``logdet``, or an element of its ``inverse``.

    `value` is the element of the matrix at `row` and `column`, which are bound here; `subs` is where the inverse is
    taken, and empty for the log-determinant.
    """

    name: str
    value: Polynomial
    row: Index
    column: Index
    subs: tuple[Sub, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "subs", symmetrised(self.subs, 1 if self.subs else 0))


@hashed_once
@dataclass(frozen=True)
class Link:
    """One where a position has one before it in its set, ``1 ≤ sub ≤ size - 1`` counted from zero; else zero.

    ``Link(t)`` stands in every term that looks back to t-1, and ``Link(t+1)`` in every one that looks ahead. With
    `starts`, the name and subscripts of known zeros and ones, it is zero also where these are one.
    """

    sub: Sub
    starts: tuple[str, tuple[Sub, ...]] | None = None


@hashed_once
@dataclass(frozen=True)
class Before:
    """One where the left position comes before the right one, else zero."""

    left: Sub
    right: Sub


@dataclass(frozen=True)
class Size:
    """The number of elements of a set, ``N``."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A named real constant; the only one needed is ``pi``."""

    name: str


Atom = Element | Indicator | Delta | Function | Moment | Parameter | Matrix | Link | Before | Size | Constant
Powers = tuple[tuple[Atom, Fraction], ...]


@dataclass(frozen=True)
class Monomial:
    """``coefficient · Σ_{bound} Π atom ** exponent``; sums run over the whole of each index."""

    coefficient: Fraction
    powers: Powers
    bound: tuple[Index, ...] = ()

    @cached_property
    def free(self) -> frozenset[Index]:
        """Indices that are used and not summed."""
        return frozenset(i for a, _ in self.powers for i in atom_indices(a)) - set(self.bound)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """The atoms without their exponents."""
        return tuple(a for a, _ in self.powers)


@hashed_once
@dataclass(frozen=True)
class Polynomial:
    """A sum of monomials; `ZERO` has none. Arithmetic returns canonical polynomials."""

    monomials: tuple[Monomial, ...] = ()

    @cached_property
    def free(self) -> frozenset[Index]:
        """Indices that are used and not summed, over all monomials."""
        return frozenset(i for m in self.monomials for i in m.free)

    def atoms(self) -> Iterator[Atom]:
        """Every atom of every monomial, those inside function arguments included."""
        for m in self.monomials:
            for a in m.atoms:
                yield a
                for arg in arguments(a):
                    yield from arg.atoms()

    def __bool__(self) -> bool:
        return bool(self.monomials)

    def __add__(self, other: Polynomial) -> Polynomial:
        from cavi.derive.canonical import add

        return add(self, other)

    def __mul__(self, other: Polynomial) -> Polynomial:
        from cavi.derive.canonical import multiply

        return multiply(self, other)

    def __neg__(self) -> Polynomial:
        return self.scaled(Fraction(-1))

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + (-other)

    def scaled(self, factor: Fraction | int) -> Polynomial:
        """The polynomial times a rational number."""
        if factor == 0:
            return ZERO
        return Polynomial(tuple(Monomial(m.coefficient * factor, m.powers, m.bound) for m in self.monomials))

    @property
    def number(self) -> Fraction | None:
        """The value, if the polynomial is a plain rational number; else None."""
        if not self.monomials:
            return Fraction(0)
        if len(self.monomials) == 1 and not self.monomials[0].powers:
            return self.monomials[0].coefficient
        return None


ZERO = Polynomial()


def arguments(atom: Atom) -> tuple[Polynomial, ...]:
    """The polynomials inside an atom."""
    match atom:
        case Function():
            return atom.args
        case Matrix():
            return (atom.value,)
    return ()


def symmetrised(subs: tuple[Sub, ...], axes: int) -> tuple[Sub, ...]:
    """The subscripts with the two halves of the last ones in a fixed order."""
    if not axes:
        return subs
    before, left, right = subs[: -2 * axes], subs[-2 * axes : -axes], subs[-axes:]
    swap = [sub_key(s) for s in left] > [sub_key(s) for s in right]
    return (*before, *right, *left) if swap else subs


def is_category(key: str) -> bool:
    """Whether the key of a moment is that of one category, ``[z]``."""
    return key.startswith("[") and key.find("]") == len(key) - 1


def atom_indices(atom: Atom) -> tuple[Index, ...]:
    """Every free running index of an atom, in order of appearance."""
    found: tuple[Index, ...] | None = atom.__dict__.get("_indices")
    if found is None:
        found = tuple(_indices(atom))
        object.__setattr__(atom, "_indices", found)
    return found


def _indices(atom: Atom) -> Iterator[Index]:
    match atom:
        case Element() | Moment() | Parameter():
            for s in atom.subs:
                yield from indices_of(s)
        case Indicator():
            for s in (*atom.subs, atom.value):
                yield from indices_of(s)
        case Delta():
            yield from indices_of(atom.left)
            yield from indices_of(atom.right)
        case Function():
            for arg in atom.args:
                yield from sorted(arg.free, key=lambda i: (i.size, i.name))
        case Matrix():
            yield from sorted(atom.value.free - {atom.row, atom.column}, key=lambda i: (i.size, i.name))
            for s in atom.subs:
                yield from indices_of(s)
        case Link():
            yield from indices_of(atom.sub)
            for s in atom.starts[1] if atom.starts else ():
                yield from indices_of(s)
        case Before():
            yield from indices_of(atom.left)
            yield from indices_of(atom.right)


def number(value: Fraction | int) -> Polynomial:
    """A rational number as a polynomial."""
    return Polynomial((Monomial(Fraction(value), ()),)) if value else ZERO


def from_atom(atom: Atom, exponent: Fraction | int = 1) -> Polynomial:
    """One atom, or a power of it, as a polynomial."""
    return Polynomial((Monomial(Fraction(1), ((atom, Fraction(exponent)),)),))
