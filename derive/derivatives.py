"""Derivatives in the normal form, of functions of one placeholder, in forms that neither overflow nor cancel.

    (exp u)' = exp u,   softplus'(u) = exp(u - softplus u),   (log Φ)'(u) = exp(-u²/2 - ½ log 2π - log Φ(u))

Source: NIST Digital Library of Mathematical Functions, 4.7, 5.2 and 7.10.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import collect, multiply, normalise, rewrite
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

    def rule(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if atom == PLACEHOLDER:
            return functions.raise_to(argument, number(exponent))
        if isinstance(atom, Function) and any(map(contains, atom.args)):
            value = functions.apply(atom.name, *(at(a, argument) for a in atom.args))
            return value if exponent == 1 else functions.raise_to(value, number(exponent))
        return None

    return rewrite(p, rule)


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


_RULES: dict[str, Callable[..., Polynomial | None]] = {
    "exp": lambda g: _chain(functions.exp(g), g),
    "log": lambda g: _chain(functions.reciprocal(g), g),
    "softplus": lambda g: _chain(functions.exp(g - functions.softplus(g)), g),
    "lgamma": lambda g: _chain(from_atom(Function("digamma", (g,))), g),
    "digamma": lambda g: _chain(from_atom(Function("trigamma", (g,))), g),
    "pow": _power,
    "log_normal_interval": _log_normal_interval,
}
