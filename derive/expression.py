"""Whiteboard expressions: what a user writes inside a distribution.

``mu[z[n]]``, ``kappa * tau[k]``, ``dot(w, x[n])``, ``(a - b)**2`` build a small immutable tree. Every
node knows its free indices and its *open* indices: the trailing ones not yet given, as in ``w`` declared
over d. `dot` and `Sum` contract; the sizes are checked when the node is built.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn

import sympy

from cavi.derive.errors import DeclarationError
from cavi.derive.index import Gather, Index, Literal, Order, Shift, Sub, indices_of, shifted

if TYPE_CHECKING:
    from cavi.derive.model import Variable


_anonymous = count()


class Expr:
    """Base of every whiteboard expression; supports + - * / ** and comparison by identity."""

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return ()

    @property
    def open(self) -> tuple[Index, ...]:
        """The indices that are still to be given, in order."""
        found: tuple[Index, ...] = ()
        for child in self.children:
            own = child.open  # asked for once: each level that asks twice doubles the work of all below
            if own and found and [i.size for i in own] != [i.size for i in found]:
                raise DeclarationError(
                    f"{self}: the open indices of its parts differ: {_sizes(found)} and {_sizes(own)}; "
                    "give the indices, for example w[d] * x[n, d], and contract with Sum or dot"
                )
            found = found or own
        return found

    def free(self) -> set[Index]:
        """The running indices that occur and are not summed."""
        return {i for c in self.children for i in c.free()}

    def refs(self) -> Iterator[Ref]:
        """Every reference to a declared variable, selectors and gathers excepted."""
        for c in self.children:
            yield from c.refs()

    def formals(self) -> Iterator[Formal]:
        """Every SymPy symbol that was never declared on a model."""
        for c in self.children:
            yield from c.formals()

    def _beside(self, other: object) -> Expr:
        """The other operand.

        Raises:
            DeclarationError: for a number that is not finite, and for what is no expression.
        """
        if (found := not_a_number(other)) is not None:
            raise DeclarationError(f"found {found} in an expression with {self}; expected a finite number")
        return as_expr(other)

    def __add__(self, other: object) -> Expr:
        return Add((self, self._beside(other)))

    def __radd__(self, other: object) -> Expr:
        return Add((self._beside(other), self))

    def __sub__(self, other: object) -> Expr:
        return Add((self, Mul((Number(Fraction(-1)), self._beside(other)))))

    def __rsub__(self, other: object) -> Expr:
        return Add((self._beside(other), Mul((Number(Fraction(-1)), self))))

    def __neg__(self) -> Expr:
        return Mul((Number(Fraction(-1)), self))

    def __pos__(self) -> Expr:
        return self

    def __mul__(self, other: object) -> Expr:
        return Mul((self, self._beside(other)))

    def __rmul__(self, other: object) -> Expr:
        return Mul((self._beside(other), self))

    def __truediv__(self, other: object) -> Expr:
        divisor = self._beside(other)
        if isinstance(divisor, Number) and divisor.value == 0:
            raise DeclarationError(f"found a division of {self} by 0; expected a divisor that is not zero")
        return Mul((self, Power(divisor, Number(Fraction(-1)))))

    def __rtruediv__(self, other: object) -> Expr:
        return Mul((self._beside(other), Power(self, Number(Fraction(-1)))))

    def __pow__(self, other: object) -> Expr:
        return Power(self, self._beside(other))

    def __rpow__(self, other: object) -> Expr:
        return Power(self._beside(other), self)

    def __matmul__(self, other: object) -> Expr:
        return matmul(self, self._beside(other))

    @property
    def T(self) -> Expr:
        """The transpose of an expression with two open indices."""
        if len(self.open) != 2:
            raise DeclarationError(f"{self}.T: expected two open indices, found {_sizes(self.open)}")
        i, j = (fresh(x) for x in self.open)
        return Array(materialise(materialise(self, i), j), (j, i), f"{self}.T")

    def __abs__(self) -> Expr:
        return Apply("abs", (self,))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: object, **options: object) -> Expr:
        """What NumPy asks where one of its numbers, arrays or functions meets an expression.

        Raises:
            DeclarationError: for an array, and for a function, which has no number to work on.
        """
        operation = _OPERATIONS.get(ufunc.__name__)
        if operation is None or method != "__call__":
            raise DeclarationError(
                f"numpy.{ufunc.__name__} cannot be taken of {self}, which is declared and has no value yet; use the "
                "functions of cavi.derive, such as exp, log, sqrt, sigmoid and dot"
            )
        made: Expr = operation(*map(as_expr, inputs))
        return made

    def __bool__(self) -> bool:
        raise DeclarationError(f"{self} has no truth value: a model is declared, not computed")

    def __iter__(self) -> Iterator[Expr]:
        raise DeclarationError(f"{self} cannot be iterated over: use Sum(expression, index) to contract an index")


# The operators of expressions under the names that they have in NumPy, whose numbers ask by these names.
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "float_power": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "absolute": abs,
    "matmul": operator.matmul,
}


@dataclass(frozen=True, eq=False)
class Number(Expr):
    """A rational number."""

    value: Fraction

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, eq=False)
class NamedConstant(Expr):
    """The number pi."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class SizeOf(Expr):
    """The number of elements of a plate, as a value in an expression."""

    size: str

    def __str__(self) -> str:
        return self.size


