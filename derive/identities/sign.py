"""The sign of an expression on a box: a visible table of rules, each of which proves or declines.

A sign is the set of values that sign(e) may take: ``{1}`` positive, ``{0, 1}`` nonnegative, ``{0}``
zero. A box gives an open interval to each of its symbols; other symbols are parameters, of which only
their assumptions are known. Nothing is sampled: every answer is a proof by the rule it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import lcm
from typing import Any

import sympy as sp
from sympy.polys.polyerrors import BasePolynomialError

from cavi.derive.derivation import Rule, Step
from cavi.derive.identities import convexity_rules as rules

Expr = Any
Sign = frozenset[int]

POSITIVE, NEGATIVE, ZERO = frozenset({1}), frozenset({-1}), frozenset({0})
NONNEGATIVE, NONPOSITIVE = POSITIVE | ZERO, NEGATIVE | ZERO
RELATION: dict[Sign, str] = {POSITIVE: ">", NONNEGATIVE: "≥", ZERO: "=", NONPOSITIVE: "≤", NEGATIVE: "<"}

# what SymPy raises, from inside, on forms that it has no method for; a stage that meets it declines
GIVES_UP = (
    NotImplementedError,
    BasePolynomialError,
    sp.PoleError,
    ArithmeticError,
    AttributeError,
    RecursionError,
    TypeError,
    ValueError,
)
_DIGITS, _TINY = 30, sp.Float("1e-20", 30)
_LARGE = 250  # operations: larger expressions are not factored, differentiated or expanded in search of a proof


@dataclass(frozen=True)
class Box:
    """A product of open intervals: pairs of a symbol and its (lower, upper) end."""

    ranges: tuple[tuple[Expr, Expr, Expr], ...]

    @property
    def symbols(self) -> tuple[Expr, ...]:
        """The symbols of the box, in order."""
        return tuple(symbol for symbol, _, _ in self.ranges)

    def ends(self, symbol: Expr) -> tuple[Expr, Expr]:
        """Return the lower and the upper end of the interval of `symbol`."""
        return next((low, high) for name, low, high in self.ranges if name == symbol)


@dataclass(frozen=True)
class Fact:
    """`expr` has `sign` by `rule`, given the `premises`; `form` is the rewriting whose sign was taken, if any."""

    expr: Expr
    sign: Sign
    rule: Rule
    premises: tuple[Fact, ...] = ()
    form: Expr | None = None
    form_rule: Rule = rules.REWRITE
    note: str = ""


def sign_of(expr: Expr, box: Box, depth: int = 3) -> Fact | None:
    """Return a proof of the sign of `expr` on `box`, or None if no rule of the table finds one.

    >>> x = sp.Symbol("x", real=True)
    >>> RELATION[sign_of(1 - sp.cos(x), Box(((x, -sp.oo, sp.oo),))).sign]
    '≥'
    """
    return _sign_of(expr, box, depth)


@lru_cache(maxsize=8192)
def _sign_of(expr: Expr, box: Box, depth: int) -> Fact | None:
    if expr.has(sp.nan, sp.zoo, sp.I):
        return None
    for rule in SIGN_RULES:
        try:
            fact = rule(expr, box, depth)
        except GIVES_UP:
            fact = None  # SymPy has no answer for this form: the rule declines
        if fact is not None:
            return fact
    return None


def steps_of(fact: Fact) -> Iterator[Step[Any]]:
    """Yield the proof as steps: the rewriting first, then the premises, then the sign itself."""
    if fact.form is not None:
        yield Step(fact.expr, fact.form, fact.form_rule, (fact.note,) if fact.note else ())
    for premise in fact.premises:
        if not premise.expr.is_number:
            yield from steps_of(premise)
    if fact.form is None or not fact.premises or fact.rule is not fact.premises[-1].rule:
        yield Step(fact.expr, sp.S.Zero, fact.rule, (), relation=_relation(fact.sign))


def _relation(sign: Sign) -> Any:
    return RELATION[sign]


def _of_value(expr: Expr) -> Sign | None:
    """Return the sign that SymPy's assumptions give, or the digits of a number."""
    for flag, sign in (
        (expr.is_zero, ZERO),
        (expr.is_positive, POSITIVE),
        (expr.is_negative, NEGATIVE),
        (expr.is_nonnegative, NONNEGATIVE),
        (expr.is_nonpositive, NONPOSITIVE),
    ):
        if flag:
            return sign
    if expr.is_number and not expr.has(sp.oo, sp.zoo, sp.nan):
        value = sp.N(expr, _DIGITS)
        if value.is_Float and abs(value) > _TINY:
            return POSITIVE if value > 0 else NEGATIVE
    return None


