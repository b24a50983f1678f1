"""Whiteboard expressions in the layout tree, with the selections ``mu[z[n]]`` that the normal form has no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction as Rational

from cavi.derive.expression import (
    Add,
    AnySub,
    Apply,
    Expr,
    Mul,
    NamedConstant,
    Power,
    Ref,
    Selector,
    SizeOf,
    SumOver,
)
from cavi.derive.expression import Number as Literal
from cavi.derive.index import Gather
from cavi.templates.factors import constant, rational
from cavi.templates.layout import (
    EQUALS,
    MINUS,
    NEGATIVE,
    PLUS,
    BigOperator,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Root,
    Script,
    function,
    parens,
    row,
    separated,
)
from cavi.templates.printer import Printer
from cavi.templates.scope import Scope, index_box

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
            case Apply():
                inner = self.expr(e.args[0], scope)
                simple = isinstance(inner, Glyph | Script | Number) and e.name == "log"
                return row(function(e.name), inner if simple else parens(inner))
            case SumOver():
                written = e.index.name.split(".")[0]
                own = [written] if any(i.name == written for i in self.printer.notation.indices) else []
                names = [*own, *self.printer.notation.index_names(e.index.size)]
                inside = scope.enter(e.index, names)
                under = row(index_box(inside.names[e.index]), EQUALS, _ONE)
                body = self.expr(e.body, inside)
                sigma = BigOperator("sum", under, self.printer.size(e.index.size))
                return row(sigma, parens(body) if isinstance(e.body, Add) else body)
        raise TypeError(f"no way to write a {type(e).__name__}")

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
