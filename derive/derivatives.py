"""Derivatives in the normal form, of functions of one placeholder, in forms that neither overflow nor cancel.

    (exp u)' = exp u,   softplus'(u) = exp(u - softplus u),   (log Φ)'(u) = exp(-u²/2 - ½ log 2π - log Φ(u))

The mean of f under a Normal number, normal_mean(f, m, v) = E[f(m + √v z)], has the derivative E[f'(m + √v z)] in m.

Source: NIST Digital Library of Mathematical Functions, 4.7, 5.2 and 7.10.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import collect, multiply, normalise
from cavi.derive.families.matrix import log_two_pi
from cavi.derive.term import ZERO, Atom, Constant, Function, Polynomial, from_atom, number

PLACEHOLDER = Constant("u")
U = from_atom(PLACEHOLDER)
HALF = Fraction(1, 2)


def derivative(p: Polynomial) -> Polynomial | None:
    """dp/du; None where a function has no derivative in the closed list."""
    total = ZERO
    for m in p.monomials:
        for place, (atom, exponent) in enumerate(m.powers):
            inner = _of_atom(atom)
            if inner is None:
                return None
            if not inner:
                continue
            rest = [(a, e) for i, (a, e) in enumerate(m.powers) if i != place]
            if exponent != 1:
                rest.append((atom, exponent - 1))
            outside = collect([normalise(m.coefficient * exponent, rest, m.bound)])
            total = total + multiply(outside, inner)
    return total


def contains(p: Polynomial) -> bool:
    """Whether the placeholder occurs."""
    return any(a == PLACEHOLDER for a in p.atoms())


def at(p: Polynomial, argument: Polynomial) -> Polynomial:
    """A function of the placeholder at its argument."""
    return functions.at(p, PLACEHOLDER, argument)


def split(p: Polynomial) -> Polynomial:
    """The sum of coefficients times what one expectation each is taken of: one atom in a term has the placeholder."""
    total = ZERO
    for m in p.monomials:
        inside = [(a, e) for a, e in m.powers if has_placeholder(a)]
        outside = [(a, e) for a, e in m.powers if (a, e) not in inside]
        one = together(collect([normalise(Fraction(1), inside, ())])) if inside else number(1)
        total = total + multiply(collect([normalise(m.coefficient, outside, m.bound)]), one)
    return total


def has_placeholder(atom: Atom) -> bool:
    """Whether an atom is the placeholder, or a function of it."""
    return atom == PLACEHOLDER or (isinstance(atom, Function) and any(map(contains, atom.args)))


def together(p: Polynomial) -> Polynomial:
    """The same as one atom, so that an expectation of it is one."""
    if len(p.monomials) == 1 and len(p.monomials[0].powers) == 1 and p.monomials[0].coefficient == 1:
        ((atom, exponent),) = p.monomials[0].powers
        p = functions.raise_to(from_atom(atom), number(exponent))  # exp(u)² = exp(2 u)
    if len(p.monomials) == 1 and not p.monomials[0].bound and p.monomials[0].coefficient == 1:
        if len(p.monomials[0].powers) == 1 and p.monomials[0].powers[0][1] == 1:
            return p
    return from_atom(Function("pow", (p, number(1))))


def _of_atom(atom: Atom) -> Polynomial | None:
    if atom == PLACEHOLDER:
        return number(1)
    if not isinstance(atom, Function) or not any(map(contains, atom.args)):
        return ZERO
    rule = _RULES.get(atom.name)
    return rule(*atom.args) if rule is not None else None


def _chain(outer: Polynomial, inner: Polynomial) -> Polynomial | None:
    step = derivative(inner)
    return None if step is None else outer * step


def _power(base: Polynomial, exponent: Polynomial) -> Polynomial | None:
    if contains(exponent):
        return None
    return _chain(exponent * functions.raise_to(base, exponent - number(1)), base)


def _log_normal_interval(a: Polynomial, b: Polynomial) -> Polynomial | None:
    """log(Φ(b) - Φ(a)), one end of which is infinite."""
    moving, sign = (b, 1) if contains(b) else (a, -1)
    if contains(a) and contains(b):
        return None
    whole = functions.apply("log_normal_interval", a, b)
    log_ratio = (moving * moving).scaled(-HALF) - log_two_pi().scaled(HALF) - whole
    return _chain(functions.exp(log_ratio).scaled(sign), moving)


def _normal_mean(f: Polynomial, mean: Polynomial, variance: Polynomial) -> Polynomial | None:
    """E[f] of a Normal number whose mean alone depends on the placeholder."""
    if contains(variance):
        return None
    slope = derivative(functions.at(f, functions.UNDER_NORMAL, U))
    if slope is None:
        return None
    return _chain(functions.normal_mean(at(slope, from_atom(functions.UNDER_NORMAL)), mean, variance), mean)


_RULES: dict[str, Callable[..., Polynomial | None]] = {
    "exp": lambda g: _chain(functions.exp(g), g),
    "log": lambda g: _chain(functions.reciprocal(g), g),
    "softplus": lambda g: _chain(functions.exp(g - functions.softplus(g)), g),
    "lgamma": lambda g: _chain(from_atom(Function("digamma", (g,))), g),
    "digamma": lambda g: _chain(from_atom(Function("trigamma", (g,))), g),
    "pow": _power,
    "log_normal_interval": _log_normal_interval,
    "normal_mean": _normal_mean,
}
