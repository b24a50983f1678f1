"""Functions of polynomials, simplified where a function has a law: log of a product, integer powers, cos(a - b)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cavi.derive.canonical import collect, normalise, power
from cavi.derive.term import (
    ZERO,
    Atom,
    Constant,
    Function,
    Monomial,
    Polynomial,
    from_atom,
    number,
)


def log(p: Polynomial) -> Polynomial:
    """log p: the log of a product is the sum of the logs; pure numbers stay together (log 2π)."""
    if p.number == 1:
        return ZERO
    if len(p.monomials) != 1 or p.monomials[0].bound or p.monomials[0].coefficient < 0:
        return from_atom(Function("log", (p,)))
    m = p.monomials[0]
    constants = tuple((a, e) for a, e in m.powers if isinstance(a, Constant))
    total = ZERO
    numeric = collect([normalise(m.coefficient, constants, ())])
    if numeric.number != 1:
        total = total + from_atom(Function("log", (numeric,)))
    for atom, exponent in m.powers:
        if not isinstance(atom, Constant):
            total = total + _log_atom(atom).scaled(exponent)
    return total


def _log_atom(atom: Atom) -> Polynomial:
    if isinstance(atom, Function) and atom.name == "exp":
        return atom.args[0]
    if isinstance(atom, Function) and atom.name == "pow":
        return log(atom.args[0]) * atom.args[1]
    return from_atom(Function("log", (from_atom(atom),)))


def raise_to(p: Polynomial, exponent: Polynomial) -> Polynomial:
    """p ** exponent: expanded for natural numbers, by factors for a product, else a `pow` function."""
    value = exponent.number
    if value is None:
        if p.number == 1:
            return p
        return from_atom(Function("pow", (p, exponent)))
    if value == 0 or p.number == 1:
        return number(1)
    if value == 1:
        return p
    whole = value.denominator == 1
    if len(p.monomials) == 1 and not p.monomials[0].bound:
        m = p.monomials[0]
        if whole or (m.coefficient == 1 and len(m.powers) == 1 and m.powers[0][1] == 1):
            coefficient = m.coefficient ** int(value) if whole else Fraction(1)
            return collect([normalise(coefficient, [_power(a, e * value) for a, e in m.powers], ())])
    if whole and value > 0:
        return power(p, int(value))
    return from_atom(Function("pow", (p, exponent)))


def _power(atom: Atom, exponent: Fraction) -> tuple[Atom, Fraction]:
    if isinstance(atom, Function) and atom.name == "exp":
        return Function("exp", (atom.args[0].scaled(exponent),)), Fraction(1)
    return atom, exponent


def reciprocal(p: Polynomial) -> Polynomial:
    """1 / p."""
    return raise_to(p, number(-1))


def exp(p: Polynomial) -> Polynomial:
    """exp p; exp log a = a."""
    if p.number == 0:
        return number(1)
    return from_atom(Function("exp", (p,)))


def _angle_sum(p: Polynomial) -> tuple[Polynomial, Polynomial] | None:
    if len(p.monomials) < 2:
        return None
    return Polynomial(p.monomials[:1]), Polynomial(p.monomials[1:])


def cos(p: Polynomial) -> Polynomial:
    """cos p; the cosine of a sum is expanded."""
    if p.number == 0:
        return number(1)
    if (parts := _angle_sum(p)) is not None:
        a, b = parts
        return cos(a) * cos(b) - sin(a) * sin(b)
    if p.monomials[0].coefficient < 0:
        return cos(-p)
    return from_atom(Function("cos", (p,)))


def sin(p: Polynomial) -> Polynomial:
    """sin p; the sine of a sum is expanded."""
    if p.number == 0:
        return ZERO
    if (parts := _angle_sum(p)) is not None:
        a, b = parts
        return sin(a) * cos(b) + cos(a) * sin(b)
    if p.monomials[0].coefficient < 0:
        return -sin(-p)
    return from_atom(Function("sin", (p,)))


def absolute(p: Polynomial) -> Polynomial:
    """|p|, with the sign of the first term made positive."""
    if p.number is not None:
        return number(abs(p.number))
    first: Monomial = p.monomials[0]
    return from_atom(Function("abs", (-p if first.coefficient < 0 else p,)))


def lgamma(p: Polynomial) -> Polynomial:
    """log Γ(p); zero at one and two."""
    if p.number in (1, 2):
        return ZERO
    return from_atom(Function("lgamma", (p,)))


def _interval(name: str) -> Callable[[Polynomial, Polynomial], Polynomial]:
    """A function of the ends of an interval; an end that contains infinity is infinite."""

    def at_infinity(p: Polynomial) -> Polynomial:
        ends = [a for m in p.monomials for a, _ in m.powers if isinstance(a, Constant) and a.name != "pi"]
        return from_atom(ends[0]) if ends else p

    return lambda a, b: from_atom(Function(name, (at_infinity(a), at_infinity(b))))


_SPECIAL: dict[str, Callable[..., Polynomial]] = {
    "log": log,
    "exp": exp,
    "cos": cos,
    "sin": sin,
    "abs": absolute,
    "lgamma": lgamma,
    "pow": raise_to,
    **{n: _interval(n) for n in ("log_normal_interval", "truncated_mean", "truncated_second")},
}


def apply(name: str, *args: Polynomial) -> Polynomial:
    """The named function of its arguments, simplified where a law allows."""
    if name in _SPECIAL:
        return _SPECIAL[name](*args)
    return from_atom(Function(name, args))
