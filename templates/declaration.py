"""The declared model in the layout tree: ``x_n | μ, τ, z_n ∼ N(μ_{z_n}, τ_{z_n}⁻¹)``.

Works on the whiteboard expressions themselves, so that the model reads as its author wrote it, with
the selections ``mu[z[n]]`` that the normal form no longer has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction as Rational

from cavi.derive.distribution import Distribution
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
from cavi.derive.index import Gather, Index
from cavi.derive.model import Variable
from cavi.templates.breaking import Line, break_lines
from cavi.templates.equation import FLUSH_INDENT, TEXT_WIDTH
from cavi.templates.layout import (
    COMMA,
    DISTRIBUTED,
    ELLIPSIS,
    EQUALS,
    GIVEN,
    MINUS,
    NEGATIVE,
    PLUS,
    BigOperator,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Operator,
    Root,
    Script,
    Space,
    Words,
    function,
    parens,
    row,
    separated,
    width,
)
from cavi.templates.printer import Printer, Scope, constant, index_box, rational

_ONE = Number("1")
_INVERSE = row(NEGATIVE, _ONE)

_FAMILIES = {
    "Gamma": "Gam",
    "InverseGamma": "InvGam",
    "Dirichlet": "Dir",
    "Categorical": "Cat",
    "Bernoulli": "Bern",
    "Binomial": "Bin",
    "Multinomial": "Mult",
    "Exponential": "Exp",
    "Geometric": "Geom",
    "NegativeBinomial": "NegBin",
    "GeneralisedInverseGaussian": "GIG",
    "TruncatedNormal": "TruncNormal",
}
_NORMAL = Operator(r"\mathcal{N}", "𝒩", "applied")


def family_symbol(name: str) -> Box:
    """The symbol of a family: 𝒩 for the normal ones, an upright short name for the others."""
    if name in ("Normal", "MultivariateNormal"):
        return _NORMAL
    short = _FAMILIES.get(name, name)
    return Operator(rf"\mathrm{{{short}}}", short, "applied")


@dataclass(frozen=True)
class Declared:
    """One line of the model: what is declared, by what, for which plates."""

    left: Box
    right: Box
    plates: Box | None


@dataclass(frozen=True)
class DeclaredLine:
    """A line of the model as it fits on the page; `flush` ones are not aligned in columns."""

    left: Box
    lines: tuple[Line, ...]
    plates: Box | None
    flush: bool


def fitted(declared: Sequence[Declared]) -> tuple[DeclaredLine, ...]:
    """The lines in three columns where these are narrow enough, else from the margin and broken."""
    left = max(width(d.left) for d in declared)
    plates = max(0.0 if d.plates is None else width(d.plates) for d in declared)
    if left + max(width(d.right) for d in declared) + plates + 3.0 <= TEXT_WIDTH:
        return tuple(DeclaredLine(d.left, (Line(0.0, d.right),), d.plates, False) for d in declared)
    return tuple(
        DeclaredLine(
            d.left,
            break_lines(d.right, TEXT_WIDTH - FLUSH_INDENT, TEXT_WIDTH - width(d.left)),
            d.plates,
            True,
        )
        for d in declared
    )


@dataclass(frozen=True)
class DeclarationPrinter:
    """Prints variables with their distributions."""

    printer: Printer

    def line(self, v: Variable) -> Declared:
        """The line of a variable that has a distribution or is an observed expression."""
        scope = Scope({}, frozenset(i.name for i in v.plates))
        left = self.element(v, scope)
        if v.constraint is not None:
            return Declared(left, row(EQUALS, self.expr(v.constraint, scope)), self.ranges(v.plates))
        assert v.distribution is not None
        parents = self._parents(v.distribution, scope)
        if parents:
            left = row(left, GIVEN, separated(parents))
        right = row(DISTRIBUTED, self.distribution(v.distribution, scope))
        if v.weight is not None:
            copies = (Words("("), self.expr(v.weight, scope), Space(), Words("times)"))
            right = row(right, Space("medium"), *copies)
        return Declared(left, right, self.ranges(v.plates))

    def element(self, v: Variable, scope: Scope) -> Box:
        """One element of a variable over its plates; bold if it is still a vector."""
        base = self.printer.notation.array(v.name) if v.event else self.printer.notation.variable(v.name)
        return self.printer.subscripted(base, v.plates, scope)

    def ranges(self, indices: tuple[Index, ...]) -> Box | None:
        """``n = 1, …, N`` for each index."""
        if not indices:
            return None
        return separated(
            row(index_box(i.name), EQUALS, _ONE, COMMA, ELLIPSIS, COMMA, self.printer.size(i.size)) for i in indices
        )

    def distribution(self, d: Distribution, scope: Scope) -> Box:
        """``N(m, κ⁻¹)``: the family and its arguments, a precision by its inverse, the variance."""
        args: list[Box] = []
        for name, value in d.args.items():
            if name == "precision":
                args.append(self._inverse(value, scope))
            elif d.over is not None and name in ("probs", "concentration"):
                args.append(self._vector(value, d.over, scope))
            else:
                args.append(self.expr(value, scope))
        return row(family_symbol(d.family), parens(separated(args)))

    def _inverse(self, e: Expr, scope: Scope) -> Box:
        match e:
            case Power(base=base, exponent=Literal(value=value)) if value < 0:
                return self.expr(base if value == -1 else Power(base, Literal(-value)), scope)
            case Literal():
                return self.expr(Literal(1 / e.value), scope)
        box = self.expr(e, scope)
        if isinstance(box, Script) and box.sup is None:
            return Script(box.base, box.sub, _INVERSE)
        return Script(box if isinstance(box, Glyph) else parens(box), sup=_INVERSE)

    def _vector(self, e: Expr, over: Index, scope: Scope) -> Box:
        """A vector argument written whole: π for π_k, and α₀ 1 for a scalar concentration."""
        if isinstance(e, Ref) and e.subs and e.subs[-1] == over:
            return self._subscripted(self.printer.notation.array(e.name), e.subs[:-1], scope)
        if over in e.free():
            inner = scope.enter(over, [over.name])
            return Script(parens(self.expr(e, inner)), sub=index_box(inner.names[over]))
        ones = Script(Glyph(r"\mathbf{1}", "𝟏", upright=True), self.printer.size(over.size))
        box = self.expr(e, scope)
        return row(parens(box) if isinstance(e, Add) else box, ones)

    def _parents(self, d: Distribution, scope: Scope) -> list[Box]:
        found: dict[str, Box] = {}
        for arg in d.args.values():
            for ref in arg.refs():
                if ref.variable.is_random:
                    found.setdefault(ref.name, self.printer.notation.array(ref.name))
        for arg in d.args.values():
            for ref in arg.refs():
                for s in _selectors(ref.subs):
                    found.setdefault(repr(s), self._sub(s, scope))
        return list(found.values())

    # --- expressions ---------------------------------------------------------------------------

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
                return self._subscripted(base, e.subs, scope)
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

    def _subscripted(self, base: Box, subs: tuple[AnySub, ...], scope: Scope) -> Box:
        if not any(True for _ in _selectors(subs)):
            return self.printer.subscripted(base, subs, scope)  # type: ignore[arg-type]
        own = [base.sub] if isinstance(base, Script) and base.sub is not None else []
        inner = separated([*own, *(self._sub(s, scope) for s in subs)])
        return Script(base.base, inner, base.sup) if isinstance(base, Script) else Script(base, inner)

    def _sub(self, sub: AnySub, scope: Scope) -> Box:
        if isinstance(sub, Selector):
            return self._subscripted(self.printer.notation.variable(sub.name), sub.subs, scope)
        if isinstance(sub, Gather):
            return self._subscripted(self.printer.notation.variable(sub.name), sub.subs, scope)
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


def _selectors(subs: tuple[AnySub, ...]) -> Iterator[Selector]:
    for s in subs:
        if isinstance(s, Selector):
            yield s
            yield from _selectors(s.subs)
        elif isinstance(s, Gather):
            yield from _selectors(s.subs)
