"""Recursions along a chain as loops over single numbers, for Numba to compile: any formulas but those of functions.

At each position the formulas are sums of products of elements. One summed index after another is taken out of a product
into an array of what the others leave, the one first that leaves the smallest, so that x[t] = B P[t-1] Bᵀ costs 2 K³.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from cavi.derive.index import Gather, Index, Literal, Shift, Sub, indices_of
from cavi.derive.result import Along, ArrayOperation, Formula
from cavi.derive.term import Atom, Constant, Delta, Element, Link, Moment, Monomial, Parameter, Polynomial, Size
from cavi.templates.numpy.arrays import Scope


class _Declined(Exception):
    """A formula has what is not written as a loop."""


@dataclass(frozen=True)
class Product:
    """What is multiplied: code, with the running indices in it."""

    code: str
    axes: tuple[Index, ...]


@dataclass
class Loop:
    """A function that is being written.

    Attributes:
        scope: names of what it reads.
        index: the index over positions.
        room: statements before the loop, which make arrays of what products leave.
        lines: statements at a position.
        arguments: the arrays and sizes that it is called with, in order.
    """

    scope: Scope
    index: Index
    room: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)

    def array(self, key: object) -> str:
        """An array that is read or set."""
        name = self.scope.name(key)
        self.arguments.setdefault(name, f"np.asarray({name}, dtype=float)")
        return name

    def size(self, size: str) -> str:
        """The length of an axis."""
        if not size.isdigit():
            self.arguments.setdefault(self.scope.size(size), size)
        return size

    def place(self, sub: Sub) -> str:
        """A subscript as a number."""
        match sub:
            case Literal():
                return str(sub.value)
            case Index():
                return _variable(sub)
            case Shift():
                inside = self.place(sub.base)
                return f"{inside} - 1" if sub.offset == -1 else f"({inside} + 1) % {self.size(sub.size)}"
            case Gather():
                name = self.scope.name(sub.name)
                self.arguments.setdefault(name, name)
                return self.element(name, sub.subs)
        raise _Declined

    def element(self, name: str, subs: Sequence[Sub]) -> str:
        """An element of an array."""
        return f"{name}[{', '.join(map(self.place, subs)) or '()'}]"

    def atom(self, a: Atom) -> str:
        """An atom as a number."""
        match a:
            case Parameter():
                return self.element(self.array(("parameter", a.latent, a.name)), a.subs)
            case Moment():
                return self.element(self.array((a.factor, a.key)), a.subs)
            case Element():
                return self.element(self.array(a.name), a.subs)
            case Link(starts=(name, subs)):
                return f"(1.0 - {self.element(self.array(name), subs)})"
            case Link():
                here = a.sub.base if isinstance(a.sub, Shift) else a.sub
                inside = self.place(here)
                edge = f"{inside} < {self.size(here.size)} - 1" if isinstance(a.sub, Shift) else f"{inside} > 0"
                return f"(1.0 if {edge} else 0.0)"
            case Delta():
                return f"(1.0 if {self.place(a.left)} == {self.place(a.right)} else 0.0)"
            case Size():
                return self.size(a.name)
            case Constant(name="pi"):
                return "np.pi"
        raise _Declined

    def product(self, m: Monomial) -> str:
        """A monomial at a position, its sums taken out."""
        parts = [
            Product(_power(self.atom(a), e), tuple(i for i in indices_in(a) if i != self.index)) for a, e in m.powers
        ]
        bound = set(m.bound)
        while bound:
            i = min(sorted(bound, key=lambda i: i.name), key=lambda i: len(_left(parts, i)))
            bound.remove(i)
            inside = [p for p in parts if i in p.axes]
            rest = _left(parts, i)
            parts = [*(p for p in parts if i not in p.axes), self._summed(inside, i, rest)]
        number = float(m.coefficient)
        codes = [p.code for p in parts]
        return " * ".join([*([repr(number)] if number != 1.0 or not codes else []), *codes])

    def _summed(self, inside: Sequence[Product], i: Index, axes: tuple[Index, ...]) -> Product:
        """Σ_i of a product, in an array over what else is in it."""
        name = f"part_{len(self.room) + 1}"
        self.room.append(f"{name} = np.empty({_shape([self.size(a.size) for a in axes])})")
        target = f"{name}[{', '.join(map(_variable, axes)) or '()'}]"
        codes = " * ".join(p.code for p in inside) or "1.0"
        depth = 0
        for a in axes:
            self.lines.append(f"{'    ' * depth}for {_variable(a)} in range({self.size(a.size)}):")
            depth += 1
        pad = "    " * depth
        self.lines += [
            f"{pad}total = 0.0",
            f"{pad}for {_variable(i)} in range({self.size(i.size)}):",
            f"{pad}    total += {codes}",
            f"{pad}{target} = total",
        ]
        return Product(target, axes)

    def formula(self, f: Formula) -> None:
        """A parameter at a position."""
        target = self.array(("parameter", f.latent, f.name))
        if isinstance(f.value, ArrayOperation):
            self._operation(f, target)
            return
        if not isinstance(f.value, Polynomial):
            raise _Declined
        terms = [self.product(m) for m in f.value.monomials] or ["0.0"]
        axes = [i for i in f.indices if i != self.index]
        for depth, a in enumerate(axes):
            self.lines.append(f"{'    ' * depth}for {_variable(a)} in range({self.size(a.size)}):")
        pad = "    " * len(axes)
        self.lines.append(f"{pad}{self.element(target, f.indices)} = {' + '.join(terms)}")

    def _operation(self, f: Formula, target: str) -> None:
        """An inverse or the log-determinant of a matrix at a position."""
        assert isinstance(f.value, ArrayOperation)
        matrix = self.array(("parameter", f.latent, f.value.argument))
        sides = {"inverse": 2, "logdet": 0}.get(f.value.name)
        if sides is None or f.value.axes != 1:
            raise _Declined
        lead = f.indices[: len(f.indices) - sides]
        axes = [i for i in lead if i != self.index]
        for depth, a in enumerate(axes):
            self.lines.append(f"{'    ' * depth}for {_variable(a)} in range({self.size(a.size)}):")
        pad = "    " * len(axes)
        at = ", ".join(map(_variable, lead))
        if sides:
            self.lines.append(f"{pad}_inverse_of({matrix}[{at}], {target}[{at}])")
        else:
            self.lines.append(f"{pad}{target}[{at}] = _logdet_of({matrix}[{at}])")

    def source(self, name: str, direction: str) -> str:
        """The function."""
        order = f"range({self.size(self.index.size)})"
        order = order if direction == "forward" else order.replace(")", " - 1, -1, -1)")
        return "\n".join(
            [
                '@numba.njit(error_model="numpy")',
                f"def {name}({', '.join(self.arguments)}):  # type: ignore",
                '    """One position after another."""',
                *(f"    {line}" for line in self.room),
                f"    for {_variable(self.index)} in {order}:",
                *(f"        {line}" for line in self.lines),
            ]
        )


def loop_of(group: Sequence[Formula], along: Along, scope: Scope) -> Loop | None:
    """Formulas of a recursion as a loop; None where they have what is not written as one."""
    loop = Loop(scope, along[0])
    try:
        for f in group:
            loop.formula(f)
    except _Declined:
        return None
    return loop


def indices_in(a: Atom) -> Iterator[Index]:
    """The running indices of an atom, each once."""
    if isinstance(a, Link):
        subs: tuple[Sub, ...] = (a.sub, *(a.starts[1] if a.starts is not None else ()))
    elif isinstance(a, Delta):
        subs = (a.left, a.right)
    else:
        subs = a.subs if isinstance(a, Parameter | Moment | Element) else ()
    return iter(dict.fromkeys(i for s in subs for i in indices_of(s)))


def _left(parts: Sequence[Product], i: Index) -> tuple[Index, ...]:
    return tuple(dict.fromkeys(a for p in parts if i in p.axes for a in p.axes if a != i))


def _variable(i: Index) -> str:
    return "at_" + i.name.replace(".", "_").replace("'", "_")


def _shape(sizes: Sequence[str]) -> str:
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _power(code: str, e: Fraction) -> str:
    if e == 1:
        return code
    return f"{code} ** {e}" if e.denominator == 1 and e > 0 else f"{code} ** ({float(e)!r})"


MATRICES = '''
@numba.njit(error_model="numpy")
def _cholesky_of(matrix):  # type: ignore
    """The lower triangle of a positive definite matrix."""
    side = len(matrix)
    lower = np.zeros((side, side))
    for i in range(side):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                if not total > 0.0:
                    raise np.linalg.LinAlgError("Matrix is not positive definite")
                lower[i, i] = np.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    return lower


@numba.njit(error_model="numpy")
def _logdet_of(matrix):  # type: ignore
    """The log-determinant of a positive definite matrix."""
    lower, total = _cholesky_of(matrix), 0.0
    for i in range(len(matrix)):
        total += 2.0 * np.log(lower[i, i])
    return total


@numba.njit(error_model="numpy")
def _inverse_of(matrix, out):  # type: ignore
    """The inverse of a positive definite matrix, by the inverse of its triangle."""
    side, half = len(matrix), _cholesky_of(matrix)
    for j in range(side):
        half[j, j] = 1.0 / half[j, j]
        for i in range(j + 1, side):
            total = 0.0
            for k in range(j, i):
                total -= half[i, k] * half[k, j]
            half[i, j] = total / half[i, i]
    for i in range(side):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, side):
                total += half[k, i] * half[k, j]
            out[i, j] = total
            out[j, i] = total
'''
