"""Polynomials into the layout tree: the decisions of an author about one formula.

Sums get the declared index names, never one that is in use around them or free inside; factors
stand in a fixed order, before the innermost sum that they do not depend on; negative powers become
fractions; a Kronecker delta that ties a summed index to a datum becomes a condition under the Σ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction as Rational

from cavi.derive.canonical import power, rewrite, substitute
from cavi.derive.index import Gather, Index, Literal, Sub
from cavi.derive.term import (
    Atom,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Moment,
    Parameter,
    Polynomial,
    Size,
    atom_indices,
)
from cavi.templates import functions
from cavi.templates.factors import (
    atom_is_closed,
    averaged,
    bound_of,
    components,
    constant,
    fits_above,
    is_atomic,
    is_open_function,
    is_short,
    raise_last,
    rational,
    reciprocal,
    scatter,
    spaced,
    squared,
)
from cavi.templates.grouping import group
from cavi.templates.layout import (
    COLON,
    COMMA,
    EQUALS,
    EXPECTATION,
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
    Row,
    Script,
    brackets,
    function,
    height,
    parens,
    row,
    width,
)
from cavi.templates.notation import Notation
from cavi.templates.scope import Scope, free_scope, index_box
from cavi.templates.symbols import symbol
from cavi.templates.term_order import stable_key
from cavi.templates.term_tree import Factor, Term, indices_of_terms

_ONE = Number("1")
_ZERO = Number("0")
_DELTA = symbol("delta")
_SHORT_BODY = 6.0


@dataclass(frozen=True)
class Printer:
    """Prints polynomials in one notation."""

    notation: Notation

    # --- sums ----------------------------------------------------------------------------------

    def polynomial(self, p: Polynomial, scope: Scope | None = None) -> Box:
        """The whole polynomial as a row of signed terms."""
        scope = free_scope(p) if scope is None else scope
        if self.notation.points:
            p = rewrite(p, self._at_point)
        return self.terms(group(p, self.notation.roles), scope)

    def _at_point(self, atom: Atom, exponent: Rational) -> Polynomial | None:
        """The moment of a point mass is its pattern, taken at the point."""
        if not isinstance(atom, Moment) or atom.factor not in self.notation.points:
            return None
        whole = exponent.denominator == 1 and exponent > 0
        return power(self._pattern(atom), int(exponent)) if whole else None

    def terms(self, terms: Iterable[Term], scope: Scope) -> Box:
        """Terms with their signs."""
        parts: list[Box] = []
        for t in terms:
            if parts:
                parts.append(MINUS if t.coefficient < 0 else PLUS)
            elif t.coefficient < 0:
                parts.append(NEGATIVE)
            parts.append(self.term(t, scope))
        return row(*parts) if parts else _ZERO

    def term(self, t: Term, scope: Scope) -> Box:
        """One term without its sign."""
        parts = components(t)
        if len(parts) > 1:
            free, *closed = parts
            boxes = squared([parens(self.term(c, scope)) for c in closed])
            if free.factors or abs(free.coefficient) != 1:
                boxes.insert(0, self.term(free, scope))
            return row(*boxes)
        return self._nested(t, scope)

    def _nested(self, t: Term, scope: Scope) -> Box:
        conditions, factors = scatter(t)
        # Functions come last, so that no reader takes what follows for their argument.
        late = [f for f in factors if is_open_function(f[0]) and f[1] > 0]
        pending = [f for f in factors if f not in late]
        of_body = indices_of_terms(t.body) & set(t.bound)
        order = self._order(t.bound, pending)
        pieces: list[Box] = []
        coefficient = abs(t.coefficient)
        body_drawn = not t.body
        for depth in range(len(order) + 1):
            if depth:
                index = order[depth - 1]
                scope = scope.enter(index, self.notation.index_names(index.size))
                here = [d for d in conditions if max(order.index(i) for i in bound_of(d, t.bound)) == depth - 1]
                pieces.append(self._sigma(index, here, scope))
            inside = set(order[depth:])
            innermost = depth == len(order)
            ready = [f for f in pending if not set(atom_indices(f[0])) & inside] + (late if innermost else [])
            pending = [f for f in pending if f not in ready]
            body = None
            if not body_drawn and not of_body & inside:
                body, body_drawn = self._body(t, scope), True
            pieces += self._product(coefficient, ready, body, scope, alone=innermost and not pieces)
            coefficient = Rational(1)
        if not pieces or isinstance(pieces[-1], BigOperator):
            pieces.append(_ONE)
        return row(*pieces)

    def _order(self, bound: tuple[Index, ...], factors: list[Factor]) -> list[Index]:
        """Outermost first: the index that the most factors depend on alone, then as declared."""
        alone = {i: 0 for i in bound}
        for a, _ in factors:
            mine = {i for i in atom_indices(a) if i in alone}
            if len(mine) == 1:
                alone[mine.pop()] += 1
        sizes = [i.size for i in self.notation.indices]
        place = {s: sizes.index(s) for s in reversed(sizes)}
        return sorted(bound, key=lambda i: (-alone[i], place.get(i.size, len(sizes)), bound.index(i)))

    def _sigma(self, index: Index, conditions: list[Delta], scope: Scope) -> Box:
        name = index_box(scope.names[index])
        if conditions:
            parts: list[Box] = [name, COLON]
            for d in conditions:
                if len(parts) > 2:
                    parts.append(COMMA)
                left, right = (d.right, d.left) if isinstance(d.right, Gather) else (d.left, d.right)
                parts += [self.sub(left, scope), EQUALS, self.sub(right, scope)]
            return BigOperator("sum", row(*parts))
        return BigOperator("sum", row(name, EQUALS, _ONE), self.size(index.size))

    def _body(self, t: Term, scope: Scope) -> Box | None:
        if not t.body:
            return None
        inner = self.terms(t.body, scope)
        if t.exponent != 1:
            return Script(parens(inner), sup=Number(str(t.exponent)))
        return parens(inner)

    # --- products ------------------------------------------------------------------------------

    def _product(
        self, coefficient: Rational, factors: list[Factor], body: Box | None, scope: Scope, alone: bool
    ) -> list[Box]:
        """Coefficient, factors and body as a product; negative powers go below one line."""
        above = sorted((f for f in factors if f[1] > 0), key=lambda f: self._place(f[0]))
        below = sorted((f for f in factors if f[1] < 0), key=lambda f: self._place(f[0]))
        reciprocals = [f for f in above if reciprocal(f[0]) is not None]
        above = [f for f in above if f not in reciprocals]
        if not below and not reciprocals:
            return self._plain_product(coefficient, above, body, scope, alone)
        bottom = [self._power(a, -e, scope) for a, e in below]
        for a, e in reciprocals:
            base = reciprocal(a)
            assert base is not None
            inner = self.polynomial(base, scope)
            only = len(below) + len(reciprocals) == 1 and coefficient.denominator == 1 and e == 1
            grouped = inner if only or is_atomic(inner) else parens(inner)
            bottom.append(grouped if e == 1 else Script(grouped, sup=rational(e)))
        if coefficient.denominator != 1:
            bottom.insert(0, Number(str(coefficient.denominator)))
        functions_above = [f for f in above if is_open_function(f[0])]
        top = [self._power(a, e, scope) for a, e in above if (a, e) not in functions_above]
        if coefficient.numerator != 1:
            top.insert(0, Number(str(coefficient.numerator)))
        rest = [self._power(a, e, scope) for a, e in functions_above]
        if body is not None:
            if not top and not rest and fits_above(body):
                top = [body.body if isinstance(body, Fence) else body]
            else:
                rest.insert(0, body)
        return [Fraction(spaced(top) if top else _ONE, spaced(bottom)), *rest]

    def _plain_product(
        self, coefficient: Rational, above: list[Factor], body: Box | None, scope: Scope, alone: bool
    ) -> list[Box]:
        parts: list[Box] = []
        if coefficient.denominator != 1:
            sizes = [f for f in above if isinstance(f[0], Size) and f[1] == 1]
            top: Box = Number(str(coefficient.numerator))
            if len(sizes) == 1:
                above = [f for f in above if f not in sizes]
                drawn = self.size(sizes[0][0].name) if isinstance(sizes[0][0], Size) else top
                top = drawn if coefficient.numerator == 1 else row(top, drawn)
            parts.append(Fraction(top, Number(str(coefficient.denominator)), small=True))
        elif coefficient != 1 or (alone and not above and body is None):
            parts.append(Number(str(coefficient.numerator)))
        before = [f for f in above if not is_open_function(f[0])]
        parts += [self._power(a, e, scope) for a, e in before]
        if body is not None:
            first = parts if parts and isinstance(parts[0], Number | Fraction) else []
            if before and height(body) < 2 and width(body) < _SHORT_BODY and all(averaged(a) for a, _ in before):
                parts.insert(1 if first else 0, body)
            else:
                parts.append(body)
        parts += [self._power(a, e, scope) for a, e in above if (a, e) not in before]
        return [spaced(parts)] if parts else []

    def _place(self, atom: Atom) -> tuple[int, str]:
        """Where a factor stands in a product."""
        roles = self.notation.roles
        match atom:
            case Size():
                return (0, atom.name)
            case Constant():
                return (1, atom.name)
            case Element():
                if atom.name in self.notation.covariates:
                    return (2 if atom.name in roles.positive else 8, stable_key(atom))
                if atom.name in roles.data:
                    return (6, stable_key(atom))
                early = 2 if atom.name in roles.known else 5
                return (early if atom.name in roles.positive else early + 2, stable_key(atom))
            case Parameter():
                return (3, stable_key(atom))
            case Moment() if (atom.factor, atom.key) in self.notation.categories:
                return (4, stable_key(atom))
            case Moment():
                return (5 if atom.factor in roles.positive else 7, stable_key(atom))
            case Indicator():
                return (4, stable_key(atom))
            case Delta():
                return (4, stable_key(atom))
            case Function(name="E"):
                return (5, stable_key(atom))
            case _:
                return (9, stable_key(atom))

    def _power(self, atom: Atom, exponent: Rational, scope: Scope) -> Box:
        box = self.atom(atom, scope)
        if exponent == 1:
            return box
        if exponent == Rational(1, 2):
            return Root(box)
        sup = rational(exponent)
        match box:
            case Script(sup=None):
                return Script(box.base, box.sub, sup)
            case Glyph() | Fence():
                return Script(box, sup=sup)
            case Row() if isinstance(atom, Moment | Function) and atom_is_closed(box):
                return row(*raise_last(box, sup))
            case _:
                return Script(parens(box), sup=sup)

    # --- atoms ---------------------------------------------------------------------------------

    def atom(self, atom: Atom, scope: Scope) -> Box:
        """One atom."""
        match atom:
            case Constant():
                return constant(atom.name)
            case Size():
                return self.size(atom.name)
            case Element():
                return self.subscripted(self.notation.variable(atom.name), atom.subs, scope)
            case Parameter(name="logdet_precision"):
                matrix = Parameter(atom.latent, "precision", atom.subs)
                return row(function("log"), Fence("|", self.atom(matrix, scope), "|"))
            case Parameter():
                box = self.notation.parameter(atom.latent, atom.name)
                return self.subscripted(box, atom.subs, scope)
            case Indicator():
                return self._indicator(atom, scope)
            case Delta():
                return self.subscripted(_DELTA, (atom.left, atom.right), scope)
            case Moment():
                return self._moment(atom, scope)
            case Function(name="E"):
                inner = self.polynomial(atom.args[0], scope)
                return row(Script(EXPECTATION, self.notation.average), brackets(inner))
            case Function():
                return functions.draw(atom, [self.polynomial(a, scope) for a in atom.args])

    def _indicator(self, atom: Indicator, scope: Scope) -> Box:
        left = self.subscripted(self.notation.variable(atom.name), atom.subs, scope)
        if atom.name in self.notation.binary and isinstance(atom.value, Literal) and atom.value.value == 1:
            return left
        return brackets(row(left, EQUALS, self.sub(atom.value, scope)))

    def _moment(self, atom: Moment, scope: Scope) -> Box:
        where = (atom.factor, atom.key)
        if where in self.notation.categories:
            return self.subscripted(self.notation.categories[where], atom.subs, scope)
        inner = self.polynomial(self._pattern(atom), scope)
        if atom.factor in self.notation.points:
            return inner if is_atomic(inner) else parens(inner)
        return row(EXPECTATION, brackets(inner))

    def _pattern(self, atom: Moment) -> Polynomial:
        """What a moment is the expectation of, at its subscripts."""
        spec = self.notation.moments.get((atom.factor, atom.key))
        if spec is None:
            raise KeyError(f"the moment {atom.key!r} of q({atom.factor}) is not among the moments of its factor")
        return substitute(spec.pattern, dict(zip(spec.indices, atom.subs, strict=True)))

    def subscripted(self, base: Box, subs: tuple[Sub, ...], scope: Scope) -> Box:
        """A symbol with its subscripts, next to the subscript that it may have of its own."""
        if not subs:
            return base
        drawn = [self.sub(s, scope) for s in subs]
        own = [base.sub] if isinstance(base, Script) and base.sub is not None else []
        tight = not own and all(isinstance(s, Index) for s in subs) and all(is_short(d) for d in drawn)
        parts: list[Box] = []
        for d in (*own, *drawn):
            if parts and not tight:
                parts.append(COMMA)
            parts.append(d)
        inner = row(*parts)
        if isinstance(base, Script):
            return Script(base.base, inner, base.sup)
        return Script(base, inner)

    def sub(self, sub: Sub, scope: Scope) -> Box:
        """One subscript; fixed positions are counted from one, as the indices are."""
        match sub:
            case Index():
                return index_box(scope.names.get(sub, sub.name))
            case Literal():
                return Number(str(sub.value + 1))
            case Gather():
                return self.subscripted(self.notation.variable(sub.name), sub.subs, scope)

    def size(self, name: str) -> Box:
        """The number of elements of a set."""
        return Number(name) if name.isdigit() else self.notation.variable(name)