def inside(box: Box) -> dict[Expr, Expr]:
    """Return each bounded symbol as an increasing function of a positive one: a + u, b − u, (a + b·u)/(1 + u)."""
    substitution: dict[Expr, Expr] = {}
    for symbol, low, high in box.ranges:
        u = sp.Symbol(f"u_{symbol.name}", positive=True)
        if low.is_finite and high.is_finite:
            substitution[symbol] = (low + high * u) / (1 + u)
        elif low.is_finite:
            substitution[symbol] = low + u
        elif high.is_finite:
            substitution[symbol] = high - u
    return substitution


def _by_assumption(expr: Expr, box: Box, depth: int) -> Fact | None:
    sign = _of_value(expr) or _of_value(expr.xreplace(inside(box)))
    return None if sign is None else Fact(expr, sign, rules.SIGN_KNOWN)


def _by_product(expr: Expr, box: Box, depth: int) -> Fact | None:
    if not expr.is_Mul:
        return None
    sign, premises = POSITIVE, []
    for factor in expr.args:
        fact = _sign_of(factor, box, depth)
        if fact is None:
            return None
        sign = frozenset(a * b for a in sign for b in fact.sign)
        premises.append(fact)
    return Fact(expr, sign, rules.SIGN_PRODUCT, tuple(premises)) if sign in RELATION else None


def _by_power(expr: Expr, box: Box, depth: int) -> Fact | None:
    if not expr.is_Pow:
        return None
    base, exponent = expr.as_base_exp()
    fact = _sign_of(base, box, depth)
    if fact is not None and fact.sign == POSITIVE and exponent.is_real:
        return Fact(expr, POSITIVE, rules.SIGN_POWER, (fact,))
    if not exponent.is_Integer:
        if fact is not None and fact.sign == NONNEGATIVE and exponent.is_positive:
            return Fact(expr, NONNEGATIVE, rules.SIGN_POWER, (fact,))
        return None
    if exponent.is_even:
        if fact is not None and fact.sign == NEGATIVE:
            return Fact(expr, POSITIVE, rules.SIGN_POWER, (fact,))
        return (
            Fact(expr, NONNEGATIVE, rules.SIGN_POWER)
            if exponent > 0 and (base.is_real or analytic(base, box))
            else None
        )
    if fact is not None and (exponent > 0 or 0 not in fact.sign):
        return Fact(expr, fact.sign, rules.SIGN_POWER, (fact,))
    return None


def _by_sum(expr: Expr, box: Box, depth: int) -> Fact | None:
    if not expr.is_Add:
        return None
    facts: list[Fact] = []
    for term in expr.args:
        fact = _sign_of(term, box, min(depth, 1))
        if fact is None or (facts and 1 in fact.sign | facts[0].sign and -1 in fact.sign | facts[0].sign):
            return None
        facts.append(fact)
    moving = frozenset().union(*(f.sign for f in facts)) - ZERO
    if len(moving) > 1:
        return None
    definite = not moving or any(0 not in f.sign for f in facts)
    sign = moving if definite and moving else moving | ZERO
    return Fact(expr, sign, rules.SIGN_SUM, tuple(facts))


