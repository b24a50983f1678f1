"""The user's symbols while a closed form is worked out: with the assumptions that their places tell.

The ``b`` of ``Gamma(a, b)`` is positive whatever its user wrote, and one that happens to be called ``rate`` is not the
rate of the catalogue. So each symbol is held by one of a class of its own, and given back at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sympy

from cavi.derive.standalone import Standalone

_TELLS: Mapping[str, Mapping[str, bool]] = {
    "real": {"real": True},
    "angle": {"real": True},
    "positive": {"positive": True},
    "unit": {"positive": True},
    "count": {"nonnegative": True},
}


class Held(sympy.Symbol):  # type: ignore[misc]
    """Stands for a symbol or an expression of the user; never equal to a symbol of the catalogue."""


@dataclass(frozen=True)
class Holding:
    """What the user wrote -> what stands for it."""

    symbols: Mapping[sympy.Symbol, Held]
    opaque: Mapping[sympy.Expr, Held]

    def member(self, q: Standalone) -> Standalone:
        """The distribution in held symbols."""
        return Standalone(q.family, {name: self._argument(v) for name, v in q.args.items()})

    def take(self, expr: sympy.Expr) -> sympy.Expr:
        """An expression in held symbols."""
        return expr.xreplace(self.symbols)

    def give_back(self, expr: sympy.Expr) -> sympy.Expr:
        """An expression in the user's own symbols."""
        back = {h: s for given in (self.symbols, self.opaque) for s, h in given.items()}
        return expr.xreplace(back)

    def _argument(self, value: sympy.Expr) -> sympy.Expr:
        return self.opaque[value] if value in self.opaque else self.take(value)


def hold(members: Iterable[Standalone], others: Iterable[sympy.Symbol] = ()) -> Holding:
    """The holding of all symbols in the arguments of the distributions, and of others."""
    members = list(members)
    uses = [(q.args[p.name], p.domain) for q in members for p in q.family.parameters if q.args[p.name].free_symbols]
    tells: dict[sympy.Symbol, dict[str, bool]] = {}
    for symbol in sorted({s for v, _ in uses for s in v.free_symbols} | set(others), key=str):
        tells[symbol] = {"real": True, **_own_assumptions(symbol)}
    for value, domain in uses:
        symbol = _narrowed(value, domain)
        if symbol is not None and not _contradicts(symbol, _TELLS[domain]):
            tells[symbol] |= _TELLS[domain]
    names: set[str] = set()
    symbols = {s: Held(_fresh(s.name, names), **told) for s, told in tells.items()}
    opaque: dict[sympy.Expr, Held] = {}
    for value, domain in uses:
        inside = value.xreplace(symbols)
        known = all(getattr(inside, f"is_{word}") for word in _TELLS[domain])
        if value not in opaque and not known:
            opaque[value] = Held(_fresh(str(value), names), **_TELLS[domain])
    return Holding(symbols, opaque)


def _own_assumptions(symbol: sympy.Symbol) -> dict[str, bool]:
    return {word: told for word, told in symbol._assumptions_orig.items() if told is not None}


def _contradicts(symbol: sympy.Symbol, told: Mapping[str, bool]) -> bool:
    return any(getattr(symbol, f"is_{word}") is False for word in told)


def _narrowed(value: sympy.Expr, domain: str) -> sympy.Symbol | None:
    """The symbol that must itself lie in the domain: b itself, or s in 1/s; not s in s², which may be negative."""
    if value.is_Symbol:
        return value
    base, exponent = value.as_base_exp()
    odd = not exponent.is_even and not exponent.free_symbols - {base}
    return base if base.is_Symbol and domain == "positive" and odd else None


def _fresh(name: str, names: set[str]) -> str:
    while name in names:
        name += "'"
    names.add(name)
    return name
