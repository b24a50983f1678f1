"""SymPy expressions into the normal form: the densities and moments of the families arrive this way."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy

from cavi.derive import functions
from cavi.derive.term import Constant, Polynomial, from_atom, number

_NAMES = {"loggamma": "lgamma", "Abs": "abs"}


def from_sympy(expr: sympy.Expr, env: Mapping[sympy.Symbol, Polynomial]) -> Polynomial:
    """The polynomial of a SymPy expression whose symbols stand for polynomials.

    Raises:
        KeyError: for a symbol that `env` does not hold.
        TypeError: for a SymPy object outside the closed list of functions.
    """
    match expr:
        case sympy.Symbol():
            return env[expr]
        case sympy.Rational():
            return number(Fraction(int(expr.p), int(expr.q)))
        case sympy.Add():
            total = number(0)
            for a in expr.args:
                total = total + from_sympy(a, env)
            return total
        case sympy.Mul():
            product = number(1)
            for a in expr.args:
                product = product * from_sympy(a, env)
            return product
        case sympy.exp():
            return functions.exp(from_sympy(expr.args[0], env))
        case sympy.Pow():
            return functions.raise_to(from_sympy(expr.args[0], env), from_sympy(expr.args[1], env))
        case sympy.Function():
            return _function(expr, env)
    if expr == sympy.pi:
        return from_atom(Constant("pi"))
    if expr == sympy.oo:
        return from_atom(Constant("infinity"))
    if expr == -sympy.oo:
        return from_atom(Constant("minus_infinity"))
    if expr == sympy.E:
        return functions.exp(number(1))
    raise TypeError(f"no normal form for the SymPy object {expr!r} ({type(expr).__name__})")


def _function(expr: sympy.Function, env: Mapping[sympy.Symbol, Polynomial]) -> Polynomial:
    name = type(expr).__name__
    args = [from_sympy(a, env) for a in expr.args]
    if name == "polygamma":
        order = expr.args[0]
        if order in (0, 1):
            return functions.apply("digamma" if order == 0 else "trigamma", args[1])
    return functions.apply(_NAMES.get(name, name), *args)