def _by_function(expr: Expr, box: Box, depth: int) -> Fact | None:
    if isinstance(expr, sp.tan):
        parts = [_sign_of(f(expr.args[0]), box, depth) for f in (sp.sin, sp.cos)]
        definite = [p for p in parts if p is not None and p.sign in (POSITIVE, NEGATIVE)]
        sign = POSITIVE if len({p.sign for p in definite}) == 1 else NEGATIVE
        return Fact(expr, sign, rules.SIGN_FUNCTION, tuple(definite)) if len(definite) == 2 else None
    if isinstance(expr, (sp.exp, sp.cosh, sp.sech)):
        return Fact(expr, POSITIVE, rules.SIGN_FUNCTION)
    if isinstance(expr, (sp.sinh, sp.tanh, sp.atan, sp.asinh, sp.erf, sp.sign)):
        fact = _sign_of(expr.args[0], box, depth)
        return None if fact is None else Fact(expr, fact.sign, rules.SIGN_FUNCTION, (fact,))
    if isinstance(expr, sp.log):
        fact = _sign_of(expr.args[0] - 1, box, depth)
        above = _sign_of(expr.args[0], box, depth)
        if fact is None or above is None or above.sign != POSITIVE:
            return None
        return Fact(expr, fact.sign, rules.SIGN_FUNCTION, (above, fact))
    if isinstance(expr, sp.gamma) or (isinstance(expr, sp.LambertW) and len(expr.args) == 1):
        fact = _sign_of(expr.args[0], box, depth)
        return Fact(expr, POSITIVE, rules.SIGN_FUNCTION, (fact,)) if fact and fact.sign == POSITIVE else None
    if isinstance(expr, sp.polygamma) and expr.args[0].is_Integer and expr.args[0] >= 1:
        fact = _sign_of(expr.args[1], box, depth)
        if fact and fact.sign == POSITIVE:
            return Fact(expr, POSITIVE if expr.args[0] % 2 else NEGATIVE, rules.SIGN_POLYGAMMA, (fact,))
    return None


def _by_trigonometric(expr: Expr, box: Box, depth: int) -> Fact | None:
    if not isinstance(expr, (sp.sin, sp.cos)):
        return None
    argument = expr.args[0]
    if len(argument.free_symbols) != 1 or not argument.free_symbols <= set(box.symbols):
        return None
    symbol = next(iter(argument.free_symbols))
    slope = argument.diff(symbol)
    ends = box.ends(symbol)
    if not slope.is_number or not all(end.is_finite for end in ends):
        return None
    shift = sp.pi / 2 if isinstance(expr, sp.cos) else 0
    # sin keeps its sign between n·pi and (n + 1)·pi, and cos(z) = sin(z + pi/2)
    low, high = sorted(((argument.subs(symbol, end) + shift) / sp.pi for end in ends), key=sp.N)
    cell = sp.floor(low)
    if not cell.is_Integer or _of_value(sp.expand(high - cell - 1)) not in (ZERO, NEGATIVE):
        return None
    return Fact(expr, POSITIVE if cell % 2 == 0 else NEGATIVE, rules.SIGN_TRIGONOMETRIC)