@dataclass(frozen=True)
class Selector:
    """A latent category used as a subscript: the ``z[n]`` of ``mu[z[n]]``."""

    name: str
    subs: tuple[AnySub, ...]
    size: str

    def __repr__(self) -> str:
        return f"{self.name}[{', '.join(map(repr, self.subs))}]"


AnySub = Sub | Selector


def subscript_indices(sub: AnySub) -> Iterator[Index]:
    """Every running index inside a subscript, selectors included."""
    if isinstance(sub, Selector):
        for s in sub.subs:
            yield from subscript_indices(s)
    elif isinstance(sub, Gather):
        for s in sub.subs:
            yield from subscript_indices(s)
    elif isinstance(sub, Shift):
        yield from subscript_indices(sub.base)
    else:
        yield from indices_of(sub)


@dataclass(frozen=True, eq=False)
class Formal(Expr):
    """A SymPy symbol: fine in a distribution that stands alone, but a model refuses it."""

    symbol: sympy.Symbol

    def formals(self) -> Iterator[Formal]:
        """The symbol itself."""
        yield self

    def __str__(self) -> str:
        return str(self.symbol)


@dataclass(frozen=True, eq=False)
class Ref(Expr):
    """A declared variable, with as many subscripts as have been given."""

    variable: Variable
    subs: tuple[AnySub, ...] = ()

    @property
    def name(self) -> str:
        """The name of the variable."""
        return self.variable.name

    @property
    def open(self) -> tuple[Index, ...]:
        """The declared indices that have no subscript yet."""
        return self.variable.indices[len(self.subs) :]

    def free(self) -> set[Index]:
        """The running indices that occur and are not summed."""
        return {i for s in self.subs for i in subscript_indices(s)}

    def refs(self) -> Iterator[Ref]:
        """The reference itself."""
        yield self

    def __getitem__(self, keys: object) -> Ref:
        keys = keys if isinstance(keys, tuple) else (keys,)
        subs = self.subs
        for key in keys:
            if len(subs) >= len(self.variable.indices):
                declared = ", ".join(i.name for i in self.variable.indices) or "no index"
                raise DeclarationError(
                    f"{self}[{', '.join(map(_show, keys))}]: too many subscripts; "
                    f"{self.name} is declared over {declared}"
                )
            subs = (*subs, self._subscript(key, self.variable.indices[len(subs)]))
        return Ref(self.variable, subs)

    def split(self, *indices: Index) -> Split:
        """For ``factors=``: this latent as a block of its own whose factor is a product over these axes too.

        Raises:
            DeclarationError: when an index is not an axis of the variable.
        """
        for i in indices:
            if i not in self.variable.indices:
                known = ", ".join(a.name for a in self.variable.indices) or "none"
                raise DeclarationError(f"{self.name}.split({i}): expected an axis of {self.name} ({known})")
        return Split(self.name, indices)

    def _subscript(self, key: object, axis: Index) -> AnySub:
        sub = _as_subscript(key, axis.size, str(self))
        if sub.size != axis.size:
            raise DeclarationError(
                f"{self}[{_show(key)}]: {_show(key)} runs over {sub.size}, but this axis of {self.name} "
                f"({axis.name}) runs over {axis.size}; use an index, a category or an observed index over "
                f"{axis.size}"
            )
        return sub

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(map(_show, self.subs))}]" if self.subs else self.name


