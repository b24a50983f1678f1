"""Proofs that a function is convex or concave on a box: by derivatives, piece by piece, or by composition.

Each stage returns a `Curvature`, in which ``None`` means that the stage does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, permutations
from typing import Any

import sympy as sp

from cavi.derive.derivation import Rule, Step
from cavi.derive.identities import convexity_rules as rules
from cavi.derive.identities.chord import grid
from cavi.derive.identities.convexity_domain import switching_points
from cavi.derive.identities.sign import (
    GIVES_UP,
    NEGATIVE,
    NONNEGATIVE,
    NONPOSITIVE,
    POSITIVE,
    ZERO,
    Box,
    Fact,
    Requirement,
    analytic,
    in_exponentials,
    sample,
    sign_of,
    steps_of,
)

Expr = Any
KINKS = (sp.Abs, sp.Max, sp.Min, sp.Piecewise)
_STEPS = (sp.floor, sp.ceiling, sp.sign, sp.Heaviside)  # real and defined everywhere, with jumps


@dataclass(frozen=True)
class Curvature:
    """What is proved: convex, concave (True, False or not known), strictly so, and the steps that prove it."""

    convex: bool | None = None
    concave: bool | None = None
    strict: bool | None = None
    steps: tuple[Step[Any], ...] = ()

    @property
    def known(self) -> bool:
        """Whether one of the two is proved."""
        return bool(self.convex or self.concave)

    @property
    def affine(self) -> bool:
        """Whether both are proved."""
        return bool(self.convex and self.concave)

    def mirrored(self) -> Curvature:
        """Return what holds for the negative of the function."""
        return replace(self, convex=self.concave, concave=self.convex)


UNKNOWN = Curvature()


def _relation(text: str) -> Any:
    return text


def curvature(expr: Expr, box: Box, symbols: tuple[Expr, ...]) -> Curvature:
    """Return what the stages prove of `expr` in `symbols`; the other symbols of the box are parameters."""
    stages = [composed]
    if expr.has(*KINKS) and len(symbols) == 1:
        stages = [by_pieces, composed]
    for stage in stages:
        try:
            found = stage(expr, box, symbols)
        except GIVES_UP:
            continue
        if found.convex is not None or found.concave is not None:
            return found
    return UNKNOWN


def smooth(expr: Expr, box: Box, symbols: tuple[Expr, ...]) -> Curvature:
    """Decide by the second derivative, or by the principal minors of the Hessian."""
    if not analytic(expr, box):
        return UNKNOWN
    return second_derivative_test(expr, box, symbols[0]) if len(symbols) == 1 else hessian_test(expr, box, symbols)


def _parameters(box: Box, symbols: tuple[Expr, ...]) -> tuple[tuple[Expr, Expr, Expr], ...]:
    return tuple(r for r in box.ranges if r[0] not in symbols)


def vanishes(expr: Expr) -> bool:
    """Return whether the expression is identically zero, as far as rational normal form and simplification show."""
    if expr.is_zero is not None:
        return bool(expr.is_zero)
    form = sp.cancel(sp.together(sp.powsimp(expr)))
    if form.is_zero is not None:
        return bool(form.is_zero)
    return False


def second_derivative_test(expr: Expr, box: Box, symbol: Expr) -> Curvature:
    """Decide by the sign of the second derivative (Boyd and Vandenberghe, 2004, 3.1.4)."""
    slope = expr.diff(symbol)
    bend = slope.diff(symbol)
    steps = [
        Step(sp.Derivative(expr, symbol), slope, rules.DIFFERENTIATE),
        Step(sp.Derivative(expr, (symbol, 2)), bend, rules.DIFFERENTIATE),
    ]
    if bend != 0 and vanishes(bend):
        steps.append(Step(bend, sp.S.Zero, rules.REWRITE))
        bend = sp.S.Zero
    if _mixed(bend, box, symbol):
        return Curvature(False, False, None, tuple(steps))
    fact = sign_of(bend, box)
    for form in () if fact else forms(bend):
        fact = sign_of(form, box)
        if fact is not None:
            fact = Fact(bend, fact.sign, fact.rule, (fact,), form)
            break
    if fact is None:
        return Curvature(steps=tuple(steps))
    steps += steps_of(fact)
    if fact.sign == ZERO:
        return Curvature(True, True, False, tuple(steps))
    # an analytic second derivative that is not identically zero has isolated zeros only
    up = fact.sign <= NONNEGATIVE
    return Curvature(up, not up, True if 0 not in fact.sign else _strict(bend, box, symbol), tuple(steps))


def _strict(bend: Expr, box: Box, symbol: Expr) -> bool | None:
    """Return True if the second derivative of one sign is not identically zero, whatever the parameters."""
    if bend.free_symbols != {symbol}:
        return None
    low, high = box.ends(symbol)
    for point in (sample(low, high), sample(sample(low, high), high), sample(low, sample(low, high))):
        if abs(sp.N(bend.subs(symbol, point), 30)) > sp.Float("1e-20"):
            return True
    return None


def _mixed(bend: Expr, box: Box, symbol: Expr) -> bool:
    """Return whether the second derivative visibly takes both signs, so that no proof need be sought."""
    if bend.free_symbols != {symbol}:
        return False
    signs = set()
    for point in grid(sp.Interval.open(*box.ends(symbol)), 7):
        value = bend.evalf(15, subs={symbol: sp.Float(point, 15)})
        if value.is_Float and abs(value) > 1e-8:
            signs.add(value > 0)
    return len(signs) == 2


def forms(expr: Expr) -> Iterator[Expr]:
    """Yield other forms of the expression, the cheap ones first."""
    if expr.has(sp.sin, sp.cos, sp.tan):
        yield sp.factor(sp.expand_trig(sp.trigsimp(expr)))
    if sp.count_ops(expr) < 60:
        yield sp.simplify(expr)


def hessian_test(expr: Expr, box: Box, symbols: tuple[Expr, ...]) -> Curvature:
    """Semidefinite if all principal minors have the right sign, definite if the leading ones are positive."""
    matrix = sp.hessian(expr, symbols)
    matrix = matrix.applyfunc(lambda entry: sp.factor(sp.cancel(sp.together(sp.powsimp(entry)))))
    if matrix.is_zero_matrix:
        return Curvature(
            True, True, False, (Step(sp.Derivative(expr, symbols[0], symbols[-1]), sp.S.Zero, rules.HESSIAN),)
        )
    start = tuple(
        Step(sp.Derivative(expr, a, b), matrix[i, j], rules.DIFFERENTIATE) for (i, a), (j, b) in _pairs(symbols)
    )
    matrix, box, change = _in_exponentials(matrix, box)
    start += change
    for up in (True, False):
        found = _minors(matrix if up else -matrix, box, symbols)
        if found is not None:
            strict, steps = found
            return Curvature(up, not up, strict, start + steps)
    return Curvature(steps=start)


def _in_exponentials(matrix: Any, box: Box) -> tuple[Any, Box, tuple[Step[Any], ...]]:
    """Return the matrix in u = exp(x) where all entries depend on exponentials only: rational entries are quick."""
    whole = sp.Tuple(*matrix)
    try:
        changed = in_exponentials(whole, box) if whole.has(sp.exp) else None
    except GIVES_UP:
        changed = None
    if changed is None:
        return matrix, box, ()
    new, ranges, meaning = changed
    steps = tuple(Step(u, value, rules.SUBSTITUTE) for u, value in meaning.items())
    return sp.Matrix(matrix.rows, matrix.cols, list(new)), ranges, steps


def _pairs(symbols: tuple[Expr, ...]) -> Iterator[tuple[tuple[int, Expr], tuple[int, Expr]]]:
    numbered = list(enumerate(symbols))
    return ((a, b) for a in numbered for b in numbered if a[0] <= b[0])


def _minors(matrix: Any, box: Box, symbols: tuple[Expr, ...]) -> tuple[bool | None, tuple[Step[Any], ...]] | None:
    steps: list[Step[Any]] = []
    definite, singular = True, False
    for size in range(1, len(symbols) + 1):
        for rows in combinations(range(len(symbols)), size):
            part = matrix.extract(list(rows), list(rows))
            minor = _determinant(part)
            fact = sign_of(minor, box)
            if fact is None or not fact.sign <= NONNEGATIVE:
                return None
            if size > 1:
                steps.append(Step(sp.Determinant(part.as_immutable()), minor, rules.MINOR))
            steps += steps_of(fact)
            if rows == tuple(range(size)):
                definite = definite and fact.sign == POSITIVE
            # where the determinant vanishes identically the graph is ruled by segments (Hartman and Nirenberg, 1959)
            singular = singular or (size == len(symbols) and fact.sign == ZERO)
    return (True if definite else False if singular else None), tuple(steps)


def _determinant(matrix: Any) -> Expr:
    """Return the determinant, by permutations, in factored form."""
    total = sp.S.Zero
    for order in permutations(range(matrix.rows)):
        inversions = sum(a > b for a, b in combinations(order, 2))
        total += (-1) ** inversions * sp.Mul(*(matrix[i, j] for i, j in enumerate(order)))
    return sp.factor(sp.cancel(sp.together(total)))


def by_pieces(expr: Expr, box: Box, symbols: tuple[Expr, ...]) -> Curvature:
    """Split at the switching points of Abs, Max, Min and Piecewise, compare slopes at the joints."""
    (symbol,) = symbols
    low, high = box.ends(symbol)
    pieces = pieces_of(expr, box, symbol, low, high)
    if pieces is None:
        return UNKNOWN
    steps: list[Step[Any]] = []
    convex: bool | None = True
    concave: bool | None = True
    strict: bool | None = True
    for start, end, piece in pieces:
        own = Box(tuple((s, start, end) if s == symbol else (s, a, b) for s, a, b in box.ranges))
        found = smooth(piece, own, (symbol,))
        if not found.known:
            convex = concave = None
            break
        steps.append(Step(expr, piece, rules.PIECE, (f"{start} < {symbol} < {end}",)))
        steps += found.steps
        convex, concave = convex and bool(found.convex), concave and bool(found.concave)
        strict = strict and bool(found.strict) if found.strict is not None else None
    if convex is None:
        return UNKNOWN
    for (_, joint, left), (_, _, right) in pairwise(pieces):
        verdict = _joint(expr, symbol, joint, left, right)
        if verdict is None:
            return UNKNOWN
        jump, step = verdict
        steps.append(step)
        convex, concave = convex and jump in ("=", ">"), concave and jump in ("=", "<")
    return Curvature(convex, concave, strict, tuple(steps))


def defined(expr: Expr, box: Box, symbols: tuple[Expr, ...], unmet: tuple[Requirement, ...]) -> bool:
    """Return whether the function is proved real and defined on the whole box, kinks and jumps allowed."""
    for need in unmet:
        if need.node.is_Pow and need.node.exp.is_positive:
            base = sign_of(need.expr, box)
            if base is None or not base.sign <= NONNEGATIVE:
                return False
        elif not isinstance(need.node, (*KINKS, *_STEPS)):
            return False
    if not any(isinstance(need.node, sp.Piecewise) for need in unmet):
        return True
    pieces = pieces_of(expr, box, symbols[0], *box.ends(symbols[0])) if len(symbols) == 1 else None
    ranges = [(Box(((symbols[0], start, end),)), piece) for start, end, piece in pieces or ()]
    return bool(ranges) and all(analytic(piece, own) for own, piece in ranges)


def pieces_of(expr: Expr, box: Box, symbol: Expr, low: Expr, high: Expr) -> list[tuple[Expr, Expr, Expr]] | None:
    """Return (start, end, smooth expression) for each interval between switching points, or None if one is unknown."""
    inner = next((k for k in sp.postorder_traversal(expr) if isinstance(k, KINKS) and symbol in k.free_symbols), None)
    if inner is None:
        return [(low, high, expr)]
    points: set[Expr] = set()
    for switch in _switches(inner):
        own = Box(tuple((s, low, high) if s == symbol else (s, a, b) for s, a, b in box.ranges))
        found = _zeros(switch, own, symbol, low, high)
        if found is None:
            return None
        points.update(found)
    ends = [low, *sorted(points, key=sp.N), high]
    pieces: list[tuple[Expr, Expr, Expr]] = []
    for start, end in pairwise(ends):
        branch = _branch(inner, symbol, sample(start, end))
        if branch is None:
            return None
        rest = pieces_of(expr.xreplace({inner: branch}), box, symbol, start, end)
        if rest is None:
            return None
        for piece in rest:
            if pieces and pieces[-1][2] == piece[2] and not expr.has(sp.Piecewise):
                pieces[-1] = (pieces[-1][0], piece[1], piece[2])
            else:
                pieces.append(piece)
    return pieces


def _switches(kink: Expr) -> Iterator[Expr]:
    if isinstance(kink, sp.Abs):
        yield kink.args[0]
    elif isinstance(kink, sp.Piecewise):
        for relation in kink.atoms(sp.core.relational.Relational):
            yield relation.lhs - relation.rhs
    else:
        yield from (a - b for a, b in combinations(kink.args, 2))


def _zeros(switch: Expr, box: Box, symbol: Expr, low: Expr, high: Expr) -> list[Expr] | None:
    if symbol not in switch.free_symbols:
        return []
    if switch.free_symbols == {symbol} and switch.is_rational_function(symbol):
        return switching_points(switch, symbol, low, high)
    fact = sign_of(switch, box, 2)
    if fact is not None and fact.sign in (POSITIVE, NEGATIVE):
        return []
    slope = sign_of(switch.diff(symbol), box, 2)
    if switch.free_symbols != {symbol} or slope is None or slope.sign not in (POSITIVE, NEGATIVE):
        return None
    # strictly monotone, so a zero that is found is the only one
    roots = [r for r in sp.solve(switch, symbol) if r.is_real and (r > low) == True and (r < high) == True]  # noqa: E712
    return roots if len(roots) == 1 and analytic(switch, box) else None


def _branch(kink: Expr, symbol: Expr, point: Expr) -> Expr | None:
    """Return the branch that a kink takes at the point, which is none of its switching points."""
    if isinstance(kink, sp.Piecewise):
        for branch, condition in kink.args:
            met = condition.subs(symbol, point)
            if met == True:  # noqa: E712 - SymPy's own true
                return branch
            if met != False:  # noqa: E712
                return None
        return None
    if isinstance(kink, sp.Abs):
        value = sp.N(kink.args[0].subs(symbol, point), 30)
        return (kink.args[0] if value > 0 else -kink.args[0]) if value.is_Float or value.is_Rational else None
    values = [sp.N(a.subs(symbol, point), 30) for a in kink.args]
    if not all(v.is_real for v in values):
        return None
    best = max(values) if isinstance(kink, sp.Max) else min(values)
    return kink.args[values.index(best)]


def _joint(expr: Expr, symbol: Expr, joint: Expr, left: Expr, right: Expr) -> tuple[str, Step[Any]] | None:
    """Return how the slope changes at the joint ("=", ">" or "<"), or None if the function jumps there."""
    value = expr.subs(symbol, joint)
    if not (_same(left.subs(symbol, joint), value) and _same(right.subs(symbol, joint), value)):
        return None
    slopes = [_value_at(f.diff(symbol), symbol, joint, side) for f, side in ((left, "-"), (right, "+"))]
    if any(s is None for s in slopes):
        return None
    before, after = slopes
    if before == after or _same(before, after):
        jump = "="
    else:
        jump = ">" if sp.N(after, 30) > sp.N(before, 30) else "<"
    return jump, Step(after, before, rules.JOINT, (f"{symbol} = {joint}",), _relation(jump))


def _value_at(expr: Expr, symbol: Expr, point: Expr, side: str) -> Expr | None:
    value = expr.subs(symbol, point)
    if value.is_finite and value.is_real:
        return value
    try:
        value = sp.limit(expr, symbol, point, side)
    except GIVES_UP:
        return None
    return value if value.is_extended_real else None


def _same(a: Expr, b: Expr) -> bool:
    """Return whether two finite numbers are equal; a difference of fewer than 1e-25 must also vanish symbolically."""
    gap = a - b
    if gap.is_zero:
        return True
    if not gap.is_finite or gap.free_symbols:
        return False
    return bool(abs(sp.N(gap, 30)) < sp.Float("1e-25") and sp.simplify(gap) == 0)


def composed(expr: Expr, box: Box, symbols: tuple[Expr, ...]) -> Curvature:
    """Decide by the calculus of convex functions: sums, maxima and compositions (Boyd and Vandenberghe, 2004, 3.2)."""
    if not expr.has(*KINKS):
        found = smooth(expr, box, symbols)
        if found.convex is not None or expr.is_Symbol:
            return found
    if expr.is_Add:
        kinked = [term for term in expr.args if _special(term)]
        rest = sp.Add(*(term for term in expr.args if not _special(term)))
        parts = [composed(term, box, symbols) for term in kinked]
        parts += [smooth(rest, box, symbols)] if kinked and rest.free_symbols & set(symbols) else []
        return _together(expr, parts, rules.NONNEGATIVE_SUM)
    if expr.is_Mul:
        constant, rest = expr.as_independent(*symbols)
        fact = sign_of(constant, box) if constant != 1 else None
        if fact is None or rest == expr:
            return UNKNOWN
        inner = composed(rest, box, symbols)
        if fact.sign <= NONPOSITIVE:
            inner = inner.mirrored()
        strict = inner.strict if 0 not in fact.sign else None
        last = Step(expr, sp.Mul(constant, rest, evaluate=False), rules.NONNEGATIVE_SUM)
        return replace(inner, strict=strict, steps=(*inner.steps, *steps_of(fact), last))
    if isinstance(expr, (sp.Max, sp.Min)):
        parts = [composed(a, box, symbols) if a.free_symbols & set(symbols) else _CONSTANT for a in expr.args]
        rule = rules.MAXIMUM if isinstance(expr, sp.Max) else rules.MINIMUM
        found = _together(expr, parts, rule)
        up = isinstance(expr, sp.Max)
        return replace(found, convex=found.convex if up else None, concave=None if up else found.concave, strict=None)
    if isinstance(expr, sp.Abs) and not expr.args[0].has(*KINKS):
        inner = smooth(expr.args[0], box, symbols)
        if inner.affine:
            split = Step(expr, sp.Max(expr.args[0], -expr.args[0], evaluate=False), rules.ABSOLUTE)
            return Curvature(True, None, False, (*inner.steps, split))
        return UNKNOWN
    if expr.is_Pow and expr.exp == sp.S.Half and expr.base.is_polynomial(*symbols):
        return _norm(expr, box, symbols)
    if isinstance(expr, sp.Piecewise):
        return UNKNOWN
    return _composition(expr, box, symbols)


def _special(term: Expr) -> bool:
    """Return whether the term has a kink, or a root that may have one."""
    return bool(term.has(*KINKS)) or any(p.exp == sp.S.Half for p in term.atoms(sp.Pow))


def _norm(expr: Expr, box: Box, symbols: tuple[Expr, ...]) -> Curvature:
    quadratic = expr.base
    least = sign_of(quadratic, box)
    if sp.Poly(quadratic, *symbols).total_degree() > 2 or least is None or not least.sign <= NONNEGATIVE:
        return UNKNOWN
    # on a smaller box a quadratic may be nonnegative without being a sum of squares: ask on the whole space
    everywhere = sign_of(
        quadratic, Box(tuple((s, -sp.oo, sp.oo) if s in symbols else (s, a, b) for s, a, b in box.ranges))
    )
    inner = smooth(quadratic, box, symbols)
    if everywhere is None or not everywhere.sign <= NONNEGATIVE or not inner.convex:
        return UNKNOWN
    if any(not s.is_real or s.is_positive or s.is_negative for s in symbols):
        return UNKNOWN  # their assumptions would speak for the box only
    return Curvature(True, None, None, (*inner.steps, *steps_of(least), Step(expr, expr, rules.NORM)))


_CONSTANT = Curvature(True, True, False)


def _together(expr: Expr, parts: list[Curvature], rule: Rule) -> Curvature:
    steps = tuple(step for part in parts for step in part.steps)
    convex, concave = all(p.convex for p in parts), all(p.concave for p in parts)
    strict = True if rule is rules.NONNEGATIVE_SUM and any(p.strict for p in parts) else None
    closing = Step(expr, expr, rule) if parts else None
    if not parts or not (convex or concave):
        return UNKNOWN
    return Curvature(convex or None, concave or None, strict, (*steps, closing) if closing else steps)


def _composition(expr: Expr, box: Box, symbols: tuple[Expr, ...]) -> Curvature:
    """Decide h(g) from the slope and the bend of h on the range of g."""
    inners = [a for a in expr.args if a.free_symbols & set(symbols)]
    if len(inners) != 1:
        return UNKNOWN
    inner = inners[0]
    found = composed(inner, box, symbols)
    fact = None if not found.known else _range_sign(inner, box)
    low = sp.S.Zero if fact is not None and fact.sign <= NONNEGATIVE else -sp.oo
    high = sp.S.Zero if fact is not None and fact.sign <= NONPOSITIVE else sp.oo
    w = (
        sp.Symbol("w", positive=True)
        if low == 0
        else sp.Symbol("w", negative=True)
        if high == 0
        else sp.Symbol("w", real=True)
    )
    outer = expr.func(*(w if a == inner else a for a in expr.args))
    own = Box((*_parameters(box, symbols), (w, low, high)))
    if not found.known or not analytic(outer, own):
        return UNKNOWN
    if fact is not None and 0 in fact.sign and not _reaches(outer, w):
        return UNKNOWN
    slope = sign_of(outer.diff(w), own)
    bend = second_derivative_test(outer, own, w)
    if slope is None or not bend.known:
        return UNKNOWN
    up, down = slope.sign <= NONNEGATIVE, slope.sign <= NONPOSITIVE
    convex = bool(bend.convex and ((up and found.convex) or (down and found.concave)))
    concave = bool(bend.concave and ((up and found.concave) or (down and found.convex)))
    if not convex and not concave:
        return UNKNOWN
    steps = (*found.steps, *bend.steps, *steps_of(slope), Step(expr, outer.subs(w, inner), rules.COMPOSITION))
    return Curvature(convex or None, concave or None, None, steps)


def _range_sign(inner: Expr, box: Box) -> Fact | None:
    """Return the sign of a kinked expression: of an absolute value, of a maximum with one nonnegative branch."""
    return sign_of(inner, box, 2)


def _reaches(outer: Expr, w: Expr) -> bool:
    """Return whether the outer function is continuous at zero, the end of its range."""
    value = outer.subs(w, 0)
    return bool(value.is_finite) and sp.limit(outer, w, 0, "+" if w.is_positive else "-") == value