def bounds(expr: Expr, box: Box) -> tuple[Expr, bool, Expr, bool]:
    """Return an enclosure (lower, strictly above it, upper, strictly below it); ends may be infinite."""
    if expr.is_number:
        return expr, False, expr, False
    if expr in box.symbols:
        low, high = box.ends(expr)
        return low, True, high, True
    if isinstance(expr, (sp.sin, sp.cos)) and expr.args[0].is_real:
        return sp.S.NegativeOne, False, sp.S.One, False
    if isinstance(expr, (sp.tanh, sp.erf)) and expr.args[0].is_real:
        return sp.S.NegativeOne, True, sp.S.One, True
    if isinstance(expr, sp.atan) and expr.args[0].is_real:
        return -sp.pi / 2, True, sp.pi / 2, True
    if expr.is_Add:
        parts = [bounds(term, box) for term in expr.args]
        low, high = sp.Add(*(p[0] for p in parts)), sp.Add(*(p[2] for p in parts))
        if not low.has(sp.nan) and not high.has(sp.nan):
            return low, any(p[1] for p in parts), high, any(p[3] for p in parts)
    coefficient, rest = expr.as_coeff_Mul()
    if coefficient != 1 and coefficient.is_real and coefficient.is_nonzero:
        a, strict_a, b, strict_b = bounds(rest, box)
        a, b = coefficient * a, coefficient * b
        return (a, strict_a, b, strict_b) if coefficient > 0 else (b, strict_b, a, strict_a)
    if isinstance(expr, sp.exp):
        a, strict_a, b, strict_b = bounds(expr.args[0], box)
        return sp.exp(a), strict_a or a == -sp.oo, sp.exp(b), strict_b
    if expr.is_Pow and expr.exp.is_Integer and expr.exp > 0 and expr.base.is_real:
        a, strict_a, b, strict_b = bounds(expr.base, box)
        if expr.exp.is_odd:
            return a**expr.exp, strict_a, b**expr.exp, strict_b
        if -a == b:
            return sp.S.Zero, False, b**expr.exp, strict_a and strict_b
    fact = _sign_of(expr, box, 0)
    if fact is not None and -1 not in fact.sign:
        return sp.S.Zero, 0 not in fact.sign, sp.oo, False
    if fact is not None and 1 not in fact.sign:
        return -sp.oo, False, sp.S.Zero, 0 not in fact.sign
    return -sp.oo, False, sp.oo, False


def _by_bounds(expr: Expr, box: Box, depth: int) -> Fact | None:
    if not expr.is_Add:
        return None
    low, strict_low, high, strict_high = bounds(expr, box)
    for end, strict, definite, weak in (
        (low, strict_low, POSITIVE, NONNEGATIVE),
        (high, strict_high, NEGATIVE, NONPOSITIVE),
    ):
        sign = _of_value(end) if end.is_finite else None
        if sign == definite or (sign == ZERO and strict):
            return Fact(expr, definite, rules.SIGN_BOUNDED)
        if sign == ZERO:
            return Fact(expr, weak, rules.SIGN_BOUNDED)
    return None


def _by_roots(expr: Expr, box: Box, depth: int) -> Fact | None:
    if len(expr.free_symbols) != 1 or not expr.free_symbols <= set(box.symbols) or not expr.is_rational_function():
        return None
    symbol = next(iter(expr.free_symbols))
    low, high = box.ends(symbol)
    numerator, denominator = sp.fraction(sp.together(expr))
    sign, point = POSITIVE, sample(low, high)
    for part, below in ((numerator, False), (denominator, True)):
        coefficient, factors = sp.Poly(part, symbol, domain="QQ").factor_list()
        if coefficient < 0:
            sign = frozenset(-s for s in sign)
        for factor, power in factors:
            inner = roots_between(factor, low, high)
            if inner is None or (inner and (below or power % 2)):
                return None
            if inner:
                sign = sign | ZERO
            elif power % 2 and factor.eval(point) < 0:
                sign = frozenset(-s for s in sign)
    return Fact(expr, sign, rules.SIGN_ROOTS)


def roots_between(poly: Any, low: Expr, high: Expr) -> list[Expr] | None:
    """Return the real roots of an irreducible rational polynomial strictly inside; None if one is too close to tell."""
    inner = []
    for root in poly.real_roots(multiple=True):
        place = [
            _of_value(root - low) if low.is_finite else POSITIVE,
            _of_value(high - root) if high.is_finite else POSITIVE,
        ]
        if None in place:
            return None
        if place == [POSITIVE, POSITIVE]:
            inner.append(root)
    return inner


