"""Whiteboard expressions in the layout tree, with the selections ``mu[z[n]]`` that the normal form has no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction as Rational

from cavi.derive.expression import (
    Add,
    AnySub,
    Apply,
    Array,
    Condition,
    Expr,
    InverseOf,
    Mul,
    NamedConstant,
    Ordered,
    Power,
    Probabilities,
    Ref,
    Selector,
    SizeOf,
    SumOver,
    Takes,
    subscript_indices,
)
from cavi.derive.expression import Number as Literal
from cavi.derive.index import Gather, Index
from cavi.templates.factors import constant, rational
from cavi.templates.layout import (
    EQUALS,
    IDENTITY,
    INVERSE,
    LESS,
    MINUS,
    NEGATIVE,
    PLUS,
    TRANSPOSE,
    ZERO_VECTOR,
    BigOperator,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Root,
    Row,
    Script,
    brackets,
    function,
    parens,
    row,
    separated,
)
from cavi.templates.printer import Printer
from cavi.templates.scope import Scope, index_box
from cavi.templates.symbols import symbol

_ONE = Number("1")


@dataclass(frozen=True)
class WhiteboardPrinter:
    """Prints the expressions of a declaration as their author wrote them."""

    printer: Printer

    def expr(self, e: Expr, scope: Scope) -> Box:
        """A whiteboard expression."""
        match e:
            case Literal():
                return _number(e.value)
            case NamedConstant():
                return constant(e.name)
            case SizeOf():
                return self.printer.size(e.size)
            case Ref():
                notation = self.printer.notation
                base = notation.array(e.name) if e.open else notation.variable(e.name)
                return self.subscripted(base, e.subs, scope)
            case Add():
                return self._sum(e, scope)
            case Mul():
                return self._product(e, scope)
            case Power():
                return self._power(e, scope)
            case Apply(name="abs"):
                return Fence("|", self.expr(e.args[0], scope), "|")
            case Apply(name="probit"):
                return row(symbol("Phi"), parens(self.expr(e.args[0], scope)))
            case Apply():
                inner = self.expr(e.args[0], scope)
                simple = isinstance(inner, Glyph | Script | Number) and e.name == "log"
                return row(function(e.name), inner if simple else parens(inner))
            case SumOver() if (product := self.whole(e, (), scope)) is not None:
                return product
            case SumOver():
                written = e.index.name.split(".")[0]
                own = [written] if any(i.name == written for i in self.printer.notation.indices) else []
                names = [*own, *self.printer.notation.index_names(e.index.size)]
                inside = scope.enter(e.index, names)
                under = row(index_box(inside.names[e.index]), EQUALS, _ONE)
                body = self.expr(e.body, inside)
                sigma = BigOperator("sum", under, self.printer.size(e.index.size))
                return row(sigma, parens(body) if isinstance(e.body, Add) else body)
            case Condition():
                left = Number("1") if e.name == "link" else self.sub(e.subs[0], scope)
                sign = EQUALS if e.name == "same" else LESS
                return brackets(row(left, sign, self.sub(e.subs[-1], scope)))
            case Takes():
                left = self.subscripted(self.printer.notation.variable(e.name), e.subs, scope)
                return brackets(row(left, EQUALS, self.sub(e.value, scope)))
            case InverseOf():
                whole = self.whole(e.body, (e.row, e.column), scope)
                if whole is not None:
                    inverse = brackets(self.raised(whole))
                    return self.subscripted(inverse, e.subs, scope)
                return self.subscripted(brackets(self.raised(self.elements(e, scope))), e.subs, scope)
            case Ordered():
                widths = self.whole(e.part, (e.axis,), scope) or self._vector(e.part, e.axis, scope)
                arguments = separated([self.expr(e.location, scope), self.expr(e.first, scope), widths])
                return self.subscripted(row(function("OrderedLogistic"), parens(arguments)), (e.sub,), scope)
            case Array() | Probabilities():
                return self.expr(e.body, scope)
        raise TypeError(f"no way to write a {type(e).__name__}")

    # --- vectors and matrices ------------------------------------------------------------------

    def whole(self, e: Expr, opened: tuple[Index, ...], scope: Scope) -> Box | None:
        """The expression as a vector or matrix over the opened indices, or a product of vectors; else None."""
        count = len(opened)
        match e:
            case Literal() if e.value == 0 and count:
                return ZERO_VECTOR
            case Ref():
                others = {i for s in e.subs[: len(e.subs) - count] for i in subscript_indices(s)}
                if count and not e.open and e.subs[len(e.subs) - count :] == opened and not others & set(opened):
                    base = self.printer.notation.array(e.name)
                    return self.subscripted(base, e.subs[: len(e.subs) - count], scope)
            case Condition(name="same") if set(e.subs) == set(opened):
                return IDENTITY
            case InverseOf() if set(e.subs) == set(opened):
                inner = self.whole(e.body, (e.row, e.column), scope)
                return self.raised(self.elements(e, scope) if inner is None else inner)
            case Add() if count:
                parts: list[Box] = []
                for t in e.terms:
                    sign, positive = _sign(t)
                    box = self.whole(positive, opened, scope)
                    if box is None:
                        return None
                    parts += [MINUS if sign < 0 else PLUS] if parts else [NEGATIVE] if sign < 0 else []
                    parts.append(box)
                return row(*parts)
            case Mul():
                return self._whole_product(e, opened, scope)
            case SumOver(body=Mul() as body):
                return self._contracted(e.index, body, opened, scope)
        return None

    def _whole_product(self, e: Mul, opened: tuple[Index, ...], scope: Scope) -> Box | None:
        """A scalar times a vector or matrix, or a diagonal matrix."""
        factors = [f for f in _factors(e) if not (isinstance(f, Literal) and f.value == 1)]
        carriers = [f for f in factors if f.free() & set(opened)]
        scalars = [self._grouped(f, scope) for f in factors if f not in carriers]
        if len(carriers) == 1:
            box = self.whole(carriers[0], opened, scope)
            if box is None:
                return None
            return row(*scalars, parens(box) if isinstance(carriers[0], Add) else box)
        if len(opened) == len(carriers) == 2:
            left, right = sorted(carriers, key=lambda c: opened[0] not in c.free())
            column, line = self.whole(left, opened[:1], scope), self.whole(right, opened[1:], scope)
            separate = opened[1] not in left.free() and opened[0] not in right.free()
            if separate and column is not None and line is not None:
                return row(*scalars, column, self.raised(line, TRANSPOSE))
        same = [c for c in carriers if isinstance(c, Condition) and c.name == "same" and set(c.subs) == set(opened)]
        if len(carriers) == 2 and len(same) == 1:
            (other,) = (c for c in carriers if c is not same[0])
            for i in opened:
                vector = self.whole(other, (i,), scope)
                if vector is not None:
                    return row(*scalars, function("diag"), parens(vector))
        return None

    def _contracted(self, index: Index, body: Mul, opened: tuple[Index, ...], scope: Scope) -> Box | None:
        """``Σ_k A_dk x_k`` as Ax, ``Σ_d w_d x_d`` as wᵀx."""
        factors = list(_factors(body))
        pair = [f for f in factors if index in f.free()]
        scalars = [self._grouped(f, scope) for f in factors if f not in pair]
        if len(pair) != 2 or len(opened) > 1 or any(f.free() & set(opened) for f in factors if f not in pair):
            return None
        for left, right in (pair, pair[::-1]):
            first = self.whole(left, (*opened, index), scope)
            second = self.whole(right, (index,), scope)
            if first is None or second is None or right.free() & set(opened):
                continue
            return row(*scalars, first if opened else self.raised(first, TRANSPOSE), second)
        return None

    def elements(self, e: InverseOf, scope: Scope) -> Box:
        """A matrix by its elements, where it is not a sum of products of declared arrays."""
        inside = scope.enter(e.row, self.printer.notation.index_names(e.row.size))
        inside = inside.enter(e.column, self.printer.notation.index_names(e.column.size))
        names = [self.sub(e.row, inside), self.sub(e.column, inside)]
        return self.printer.scripted(brackets(self.expr(e.body, inside)), names)

    def _vector(self, e: Expr, axis: Index, scope: Scope) -> Box:
        """A vector by its elements."""
        inside = scope.enter(axis, self.printer.notation.index_names(axis.size))
        return self.printer.scripted(parens(self.expr(e, inside)), [self.sub(axis, inside)])

    @staticmethod
    def raised(box: Box, sup: Box = INVERSE) -> Box:
        """The box with a superscript: the inverse, if not said otherwise."""
        if isinstance(box, Script) and box.sup is None:
            return Script(box.base, box.sub, sup)
        if isinstance(box, Row) and len(box.items) == 2 and isinstance(box.items[1], Fence):
            return row(box.items[0], Script(box.items[1], sup=sup))
        return Script(box if isinstance(box, Glyph | Fence) else parens(box), sup=sup)

    def _sum(self, e: Add, scope: Scope) -> Box:
        parts: list[Box] = []
        for t in e.terms:
            sign, positive = _sign(t)
            if parts:
                parts.append(MINUS if sign < 0 else PLUS)
            elif sign < 0:
                parts.append(NEGATIVE)
            box = self.expr(positive, scope)
            parts.append(parens(box) if sign < 0 and isinstance(positive, Add) else box)
        return row(*parts)

    def _product(self, e: Mul, scope: Scope) -> Box:
        sign, positive = _sign(e)
        if sign < 0:
            box = self.expr(positive, scope)
            return row(NEGATIVE, parens(box) if isinstance(positive, Add) else box)
        above: list[Box] = []
        below: list[Box] = []
        for f in _factors(e):
            match f:
                case Power(base=base, exponent=Literal(value=value)) if value < 0:
                    inner = base if value == -1 else Power(base, Literal(-value))
                    below.append(self._grouped(inner, scope))
                case Literal() if f.value == 1:
                    continue
                case _:
                    above.append(self._grouped(f, scope))
        if below:
            return Fraction(_stripped(above), _stripped(below))
        return row(*above) if above else _ONE

    def _grouped(self, e: Expr, scope: Scope) -> Box:
        box = self.expr(e, scope)
        return parens(box) if isinstance(e, Add | SumOver) else box

    def _power(self, e: Power, scope: Scope) -> Box:
        if isinstance(e.exponent, Literal) and e.exponent.value == Rational(1, 2):
            return Root(self.expr(e.base, scope))
        if isinstance(e.exponent, Literal) and e.exponent.value == -1:
            return Fraction(_ONE, self.expr(e.base, scope))
        box = self.expr(e.base, scope)
        value = e.exponent
        sup = rational(value.value) if isinstance(value, Literal) else self.expr(value, scope)
        if isinstance(box, Script) and box.sup is None:
            return Script(box.base, box.sub, sup)
        if isinstance(box, Row) and len(box.items) == 2 and isinstance(box.items[1], Fence):
            return row(box.items[0], Script(box.items[1], sup=sup))
        return Script(box if isinstance(box, Glyph | Fence) else parens(box), sup=sup)

    def subscripted(self, base: Box, subs: tuple[AnySub, ...], scope: Scope) -> Box:
        """A symbol with subscripts that may select."""
        if not any(True for _ in selectors(subs)):
            return self.printer.subscripted(base, subs, scope)  # type: ignore[arg-type]
        own = [base.sub] if isinstance(base, Script) and base.sub is not None else []
        inner = separated([*own, *(self.sub(s, scope) for s in subs)])
        return Script(base.base, inner, base.sup) if isinstance(base, Script) else Script(base, inner)

    def sub(self, sub: AnySub, scope: Scope) -> Box:
        """One subscript."""
        if isinstance(sub, Selector):
            return self.subscripted(self.printer.notation.variable(sub.name), sub.subs, scope)
        if isinstance(sub, Gather):
            return self.subscripted(self.printer.notation.variable(sub.name), sub.subs, scope)
        return self.printer.sub(sub, scope)


def _number(value: Rational) -> Box:
    sign = (NEGATIVE,) if value < 0 else ()
    value = abs(value)
    if value.denominator == 1:
        return row(*sign, Number(str(value.numerator)))
    return row(*sign, Fraction(Number(str(value.numerator)), Number(str(value.denominator)), small=True))


def _sign(e: Expr) -> tuple[int, Expr]:
    """The sign of a term, and the term without it."""
    if isinstance(e, Literal) and e.value < 0:
        return -1, Literal(-e.value)
    if isinstance(e, Mul):
        for place, f in enumerate(e.factors):
            sign, positive = _sign(f)
            if sign < 0:
                rest = [*e.factors[:place], positive, *e.factors[place + 1 :]]
                rest = [r for r in rest if not (isinstance(r, Literal) and r.value == 1)]
                inner, product = _sign(rest[0] if len(rest) == 1 else Mul(tuple(rest))) if rest else (1, positive)
                return -inner, product
    return 1, e


def _factors(e: Mul) -> Iterator[Expr]:
    for f in e.factors:
        if isinstance(f, Mul):
            yield from _factors(f)
        else:
            yield f


def _stripped(parts: list[Box]) -> Box:
    """A product above or below a line; one bracket alone is taken off."""
    if not parts:
        return _ONE
    if len(parts) == 1 and isinstance(parts[0], Fence) and parts[0].left == "(":
        return parts[0].body
    return row(*parts)


def selectors(subs: tuple[AnySub, ...]) -> Iterator[Selector]:
    """Every latent category among the subscripts, inner ones too."""
    for s in subs:
        if isinstance(s, Selector):
            yield s
            yield from selectors(s.subs)
        elif isinstance(s, Gather):
            yield from selectors(s.subs)
