"""Declared expressions as JAX arrays.

An expression is written in a context of axes, the plates and event axes around it: its array broadcasts against
them from the right. ``mu[z[n], d]`` in the context (n, d) is ``mu[z]``, and ``a[n]`` is ``a[..., None]``; nothing is
looped over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    subscript_indices,
)
from cavi.derive.index import Gather, Index, Literal, Shift
from cavi.derive.model import Chain
from cavi.templates.infix import MINUS, POWER, PRODUCT, SIGN, SUM, WHOLE, bracketed, product_of, sum_of

Context = tuple[Index, ...]
_HALF = Fraction(1, 2)
_TAKEN = frozenset("jax jnp numpyro dist model scan key".split())


def python_name(name: str) -> str:
    """The name of a declared variable in the program."""
    return f"{name}_" if name in _TAKEN else name


@dataclass(frozen=True, eq=False)
class Choice(Expr):
    """One expression where a sequence of a chain begins, and another at the elements after it."""

    first: Expr
    other: Expr
    chain: Chain

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return self.first, self.other

    def free(self) -> set[Index]:
        """The running indices that occur, with those of where sequences begin."""
        starts = set() if self.chain.starts is None else self.chain.starts.free()
        return {self.chain.index, *starts, *self.first.free(), *self.other.free()}

    def __str__(self) -> str:
        return f"{self.first} first, then {self.other}"


@dataclass(frozen=True)
class Arrays:
    """Writes expressions.

    Attributes:
        running: indices that are one position at a time, by the name of the position.
        carried: a chain in its loop -> the subscript of the element at hand, and the name of that element.
    """

    running: Mapping[Index, str] = field(default_factory=dict)
    carried: Mapping[str, tuple[AnySub, str]] = field(default_factory=dict)

    def write(self, expr: Expr, context: Context, least: int = SUM) -> str:
        """The array of an expression, in brackets where it binds less than `least`."""
        return bracketed(self._written(expr, context), least)

    def begins(self, chain: Chain, context: Context) -> str:
        """Where a sequence of a chain begins."""
        here = f"{self.position(chain.index, context)} == 0"
        if chain.starts is None:
            return here
        return f"({here}) | ({self.write(chain.starts, context, WHOLE)} == 1)"

    def full(self, expr: Expr, context: Context, last: int = 1) -> str:
        """The same, at full length along the last axes."""
        missing = [i for i in context[-last:] if i not in expr.free()]
        if not missing:
            return self.write(expr, context)
        size = extent(missing[0]) if len(missing) == 1 else shape(missing)
        if isinstance(expr, Number) and len(missing) == last:
            made = {0: f"jnp.zeros({size})", 1: f"jnp.ones({size})"}
            return made.get(expr.value, f"jnp.full({size}, {float(expr.value)})")  # type: ignore[call-overload, no-any-return]
        ones = f"jnp.ones({size})"
        return f"{self.write(expr, context, PRODUCT)} * {self.pad(ones, tuple(missing), context)}"

    def pad(self, text: str, axes: Context, context: Context) -> str:
        """An array of some axes, aligned with those of its context."""
        order = tuple(i for i in context if i in axes)
        if order != axes:
            text = f"{text}.T" if len(axes) == 2 else f"jnp.transpose({text}, {tuple(axes.index(i) for i in order)})"
        if not axes:
            return text
        marks = [":" if i in axes else "None" for i in context[context.index(order[0]) :]]
        if "None" not in marks:
            return text
        return f"{text}[..., {', '.join(marks[marks.index('None') :])}]"

    def subscripted(self, text: str, subs: tuple[AnySub, ...], context: Context) -> str:
        """The elements of an array that subscripts select."""
        plain = [isinstance(s, Index) and s in context and subs.count(s) == 1 for s in subs]
        if all(plain):
            return self.pad(text, tuple(s for s in subs if isinstance(s, Index)), context)
        fancy = [not p and not isinstance(s, Literal) for s, p in zip(subs, plain, strict=True)]
        if any(fancy):  # positions beside computed ones are computed, too, and all of them stand side by side
            fancy = [f or isinstance(s, Literal) for s, f in zip(subs, fancy, strict=True)]
            while True:
                used = {i for s, f in zip(subs, fancy, strict=True) if f for i in subscript_indices(s)}
                first, last = fancy.index(True), len(fancy) - 1 - fancy[::-1].index(True)
                more = [
                    f or s in used or first <= at <= last for at, (s, f) in enumerate(zip(subs, fancy, strict=True))
                ]
                if more == fancy:
                    break
                fancy = more
            inner = tuple(i for i in context if i in used)
        else:
            inner = ()
        axes: list[Index] = []
        keys: list[str] = []
        for sub, computed in zip(subs, fancy, strict=True):
            if computed:
                if not any(k != ":" for k in keys):
                    axes += inner
                keys.append(self.position(sub, inner))
            elif isinstance(sub, Index):
                axes.append(sub)
                keys.append(":")
            else:
                keys.append(self.position(sub, ()))
        while keys[-1] == ":":
            keys.pop()
        return self.pad(f"{text}[{', '.join(keys)}]", tuple(axes), context)

    def position(self, sub: AnySub, context: Context) -> str:
        """The positions that a subscript points at."""
        match sub:
            case Literal():
                return str(sub.value)
            case Index() if sub in self.running:
                return self.running[sub]
            case Index():
                return self.pad(f"jnp.arange({extent(sub)})", (sub,), context)
            case Shift():
                return f"{self.position(sub.base, context)} {'-' if sub.offset < 0 else '+'} {abs(sub.offset)}"
            case Gather() | Selector():
                return self.named(sub.name, sub.subs, context)

    def named(self, name: str, subs: tuple[AnySub, ...], context: Context) -> str:
        """A variable with its subscripts."""
        if name in self.carried:
            there, element = self.carried[name]
            others = tuple(s for s in subs if s != there)
            return self.subscripted(element, others, context) if others else element
        return self.subscripted(python_name(name), subs, context) if subs else python_name(name)

    def _written(self, expr: Expr, context: Context) -> tuple[int, str]:
        match expr:
            case Number(value=value):
                return _number(value)
            case NamedConstant():
                return WHOLE, "jnp.pi"
            case SizeOf():
                return WHOLE, expr.size
            case Ref():
                return WHOLE, self.named(expr.name, expr.subs, context)
            case Add(terms=terms):
                return SUM, sum_of(terms, lambda e, least: self.write(e, context, least))
            case Mul(factors=factors):
                return self._product(factors, context)
            case Power(base=base, exponent=Number(value=value)) if value == _HALF:
                return WHOLE, f"jnp.sqrt({self.write(base, context)})"
            case Power(base=base, exponent=Number(value=value)) if value == MINUS:
                return PRODUCT, f"1 / {self.write(base, context, SIGN)}"
            case Power():
                return POWER, f"{self.write(expr.base, context, WHOLE)} ** {self.write(expr.exponent, context, WHOLE)}"
            case Apply(name="probit", args=(inside,)):
                return WHOLE, f"jax.scipy.special.ndtr({self.write(inside, context)})"
            case Apply():
                return WHOLE, f"jnp.{expr.name}({', '.join(self.write(a, context) for a in expr.args)})"
            case SumOver():
                return self._sum_over(expr, context)
            case Condition(name="same", subs=(Index() as i, Index() as j)) if i in context and j in context and i != j:
                return WHOLE, self.pad(f"jnp.eye({extent(i)})", (i, j), context)
            case Condition():
                return WHOLE, f"({self._condition(expr, context)})"
            case InverseOf():
                return WHOLE, self._inverse(expr, context)
            case Probabilities():
                return self._written(expr.body, context)
            case Choice():
                branches = f"{self.write(expr.first, context)}, {self.write(expr.other, context)}"
                return WHOLE, f"jnp.where({self.begins(expr.chain, context)}, {branches})"
        raise CaviError(f"NumPyro: there is no notation for {expr} ({type(expr).__name__})")

    def _product(self, factors: tuple[Expr, ...], context: Context) -> tuple[int, str]:
        match factors:
            case (Number(value=value), other) if value == MINUS:
                return SIGN, f"-{self.write(other, context, SIGN)}"
            case (Number(value=value), *rest) if value == 1 and rest:
                return self._written(rest[0] if len(rest) == 1 else Mul(tuple(rest)), context)
        return PRODUCT, product_of(factors, lambda e, least: self.write(e, context, least))

    def _sum_over(self, expr: SumOver, context: Context) -> tuple[int, str]:
        index, body = expr.index, expr.body
        inner = (*context, index)
        if index not in body.free():
            return PRODUCT, f"{extent(index)} * {self.write(body, context, SIGN)}"
        match body:
            case Mul(factors=(left, right)):
                for matrix, vector in ((left, right), (right, left)):
                    # A vector of this axis alone: a matrix product.
                    if vector.free() & set(inner) == {index} and index in matrix.free():
                        sides = self.write(matrix, inner, PRODUCT), self.write(vector, (index,), SIGN)
                        return PRODUCT, f"{sides[0]} @ {sides[1]}"
        return WHOLE, f"jnp.sum({self.write(body, inner)}, -1)"

    def _condition(self, expr: Condition, context: Context) -> str:
        places = [self.position(s, context) for s in expr.subs]
        if expr.name == "link":
            sub = expr.subs[0]
            return f"({places[0]} > 0) & ({places[0]} < {number_of(sub.size)})"
        return f"{places[0]} {'==' if expr.name == 'same' else '<'} {places[1]}"

    def _inverse(self, expr: InverseOf, context: Context) -> str:
        batch = tuple(i for i in context if i in expr.body.free())
        matrix = self.write(expr.body, (*batch, expr.row, expr.column))
        return self.subscripted(f"jnp.linalg.inv({matrix})", (*batch, *expr.subs), context)


def number_of(size: str) -> str:
    """A size in the program."""
    return size


def extent(index: Index) -> str:
    """The number of elements along an axis."""
    return number_of(index.size)


def shape(axes: Context | list[Index]) -> str:
    """The shape of an array of these axes."""
    return f"({', '.join(map(extent, axes))}{',' if len(axes) == 1 else ''})"


def _number(value: Fraction) -> tuple[int, str]:
    if value.denominator == 1:
        return (SIGN if value < 0 else WHOLE), str(value)
    if Fraction(repr(float(value))) == value:
        return (SIGN if value < 0 else WHOLE), repr(float(value))
    return PRODUCT, f"{value.numerator} / {value.denominator}"