@dataclass(frozen=True)
class Split:
    """A latent whose factor is a product over the given axes, even where they are coupled."""

    name: str
    indices: tuple[Index, ...]


def _show(sub: object) -> str:
    match sub:
        case Index():
            return sub.name.partition(".")[0]
        case Shift():
            return f"{_show(sub.base)}{sub.offset:+d}"
        case Gather() | Selector():
            return f"{sub.name}[{', '.join(map(_show, sub.subs))}]"
        case Literal():
            return str(sub.value)
        case _:
            return str(sub)


def _sizes(indices: tuple[Index, ...]) -> str:
    return "(" + ", ".join(i.size for i in indices) + ")"


def _as_subscript(key: object, size: str, where: str) -> AnySub:
    if isinstance(key, Index | Shift):
        return key
    if isinstance(key, bool) or (isinstance(key, numbers.Integral) and int(key) < 0):
        raise DeclarationError(f"{where}[{key}]: expected an index or a position from 0 upward")
    if isinstance(key, numbers.Integral):
        if size.isdigit() and int(key) >= int(size):
            raise DeclarationError(f"{where}[{key}]: position {key} is outside 0 … {int(size) - 1}")
        return Literal(int(key), size)
    if isinstance(key, Ref):
        variable = key.variable
        if key.open:
            raise DeclarationError(
                f"{where}[{key}]: {key} still has open indices {_sizes(key.open)}; "
                f"give them, for example {key.name}[{', '.join(i.name for i in variable.indices)}]"
            )
        over = variable.over
        if over is None:
            raise DeclarationError(
                f"{where}[{key}]: {key.name} is not a category; only an index, a position, a Categorical or "
                "Bernoulli variable, or an m.observed_index can select"
            )
        if variable.role == "latent" or variable.role == "point":
            return Selector(key.name, key.subs, over.size)
        # A category inside is eliminated before the gather is read.
        return Gather(key.name, key.subs, over.size)  # type: ignore[arg-type]
    raise DeclarationError(
        f"{where}[{key!r}]: expected an index, a category or an observed index, found {type(key).__name__}"
    )


@dataclass(frozen=True, eq=False)
class Add(Expr):
    """A sum of expressions."""

    terms: tuple[Expr, ...]

    def __post_init__(self) -> None:
        _ = self.open  # the sizes are checked when the node is built

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return self.terms

    def __str__(self) -> str:
        text = str(self.terms[0])
        for term in map(str, self.terms[1:]):
            text += f" - {term[1:]}" if term.startswith("-") else f" + {term}"
        return text


@dataclass(frozen=True, eq=False)
class Mul(Expr):
    """A product of expressions."""

    factors: tuple[Expr, ...]

    def __post_init__(self) -> None:
        _ = self.open

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return self.factors

    def __str__(self) -> str:
        match self.factors:
            case (Number(value=one), Power(base=base, exponent=Number(value=minus))) if one == -minus == 1:
                inside = inside_sigmoid(base)
                return f"1/{_factor(base)}" if inside is None else f"sigmoid({inside})"
            case (Number(value=minus), other) if minus == -1 and not isinstance(other, Number):
                return f"-{_factor(other)}"
        text = f"({self.factors[0]})" if isinstance(self.factors[0], Add) else str(self.factors[0])
        for factor in self.factors[1:]:
            match factor:
                case Power(base=base, exponent=Number(value=minus)) if minus == -1:
                    text += f"/{_factor(base)}"
                case _:
                    text += f"*{_factor(factor)}"
        return text


@dataclass(frozen=True, eq=False)
class Power(Expr):
    """A power; the exponent is an expression of numbers and hyperparameters."""

    base: Expr
    exponent: Expr

    def __post_init__(self) -> None:
        if self.exponent.open:
            raise DeclarationError(f"{self}: the exponent has open indices {_sizes(self.exponent.open)}")

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return (self.base, self.exponent)

    def __str__(self) -> str:
        if isinstance(self.exponent, Number) and self.exponent.value == Fraction(1, 2):
            return f"sqrt({self.base})"
        base, exponent = (f"({e})" if isinstance(e, Add | Mul | Power) else _factor(e) for e in self.children)
        return f"{base}**{exponent}"


