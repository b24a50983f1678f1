"""Whiteboard expressions made with the arithmetic that a reader would do: 1/(1/β) is β, and 1/sqrt(τ) to the -2 is τ.

Programs convert parameters to and fro (a precision to a standard deviation, a rate to a scale), and a declaration
should not show it. Only what holds for every value is done: the root of a square stays, unless its base is positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import reduce

from cavi.derive import operations
from cavi.derive.expression import Add, Apply, Expr, Mul, Number, Power, Ref, SizeOf, SumOver, as_expr
from cavi.templates.programs.normalised import same

ZERO, ONE = Fraction(0), Fraction(1)
_HALF = Fraction(1, 2)


def number(value: Fraction | int) -> Number:
    """A number as an expression."""
    return Number(Fraction(value))


def add(left: Expr, right: Expr) -> Expr:
    """The sum."""
    if isinstance(left, Number) and isinstance(right, Number):
        return number(left.value + right.value)
    terms = [t for side in (left, right) for t in (side.terms if isinstance(side, Add) else (side,))]
    known = sum((t.value for t in terms if isinstance(t, Number)), ZERO)
    rest = [t for t in terms if not isinstance(t, Number)]
    first = next((at for at, t in enumerate(terms) if isinstance(t, Number)), 0)
    if known:
        rest.insert(min(first, len(rest)), number(known))
    return rest[0] if len(rest) == 1 else Add(tuple(rest)) if rest else number(0)


def negated(expr: Expr) -> Expr:
    """Minus the expression, term by term."""
    if isinstance(expr, Add):
        return Add(tuple(mul(number(-1), t) for t in expr.terms))
    return mul(number(-1), expr)


def difference(left: Expr, right: Expr) -> Expr:
    """Left minus right, without the terms that both have."""
    rest, gone = list(_terms(left)), []
    for term in _terms(right):
        equal = next((t for t in rest if same(t, term, {})), None)
        if equal is None:
            gone.append(negated(term))
        else:
            rest.remove(equal)  # expressions are equal only to themselves
    start: Expr = number(0)
    return reduce(add, [*rest, *gone], start)


def _terms(expr: Expr) -> Iterator[Expr]:
    """The terms of a sum, and those of a multiple of one."""
    match expr:
        case Add(terms=terms):
            for t in terms:
                yield from _terms(t)
        case Mul(factors=factors) if sums := [f for f in factors if isinstance(f, Add)]:
            rest = [f for f in factors if f is not sums[0]]
            yield from (t for term in sums[0].terms for t in _terms(mul(*rest, term)))
        case _:
            yield expr


def mul(*parts: Expr) -> Expr:
    """The product, its numbers first."""
    factors = [f for p in parts for f in (p.factors if isinstance(p, Mul) else (p,))]
    known = math.prod((f.value for f in factors if isinstance(f, Number)), start=ONE)
    rest = [f for f in factors if not isinstance(f, Number)]
    if known == 0 or not rest:
        return number(known)
    if known != 1:
        rest = [number(known), *rest]
    return rest[0] if len(rest) == 1 else Mul(tuple(rest))


def power(base: Expr, exponent: Fraction) -> Expr:
    """A power with a known exponent."""
    if exponent == 1 or exponent == 0:
        return base if exponent else number(1)
    match base:
        case Number(value=value) if (exact := _root(value, exponent)) is not None:
            return number(exact)
        case Power(base=inner, exponent=Number(value=first)) if (
            exponent.denominator == 1 or not _even(first) or positive(inner)
        ):
            return power(inner, first * exponent)
        case Mul(factors=factors) if exponent.denominator == 1 or all(map(positive, factors)):
            return mul(*(power(f, exponent) for f in factors))
        case Apply(name="exp", args=(inside,)):
            return Apply("exp", (mul(number(exponent), inside),))
    return Power(base, number(exponent))


def _even(value: Fraction) -> bool:
    return value.denominator == 1 and value.numerator % 2 == 0


def _root(value: Fraction, exponent: Fraction) -> Fraction | None:
    """The power of a number where it is rational."""
    if value == 0 or abs(exponent.numerator) > 64:
        return None
    if exponent.denominator == 1:
        return value**exponent.numerator
    if exponent.denominator == 2 and value > 0:
        roots = [math.isqrt(value.numerator), math.isqrt(value.denominator)]
        if [r * r for r in roots] == [value.numerator, value.denominator]:
            return Fraction(*roots) ** exponent.numerator
    return None


def positive(expr: Expr) -> bool:
    """Whether an expression is positive at every value."""
    match expr:
        case Number(value=value):
            return value > 0
        case SizeOf():
            return True
        case Ref():
            return expr.variable.domain in ("positive", "unit", "simplex")
        case Add(terms=parts) | Mul(factors=parts):
            return all(map(positive, parts))
        case Power(base=base):
            return positive(base)
        case SumOver(body=body):
            return positive(body)
        case Apply(name=name):
            return name == "exp"
    return False


def reciprocal(expr: Expr) -> Expr:
    """One over it."""
    return power(expr, Fraction(-1))


def general_power(base: Expr, exponent: Expr) -> Expr:
    """A power; of a power of a positive number the exponents are multiplied."""
    if isinstance(exponent, Number):
        return power(base, exponent.value)
    match base:
        case Power(base=inner, exponent=first) if positive(inner):
            return general_power(inner, _cancelled(mul(first, exponent)))
    return Power(base, exponent)


def _cancelled(product: Expr) -> Expr:
    """A product without the factors that stand beside their reciprocals."""
    left = list(product.factors) if isinstance(product, Mul) else [product]
    for f in [f for f in left if not isinstance(f, Number)]:
        inverse = power(f, Fraction(-1))
        other = next((g for g in left if g is not f and same(g, inverse, {})), None)
        if other is not None and any(g is f for g in left):
            left = [g for g in left if g is not f and g is not other]
    return mul(number(1), *left)


def _sign(expr: Expr) -> Expr | None:
    """One, where the sign is known."""
    return number(1) if positive(expr) else None


def _quotient(above: Expr, below: Expr) -> Expr:
    """The quotient; a/(a + exp(b)) of a positive a is σ(log a - b), which lies between zero and one."""
    if isinstance(below, Add) and len(below.terms) == 2 and positive(above):
        for own, other in (below.terms, below.terms[::-1]):
            if same(own, above, {}) and _is_exp(other):
                return operations.sigmoid(add(_log(above), negated(_log(other))))
    return mul(above, reciprocal(below))


def _where(condition: Expr, yes: Expr, no: Expr) -> Expr:
    return add(mul(condition, yes), mul(add(number(1), mul(number(-1), condition)), no))


def _abs(expr: Expr) -> Expr:
    return expr if positive(expr) else abs(expr)


def _log(expr: Expr) -> Expr:
    match expr:
        case Apply(name="exp", args=(inside,)):
            return inside
        case Mul(factors=factors) if any(_is_exp(f) for f in factors) and all(map(positive, factors)):
            return reduce(add, map(_log, factors))
    return number(0) if isinstance(expr, Number) and expr.value == 1 else operations.log(expr)


def _is_exp(expr: Expr) -> bool:
    return isinstance(expr, Apply) and expr.name == "exp"


def _exp(expr: Expr) -> Expr:
    return number(1) if isinstance(expr, Number) and expr.value == 0 else operations.exp(expr)


SYMBOLIC: Mapping[str, Callable[..., Expr | None]] = {
    "add": add,
    "sub": lambda a, b: add(a, negated(b)),
    "mul": mul,
    "div": _quotient,
    "neg": negated,
    "reciprocal": reciprocal,
    "sqrt": lambda a: power(a, _HALF),
    "square": lambda a: power(a, Fraction(2)),
    "pow": general_power,
    "exp": _exp,
    "log": _log,
    "log1p": lambda a: _log(add(number(1), a)),
    "expm1": lambda a: add(_exp(a), number(-1)),
    "sigmoid": operations.sigmoid,
    "probit": operations.probit,
    "sin": operations.sin,
    "cos": operations.cos,
    "abs": _abs,
    "sign": _sign,
    "where": _where,
}


def known(value: float | int) -> Expr:
    """A number of a program, exactly as it is written."""
    return as_expr(int(value) if float(value).is_integer() else float(value))
