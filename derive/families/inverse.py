"""From natural to standard parameters: η(θ) = η solved one parameter after another."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from cavi.derive.families.split import ETA


def invert(
    family: str, natural: Sequence[sympy.Expr], unknown: Sequence[sympy.Symbol]
) -> tuple[tuple[str, sympy.Expr], ...]:
    """Each unknown parameter in `ETA`, known parameters and the unknown ones found before it.

    Raises:
        TypeError: when no equation has a single new parameter that can be isolated.
    """
    equations = list(zip(natural, ETA, strict=False))
    left = set(unknown)
    found: list[tuple[str, sympy.Expr]] = []
    while left:
        for equation in equations:
            new = equation[0].free_symbols & left
            value = isolate(*equation, next(iter(new))) if len(new) == 1 else None
            if value is not None:
                found.append((next(iter(new)).name, value))
                left -= new
                equations.remove(equation)
                break
        else:
            names = ", ".join(sorted(s.name for s in left))
            raise TypeError(f"{family}: cannot solve the natural parameters for {names}; declare the inverse")
    return tuple(found)


def isolate(expr: sympy.Expr, value: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr | None:
    """The `symbol` for which `expr` equals `value`, undoing +, ·, powers, log and exp from outside in.

    Powers are undone on the positive branch, where every parameter that is raised to one lives.
    None when the symbol occurs in two places that cannot be merged.
    """
    while expr != symbol:
        match expr:
            case sympy.Add():
                rest, inner = expr.as_independent(symbol, as_Add=True)
                value = value - rest
            case sympy.Mul():
                rest, inner = expr.as_independent(symbol, as_Add=False)
                value = value / rest
            case sympy.log():
                inner, value = expr.args[0], sympy.exp(value)
            case sympy.exp():
                inner, value = expr.args[0], sympy.log(value)
            case sympy.Pow() if not expr.exp.has(symbol):
                inner, value = expr.base, value ** (1 / expr.exp)
            case _:
                return None
        if inner == expr:
            return None
        expr = inner
    return value