def _factor(expr: Expr) -> str:
    """A factor after the first, in brackets where it would read otherwise without."""
    text = str(expr)
    weak = isinstance(expr, Add) or text.startswith("-") or (isinstance(expr, Mul | Number) and "/" in text)
    return f"({text})" if weak else text


def inside_sigmoid(below: Expr) -> Expr | None:
    """The x of 1 + exp(-x), as `sigmoid` writes it."""
    match below:
        case Add(terms=(Number(value=one), Apply(name="exp", args=(Mul(factors=(Number(value=minus), inside)),)))):
            return inside if one == -minus == 1 else None
    return None


@dataclass(frozen=True, eq=False)
class Apply(Expr):
    """A named function applied by elements."""

    name: str
    args: tuple[Expr, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return self.args

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})"


@dataclass(frozen=True, eq=False)
class SumOver(Expr):
    """A sum over the whole of one index."""

    index: Index
    body: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return (self.body,)

    def free(self) -> set[Index]:
        """The running indices that occur and are not summed."""
        return self.body.free() - {self.index}

    def __str__(self) -> str:
        return f"Sum({self.body}, {_show(self.index)})"


@dataclass(frozen=True, eq=False)
class Array(Expr):
    """An array given by its element: ``body`` at the placeholders ``axes``, which are its open indices."""

    body: Expr
    axes: tuple[Index, ...]
    label: str

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return (self.body,)

    @property
    def open(self) -> tuple[Index, ...]:
        """The placeholders."""
        return self.axes

    def free(self) -> set[Index]:
        """The running indices that occur and are not placeholders."""
        return self.body.free() - set(self.axes)

    def __getitem__(self, keys: object) -> Expr:
        result: Expr = self
        for key in keys if isinstance(keys, tuple) else (keys,):
            if not result.open:
                raise DeclarationError(f"{self.label}: too many subscripts; it has {len(self.axes)} open indices")
            result = materialise(result, _as_subscript(key, result.open[0].size, self.label))
        return result

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True, eq=False)
class Condition(Expr):
    """One where a condition on positions holds, else zero: ``same`` (i = j), ``before`` (i < j), ``link`` (1 < i)."""

    name: str
    subs: tuple[AnySub, ...]

    def free(self) -> set[Index]:
        """The running indices that occur."""
        return {i for s in self.subs for i in subscript_indices(s)}

    def __str__(self) -> str:
        shown = [_show(s) for s in self.subs]
        return (
            f"[1 < {shown[0]}]"
            if self.name == "link"
            else f"[{shown[0]} {'=' if self.name == 'same' else '<'} {shown[1]}]"
        )


@dataclass(frozen=True, eq=False)
class Takes(Expr):
    """One where a latent category takes a value, ``[z[n] = k]``, else zero."""

    name: str
    subs: tuple[AnySub, ...]
    value: AnySub

    def free(self) -> set[Index]:
        """The running indices that occur."""
        return {i for s in (*self.subs, self.value) for i in subscript_indices(s)}

    def __str__(self) -> str:
        return f"[{self.name}[{', '.join(map(_show, self.subs))}] = {_show(self.value)}]"


@dataclass(frozen=True, eq=False)
class InverseOf(Expr):
    """An element of the inverse of a matrix given by its element at `row` and `column`."""

    body: Expr
    row: Index
    column: Index
    subs: tuple[AnySub, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return (self.body,)

    def free(self) -> set[Index]:
        """The running indices that occur and are not bound."""
        inside = self.body.free() - {self.row, self.column}
        return inside | {i for s in self.subs for i in subscript_indices(s)}

    def __str__(self) -> str:
        return f"inverse({self.body})"


@dataclass(frozen=True, eq=False)
class Probabilities(Expr):
    """A probability by construction: the elements of `body` over its index add up to one; `parts` lie in (0, 1)."""

    body: Expr
    part: Expr
    label: str

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return (self.body,)

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True, eq=False)
class Softmax(Probabilities):
    """exp(a_k) / Σ_j exp(a_j): `part` is a at the placeholder `axis`, `sub` the element that is taken."""

    axis: Index
    sub: AnySub