def sample(low: Expr, high: Expr) -> Expr:
    """Return a rational number strictly inside (low, high).

    >>> sample(sp.S.Zero, sp.oo), sample(-sp.pi, sp.pi)
    (1, 0)
    """
    if low.is_infinite and high.is_infinite:
        return sp.S.Zero
    if high.is_infinite:
        return sp.floor(low) + 1
    if low.is_infinite:
        return sp.ceiling(high) - 1
    scale = sp.S.One
    while True:  # the coarsest dyadic number inside
        point = (sp.floor(low * scale) + 1) / scale
        if sp.N(high - point, _DIGITS) > _TINY:
            middle = sp.floor((low + high) / 2 * scale) / scale
            return middle if sp.N(middle - low, _DIGITS) > _TINY and middle != high else point
        scale *= 2


def _form(expr: Expr, new: Expr, fact: Fact | None, rule: Rule = rules.REWRITE, note: str = "") -> Fact | None:
    return None if fact is None else Fact(expr, fact.sign, fact.rule, (fact,), new, rule, note)


def _by_factoring(expr: Expr, box: Box, depth: int) -> Fact | None:
    if depth <= 0 or not (expr.is_Add or expr.is_Mul) or sp.count_ops(expr) > _LARGE:
        return None
    new = sp.factor(sp.cancel(sp.together(sp.powsimp(sp.expand_power_exp(expr)))))
    return None if new == expr else _form(expr, new, _sign_of(new, box, depth - 1))


def _by_positive_variables(expr: Expr, box: Box, depth: int) -> Fact | None:
    substitution = inside(box)
    if depth <= 0 or not expr.free_symbols & set(substitution) or sp.count_ops(expr) > _LARGE:
        return None
    for part in sp.Mul.make_args(expr):
        if not part.is_rational_function():
            return None
    new = sp.factor(sp.together(expr.xreplace(substitution)))
    sign = POSITIVE
    for factor in sp.Mul.make_args(new):
        base, power = factor.as_base_exp()
        if not power.is_Integer:
            return None
        own = _of_value(sp.expand(base))
        if own is None or (power < 0 and 0 in own):
            return None
        sign = frozenset(a * b for a in sign for b in (own if power % 2 else {s * s for s in own}))
    note = ", ".join(f"{s} = {value}" for s, value in substitution.items())
    return Fact(expr, sign, rules.SIGN_KNOWN, (), new, rules.SUBSTITUTE, note) if sign in RELATION else None


def in_exponentials(expr: Expr, box: Box) -> tuple[Expr, Box, dict[Expr, Expr]] | None:
    """Return the expression in u = exp(c·x), the box of u, and what each u stands for; None if x is left over."""
    expanded = expr.rewrite(sp.exp) if expr.has(sp.sinh, sp.cosh, sp.tanh, sp.sech) else expr
    linear = {atom: sp.Poly(atom.args[0], *box.symbols) for atom in expanded.atoms(sp.exp)}
    if not linear or any(poly.total_degree() > 1 for poly in linear.values()):
        return None
    ranges, meaning, images = [], {}, {}
    for symbol, low, high in box.ranges:
        rates = [poly.coeff_monomial(symbol) for poly in linear.values()]
        if not all(rate.is_Rational for rate in rates):
            return None
        if not any(rates):
            ranges.append((symbol, low, high))
            continue
        unit = sp.Rational(1, lcm(*(int(rate.q) for rate in rates)))
        u = sp.Symbol(f"e_{symbol.name}", positive=True)
        images[symbol], meaning[u] = (u, unit), sp.exp(unit * symbol)
        ranges.append((u, sp.exp(unit * low), sp.exp(unit * high)))
    table = {
        atom: sp.exp(poly.coeff_monomial(1))
        * sp.Mul(*(u ** (poly.coeff_monomial(symbol) / unit) for symbol, (u, unit) in images.items()))
        for atom, poly in linear.items()
    }
    new = expanded.xreplace(table)
    return None if not images or new.free_symbols & set(images) else (new, Box(tuple(ranges)), meaning)


