"""Polynomials into the layout tree: the decisions of an author about one formula.

Sums get the declared index names, never one that is in use around them or free inside; factors
stand in a fixed order, before the innermost sum that they do not depend on; negative powers become
fractions; a Kronecker delta that ties a summed index to a datum becomes a condition under the Σ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction as Rational

from cavi.derive.canonical import power, rewrite, sum_over
from cavi.derive.index import Gather, Index, Literal, Shift, Sub
from cavi.derive.term import (
    Atom,
    Before,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Matrix,
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
    IDENTITY,
    INVERSE,
    LESS,
    MINUS,
    NEGATIVE,
    PLUS,
    TRANSPOSE,
    BigOperator,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Operator,
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
from cavi.templates.matrix_notation import Folded, Leaf, Product, is_symmetric, named_matrix
from cavi.templates.notation import Notation
from cavi.templates.quadratic_forms import vector_of
from cavi.templates.scope import Scope, free_scope, index_box
from cavi.templates.symbols import bold, symbol
from cavi.templates.term_order import rank, stable_key
from cavi.templates.term_tree import Factor, Term, indices_of_terms

_ONE = Number("1")
_ZERO = Number("0")
_DELTA = symbol("delta")
_SHORT_BODY = 6.0
_TRACE = Operator(r"\operatorname{Tr}", "Tr", "function")


@dataclass(frozen=True)
class Printer:
    """Prints polynomials in one notation; in a vector or matrix equation the `opened` indices are left out."""

    notation: Notation
    opened: tuple[Index, ...] = ()

    # --- sums ----------------------------------------------------------------------------------

    def polynomial(self, p: Polynomial, scope: Scope | None = None) -> Box:
        """The whole polynomial as a row of signed terms."""
        scope = free_scope(p) if scope is None else scope
        if self.notation.points:
            p = rewrite(p, self._at_point)
        folded = self.notation.vectors.fold(p)
        return self.terms(group(p if folded is None else folded, self.notation.roles), scope)

    def whole(self, p: Polynomial, opened: tuple[Index, ...], scope: Scope) -> Box | None:
        """The polynomial as a vector or matrix over the opened indices; None where it cannot be written so."""
        if self.notation.points:
            p = rewrite(p, self._at_point)
        folded = self.notation.vectors.fold(p, opened)
        if folded is None:
            return None
        return replace(self, opened=opened).terms(group(folded, self.notation.roles), scope)

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
        limits = {a: i for a, _ in factors if isinstance(a, Link) and (i := _limited(a, t.bound)) is not None}
        limits = {a: i for a, i in limits.items() if list(limits.values()).count(i) == 1}
        ordered = [b for b, _ in factors if isinstance(b, Before) and {b.left, b.right} <= set(t.bound)]
        ordered = ordered if len(ordered) == 1 and not conditions and not limits else []
        factors = [f for f in factors if f[0] not in limits and f[0] not in ordered]
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
                before = [b for b in ordered if max(order.index(i) for i in bound_of(b, t.bound)) == depth - 1]
                if before:
                    names = [self.sub(s, scope) for s in (before[0].left, before[0].right)]
                    under = row(names[0], LESS, names[1])
                    above = order[depth - 2] in (before[0].left, before[0].right)
                    if pieces and isinstance(pieces[-1], BigOperator) and above:
                        pieces.pop()
                    else:
                        under = row(index_box(scope.names[index]), COLON, under)
                    pieces.append(BigOperator("sum", under))
                else:
                    limit = next((link for link, i in limits.items() if i == index), None)
                    pieces.append(self._sigma(index, here, scope, limit))
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

    def _sigma(self, index: Index, conditions: list[Delta], scope: Scope, limit: Link | None) -> Box:
        name = index_box(scope.names[index])
        if limit is not None and not conditions:
            if isinstance(limit.sub, Shift):
                return BigOperator("sum", row(name, EQUALS, _ONE), row(self.size(index.size), MINUS, _ONE))
            return BigOperator("sum", row(name, EQUALS, Number("2")), self.size(index.size))
        if conditions:
            parts: list[Box] = [name, COLON]
            for d in conditions:
                if len(parts) > 2:
                    parts.append(COMMA)
                left, right = (d.right, d.left) if isinstance(d.right, Gather) else (d.left, d.right)
                parts += [self.sub(left, scope), EQUALS, self.sub(right, scope)]
            if limit is not None:
                parts += [COMMA, self._linked(limit, scope)]
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
            case Parameter() if atom.name.startswith("logdet_"):
                matrix = bold(self.notation.parameter(atom.latent, atom.name.removeprefix("logdet_")))
                return row(function("log"), Fence("|", self.subscripted(matrix, atom.subs, scope), "|"))
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
            case Function(name="fold"):
                return self._fold(atom.args[0], scope)
            case Function(name="form"):
                return self._form(atom, scope)
            case Matrix():
                return self._matrix(atom, scope)
            case Link():
                return self._link(atom, scope)
            case Before():
                return brackets(row(self.sub(atom.left, scope), LESS, self.sub(atom.right, scope)))
            case Function():
                return functions.draw(atom, [self.polynomial(a, scope) for a in atom.args], self.notation.style.digamma)

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
        pattern = self.notation.pattern(atom)
        if pattern is None:
            raise KeyError(f"the moment {atom.key!r} of q({atom.factor}) is not among the moments of its factor")
        return pattern

    def subscripted(self, base: Box, subs: tuple[Sub, ...], scope: Scope) -> Box:
        """A symbol with its subscripts, next to the subscript that it may have of its own."""
        if not subs:
            return base
        drawn = [self.sub(s, scope) for s in subs]
        return _scripted(base, drawn, all(isinstance(s, Index) for s in subs))

    def scripted(self, base: Box, drawn: list[Box]) -> Box:
        """A symbol with subscripts that are drawn already."""
        return _scripted(base, drawn, indices=True)

    def sub(self, sub: Sub, scope: Scope) -> Box:
        """One subscript; fixed positions are counted from one, as the indices are."""
        match sub:
            case Index():
                return index_box(scope.names.get(sub, sub.name))
            case Literal():
                return Number(str(sub.value + 1))
            case Gather():
                return self.subscripted(self.notation.variable(sub.name), sub.subs, scope)
            case Shift():
                return row(self.sub(sub.base, scope), PLUS if sub.offset > 0 else MINUS, Number(str(abs(sub.offset))))

    def size(self, name: str) -> Box:
        """The number of elements of a set."""
        return Number(name) if name.isdigit() else self.notation.variable(name)

    # --- vectors and matrices ------------------------------------------------------------------

    def _fold(self, value: Polynomial, scope: Scope) -> Box:
        """A folded part: products of vectors and matrices, or the mean of a squared length."""
        length = self._squared_length(value)
        if length is not None:
            return row(EXPECTATION, brackets(self.polynomial(length, scope)))
        opened = tuple(i for i in self.opened if i in value.free)
        folded = self.notation.vectors.folded(value, opened)
        if folded is None or len(folded) != 1:
            raise ValueError(f"not a product of vectors and matrices: {value}")
        return self._products(folded[0], opened, scope)

    def _squared_length(self, value: Polynomial) -> Polynomial | None:
        """``xᵀx`` of the sum of the means of its squares."""
        (m,) = value.monomials
        if len(m.powers) != 1 or len(m.bound) != 1 or not isinstance(m.powers[0][0], Moment):
            return None
        pattern = self.notation.vectors.squared(m.powers[0][0])
        return None if pattern is None else sum_over(pattern, m.bound)

    def _products(self, folded: Folded, opened: tuple[Index, ...], scope: Scope) -> Box:
        ends = [p for p in folded.products if p.rank == 1]
        boxes = [self._chain(p, scope) for p in folded.products]
        if len(opened) == 2 and len(ends) == 2:
            # A vector times a row: the second product is turned around.
            boxes[-1] = self._turned_chain(ends[1], scope)
        return row(*boxes)

    def _chain(self, p: Product, scope: Scope) -> Box:
        boxes = [self._leaf(leaf, scope) for leaf in p.leaves]
        if p.trace:
            return row(_TRACE, parens(row(*boxes)))
        return row(*boxes)

    def _turned_chain(self, p: Product, scope: Scope) -> Box:
        turned = [
            replace(leaf, transposed=not leaf.transposed if len(leaf.slots) == 1 or not _symmetric(leaf) else False)
            for leaf in reversed(p.leaves)
        ]
        return row(*(self._leaf(leaf, scope) for leaf in turned))

    def _leaf(self, leaf: Leaf, scope: Scope) -> Box:
        """A vector or a matrix."""
        atom = leaf.atom
        if not leaf.slots:
            return self.atom(atom, scope)
        sup = TRANSPOSE if leaf.transposed else None
        match atom:
            case Element():
                box = self.array(self.notation.variable(atom.name), atom.subs, leaf.slots, scope)
            case Parameter():
                box = self.array(self.notation.parameter(atom.latent, atom.name), atom.subs, leaf.slots, scope)
            case Delta():
                return IDENTITY
            case Matrix():
                inner = named_matrix(atom)
                assert inner is not None
                box = _raised(self._leaf(Leaf(inner, (atom.row, atom.column)), scope), INVERSE)
            case Moment():
                if atom.factor in self.notation.points:
                    inside = self._inside(leaf, scope)
                    return inside if sup is None else Script(parens(inside), sup=sup)
                body = brackets(self._inside(leaf, scope))
                return row(EXPECTATION, body if sup is None else Script(body, sup=sup))
            case _:
                raise TypeError(f"no vector or matrix: {atom}")
        return box if sup is None else _raised(box, sup)

    def _inside(self, leaf: Leaf, scope: Scope) -> Box:
        """What a moment is the expectation of, as vectors and matrices."""
        assert isinstance(leaf.atom, Moment)
        inner = self.whole(self._pattern(leaf.atom), leaf.slots, scope)
        assert inner is not None
        return inner

    def array(self, base: Box, subs: tuple[Sub, ...], slots: tuple[Index, ...], scope: Scope) -> Box:
        """A symbol in bold, without the last subscripts, those that it is a vector or matrix over."""
        return self.subscripted(bold(base), subs[: len(subs) - len(slots)], scope)

    def _form(self, atom: Function, scope: Scope) -> Box:
        """``(a - b)ᵀ M (a - b)``."""
        marked = vector_of(atom)
        folded = self.notation.vectors.fold(atom.args[0], (marked,))
        assert folded is not None
        roles = self.notation.roles
        own = sorted(
            group(folded, roles),
            key=lambda t: (_known(t, roles.known), not _known(t, roles.data), _length(t), rank(t, roles)),
        )
        if own[0].coefficient < 0:
            own = [replace(t, coefficient=-t.coefficient) for t in own]
        vector = replace(self, opened=(marked,)).terms(own, scope)
        grouped = parens(vector)
        if len(atom.args) == 1:
            return Script(Fence("‖", vector, "‖"), sup=Number("2"))
        ((m),) = atom.args[1].monomials
        middle = m.powers[0][0]
        leaf = self.notation.vectors.leaf(middle, _marked(middle))
        assert leaf is not None
        return row(Script(grouped, sup=TRANSPOSE), self._leaf(leaf, scope), grouped)

    def _matrix(self, atom: Matrix, scope: Scope) -> Box:
        """A log-determinant, or an element of an inverse."""
        inner = self.whole(atom.value, (atom.row, atom.column), scope)
        if inner is None:
            inside = scope.enter(atom.row, [*self.notation.index_names(atom.row.size)])
            inside = inside.enter(atom.column, [*self.notation.index_names(atom.column.size)])
            element = brackets(self.polynomial(atom.value, inside))
            inner = Script(element, row(self.sub(atom.row, inside), self.sub(atom.column, inside)))
        if atom.name == "logdet":
            return row(function("log"), Fence("|", inner, "|"))
        return self.subscripted(brackets(_raised(inner, INVERSE)), atom.subs, scope)

    def _link(self, atom: Link, scope: Scope) -> Box:
        """``[t > 1]``, or 1 - s_t where known zeros and ones say what starts a sequence."""
        if atom.starts is None:
            return brackets(self._linked(atom, scope))
        name, subs = atom.starts
        return parens(row(_ONE, MINUS, self.subscripted(self.notation.variable(name), subs, scope)))

    def _linked(self, atom: Link, scope: Scope) -> Box:
        if isinstance(atom.sub, Shift) and atom.sub.offset == 1:
            return row(self.sub(atom.sub.base, scope), LESS, self.size(atom.sub.size))
        return row(_ONE, LESS, self.sub(atom.sub, scope))


def _limited(link: Link, bound: tuple[Index, ...]) -> Index | None:
    """The summed index whose range a link shortens by one."""
    if link.starts is not None:
        return None
    base = link.sub.base if isinstance(link.sub, Shift) and link.sub.offset == 1 else link.sub
    return base if isinstance(base, Index) and base in bound else None


def _known(t: Term, known: frozenset[str]) -> bool:
    """Whether a term is made of these names alone."""
    atoms = [b for a, _ in t.factors for b in (a.args[0].atoms() if isinstance(a, Function) else [a])]
    return all(isinstance(a, Element) and a.name in known for a in atoms)


def _length(t: Term) -> int:
    """How many vectors and matrices a term is the product of."""
    return sum(len(a.args[0].monomials[0].powers) if isinstance(a, Function) else 1 for a, _ in t.factors)


def _marked(atom: Atom) -> set[Index]:
    return {i for i in atom_indices(atom) if i.name.startswith("?")}


def _symmetric(leaf: Leaf) -> bool:
    return is_symmetric(leaf.atom)


def _raised(box: Box, sup: Box) -> Box:
    """The box with a superscript; one that has one already is put in brackets."""
    if isinstance(box, Script) and box.sup is None:
        return Script(box.base, box.sub, sup)
    return Script(box if isinstance(box, Glyph | Fence) else parens(box), sup=sup)


def _scripted(base: Box, drawn: list[Box], indices: bool) -> Box:
    """A symbol with subscripts, next to the one that it may have of its own."""
    if not drawn:
        return base
    own = [base.sub] if isinstance(base, Script) and base.sub is not None else []
    tight = not own and indices and all(is_short(d) for d in drawn)
    parts: list[Box] = []
    for d in (*own, *drawn):
        if parts and not tight:
            parts.append(COMMA)
        parts.append(d)
    inner = row(*parts)
    if isinstance(base, Script):
        return Script(base.base, inner, base.sup)
    return Script(base, inner)
