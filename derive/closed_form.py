r"""Closed forms for single distributions: expectations, entropies, divergences, Jensen gaps.

    E_q[f],   H[q] = -E_q[log q],   KL(q ‖ p) = E_q[log q - log p],   E_q[f] - f(E_q[x])

Arguments are numbers and SymPy expressions, and so is the answer. It is infinite where the expectation diverges,
and what has no closed form is refused. A formula with symbols holds where the expectation exists: `conditions`.
Sources: Bishop (2006), 1.33, 1.93, 1.113, 1.115; Barndorff-Nielsen (1978), chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import sympy

from cavi.derive.distribution import Distribution
from cavi.derive.errors import CaviError
from cavi.derive.evaluable import evaluable
from cavi.derive.expected import expected, needed
from cavi.derive.expression import Expr
from cavi.derive.families.moments import tidy
from cavi.derive.families.split import X
from cavi.derive.held import Holding, hold
from cavi.derive.standalone import Standalone, as_sympy, standalone
from cavi.derive.support import contains

__all__ = ["X", "conditions", "cross_entropy", "entropy", "expectation", "jensen_gap", "kl", "mean"]

Function: TypeAlias = "sympy.Expr | Callable[[sympy.Expr], object] | int | float"


def expectation(f: Function, q: object, symbol: sympy.Symbol | None = None) -> sympy.Expr:
    """E_q[f(x)]; ±∞ where it diverges.

    Args:
        f: a function of one SymPy argument, or an expression in one symbol.
        q: a distribution whose arguments are numbers and SymPy expressions.
        symbol: which symbol of an expression is the variable, where it has several.

    Raises:
        CaviError: where there is no closed form, or the expectation does not exist.

    Examples:
        >>> import sympy
        >>> from cavi.derive import Gamma
        >>> a, b, x = sympy.symbols("a b x")
        >>> expectation(sympy.log(x), Gamma(a, b))
        -log(b) + polygamma(0, a)
        >>> expectation(lambda x: 1 / x, Gamma(sympy.Rational(1, 2), b))
        oo
    """
    body, member, holding = _prepared(f, q, symbol)
    return _given_back(expected(body, member), holding)


def mean(q: object) -> sympy.Expr:
    """E_q[x]; ±∞ where it diverges.

    Raises:
        CaviError: where it has no closed form.

    Examples:
        >>> from cavi.derive import Beta
        >>> mean(Beta(2, 3))
        2/5
    """
    return expectation(X, q)


def conditions(f: Function | Distribution, q: object, symbol: sympy.Symbol | None = None) -> tuple[sympy.Expr, ...]:
    """What must be positive for E_q[f(x)] to be finite, besides the domains of the parameters.

    Args:
        f: as for `expectation`; or a distribution p, for KL(q ‖ p).
        q: a distribution.
        symbol: as for `expectation`.

    Raises:
        CaviError: where the growth of the function is not known.

    Examples:
        >>> import sympy
        >>> from cavi.derive import Gamma
        >>> a, b = sympy.symbols("a b")
        >>> conditions(lambda x: 1 / x, Gamma(a, b))
        (a - 1,)
    """
    if isinstance(f, Distribution | Standalone):
        own, other, holding = _pair(q, f)
        body = sympy.expand_mul(own.log_density - other.log_density)
    else:
        body, own, holding = _prepared(f, q, symbol)
    return tuple(dict.fromkeys(_given_back(c, holding) for c in needed(body, own)))


def entropy(q: object) -> sympy.Expr:
    """H[q] = -E_q[log q]; the differential entropy for a density.

    Raises:
        CaviError: where there is no closed form.

    Examples:
        >>> from cavi.derive import Exponential
        >>> entropy(Exponential(3))
        1 - log(3)
    """
    own, _, holding = _pair(q, q)
    known = own.family.entropy
    value = -expected(own.log_density, own) if known is None else evaluable(own.put_in(known))
    return _given_back(value, holding)


def cross_entropy(q: object, p: object) -> sympy.Expr:
    """-E_q[log p]; infinite where p is zero and q is not.

    Raises:
        CaviError: where there is no closed form, or whether p covers q is not known.

    Examples:
        >>> import sympy
        >>> from cavi.derive import Exponential
        >>> a, b = sympy.symbols("a b")
        >>> cross_entropy(Exponential(a), Exponential(b))
        -log(b) + b/a
    """
    own, other, holding = _pair(q, p)
    if not contains(other, own):
        return sympy.oo
    return _given_back(-expected(other.log_density, own), holding)


def kl(q: object, p: object) -> sympy.Expr:
    """KL(q ‖ p) = E_q[log q - log p] of any two families; infinite where p is zero and q is not.

    Raises:
        CaviError: where there is no closed form, or whether p covers q is not known.

    Examples:
        >>> from cavi.derive import Gamma, Normal
        >>> kl(Normal(1, 1), Normal(0, 1))
        1/2
        >>> kl(Normal(1, 1), Gamma(1, 1))
        oo
    """
    own, other, holding = _pair(q, p)
    if not contains(other, own):
        return sympy.oo
    if own.family == other.family and own.known == other.known:
        theirs = {p.primed: other.args[p.name] for p in own.family.parameters if not p.known}
        value = own.put_in(own.family.kl().xreplace(theirs))
        return _given_back(tidy(evaluable(value)), holding)
    return _given_back(expected(own.log_density - other.log_density, own), holding)


def jensen_gap(f: Function, q: object, symbol: sympy.Symbol | None = None) -> sympy.Expr:
    """E_q[f(x)] - f(E_q[x]): not negative for a convex f, not positive for a concave one.

    Raises:
        CaviError: where there is no closed form, or the mean is infinite.

    Examples:
        >>> import sympy
        >>> from cavi.derive import Normal
        >>> x, m, t = sympy.symbols("x m t")
        >>> jensen_gap(x**2, Normal(m, t), x)
        1/t
    """
    body, member, holding = _prepared(f, q, symbol)
    middle = expected(X, member)
    if middle.is_infinite:
        raise CaviError(f"the mean of {member} is infinite, so there is no Jensen gap; expected a finite mean")
    return _given_back(tidy(expected(body, member) - body.xreplace({X: middle})), holding)


def _pair(q: object, p: object) -> tuple[Standalone, Standalone, Holding]:
    own, other = standalone(q), standalone(p)
    holding = hold((own, other))
    return holding.member(own), holding.member(other), holding


def _prepared(f: Function, q: object, symbol: sympy.Symbol | None) -> tuple[sympy.Expr, Standalone, Holding]:
    """The function in `X` and the distribution, both in held symbols.

    Raises:
        CaviError: for text, for what is no expression, and where it is not clear which symbol is the variable.
    """
    own = standalone(q)
    variable = X if symbol is None else symbol
    if callable(f) and not isinstance(f, sympy.Basic):
        variable = sympy.Dummy("x", real=True)
        f = f(variable)
    body = _expression(f)
    if symbol is None and variable == X:
        variable = _variable(body, own)
    others = body.free_symbols - {variable}
    holding = hold((own,), others)
    held = {s: h for s, h in holding.symbols.items() if s != variable}
    return body.xreplace({**held, variable: X}), holding.member(own), holding


def _expression(f: object) -> sympy.Expr:
    if isinstance(f, Expr):  # written with the log and exp of this package
        f = as_sympy(f, f"the function {f}")
    if isinstance(f, bool | str) or not isinstance(f, int | float | sympy.Expr):
        raise CaviError(
            f"found {type(f).__name__} {str(f)[:40]!r} for the function; expected a SymPy expression in one symbol, "
            "or a function of one argument that gives one"
        )
    body = sympy.nsimplify(f, rational=True) if isinstance(f, float) else sympy.sympify(f)
    if body.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise CaviError(f"found {body} for the function; expected finite values")
    return body


def _variable(body: sympy.Expr, own: Standalone) -> sympy.Symbol:
    """`X` if it is there, else the one symbol that is no parameter of q."""
    used = {s for v in own.args.values() for s in v.free_symbols}
    free = sorted(body.free_symbols - used, key=str)
    if X in free or not body.free_symbols:
        return X
    if len(free) == 1:
        return free[0]
    found = ", ".join(map(str, free)) if free else "only parameters of q"
    raise CaviError(f"{body}: which symbol is the variable is not clear, found {found}; say symbol=x")


def _given_back(value: sympy.Expr, holding: Holding) -> sympy.Expr:
    """In the user's symbols; the log of a power is taken apart where what is known of the signs allows it."""
    return holding.give_back(value.replace(_is_log_of_symbols, sympy.expand_log))


def _is_log_of_symbols(expr: sympy.Expr) -> bool:
    return isinstance(expr, sympy.log) and bool(expr.free_symbols)
