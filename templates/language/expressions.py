"""Expression → text that reads back as the same expression."""

from __future__ import annotations

from collections.abc import Mapping
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
    Ordered,
    Power,
    Probabilities,
    Ref,
    Selector,
    SizeOf,
    Softmax,
    SumOver,
    inside_sigmoid,
)
from cavi.derive.index import Gather, Index, Literal, Shift, shifted
from cavi.templates.infix import MINUS, POWER, PRODUCT, SIGN, SUM, WHOLE, bracketed, product_of, sum_of

Names = Mapping[Index, str]
_HALF, _ONE = Fraction(1, 2), Fraction(1)


def base_name(index: Index) -> str:
    """The name that an index was declared by; a placeholder has a number after it."""
    return index.name.partition(".")[0]


class Writer:
    """Writes the expressions of one model.

    `names` of bound indices differ from their base names only where that would capture another index.
    """

    def __init__(self, declared: tuple[Index, ...]) -> None:
        self.declared = {i.name: i.size for i in declared}

    def expression(self, expr: Expr, names: Names, least: int = SUM) -> str:
        """The expression, in brackets where it binds less than `least`."""
        return bracketed(self._written(expr, names), least)

    def subscript(self, sub: AnySub, names: Names) -> str:
        """One subscript."""
        match sub:
            case Index():
                return names.get(sub) or base_name(sub)
            case Literal():
                return str(sub.value)
            case Shift():
                sign = "+" if sub.offset > 0 else "-"
                return f"{self.subscript(sub.base, names)}{sign}{abs(sub.offset)}"
            case Gather() | Selector():
                return sub.name + self.subscripts(sub.subs, names)

    def subscripts(self, subs: tuple[AnySub, ...], names: Names) -> str:
        """All subscripts in brackets."""
        return f"[{', '.join(self.subscript(s, names) for s in subs)}]" if subs else ""

    def _written(self, expr: Expr, names: Names) -> tuple[int, str]:
        match expr:
            case Number(value=value):
                return _number(value)
            case NamedConstant():
                return WHOLE, "π"
            case SizeOf():
                return WHOLE, expr.size
            case Ref():
                return WHOLE, expr.name + self.subscripts(expr.subs, names)
            case Add(terms=terms):
                return SUM, sum_of(terms, lambda e, least: self.expression(e, names, least))
            case Mul(factors=factors):
                return self._product(expr, factors, names)
            case Power(base=base, exponent=Number(value=value)) if value == _HALF:
                return WHOLE, f"sqrt({self.expression(base, names)})"
            case Power():
                raised = self.expression(expr.base, names, WHOLE)
                return POWER, f"{raised}^{self.expression(expr.exponent, names, SIGN)}"
            case Apply():
                return WHOLE, f"{expr.name}({', '.join(self.expression(a, names) for a in expr.args)})"
            case SumOver():
                return WHOLE, self._contraction(expr, names)
            case Condition(name="same", subs=(left, right)):
                return WHOLE, f"[{self.subscript(left, names)} == {self.subscript(right, names)}]"
            case Condition(name="before", subs=(left, right)):
                return WHOLE, f"[{self.subscript(left, names)} < {self.subscript(right, names)}]"
            case InverseOf():
                whole = self.opened(expr.body, (expr.row, expr.column), names)
                return WHOLE, f"inverse({whole}){self.subscripts(expr.subs, names)}"
            case Softmax():
                return WHOLE, self._softmax(expr, names)
            case Ordered():
                return WHOLE, self._ordered(expr, names)
            case Probabilities():
                return WHOLE, self._stick_breaking(expr, names)
        raise CaviError(f"the text form has no notation for {expr} ({type(expr).__name__})")

    def _product(self, expr: Mul, factors: tuple[Expr, ...], names: Names) -> tuple[int, str]:
        match factors:
            case (Number(value=one), Power(base=base, exponent=Number(value=e))) if (
                one == -e == _ONE and (inside := inside_sigmoid(base)) is not None
            ):
                return WHOLE, f"sigmoid({self.expression(inside, names)})"
            case (Number(value=value), other) if value == MINUS and not isinstance(other, Number):
                return SIGN, f"-{self.expression(other, names, SIGN)}"

        def divides(position: int, base: Expr) -> bool:  # a number over another would read back as one number
            return not (position == 1 and isinstance(factors[0], Number) and isinstance(base, Number))

        return PRODUCT, product_of(factors, lambda e, least: self.expression(e, names, least), divides)

    def _contraction(self, expr: SumOver, names: Names) -> str:
        """``dot(w, x[n])`` where the sum is one, else ``Sum(…, d)``."""
        match expr.body:
            case Mul(factors=(left, right)):
                sides = self.open(left, (expr.index,), names), self.open(right, (expr.index,), names)
                first = last_axis(left, expr.index)
                if None not in sides and first is not None and base_name(first) == base_name(expr.index):
                    return f"dot({sides[0]}, {sides[1]})"
        inner, binders = self._bound((expr.index,), expr.body, names)
        return f"Sum({self.expression(expr.body, inner)}, {binders})"

    def _bound(self, indices: tuple[Index, ...], body: Expr, names: Names) -> tuple[Names, str]:
        """Names inside a sum or an array, and how its indices are given there."""
        taken = {names.get(i) or base_name(i) for i in body.free() - set(indices)}
        inner, binders = dict(names), []
        for index in indices:
            name = base_name(index)
            while name in taken:
                name += "_"
            taken.add(name)
            inner[index] = name
            known = self.declared.get(name) or self.declared.get(name.rstrip("'"))
            binders.append(name if known == index.size else f"{name} in {index.size}")
        return inner, ", ".join(binders)

    def opened(self, expr: Expr, axes: tuple[Index, ...], names: Names) -> str:
        """The array whose element at `axes` is an expression."""
        if (short := self.open(expr, axes, names)) is not None:
            return short
        inner, binders = self._bound(axes, expr, names)
        return f"array({self.expression(expr, inner)}, {binders})"

    def open(self, expr: Expr, axes: tuple[Index, ...], names: Names, least: int = SUM) -> str | None:
        """The same where it is a declared array or made of some; None where it is not."""
        if not any(a in expr.free() for a in axes):
            return None
        match expr, axes:
            case Ref(subs=subs), _ if subs[-len(axes) :] == axes and not uses(subs[: -len(axes)], axes):
                return expr.name + self.subscripts(subs[: -len(axes)], names)
            case Add(terms=terms), _:
                parts = [self._open_part(t, axes, names, PRODUCT) for t in terms]
                text = " + ".join(p for p in parts if p is not None)
                return None if None in parts else text if least == SUM else f"({text})"
            case Mul(factors=factors), _:
                return self._open_product(factors, axes, names, least)
            case Condition(name="same", subs=subs), (_, _) if subs == axes and base_name(axes[0]) in self.declared:
                return f"identity({base_name(axes[0])})"
            case SumOver(index=inner, body=Mul(factors=(left, right))), _:
                return self._open_contraction(inner, left, right, axes, names, least)
            case InverseOf(subs=subs), _ if subs[-len(axes) :] == axes and not uses(subs[: -len(axes)], axes):
                inside = self.opened(expr.body, (expr.row, expr.column), names)
                return f"inverse({inside}){self.subscripts(subs[: -len(axes)], names)}"
            case Softmax(sub=sub), (axis,) if sub == axis:
                return self._softmax(expr, names, whole=True)
            case Ordered(sub=sub), (axis,) if sub == axis:
                return self._ordered(expr, names, whole=True)
            case Probabilities(), (axis,) if _stick(expr)[1] == axis:
                return self._stick_breaking(expr, names, whole=True)
        return None

    def _open_part(self, part: Expr, axes: tuple[Index, ...], names: Names, least: int) -> str | None:
        """An array of a sum or product of arrays, or a number beside them."""
        if any(a in part.free() for a in axes):
            return self.open(part, axes, names, least)
        return self.expression(part, names, least)

    def _open_product(self, factors: tuple[Expr, ...], axes: tuple[Index, ...], names: Names, least: int) -> str | None:
        parts = [self._open_part(f, axes, names, SIGN if i else PRODUCT) for i, f in enumerate(factors)]
        if None not in parts:
            text = " * ".join(p for p in parts if p is not None)
            return text if least <= PRODUCT else f"({text})"
        match factors, axes:
            case (Condition(name="same", subs=subs), values), (i, _) if subs == axes:
                return None if (vector := self.open(values, (i,), names)) is None else f"diag({vector})"
            case (left, right), (i, j) if j not in left.free() and i not in right.free():
                sides = self.open(left, (i,), names), self.open(right, (j,), names)
                return None if None in sides else f"outer({sides[0]}, {sides[1]})"
        return None

    def _open_contraction(
        self, inner: Index, left: Expr, right: Expr, axes: tuple[Index, ...], names: Names, least: int
    ) -> str | None:
        before = tuple(a for a in axes if a in left.free())
        after = tuple(a for a in axes if a in right.free())
        first = last_axis(left, inner)
        if before + after != axes or first is None or base_name(first) != base_name(inner):
            return None
        sides = (
            self.open(left, (*before, inner), names, PRODUCT),
            self.open(right, (inner, *after), names, SIGN),
        )
        text = f"{sides[0]} @ {sides[1]}"
        return None if None in sides else text if least <= PRODUCT else f"({text})"

    def _softmax(self, expr: Softmax, names: Names, whole: bool = False) -> str:
        return f"softmax({self.opened(expr.part, (expr.axis,), names)})" + (
            "" if whole else self.subscripts((expr.sub,), names)
        )

    def _ordered(self, expr: Ordered, names: Names, whole: bool = False) -> str:
        numbers = [self.expression(e, names) for e in (expr.location, expr.first)]
        arguments = ", ".join([*numbers, self.opened(expr.part, (expr.axis,), names)])
        return f"ordered_logistic({arguments})" + ("" if whole else self.subscripts((expr.sub,), names))

    def _stick_breaking(self, expr: Probabilities, names: Names, whole: bool = False) -> str:
        axis, sub = _stick(expr)
        fractions = self.opened(expr.part, (axis,), names)
        return f"stick_breaking({fractions})" + ("" if whole else self.subscripts((sub,), names))