def _by_exponentials(expr: Expr, box: Box, depth: int) -> Fact | None:
    if depth <= 0 or not expr.has(sp.exp, sp.sinh, sp.cosh, sp.tanh, sp.sech):
        return None
    changed = in_exponentials(expr, box)
    if changed is None:
        return None
    new = sp.factor(sp.cancel(sp.together(changed[0])))
    note = ", ".join(f"{u} = {value}" for u, value in changed[2].items())
    return _form(expr, new, _sign_of(new, changed[1], depth - 1), rules.SUBSTITUTE, note)


def _by_roots_of_symbol(expr: Expr, box: Box, depth: int) -> Fact | None:
    if depth <= 0:
        return None
    for symbol, low, high in box.ranges:
        powers = [p for p in expr.atoms(sp.Pow) if p.base == symbol and p.exp.is_Rational and p.exp.q > 1]
        if not powers or not low.is_nonnegative:
            continue
        order = lcm(*(int(p.exp.q) for p in powers))
        u = sp.Symbol(f"r_{symbol.name}", positive=True)
        root = sp.Rational(1, order)
        new = sp.factor(sp.together(sp.powsimp(expr.xreplace({symbol: u**order}))))
        ranges = tuple((u, low**root, high**root) if r[0] == symbol else r for r in box.ranges)
        return _form(expr, new, _sign_of(new, Box(ranges), depth - 1), rules.SUBSTITUTE, f"{symbol} = {u**order}")
    return None


def _alone(expr: Expr, box: Box) -> Expr | None:
    """Return the only symbol of a short expression that is defined on the whole box, if it has just one."""
    if len(expr.free_symbols) != 1 or not expr.free_symbols <= set(box.symbols) or sp.count_ops(expr) > 60:
        return None
    return next(iter(expr.free_symbols))


def _by_stationary_point(expr: Expr, box: Box, depth: int) -> Fact | None:
    symbol = _alone(expr, box) if depth > 1 and expr.is_Add else None
    if symbol is None or not analytic(expr, box):
        return None
    low, high = box.ends(symbol)
    slope = expr.diff(symbol)
    for point in (sp.S.One, sp.S.Zero, -sp.S.One, sp.Rational(1, 2), sp.Integer(2)):
        if not (low < point < high) or _of_value(slope.subs(symbol, point)) != ZERO:
            continue
        value = _of_value(expr.subs(symbol, point))
        bend = _sign_of(slope.diff(symbol), box, depth - 2)
        if bend is None or value is None:
            return None
        for weak, definite in ((NONNEGATIVE, POSITIVE), (NONPOSITIVE, NEGATIVE)):
            if bend.sign <= weak and value <= weak:
                return Fact(expr, definite if value == definite else weak, rules.SIGN_TANGENT, (bend,))
    return None


def _by_monotonicity(expr: Expr, box: Box, depth: int) -> Fact | None:
    symbol = _alone(expr, box) if depth > 1 and expr.is_Add else None
    if symbol is None or not analytic(expr, box):
        return None
    slope = _sign_of(expr.diff(symbol), box, depth - 2)
    if slope is None or slope.sign not in (POSITIVE, NEGATIVE):
        return None
    low, high = box.ends(symbol)
    lowest, highest = (low, high) if slope.sign == POSITIVE else (high, low)
    ends = ((lowest, NONNEGATIVE, POSITIVE), (highest, NONPOSITIVE, NEGATIVE))
    for end, side, sign in sorted(ends, key=lambda e: not e[0].is_finite):  # a limit at infinity costs most
        value = _limit(expr, symbol, end, "+" if end == low else "-")
        if value.is_finite and (_of_value(value) or POSITIVE | NEGATIVE) <= side:
            return Fact(expr, sign, rules.SIGN_MONOTONE, (slope,))
    return None