@dataclass(frozen=True, eq=False)
class Ordered(Probabilities):
    """The shares of the line between ordered cutpoints under a logistic density; `part` is the width of a category.

    `axis` and `sub` as for `Softmax`; the density is centred at `location`, and the lowest cutpoint is `first`.
    """

    axis: Index
    sub: AnySub
    location: Expr
    first: Expr


LARGEST = 10**300  # what floating-point numbers can hold


def fresh(index: Index) -> Index:
    """A placeholder over the set of an index."""
    return Index(f"{index.name.partition('.')[0]}.{next(_anonymous)}", index.size)


def matmul(left: Expr, right: Expr) -> Expr:
    """Contract the last open index of the left side with the first one of the right side.

    Raises:
        DeclarationError: when a side has no open index or their sizes differ.
    """
    if not left.open or not right.open:
        side = right if left.open else left
        raise DeclarationError(
            f"{left} @ {right}: {side} has no open index to contract; leave out the last subscripts of a variable"
        )
    if left.open[-1].size != right.open[0].size:
        raise DeclarationError(
            f"{left} @ {right}: the sizes differ: {left.open[-1].size} and {right.open[0].size}; "
            "both sides must run over one set there (.T transposes)"
        )
    rows, inner = [fresh(i) for i in left.open[:-1]], fresh(left.open[-1])
    columns = [fresh(i) for i in right.open[1:]]
    for i in (*rows, inner):
        left = materialise(left, i)
    for i in (inner, *columns):
        right = materialise(right, i)
    body = SumOver(inner, Mul((left, right)))
    axes = (*rows, *columns)
    return Array(body, axes, f"{left} @ {right}") if axes else body


def not_a_number(value: object) -> str | None:
    """How to name a value that looks like a number and is none: a truth value, NaN, infinite, or beyond the floats."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    if isinstance(value, int | Fraction) and abs(Fraction(value)) >= LARGEST:
        return "a number of more than 300 digits"
    return None


def as_expr(value: object) -> Expr:
    """Any number, SymPy number or expression as an `Expr`.

    Raises:
        DeclarationError: for SymPy functions, arrays, text, NaN and infinities.
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, bool):
        raise DeclarationError(f"found the truth value {value} where a number or an expression was expected")
    if isinstance(value, int | Fraction):
        if (found := not_a_number(value)) is not None:
            raise DeclarationError(f"found {found} in the model; no computation could hold it")
        return Number(Fraction(value))
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return as_expr(value.item())
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DeclarationError(f"found the number {value} in the model; expected a finite number")
        return Number(Fraction(repr(value)))
    if isinstance(value, sympy.Basic):
        return _from_sympy(value)
    if isinstance(value, Order):
        return Condition("before", (value.left, value.right))
    if isinstance(value, Index):
        raise DeclarationError(
            f"index {value.name} cannot be used as a number; use it between brackets, or size({value.name})"
        )
    raise DeclarationError(
        f"found {type(value).__name__} {str(value)[:60]!r} in an expression; expected a number or something that was "
        "declared on the model (for an array of known values declare m.hyper(name, index) or "
        "m.covariate(name, index) and pass the values when fitting)"
    )


def _from_sympy(value: sympy.Basic) -> Expr:
    match value:
        case sympy.Rational():
            return Number(Fraction(int(value.p), int(value.q)))
        case sympy.Float():
            return as_expr(float(value))
        case _ if value == sympy.pi:
            return NamedConstant("pi")
        case sympy.Symbol():
            return Formal(value)
        case sympy.Add():
            return Add(tuple(map(_from_sympy, value.args)))
        case sympy.Mul():
            return Mul(tuple(map(_from_sympy, value.args)))
        case sympy.Pow():
            return Power(_from_sympy(value.args[0]), _from_sympy(value.args[1]))
        case sympy.log() | sympy.exp():
            return Apply(type(value).__name__, tuple(map(_from_sympy, value.args)))
    raise DeclarationError(
        f"found the SymPy object {value} in an expression; expected a number or something declared on the model: "
        f"declare it with m.hyper({str(value)[:40]!r})"
    )


