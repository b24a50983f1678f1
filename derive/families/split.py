"""A log density taken apart: log p = log h(x) + Σ_j η_j t_j(x) - A."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sympy

X = sympy.Symbol("x", real=True)
ETA: tuple[sympy.Symbol, ...] = tuple(sympy.Symbol(f"eta_{j}", real=True) for j in range(1, 5))


@dataclass(frozen=True)
class Parts:
    """The parts of a density in exponential-family form; statistics and natural parameters in one order."""

    statistics: tuple[sympy.Expr, ...]
    natural: tuple[sympy.Expr, ...]
    log_base: sympy.Expr
    log_normaliser: sympy.Expr


def exponential_form(
    log_density: sympy.Expr, unknown: Collection[sympy.Symbol], base: sympy.Expr = sympy.S.Zero
) -> Parts:
    """The parts of a log density in `X`; `base` is taken to be part of the base measure beforehand.

    A term belongs to a statistic when the whole coefficient of its function of x has an unknown
    parameter in it, else to the base measure; what is free of x is the log-normaliser.
    """
    coefficients: dict[sympy.Expr, sympy.Expr] = {}
    normaliser = sympy.Integer(0)
    for term in sympy.Add.make_args(sympy.expand_mul(log_density - base)):
        rest, pattern = term.as_independent(X, as_Add=False)
        if pattern == 1:
            normaliser -= rest
        else:
            coefficients[pattern] = coefficients.get(pattern, sympy.Integer(0)) + rest
    statistics = sorted((t for t, c in coefficients.items() if c.free_symbols & set(unknown)), key=_order)
    known = sympy.Add(*(c * t for t, c in coefficients.items() if t not in statistics))
    return Parts(tuple(statistics), tuple(coefficients[t] for t in statistics), base + known, normaliser)


def _order(statistic: sympy.Expr) -> tuple[bool, bool, float, int, str]:
    """Logs first, then positive powers, then negative ones; lower powers and simpler terms first."""
    exponent = statistic.as_base_exp()[1]
    degree = float(exponent) if exponent.is_number else 1.0
    return (not statistic.has(sympy.log), degree < 0, abs(degree), statistic.count_ops(), str(statistic))
