"""The declared model in the layout tree: ``x_n | μ, τ, z_n ∼ N(μ_{z_n}, τ_{z_n}⁻¹)``.

Works on the whiteboard expressions themselves, so that the model reads as its author wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cavi.derive.distribution import Distribution
from cavi.derive.expression import (
    Add,
    Condition,
    Expr,
    InverseOf,
    Mul,
    Power,
    Ref,
    subscript_indices,
)
from cavi.derive.expression import Number as Literal
from cavi.derive.index import Index, primed
from cavi.derive.model import Variable
from cavi.templates.breaking import Line, break_lines
from cavi.templates.equation import FLUSH_INDENT, TEXT_WIDTH
from cavi.templates.layout import (
    COMMA,
    DISTRIBUTED,
    ELLIPSIS,
    EQUALS,
    GIVEN,
    IDENTITY,
    NEGATIVE,
    Box,
    Glyph,
    Number,
    Operator,
    Script,
    Space,
    Words,
    parens,
    row,
    separated,
    width,
)
from cavi.templates.printer import Printer
from cavi.templates.restrictions import split_weight
from cavi.templates.scope import Scope, index_box
from cavi.templates.whiteboard import WhiteboardPrinter, selectors

_ONE = Number("1")
_INVERSE = row(NEGATIVE, _ONE)

_FAMILIES = {
    "Gamma": "Gam",
    "InverseGamma": "InvGam",
    "InverseWishart": "InvWish",
    "Dirichlet": "Dir",
    "Categorical": "Cat",
    "Bernoulli": "Bern",
    "Binomial": "Bin",
    "BetaBinomial": "BetaBin",
    "DirichletMultinomial": "DirMult",
    "Multinomial": "Mult",
    "Exponential": "Exp",
    "Geometric": "Geom",
    "NegativeBinomial": "NegBin",
    "GeneralisedInverseGaussian": "GIG",
    "TruncatedNormal": "TruncNormal",
    "PolyaGamma": "PG",
}
_WISHART = Operator(r"\mathcal{W}", "𝒲", "applied")
_NORMAL = Operator(r"\mathcal{N}", "𝒩", "applied")


def family_symbol(name: str) -> Box:
    """The symbol of a family: 𝒩 for the normal ones, an upright short name for the others."""
    if name in ("Normal", "MultivariateNormal", "MatrixNormal"):
        return _NORMAL
    if name == "Wishart":
        return _WISHART
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

    @property
    def whiteboard(self) -> WhiteboardPrinter:
        """The printer of expressions in the same notation."""
        return WhiteboardPrinter(self.printer)

    def lines(self, v: Variable) -> Iterator[Declared]:
        """The line of a variable; before that of a chain, its first element."""
        if v.chain is not None:
            scope = Scope({}, frozenset(i.name for i in v.plates))
            drawn = [_ONE if i == v.chain.index else self.printer.sub(i, scope) for i in v.plates]
            base = self.printer.notation.array(v.name) if v.event else self.printer.notation.variable(v.name)
            first = self.printer.scripted(base, drawn)
            parents = self._parents(v.chain.initial, scope)
            if parents:
                first = row(first, GIVEN, separated(parents))
            others = tuple(i for i in v.plates if i != v.chain.index)
            yield Declared(first, row(DISTRIBUTED, self.distribution(v.chain.initial, scope)), self.ranges(others))
        yield self.line(v)

    def line(self, v: Variable) -> Declared:
        """The line of a variable that has a distribution or is an observed expression."""
        scope = Scope({}, frozenset(i.name for i in v.plates))
        left = self.element(v, scope)
        if v.constraint is not None:
            return Declared(left, row(EQUALS, self.whiteboard.expr(v.constraint, scope)), self.ranges(v.plates))
        assert v.distribution is not None
        parents = self._parents(v.distribution, scope, v)
        if parents:
            left = row(left, GIVEN, separated(parents))
        right = row(DISTRIBUTED, self.distribution(v.distribution, scope))
        restrictions, copies = split_weight(v.weight)
        if copies:
            number = self.whiteboard.expr(copies[0] if len(copies) == 1 else Mul(copies), scope)
            right = row(right, Space("medium"), Words("("), number, Space(), Words("times)"))
        if v.chain is not None:
            if v.chain.starts is not None:
                start = row(self.whiteboard.expr(v.chain.starts, scope), EQUALS, _ONE)
                remark = (Words("(as the first where "), start, Words(")"))
                right = row(right, Space("medium"), *remark)
        ranges = self.ranges(v.plates, None if v.chain is None else v.chain.index)
        if ranges is not None and restrictions:
            ranges = separated((ranges, *(r.box() for r in restrictions)))
        return Declared(left, right, ranges)

    def element(self, v: Variable, scope: Scope) -> Box:
        """One element of a variable over its plates; bold if it is still a vector."""
        base = self.printer.notation.array(v.name) if v.event else self.printer.notation.variable(v.name)
        return self.printer.subscripted(base, v.plates, scope)

    def ranges(self, indices: tuple[Index, ...], second: Index | None = None) -> Box | None:
        """``n = 1, …, N`` for each index; one of them may start with the second position."""
        if not indices:
            return None
        return separated(
            row(
                index_box(i.name),
                EQUALS,
                Number("2") if i == second else _ONE,
                COMMA,
                ELLIPSIS,
                COMMA,
                self.printer.size(i.size),
            )
            for i in indices
        )

    def distribution(self, d: Distribution, scope: Scope) -> Box:
        """``N(m, κ⁻¹)``: the family and its arguments, a precision by its inverse, the variance."""
        args: list[Box] = []
        for name, value in d.args.items():
            whole = self._whole(d, name, value, scope)
            if whole is not None:
                args.append(whole)
            elif name == "precision":
                args.append(self._inverse(value, scope))
            elif d.over is not None and name in ("probs", "concentration"):
                args.append(self._vector(value, d.over, scope))
            else:
                args.append(self.whiteboard.expr(value, scope))
        return row(family_symbol(d.family), parens(separated(args)))

    def _whole(self, d: Distribution, name: str, value: Expr, scope: Scope) -> Box | None:
        """An argument of a vector or matrix in matrix notation, a precision by the covariance; None for others."""
        for opened in _axes(d, name):
            if name.endswith("precision"):
                return self._covariance(value, opened, scope)
            return self.whiteboard.whole(value, opened, scope)
        return None

    def _covariance(self, value: Expr, opened: tuple[Index, ...], scope: Scope) -> Box | None:
        if isinstance(value, InverseOf):
            whole = self.whiteboard.whole(value.body, (value.row, value.column), scope)
            return self.whiteboard.elements(value, scope) if whole is None else whole
        if isinstance(value, Mul):
            same = [f for f in value.factors if isinstance(f, Condition)]
            rest = [f for f in value.factors if f not in same]
            if len(same) == len(rest) == 1 and not rest[0].free() & set(opened):
                if isinstance(rest[0], Literal) and rest[0].value == 1:
                    return IDENTITY
                return row(self._inverse(rest[0], scope), IDENTITY)
        box = self.whiteboard.whole(value, opened, scope)
        return None if box is None else self.whiteboard.raised(box)

    def _inverse(self, e: Expr, scope: Scope) -> Box:
        match e:
            case Power(base=base, exponent=Literal(value=value)) if value < 0:
                return self.whiteboard.expr(base if value == -1 else Power(base, Literal(-value)), scope)
            case Literal():
                return self.whiteboard.expr(Literal(1 / e.value), scope)
        box = self.whiteboard.expr(e, scope)
        if isinstance(box, Script) and box.sup is None:
            return Script(box.base, box.sub, _INVERSE)
        return Script(box if isinstance(box, Glyph) else parens(box), sup=_INVERSE)

    def _vector(self, e: Expr, over: Index, scope: Scope) -> Box:
        """A vector argument written whole: π for π_k, and α₀ 1 for a scalar concentration."""
        if isinstance(e, Ref) and e.subs and e.subs[-1] == over:
            return self.whiteboard.subscripted(self.printer.notation.array(e.name), e.subs[:-1], scope)
        if over in e.free():
            inner = scope.enter(over, [over.name])
            return Script(parens(self.whiteboard.expr(e, inner)), sub=index_box(inner.names[over]))
        ones = Script(Glyph(r"\mathbf{1}", "𝟏", upright=True), self.printer.size(over.size))
        if isinstance(e, Literal) and e.value == 1:
            return ones
        box = self.whiteboard.expr(e, scope)
        return row(parens(box) if isinstance(e, Add) else box, ones)

    def _parents(self, d: Distribution, scope: Scope, own: Variable | None = None) -> list[Box]:
        found: dict[str, Box] = {}
        for arg in d.args.values():
            for ref in arg.refs():
                if own is not None and ref.name == own.name:
                    signs = self.printer.notation
                    base = signs.array(ref.name) if own.event else signs.variable(ref.name)
                    before = self.whiteboard.subscripted(base, ref.subs[: len(own.plates)], scope)
                    found.setdefault(repr(ref.subs), before)
                elif ref.variable.is_random:
                    found.setdefault(ref.name, self.printer.notation.array(ref.name))
        for arg in d.args.values():
            for ref in arg.refs():
                for s in selectors(ref.subs):
                    if any("." in i.name for i in subscript_indices(s)):
                        # Selected inside a sum: all of them are parents.
                        found.setdefault(s.name, self.printer.notation.array(s.name))
                    else:
                        found.setdefault(repr(s), self.whiteboard.sub(s, scope))
        return list(found.values())


def _axes(d: Distribution, name: str) -> Iterator[tuple[Index, ...]]:
    """The axes of an array argument of a vector or matrix."""
    if d.family not in MATRIX_FAMILIES or not d.event:
        return
    match name:
        case "mean":
            yield d.event
        case "precision" | "row_precision":
            yield (d.event[0], primed(d.event[0]))
        case "column_precision":
            yield (d.event[1], primed(d.event[1]))
        case "scale":
            yield d.event if len(d.event) == 2 else (d.event[0], primed(d.event[0]))


MATRIX_FAMILIES = ("MultivariateNormal", "Wishart", "InverseWishart", "MatrixNormal")