def materialise(expr: Expr, sub: AnySub) -> Expr:
    """The expression with its first open index given."""
    if not expr.open:
        return expr
    match expr:
        case Ref():
            return Ref(expr.variable, (*expr.subs, sub))
        case Add():
            return Add(tuple(materialise(t, sub) for t in expr.terms))
        case Mul():
            return Mul(tuple(materialise(f, sub) for f in expr.factors))
        case Power():
            return Power(materialise(expr.base, sub), expr.exponent)
        case Apply():
            return Apply(expr.name, tuple(materialise(a, sub) for a in expr.args))
        case SumOver():
            return SumOver(expr.index, materialise(expr.body, sub))
        case Array(axes=(first, *rest)):
            body = map_subs(expr.body, lambda s: replace_running(s, first, sub))
            return Array(body, tuple(rest), f"{expr.label}[{_show(sub)}]") if rest else body
        case Softmax() | Ordered():
            return replace(expr, body=materialise(expr.body, sub), sub=sub)
        case Probabilities():
            return replace(expr, body=materialise(expr.body, sub))
    return expr


def selects(expr: Expr) -> bool:
    """Whether a latent category selects anywhere in an expression."""
    return any(isinstance(s, Selector) for r in expr.refs() for s in r.subs)


def map_children(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with its parts changed; a leaf as it is."""
    match expr:
        case Add():
            return Add(tuple(map(change, expr.terms)))
        case Mul():
            return Mul(tuple(map(change, expr.factors)))
        case Power():
            return Power(change(expr.base), change(expr.exponent))
        case Apply():
            return Apply(expr.name, tuple(map(change, expr.args)))
        case SumOver():
            return SumOver(expr.index, change(expr.body))
        case Array():
            return Array(change(expr.body), expr.axes, expr.label)
        case InverseOf():
            return InverseOf(change(expr.body), expr.row, expr.column, expr.subs)
        case Ordered():
            body, part, location, first = map(change, (expr.body, expr.part, expr.location, expr.first))
            return replace(expr, body=body, part=part, location=location, first=first)
        case Probabilities():
            return replace(expr, body=change(expr.body), part=change(expr.part))
    return expr


def map_subs(expr: Expr, change: Callable[[AnySub], AnySub]) -> Expr:
    """The expression with every subscript changed."""
    match expr:
        case Ref():
            return Ref(expr.variable, tuple(map(change, expr.subs)))
        case Condition():
            return Condition(expr.name, tuple(map(change, expr.subs)))
        case Takes():
            return Takes(expr.name, tuple(map(change, expr.subs)), change(expr.value))
        case InverseOf():
            body = map_subs(expr.body, change)
            return InverseOf(body, expr.row, expr.column, tuple(map(change, expr.subs)))
        case Softmax():
            body, part = (map_subs(e, change) for e in (expr.body, expr.part))
            return replace(expr, body=body, part=part, sub=change(expr.sub))
        case Ordered():
            body, part, location, first = (
                map_subs(e, change) for e in (expr.body, expr.part, expr.location, expr.first)
            )
            return replace(expr, body=body, part=part, sub=change(expr.sub), location=location, first=first)
    return map_children(expr, lambda e: map_subs(e, change))


def map_refs(expr: Expr, change: Callable[[Ref], Expr]) -> Expr:
    """The expression with every reference changed; subscripts stay."""
    return change(expr) if isinstance(expr, Ref) else map_children(expr, lambda e: map_refs(e, change))


def replace_running(sub: AnySub, old: Index, new: AnySub) -> AnySub:
    """The subscript with one running index replaced, selectors included."""
    if sub == old:
        return new
    if isinstance(sub, Selector):
        return Selector(sub.name, tuple(replace_running(s, old, new) for s in sub.subs), sub.size)
    if isinstance(sub, Gather):
        subs: Any = tuple(replace_running(s, old, new) for s in sub.subs)
        return Gather(sub.name, subs, sub.size)
    if isinstance(sub, Shift):
        base = replace_running(sub.base, old, new)
        return shifted(base, sub.offset) if not isinstance(base, Selector) else _no_shift(base)
    return sub


def _no_shift(sub: Selector) -> NoReturn:
    raise DeclarationError(f"{sub}: a category has no neighbour; only an index has")
