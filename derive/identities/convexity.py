"""Is a function convex? A verdict with its derivation, or with two chords that refute it.

Stages: read the function and its domain (`convexity_domain`), prove its curvature (`curvature`, on signs
proved by `sign`), look at the ends of the domain, and, where no proof is found, search for chords that
refute convexity and concavity (`chord`). A verdict is never a guess: without proof or chords it is "undecided".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp
from sympy.core.function import AppliedUndef

from cavi.derive.derivation import Derivation, Step
from cavi.derive.errors import CaviError
from cavi.derive.identities import chord, curvature
from cavi.derive.identities import convexity_rules as rules
from cavi.derive.identities.chord import Counterexample
from cavi.derive.identities.convexity_domain import as_interval, natural_interval, refuse_undefined, switching_points
from cavi.derive.identities.curvature import Curvature
from cavi.derive.identities.sign import GIVES_UP, Box, requirements

Expr = Any
Verdict = Literal["convex", "concave", "affine", "neither", "undecided"]


@dataclass(frozen=True)
class Convexity:
    """What is known of the curvature of `function` in `symbols` on `domain` (one interval for each symbol).

    `strict` tells whether the inequality of chords is strict (None: not known); `second_derivative` is f″, or
    the Hessian; `counterexample` holds the chords found when the function is not both convex and concave
    by proof; `reason` says why a verdict is "undecided".
    """

    verdict: Verdict
    strict: bool | None
    function: Expr
    symbols: tuple[Expr, ...]
    domain: tuple[Expr, ...]
    second_derivative: Expr
    derivation: Derivation[Any]
    counterexample: Counterexample | None = None
    reason: str = ""

    @property
    def symbol(self) -> Expr:
        """The first, usually the only, variable."""
        return self.symbols[0]

    @property
    def is_convex(self) -> bool:
        """Whether the function is proved convex."""
        return self.verdict in ("convex", "affine")

    @property
    def is_concave(self) -> bool:
        """Whether the function is proved concave."""
        return self.verdict in ("concave", "affine")


def convexity(expr: Expr, domain: object = None, symbol: Expr | None = None) -> Convexity:
    """Decide whether `expr` is convex, concave, both or neither on `domain` (Boyd and Vandenberghe, 2004, chapter 3).

    `domain` is a SymPy Interval, "real", "positive" (0, oo), "nonnegative" [0, oo) or "unit" (0, 1); without one it
    is the natural domain, if that is an interval. For several variables it is a dict from each to its interval.
    Other symbols are parameters, real and with the assumptions they declare; with `symbol` given, a dict may
    also give intervals to them: ``{x: "positive", a: Interval.open(0, 1)}``. The verdict then holds for all
    their values. Numbers with a decimal point are read as the decimal fractions they are written as.

    Raises:
        CaviError: the function or the domain cannot be read, or the function is not real and defined on it.

    >>> x = sp.Symbol("x")
    >>> convexity(sp.log(x)).verdict
    'concave'
    >>> found = convexity(x**3, "real")
    >>> found.verdict, str(found.counterexample.above.value > found.counterexample.above.chord)
    ('neither', 'True')
    >>> for step in convexity(sp.exp(x), "real").derivation:
    ...     print(step.before, step.relation, step.after, "by", step.rule.name)
    Derivative(exp(x), x) = exp(x) by differentiation
    Derivative(exp(x), (x, 2)) = exp(x) by differentiation
    exp(x) > 0 by sign by assumption
    t*exp(x) + (1 - t)*exp(y) > exp(t*x + y*(1 - t)) by definition by chords
    """
    expr = _readable(expr)
    variables, given = _variables(expr, domain, symbol)
    working = {s: _working(s, given.get(s)) for s in sorted(expr.free_symbols | set(variables) | set(given), key=str)}
    function = expr.xreplace(working)
    if domain is None:
        given = {variables[0]: natural_interval(function, working[variables[0]])}
        working[variables[0]] = _working(variables[0], given[variables[0]])
        function = expr.xreplace(working)
    symbols = tuple(working[v] for v in variables)
    box = Box(tuple((working[s], i.start, i.end) for s, i in given.items()))
    intervals = {working[s]: i for s, i in given.items()}
    unmet = refuse_undefined(function, expr, intervals, box)
    found = curvature.curvature(function, box, symbols)
    if len(symbols) == 1:
        plain = sp.Dummy(symbols[0].name, real=True)  # the assumptions of the working symbol hold inside only
        closed = expr.xreplace({**working, variables[0]: plain})
        found = _with_ends(closed, plain, intervals[symbols[0]], found)
    counterexample = None
    if not found.affine:
        counterexample = _refute(function, symbols, intervals, box, found)
    verdict, reason = _verdict(function, symbols, found, counterexample)
    if verdict == "neither" and not curvature.defined(function, box, symbols, unmet):
        verdict, reason = "undecided", "chords refute both verdicts, but the function is not proved defined everywhere"
    if verdict == "undecided" and unmet and all(need.kind != "unknown" for need in unmet):
        reason += f"; it is not proved that {unmet[0].expr} {unmet[0].kind}"
    back = {new: old for old, new in working.items()}
    return _result(verdict, reason, found, counterexample, function, symbols, [intervals[s] for s in symbols], back)


def _readable(expr: object) -> Expr:
    """Return the expression with exact numbers, or refuse what is no real elementary function."""
    if isinstance(expr, (int, float)) and not isinstance(expr, bool):
        expr = sp.nsimplify(expr, rational=True)
    if not isinstance(expr, sp.Expr):
        raise CaviError(
            f"expected a SymPy expression, found {type(expr).__name__} {expr!r}; build it from sympy.Symbol"
        )
    if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise CaviError(f"{expr} is not finite; give a function with finite values")
    if expr.has(sp.I) or any(s.is_real is False for s in expr.free_symbols):
        raise CaviError(f"{expr} has complex coefficients or symbols; convexity is defined for real functions only")
    loose = sorted(
        map(str, expr.atoms(sp.Derivative, sp.Integral, sp.Sum, sp.Product, sp.Limit, sp.Subs, AppliedUndef))
    )
    if loose:
        raise CaviError(f"{loose[0]} is not evaluated; give a closed form, for instance by .doit()")
    if not expr.is_commutative or any(not isinstance(s, sp.Symbol) for s in expr.free_symbols):
        raise CaviError(f"{expr} is no scalar function of plain symbols; write it in sympy.Symbol objects")
    return expr.replace(lambda e: e.is_Float, lambda e: sp.Rational(str(e))) if expr.has(sp.Float) else expr


def _variables(expr: Expr, domain: object, symbol: Expr | None) -> tuple[tuple[Expr, ...], dict[Expr, Expr]]:
    """Return the variables and the intervals that were given, for variables and parameters."""
    if symbol is not None and not isinstance(symbol, sp.Symbol):
        raise CaviError(f"symbol= must be a sympy.Symbol, found {symbol!r}")
    if isinstance(domain, Mapping):
        if not domain:
            raise CaviError("the dict of domains is empty; give an interval for each variable")
        for key in domain:
            if not isinstance(key, sp.Symbol):
                raise CaviError(f"the keys of the dict of domains must be sympy.Symbol objects, found {key!r}")
        given = {key: as_interval(value, _real(key)) for key, value in domain.items()}
        if symbol is not None and symbol not in given:
            raise CaviError(f"the dict of domains has no interval for {symbol}; add it")
        for key, interval in given.items():
            closed = interval != interval.interior
            if closed and symbol not in (None, key):
                raise CaviError(
                    f"the interval {interval} of the parameter {key} must be open; give {interval.interior}"
                )
        return (tuple(given) if symbol is None else (symbol,)), given
    free = sorted(expr.free_symbols, key=str)
    if symbol is None and not free:
        raise CaviError(f"{expr} has no free symbol; give symbol= to treat it as a constant function")
    if symbol is None and len(free) > 1:
        names = ", ".join(map(str, free))
        raise CaviError(
            f"{expr} has several symbols ({names}); name the variable with symbol=, "
            "or give domain= as a dict from each variable to its interval"
        )
    variable = free[0] if symbol is None else symbol
    return (variable,), {} if domain is None else {variable: as_interval(domain, _real(variable))}


def _real(symbol: Expr) -> Expr:
    if symbol.is_integer:
        raise CaviError(f"{symbol} is declared integer; convexity needs a variable on an interval of real numbers")
    return symbol


def _working(symbol: Expr, interval: Expr | None) -> Expr:
    """Return a real symbol of the same name whose assumptions say what the open interval allows."""
    if interval is None:
        return symbol if symbol.is_real else sp.Symbol(symbol.name, real=True)
    if interval.start >= 0:
        return sp.Symbol(symbol.name, positive=True)
    return sp.Symbol(symbol.name, **({"negative": True} if interval.end <= 0 else {"real": True}))


def _with_ends(at: Expr, plain: Expr, interval: Expr, found: Curvature) -> Curvature:
    """Extend a verdict on the open interval to the ends that belong to the domain."""
    symbol = sp.Symbol(plain.name)
    for end, included, side in (
        (interval.start, not interval.left_open, "+"),
        (interval.end, not interval.right_open, "-"),
    ):
        if not included:
            continue
        value = at.subs(plain, end)
        if value.has(sp.nan, sp.zoo, sp.oo) or value.is_real is False:
            raise CaviError(
                f"{at.xreplace({plain: symbol})} is not defined at {symbol} = {end}; give a domain without this end"
            )
        if not found.known or _continuous_at(at, plain, end):
            continue
        try:
            jump = sp.sign(sp.simplify(value - _limit(at, plain, end, side)))
        except GIVES_UP:
            jump = None
        step = Step(
            value,
            sp.Limit(at.xreplace({plain: symbol}), symbol, end, side),
            rules.CONTINUITY,
            (f"{symbol} = {end}",),
            _relation(jump),
        )
        if jump not in (-1, 0, 1):
            return Curvature()
        if jump != 0:
            steps = (*found.steps, step)
            found = Curvature(found.convex and jump == 1, found.concave and jump == -1, found.strict, steps)
    return found


def _limit(at: Expr, symbol: Expr, end: Expr, side: str) -> Expr:
    """Return the limit from inside, with a positive distance from the end so that no branch of the end is taken."""
    u = sp.Dummy("u", positive=True)
    return sp.limit(at.xreplace({symbol: end + u if side == "+" else end - u}), u, 0, "+")


def _relation(jump: Any) -> Any:
    return {1: ">", -1: "<"}.get(jump, "=")


def _continuous_at(at: Expr, symbol: Expr, end: Expr) -> bool:
    """Return whether the function is visibly continuous at the end: analytic there, or a root of zero."""
    if at.has(sp.Piecewise, sp.sign, sp.Heaviside, sp.floor, sp.ceiling):
        return False
    for need in requirements(at, (symbol,)):
        value = need.expr.subs(symbol, end)
        root = need.node.is_Pow and need.node.exp.is_positive and value.is_nonnegative
        if not (
            value.is_positive or (need.kind == "≠ 0" and value.is_nonzero) or root or need.node.has(*curvature.KINKS)
        ):
            return False
    return True


def _refute(
    function: Expr, symbols: tuple[Expr, ...], intervals: dict[Expr, Expr], box: Box, found: Curvature
) -> Counterexample | None:
    """Search chords against what is not proved; with parameters, at sample values of them."""
    if found.convex or found.concave or function.free_symbols - set(symbols):
        return None
    special: set[Expr] = set()
    if len(symbols) == 1:
        low, high = box.ends(symbols[0])
        turning = [function.diff(symbols[0], 2)] if not function.has(*curvature.KINKS) else []
        switches = [s for kink in function.atoms(*curvature.KINKS) for s in curvature._switches(kink)]
        for candidate in turning + switches:
            if candidate.is_rational_function(symbols[0]):
                special.update(switching_points(candidate, symbols[0], low, high) or [])
    return chord.find(function, symbols, tuple(intervals[s] for s in symbols), tuple(sorted(special, key=sp.N)))


def _verdict(
    function: Expr, symbols: tuple[Expr, ...], found: Curvature, chords: Counterexample | None
) -> tuple[Verdict, str]:
    if found.affine:
        return "affine", ""
    if found.convex:
        return "convex", ""
    if found.concave:
        return "concave", ""
    if chords is not None and chords.above is not None and chords.below is not None:
        return "neither", ""
    parameters = sorted(map(str, function.free_symbols - set(symbols)))
    if parameters:
        return (
            "undecided",
            f"no rule decides for all values of {', '.join(parameters)}; narrow them by assumptions or domain=",
        )
    if chords is not None and chords.above is not None:
        return "undecided", "not convex, by the chord found, but neither a proof of concavity nor a chord against it"
    if chords is not None and chords.below is not None:
        return "undecided", "not concave, by the chord found, but neither a proof of convexity nor a chord against it"
    return "undecided", "no rule finds the sign of the second derivative, and no chord refutes either verdict"


def _result(
    verdict: Verdict,
    reason: str,
    found: Curvature,
    chords: Counterexample | None,
    function: Expr,
    symbols: tuple[Expr, ...],
    domain: list[Expr],
    back: dict[Expr, Expr],
) -> Convexity:
    steps = list(found.steps)
    if verdict in ("convex", "concave", "affine"):
        steps.append(_definition(verdict, found.strict, function, symbols))
    elif chords is not None:
        steps += [c.step() for c in (chords.above, chords.below) if c is not None]
    own = tuple(back.get(s, s) for s in symbols)
    shown = function.xreplace(back)
    adverb = "strictly " if found.strict and verdict in ("convex", "concave") else ""
    where = " × ".join(map(str, domain))
    derivation = Derivation(
        f"Convexity of {shown}",
        "f''",
        tuple(_renamed(step, back) for step in steps),
        f"{shown} is {adverb}{verdict} on {where}" + (f": {reason}" if reason else ""),
    )
    bend = function.diff(symbols[0], 2) if len(symbols) == 1 else sp.hessian(function, symbols).as_immutable()
    strict = found.strict if verdict in ("convex", "concave") else False if verdict in ("affine", "neither") else None
    return Convexity(verdict, strict, shown, own, tuple(domain), bend.xreplace(back), derivation, chords, reason)


def _renamed(step: Step[Any], back: dict[Expr, Expr]) -> Step[Any]:
    before: Any = step.before
    after: Any = step.after
    return Step(before.xreplace(back), after.xreplace(back), step.rule, step.conditions, step.relation)


def _definition(verdict: str, strict: bool | None, function: Expr, symbols: tuple[Expr, ...]) -> Step[Any]:
    """Return the inequality of chords that the verdict asserts, with fresh names where t or y is taken."""
    taken = {s.name for s in function.free_symbols}
    t = sp.Symbol("t" if "t" not in taken else "theta", real=True)
    ends = {s: sp.Symbol("y" if len(symbols) == 1 and "y" not in taken else f"{s.name}_1", real=True) for s in symbols}
    point = function.subs({s: t * s + (1 - t) * ends[s] for s in symbols}, simultaneous=True)
    level = t * function + (1 - t) * function.xreplace(ends)
    relation: Any = {"convex": "≥", "concave": "≤", "affine": "="}[verdict]
    if strict and verdict != "affine":
        relation = {"≥": ">", "≤": "<"}[relation]
    where = ", ".join(f"{s} ≠ {ends[s]}" for s in symbols)
    return Step(level, point, rules.CHORD, (f"0 < {t} < 1", where) if strict else (f"0 < {t} < 1",), relation)