def uses(subs: tuple[AnySub, ...], axes: tuple[Index, ...]) -> bool:
    """Whether any of the indices occurs in the subscripts."""
    return bool(Condition("", subs).free() & set(axes))


def last_axis(expr: Expr, at: Index) -> Index | None:
    """The declared axis of the first array that an index selects from by itself, as its last subscript."""
    for ref in expr.refs():
        if ref.subs and ref.subs[-1] == at:
            return ref.variable.indices[len(ref.subs) - 1]
    return None


def _number(value: Fraction) -> tuple[int, str]:
    """A decimal number where that is exact, else a ratio."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return PRODUCT, f"{value.numerator}/{value.denominator}"
    if value.denominator == 1:
        return (SIGN if value < 0 else WHOLE), str(value)
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(value.numerator * 10**places // value.denominator)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}"
    return (SIGN, f"-{text}") if value < 0 else (WHOLE, text)


def _stick(expr: Probabilities) -> tuple[Index, AnySub]:
    """The placeholder of the fractions of a broken stick, and the element taken."""
    match expr.body:
        case Apply(args=(Add(terms=(Mul(factors=(Condition(subs=(after,)), _)), _)),)):
            axis = next(i for i in expr.part.free() if "." in i.name)
            return axis, shifted(after, -1)  # type: ignore[arg-type]
    raise CaviError(f"the text form has no notation for the probabilities {expr}")
