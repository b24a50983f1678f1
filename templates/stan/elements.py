"""Declared expressions as Stan numbers, at the positions that loops stand at.

Stan has no sums inside expressions: what needs statements first (sums, vectors, matrices) adds them to `before`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction

from cavi.derive.errors import CaviError
from cavi.derive.expression import (
    Add,
    AnySub,
    Apply,
    Condition,
    Expr,
    InverseOf,
    Mul,
    NamedConstant,
    Number,
    Power,
    Probabilities,
    Ref,
    Selector,
    SizeOf,
    SumOver,
)
from cavi.derive.index import Gather, Index, Literal, Shift
from cavi.derive.model import Model, Variable
from cavi.templates.infix import POWER, PRODUCT, SIGN, SUM, WHOLE, bracketed, product_of, sum_of

PI, LOG_2PI = "3.141592653589793", "1.8378770664093453"
_FUNCTIONS = {"abs": "abs", "log": "log", "exp": "exp", "cos": "cos", "sin": "sin", "probit": "Phi"}
_KEYWORDS = (
    "for in while repeat until if then else true false target int real complex vector row_vector matrix ordered "
    "simplex unit_vector array void data parameters model functions return lower upper offset multiplier print reject "
    "profile tuple jacobian abs log exp sqrt cos sin Phi inv inv_sqrt pow log_sum_exp log1m to_vector rep_vector trace "
    "inverse_spd identity_matrix diag_matrix log_determinant_spd rows cols break continue typedef struct var "
    "export extern static auto"
).split()


@dataclass
class Names:
    """Names in the program: declared ones as they are where Stan allows, and new ones."""

    model: Model
    used: set[str] = field(default_factory=set)

    def declared(self, name: str) -> str:
        """The name of a variable or size."""
        return f"{name}_" if name in _KEYWORDS or name.endswith("__") else name

    def new(self, base: str) -> str:
        """A name that nothing else has."""
        m = self.model
        taken = {v.name for v in m.variables} | set(m.sizes) | {i.name for i in m.indices} | self.used | set(_KEYWORDS)
        number = 1
        while f"{base}_{number}" in taken:
            number += 1
        self.used.add(f"{base}_{number}")
        return f"{base}_{number}"


@dataclass(frozen=True)
class Elements:
    """Writes expressions at a place of the program.

    Attributes:
        names: the names of the program.
        at: running index -> the loop variable that holds its position, counted from one.
        categories: a latent that is summed out -> the loop variable of its category.
        previous: a chain that is summed out -> the loop variable of the category before.
        before: the statements that must stand before the expression.
        ahead: those that need to be made only once, before every loop.
    """

    names: Names
    at: Mapping[Index, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    previous: Mapping[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)

    def inside(self, **changes: object) -> Elements:
        """The same at an inner place, with statements of its own."""
        return replace(self, before=[], **changes)  # type: ignore[arg-type]

    @contextmanager
    def outside(self, *exprs: Expr) -> Iterator[Elements]:
        """The place for statements about expressions: before every loop where they depend on none of them."""
        summed = {*self.categories, *self.previous}
        if any(e.free() & set(self.at) or any(r.name in summed for r in e.refs()) for e in exprs):
            yield self
        else:
            outer = self.inside(at={}, categories={}, previous={})
            yield outer
            self.ahead.extend(outer.before)

    def loop(self, *indices: Index) -> tuple[dict[Index, str], list[str]]:
        """Loop variables for indices, and the heads of their loops."""
        at, heads = dict(self.at), []
        for index in indices:
            name = index.name.partition(".")[0].rstrip("'_")
            if name in at.values() or name in self.names.used or index.name != name or name in _KEYWORDS:
                name = self.names.new(name)
            at[index] = name
            heads.append(f"for ({name} in 1:{self.size(index)})")
        return at, heads

    def size(self, index: Index) -> str:
        """The number of elements that an index runs over."""
        return index.size if index.size.isdigit() else self.names.declared(index.size)

    def write(self, expr: Expr, least: int = SUM) -> str:
        """The number, in brackets where it binds less than `least`."""
        return bracketed(self._written(expr), least)

    def position(self, sub: AnySub) -> str:
        """The position, counted from one, that a subscript points at."""
        match sub:
            case Index():
                return self.at[sub]
            case Literal():
                return str(sub.value + 1)
            case Shift():
                return f"{self.position(sub.base)} {'-' if sub.offset < 0 else '+'} {abs(sub.offset)}"
            case Selector() if (category := self.category(sub.name)) is not None:
                return category
            case Gather() | Selector():
                return f"{self.element(sub.name, sub.subs)} + 1"

    def category(self, name: str) -> str | None:
        """The loop variable of the category that a latent has where an expression mentions it."""
        return self.previous.get(name) or self.categories.get(name)

    def element(self, name: str, subs: tuple[AnySub, ...]) -> str:
        """A variable at its subscripts."""
        where = f"[{', '.join(map(self.position, subs))}]" if subs else ""
        return self.names.declared(name) + where

    def _written(self, expr: Expr) -> tuple[int, str]:
        match expr:
            case Number(value=value):
                return _number(value)
            case NamedConstant():
                return WHOLE, PI
            case SizeOf():
                return WHOLE, self.names.declared(expr.size)
            case Ref() if (category := self.category(expr.name)) is not None:
                return SUM, f"{category} - 1"
            case Ref():
                return WHOLE, self.element(expr.name, expr.subs)
            case Add(terms=terms):
                return SUM, sum_of(terms, self.write)
            case Mul(factors=factors):
                return self._product(factors)
            case Power(base=base, exponent=Number(value=value)) if value == Fraction(1, 2):
                return WHOLE, f"sqrt({self.write(base)})"
            case Power(base=base, exponent=Number(value=value)) if value == -1:
                return WHOLE, f"inv({self.write(base)})"
            case Power():
                return POWER, f"{self.write(expr.base, WHOLE)} ^ {self.write(expr.exponent, WHOLE)}"
            case Apply(name=name) if name in _FUNCTIONS:
                return WHOLE, f"{_FUNCTIONS[name]}({', '.join(map(self.write, expr.args))})"
            case SumOver():
                return WHOLE, self._sum_over(expr)
            case Condition(name="link", subs=(sub,)):
                place, size = self.position(sub), Index("", sub.size)
                return WHOLE, f"({place} > 1 && {place} <= {self.size(size)})"
            case Condition(subs=(left, right)):
                sign = "==" if expr.name == "same" else "<"
                return WHOLE, f"({self.position(left)} {sign} {self.position(right)})"
            case InverseOf():
                matrix = self.matrix(expr.body, (expr.row, expr.column))
                return WHOLE, f"inverse_spd({matrix})[{', '.join(map(self.position, expr.subs))}]"
            case Probabilities():
                return self._written(expr.body)
        raise CaviError(f"Stan: there is no notation for {expr} ({type(expr).__name__})")

    def _product(self, factors: tuple[Expr, ...]) -> tuple[int, str]:
        match factors:
            case (Number(value=value), other) if value == -1:
                return SIGN, f"-{self.write(other, SIGN)}"
            case (Number(value=value), other) if value == 1:
                return self._written(other)
        return PRODUCT, product_of(factors, self.write, lambda position, base: not self.is_whole(base))

    def is_whole(self, expr: Expr) -> bool:
        """Whether Stan takes an expression for an integer, so that dividing by it might cut off."""
        match expr:
            case SizeOf():
                return True
            case Ref():
                return whole(self.names.model.variable(expr.name))
            case Add() | Mul():
                return all(map(self.is_whole, expr.children))
        return False

    def _sum_over(self, expr: SumOver) -> str:
        total = self.names.new("sum")
        at, heads = self.loop(expr.index)
        inner = self.inside(at=at)
        term = inner.write(expr.body)
        self.before.append(f"real {total} = 0;")
        self.before.extend(nested(heads, [*inner.before, f"{total} += {term};"]))
        return total

    def vector(self, expr: Expr, axis: Index) -> str:
        """A vector, by name where it is declared."""
        match expr:
            case Ref(subs=(*first, last)) if last == axis and axis not in Condition("", tuple(first)).free():
                stored = storage(self.names.model.variable(expr.name))
                if len(first) == len(expr.variable.indices) - 1 and stored != "matrix":
                    whole = self.element(expr.name, tuple(first))
                    return whole if stored == "vector" else f"to_vector({whole})"
            case Mul(factors=factors) if (split := self._scaled(factors, (axis,))) is not None:
                return f"{split[0]} * {self.vector(split[1], axis)}"
        if axis not in expr.free():
            return f"rep_vector({self.write(expr)}, {self.size(axis)})"
        return self._filled(expr, (axis,), f"vector[{self.size(axis)}]", "vector")

    def matrix(self, expr: Expr, axes: tuple[Index, Index]) -> str:
        """A matrix, by name where it is declared."""
        match expr:
            case Ref(name=name, subs=(*first, row, column)) if (row, column) == axes and (
                storage(self.names.model.variable(name)) == "matrix"
            ):
                return self.element(name, tuple(first))
            case Condition(name="same", subs=subs) if subs == axes:
                return f"identity_matrix({self.size(axes[0])})"
            case Mul(factors=(Condition(name="same", subs=subs), diagonal)) if subs == axes:
                if axes[0] in diagonal.free():
                    return f"diag_matrix({self.vector(diagonal, axes[0])})"
                return f"{self.write(diagonal, SIGN)} * identity_matrix({self.size(axes[0])})"
            case Mul(factors=factors) if (split := self._scaled(factors, axes)) is not None:
                return f"{split[0]} * {self.matrix(split[1], axes)}"
        return self._filled(expr, axes, f"matrix[{', '.join(map(self.size, axes))}]", "matrix")

    def _scaled(self, factors: tuple[Expr, ...], axes: tuple[Index, ...]) -> tuple[str, Expr] | None:
        """Numbers times the one factor that has the axes."""
        arrays = [f for f in factors if f.free() & set(axes)]
        numbers = [f for f in factors if not f.free() & set(axes)]
        if len(arrays) != 1 or not numbers:
            return None
        return " * ".join(self.write(n, SIGN) for n in numbers), arrays[0]

    def _filled(self, expr: Expr, axes: tuple[Index, ...], kind: str, base: str) -> str:
        name = self.names.new(base)
        at, heads = self.loop(*axes)
        inner = self.inside(at=at)
        value = inner.write(expr)
        where = ", ".join(at[a] for a in axes)
        self.before.append(f"{kind} {name};")
        self.before.extend(nested(heads, [*inner.before, f"{name}[{where}] = {value};"]))
        return name


def storage(v: Variable) -> str:
    """How the last axes of a variable are kept: as a vector, a matrix, or an array."""
    if v.symmetric or len(v.event) == 2:
        return "matrix"
    return "vector" if v.event and v.domain != "count" and v.role != "observed_index" and not whole(v) else "array"


def whole(v: Variable) -> bool:
    """Whether its values are whole numbers."""
    return v.over is not None or v.domain == "count"


def nested(heads: list[str], body: list[str]) -> list[str]:
    """Statements inside loops; one statement needs no braces."""
    for head in reversed(heads):
        body = [f"{head} {body[0]}"] if len(body) == 1 else [f"{head} {{", *indented(body), "}"]
    return body


def indented(lines: list[str]) -> Iterator[str]:
    """The lines of an inner block."""
    return (f"  {line}" for line in lines)


def _number(value: Fraction) -> tuple[int, str]:
    if Fraction(repr(float(value))) == value:
        return (SIGN if value < 0 else WHOLE), repr(float(value))
    return PRODUCT, f"{float(value.numerator)!r} / {float(value.denominator)!r}"
