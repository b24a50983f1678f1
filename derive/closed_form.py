r"""Closed forms for single distributions: expectations, entropies, divergences, Jensen gaps.

    E_q[f],   H[q] = -E_q[log q],   KL(q ‖ p) = E_q[log q - log p],   E_q[f] - f(E_q[x])

All of them come from the moments of the families, which are derived from their log-normalisers; no integral
is looked up. What has no closed form there is refused. A formula with symbols holds where the expectation
exists; `conditions` says where that is.
Sources: Bishop (2006), 1.33, 1.93, 1.113, 1.115; Barndorff-Nielsen (1978), chapter 8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import sympy

from cavi.derive.errors import CaviError
from cavi.derive.families import ScalarFamily
from cavi.derive.families.special import xlogx
from cavi.derive.families.split import X
from cavi.derive.standalone import Standalone, standalone
from cavi.derive.support import contains

Function: TypeAlias = Any  # a SymPy expression, or a function of one
_POSITIVE = sympy.Dummy("x", positive=True)
_POSITIVE_SUPPORTS = ("positive", "unit", "above")
MAX_VALUES = 200


def expectation(f: Function, q: object, symbol: sympy.Symbol | None = None) -> sympy.Expr:
    """E_q[f(x)].

    Args:
        f: a function of one SymPy argument, or an expression in one symbol.
        q: a distribution whose arguments are numbers and SymPy expressions.
        symbol: which symbol of an expression is the variable, where it has several.

    Raises:
        CaviError: where there is no closed form, or the expectation does not exist.

    Example:
        >>> import sympy
        >>> from cavi.derive import Gamma, expectation
        >>> a, b, x = sympy.symbols("a b x", positive=True)
        >>> expectation(sympy.log(x), Gamma(a, b), x)
        -log(b) + polygamma(0, a)
    """
    member = standalone(q)
    return _expected(_in_variable(f, member, symbol), member)


def conditions(f: Function, q: object, symbol: sympy.Symbol | None = None) -> tuple[sympy.Expr, ...]:
    """The expressions in the parameters of q that must be positive for E_q[f(x)] to exist.

    Raises:
        CaviError: where there is no closed form.
    """
    member = standalone(q)
    body = _in_variable(f, member, symbol)
    found = (c for term in _terms(body) for c in _needed(term, member))
    put_in = (member.put_in(c) for c in found)
    return tuple(dict.fromkeys(c for c in put_in if not c.is_positive))


def entropy(q: object) -> sympy.Expr:
    """H[q] = -E_q[log q]; differential entropy for a continuous family.

    Raises:
        CaviError: where there is no closed form.

    Example:
        >>> from cavi.derive import Exponential, entropy
        >>> entropy(Exponential(3))
        1 - log(3)
    """
    member = standalone(q)
    value = member.family.entropy
    if value is None:
        raise CaviError(f"the entropy of {member} has no closed form: E[{member.family.log_base}] has none")
    return _gathered(member.put_in(value))


def cross_entropy(q: object, p: object) -> sympy.Expr:
    """-E_q[log p]; infinite where p is zero and q is not.

    Raises:
        CaviError: where there is no closed form.
    """
    own, other = standalone(q), standalone(p)
    return -_expected(_log_density(other), own) if contains(other, own) else sympy.oo


def kl(q: object, p: object) -> sympy.Expr:
    """KL(q ‖ p) = E_q[log q - log p], of any two families; infinite where p is zero and q is not.

    Raises:
        CaviError: where there is no closed form, or whether p covers q is not known.

    Example:
        >>> from cavi.derive import Normal, kl
        >>> kl(Normal(1, 1), Normal(0, 1))
        1/2
    """
    own, other = standalone(q), standalone(p)
    if not contains(other, own):
        return sympy.oo
    if own.family == other.family and _same_known(own, other):
        prime = {p.primed: other.args[p.symbol] for p in own.family.parameters if not p.known}
        both = list({**own.args, **prime}.items())
        return _gathered(own.family.kl().subs(both, simultaneous=True))
    return _expected(_log_density(own) - _log_density(other), own)


def jensen_gap(f: Function, q: object, symbol: sympy.Symbol | None = None) -> sympy.Expr:
    """E_q[f(x)] - f(E_q[x]): not negative for a convex f, not positive for a concave one.

    Raises:
        CaviError: where there is no closed form, or an expectation does not exist.

    Example:
        >>> import sympy
        >>> from cavi.derive import Normal, jensen_gap
        >>> x, m, t = sympy.symbols("x m t", positive=True)
        >>> jensen_gap(x**2, Normal(m, t), x)
        1/t
    """
    member = standalone(q)
    body = _in_variable(f, member, symbol)
    mean = _expected(X, member)
    return _gathered(_expected(body, member) - body.subs(X, mean))


def mean(q: object) -> sympy.Expr:
    """E_q[x].

    Raises:
        CaviError: where it does not exist or has no closed form.
    """
    return _expected(X, standalone(q))


# --- the variable ----------------------------------------------------------------------------


def _in_variable(f: Function, member: Standalone, symbol: sympy.Symbol | None) -> sympy.Expr:
    """f as an expression in `X`.

    Raises:
        CaviError: for text, numbers of symbols other than one, and unknown functions.
    """
    if isinstance(f, str):
        raise CaviError(f"found the text {f[:40]!r}; expected a SymPy expression or a function of one")
    if callable(f) and not isinstance(f, sympy.Basic):
        return sympy.sympify(f(X))
    body = sympy.sympify(f)
    if symbol is None:
        used = {s for v in member.args.values() for s in v.free_symbols}
        free = sorted(body.free_symbols - used - {X}, key=str)
        if X in body.free_symbols or not body.free_symbols:
            return body
        if len(free) != 1:
            found = ", ".join(map(str, free)) or "none but parameters"
            raise CaviError(f"{body} has the symbols {found}; say which one is the variable, symbol=x")
        (symbol,) = free
    return body.xreplace({symbol: X})


def _log_density(member: Standalone) -> sympy.Expr:
    return sympy.expand_mul(member.log_density)


# --- expectations ----------------------------------------------------------------------------


def _terms(body: sympy.Expr) -> tuple[sympy.Expr, ...]:
    terms: tuple[sympy.Expr, ...] = sympy.Add.make_args(sympy.expand_mul(sympy.expand_multinomial(body)))
    return terms


def _expected(body: sympy.Expr, member: Standalone) -> sympy.Expr:
    """The expectation, by its terms.

    Raises:
        CaviError: naming the term without a closed form, or that does not exist.
    """
    if (values := _values(member)) is not None:
        weights = [(member.log_density.subs(X, v), v) for v in values]
        return sympy.Add(*(_at(body, v) * sympy.powsimp(sympy.exp(w)) for w, v in weights))
    total = sympy.S.Zero
    for term in _terms(_split_logs(body, member.family)):
        factor, pattern = term.as_independent(X, as_Add=False)
        total += factor * (_moment(pattern, member) if pattern != 1 else 1)
    return _gathered(total)


def _gathered(expr: sympy.Expr) -> sympy.Expr:
    """Products multiplied out, and logarithms of positive products taken apart so that terms can cancel."""
    expr = expr.replace(xlogx, lambda u: u * sympy.log(u) if u.is_positive else xlogx(u))
    wide = sympy.expand_log(sympy.expand(expr, log=False, power_base=False, power_exp=False))
    return sympy.expand(wide, log=False, power_base=False, power_exp=False)


def _at(body: sympy.Expr, value: int) -> sympy.Expr:
    found = body.subs(X, value)
    if found.has(sympy.nan, sympy.zoo):
        raise CaviError(f"{body} is not finite at {value}, which has a positive probability")
    return found


def _values(member: Standalone) -> range | None:
    """All values of a finite support, when there are few of them."""
    if member.family.support == "binary":
        return range(2)
    if member.family.support == "bounded_count":
        total = member.args[member.family.parameters[0].symbol]
        if total.is_Integer and total <= MAX_VALUES:
            return range(int(total) + 1)
    return None


def _split_logs(body: sympy.Expr, family: ScalarFamily) -> sympy.Expr:
    """Logarithms of products and powers taken apart where the variable is positive."""
    if family.support not in _POSITIVE_SUPPORTS:
        return body
    return sympy.expand_log(body.xreplace({X: _POSITIVE}), force=True).xreplace({_POSITIVE: X})


def _moment(pattern: sympy.Expr, member: Standalone) -> sympy.Expr:
    family = member.family
    value = family.moment(_in_family_symbols(pattern, member))
    if value is None:
        raise CaviError(f"E[{pattern}] has no closed form under {member}")
    for condition in _needed(pattern, member):
        needed = member.put_in(condition)
        if needed.is_nonpositive:
            raise CaviError(f"E[{pattern}] does not exist under {member}: {condition} = {needed} is not above 0")
    return member.put_in(value)


def _in_family_symbols(pattern: sympy.Expr, member: Standalone) -> sympy.Expr:
    """Known parameters may stand in a statistic: |x - location|, x**shape."""
    known = {p.symbol for p in member.family.parameters if p.known}
    inside = {member.args[s]: s for s in known if s in sympy.Tuple(*member.family.statistics).free_symbols}
    for value, own in inside.items():
        replaced = pattern.subs(value, own) if value.free_symbols else pattern
        for statistic in member.family.statistics:
            if member.put_in(statistic) == pattern:
                return statistic
        if replaced != pattern:
            return replaced
    return pattern


def _needed(pattern: sympy.Expr, member: Standalone) -> Iterator[sympy.Expr]:
    """What must be positive in the family's own symbols for E[pattern] to exist."""
    yield from member.family.existence(_in_family_symbols(pattern, member))


def _same_known(a: Standalone, b: Standalone) -> bool:
    """Whether the known parameters are the same expressions."""
    return all(a.args[p.symbol] == b.args[p.symbol] for p in a.family.parameters if p.known)
