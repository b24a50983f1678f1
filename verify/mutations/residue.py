"""Arithmetic in the field of 2^61 - 1 elements, in which formulas are compared exactly.

Two rational functions that agree at random points of the field are the same, but by a chance below degree / 2^61 for
each (Schwartz 1980, Zippel 1979). Every other function is left uninterpreted: a fixed random function of its arguments,
so that only what follows from the laws of a field is ever found equal.
"""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

import numpy as np

PRIME = 2**61 - 1


class Residue:
    """An element of the field, with what NumPy asks of the objects in its arrays."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value % PRIME

    @classmethod
    def of(cls, x: Any) -> Residue:
        """The residue of a number; a float is the dyadic rational that it is."""
        if isinstance(x, Residue):
            return x
        if isinstance(x, np.ndarray):
            return cls.of(x[()])
        if isinstance(x, bool | np.bool_ | Integral):
            return cls(int(x))
        if isinstance(x, Fraction):
            return cls(x.numerator * pow(x.denominator, -1, PRIME))
        if isinstance(x, Real) and math.isfinite(x):
            exact = Fraction(float(x))
            return cls(exact.numerator * pow(exact.denominator, -1, PRIME))
        return uninterpreted(repr(x))

    def __add__(self, other: Any) -> Any:
        return NotImplemented if _is_array(other) else Residue(self.value + Residue.of(other).value)

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if _is_array(other) else Residue(self.value - Residue.of(other).value)

    def __rsub__(self, other: Any) -> Any:
        return Residue(Residue.of(other).value - self.value)

    def __mul__(self, other: Any) -> Any:
        return NotImplemented if _is_array(other) else Residue(self.value * Residue.of(other).value)

    def __truediv__(self, other: Any) -> Any:
        return NotImplemented if _is_array(other) else self * Residue.of(other)._inverse()

    def __rtruediv__(self, other: Any) -> Any:
        return self._inverse() * other

    def __neg__(self) -> Residue:
        return Residue(-self.value)

    def __pow__(self, exponent: Any) -> Residue:
        if not isinstance(exponent, Residue) and float(exponent).is_integer():
            whole = int(exponent)
            return Residue(pow(self.value if whole >= 0 else self._inverse().value, abs(whole), PRIME))
        return uninterpreted("pow", self, exponent)

    def __rpow__(self, base: Any) -> Residue:
        return uninterpreted("pow", base, self)

    def __abs__(self) -> Residue:
        return uninterpreted("abs", self)

    def __lt__(self, other: Any) -> bool:
        # An order there must be, for the largest of some; it has no meaning beyond being the same every time.
        return self.value < Residue.of(other).value

    def __le__(self, other: Any) -> bool:
        return self.value <= Residue.of(other).value

    def __gt__(self, other: Any) -> bool:
        return self.value > Residue.of(other).value

    def __ge__(self, other: Any) -> bool:
        return self.value >= Residue.of(other).value

    def __eq__(self, other: object) -> bool:
        return self.value == Residue.of(other).value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"Residue({self.value})"

    def __getattr__(self, name: str) -> Any:
        """NumPy's functions of an array of objects call methods of their names."""
        if name.startswith("_") or name not in FUNCTIONS:
            raise AttributeError(name)
        return lambda *rest: uninterpreted(name, self, *rest)

    def conjugate(self, *_: Any, **__: Any) -> Residue:
        """Itself: inner products ask for it, and what NumPy makes of an array without axes is asked for its own."""
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """That of an array without axes, which NumPy hands out as the object in it."""
        return ()

    @property
    def T(self) -> Residue:
        """Itself."""
        return self

    def _inverse(self) -> Residue:
        if self.value == 0:
            raise ZeroDivisionError("division by zero in a finite field")
        return Residue(pow(self.value, -1, PRIME))

    __radd__, __rmul__, __pos__ = __add__, __mul__, conjugate
    transpose = sum = conjugate


def _is_array(x: Any) -> bool:
    """Whether NumPy is to go through the elements."""
    return isinstance(x, np.ndarray) and x.ndim > 0


FUNCTIONS = frozenset(
    "exp log sqrt cos sin tan tanh cosh sinh log1p expm1 arctan2 logaddexp floor ceil rint sign arccosh arcsinh".split()
)


def uninterpreted(name: str, *arguments: Any) -> Residue:
    """A fixed random function of residues."""
    key = f"{name}({','.join(str(Residue.of(a).value) for a in arguments)})"
    return Residue(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big"))


def inverse(matrix: Any) -> Any:
    """The inverse of a square matrix, by elimination.

    Raises:
        ZeroDivisionError: when it is singular.
    """
    size = len(matrix)
    rows = [[*map(Residue.of, row), *(Residue(int(i == j)) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = next((r for r in range(i, size) if rows[r][i].value), None)
        if pivot is None:
            raise ZeroDivisionError("a singular matrix")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for r in range(size):
            if r != i:
                rows[r] = [x - rows[r][i] * y for x, y in zip(rows[r], rows[i], strict=True)]
    found = np.empty((size, size), dtype=object)
    for i in range(size):
        found[i] = rows[i][size:]
    return found


def determinant(matrix: Any) -> Residue:
    """The determinant of a square matrix, by elimination."""
    rows, product = [[*map(Residue.of, row)] for row in matrix], Residue(1)
    while rows:
        pivot = next((r for r, row in enumerate(rows) if row[0].value), None)
        if pivot is None:
            return Residue(0)
        head = rows.pop(pivot)
        product = product * head[0] * (-1) ** pivot
        rows = [[x - row[0] / head[0] * y for x, y in zip(row[1:], head[1:], strict=True)] for row in rows]
    return product