def _limit(expr: Expr, symbol: Expr, end: Expr, direction: str) -> Expr:
    """Return the limit at an end of a range: the value there, where what makes `expr` analytic holds there too."""
    if end.is_finite and all(_holds_at(r, symbol, end) for r in requirements(expr, (symbol,))):
        return expr.subs(symbol, end)
    return sp.limit(expr, symbol, end, direction)


def _holds_at(requirement: Requirement, symbol: Expr, point: Expr) -> bool:
    sign = None if requirement.kind == "unknown" else _of_value(requirement.expr.subs(symbol, point))
    return sign == POSITIVE or (sign == NEGATIVE and requirement.kind == "≠ 0")


SignRule = Callable[[Expr, Box, int], "Fact | None"]
SIGN_RULES: tuple[SignRule, ...] = (
    _by_assumption,
    _by_power,
    _by_product,
    _by_sum,
    _by_function,
    _by_trigonometric,
    _by_roots,
    _by_bounds,
    _by_positive_variables,
    _by_factoring,
    _by_exponentials,
    _by_roots_of_symbol,
    _by_stationary_point,
    _by_monotonicity,
)


@dataclass(frozen=True)
class Requirement:
    """What makes `node` analytic: `expr` is positive ("> 0") or not zero ("≠ 0"); "unknown" if no rule says."""

    node: Expr
    expr: Expr
    kind: str


_ENTIRE = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh, sp.sech, sp.atan, sp.asinh, sp.erf, sp.erfc)
_ON_POSITIVES = (sp.log, sp.loggamma, sp.gamma, sp.polygamma, sp.LambertW)
_ON_UNIT = (sp.asin, sp.acos, sp.atanh)


def requirements(expr: Expr, symbols: tuple[Expr, ...]) -> Iterator[Requirement]:
    """Yield what makes `expr` real-analytic in `symbols`, innermost last; parameters are constants."""
    if not expr.free_symbols & set(symbols):
        return
    if expr.is_Pow:
        base, exponent = expr.as_base_exp()
        if exponent.is_Integer and exponent < 0:
            yield Requirement(expr, base, "≠ 0")
        elif not exponent.is_Integer and not base.is_number:
            yield Requirement(expr, base, "> 0")
        elif not exponent.is_Integer and not base.is_positive:
            yield Requirement(expr, base, "> 0")
    elif isinstance(expr, _ON_POSITIVES):
        yield Requirement(expr, expr.args[-1], "> 0")
    elif isinstance(expr, _ON_UNIT):
        yield Requirement(expr, 1 - expr.args[0] ** 2, "> 0")
    elif isinstance(expr, sp.acosh):
        yield Requirement(expr, expr.args[0] - 1, "> 0")
    elif isinstance(expr, (sp.tan, sp.sec)):
        yield Requirement(expr, sp.cos(expr.args[0]), "≠ 0")
    elif not (expr.is_Add or expr.is_Mul or expr.is_Symbol or isinstance(expr, _ENTIRE)):
        yield Requirement(expr, expr, "unknown")
        if isinstance(expr, sp.Piecewise):
            return  # a branch need only be defined where it is taken
    for argument in expr.args:
        yield from requirements(argument, symbols)


def holds(requirement: Requirement, box: Box) -> bool:
    """Return whether the requirement is proved on the whole box."""
    if requirement.kind == "unknown":
        return False
    fact = sign_of(requirement.expr, box, 2)
    return fact is not None and (fact.sign == POSITIVE or (fact.sign == NEGATIVE and requirement.kind == "≠ 0"))


def analytic(expr: Expr, box: Box) -> bool:
    """Return whether `expr` is proved real-analytic in every symbol of the box on all of it."""
    return all(holds(requirement, box) for requirement in requirements(expr, box.symbols))
