"""One form for formulas that are the same up to order, names of bound indices and numbers multiplied out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import count
from typing import Any

from cavi.verify.mutations.operators import indices_in, terms


def normal(e: Any, names: Iterator[int] | None = None) -> Any:
    """Sums and products flat, sorted and with their numbers multiplied out; bound indices numbered in order."""
    names = names if names is not None else count()
    match e:
        case ["add", parts]:
            return _sum([normal(p, names) for p in parts])
        case ["mul", parts]:
            return _product([normal(p, names) for p in parts])
        case ["pow", base, exponent]:
            return _power(normal(base, names), Fraction(exponent))
        case ["fn", "pow", [base, ["num", exponent]]]:
            return _power(normal(base, names), Fraction(exponent))
        case ["num", value]:
            return ["num", str(Fraction(value))]
        case ["size", str(n)] if n.isdigit():
            return ["num", n]
        case ["delta", left, right] if left == right:
            return ["num", "1"]
        case ["sum", axes, body]:
            return _total(axes, body, names)
        case list():
            return [normal(p, names) for p in e]
    return e


def _sum(parts: list[Any]) -> Any:
    total: dict[str, tuple[Fraction, Any]] = {}
    for part in parts:
        for t in terms(part):
            coefficient, rest = _split(t)
            key = repr(rest)
            total[key] = (total.get(key, (Fraction(0), rest))[0] + coefficient, rest)
    kept = [_product([["num", str(c)], r]) for _, (c, r) in sorted(total.items()) if c]
    return kept[0] if len(kept) == 1 else ["add", kept] if kept else ["num", "0"]


def _split(t: Any) -> tuple[Fraction, Any]:
    if t[0] == "num":
        return Fraction(t[1]), ["num", "1"]
    if t[0] == "mul":
        numbers = [Fraction(f[1]) for f in t[1] if f[0] == "num"]
        rest = [f for f in t[1] if f[0] != "num"]
        value = Fraction(1)
        for x in numbers:
            value *= x
        return value, rest[0] if len(rest) == 1 else ["mul", rest] if rest else ["num", "1"]
    if t[0] == "sum":
        coefficient, rest = _split(t[2])
        return coefficient, ["sum", t[1], rest]
    return Fraction(1), t


def _product(parts: list[Any]) -> Any:
    flat = _one_index([f for p in parts for f in (p[1] if p[0] == "mul" else [p])])
    coefficient, powers = Fraction(1), dict[str, tuple[Fraction, Any]]()
    for f in flat:
        if f[0] == "num":
            coefficient *= Fraction(f[1])
            continue
        base, exponent = (f[1], Fraction(f[2])) if f[0] == "pow" else (f, Fraction(1))
        if base[0] in ("delta", "link", "before", "is"):  # zero or one
            exponent = Fraction(1) if exponent > 0 else exponent
            powers[repr(base)] = (exponent, base)
        else:
            powers[repr(base)] = (powers.get(repr(base), (Fraction(0), base))[0] + exponent, base)
    if not coefficient:
        return ["num", "0"]
    kept = [_power(b, x) for _, (x, b) in sorted(powers.items()) if x]
    kept = [*([["num", str(coefficient)]] if coefficient != 1 or not kept else []), *kept]
    return kept[0] if len(kept) == 1 else ["mul", kept]


def _one_index(factors: list[Any]) -> list[Any]:
    """Where a factor says that two indices are equal, the others have one of them."""
    for d in factors:
        if d[0] == "delta" and d[1][0] == d[2][0] == "index":
            first, second = sorted((d[1], d[2]))
            factors = [f if f == d else renamed(f, {second[1]: first[1]}) for f in factors]
            factors = [["delta", first, second] if f == d else f for f in factors]
    return factors


def _power(base: Any, exponent: Fraction) -> Any:
    if base[0] == "num" and exponent.denominator == 1 and (Fraction(base[1]) or exponent > 0):
        return ["num", str(Fraction(base[1]) ** int(exponent))]
    if base[0] == "mul" and exponent.denominator == 1:
        return _product([_power(f, exponent) for f in base[1]])
    if base[0] == "pow" and exponent.denominator == 1:
        return _power(base[1], Fraction(base[2]) * exponent)
    return base if exponent == 1 else ["pow", base, str(exponent)]


def _total(axes: Any, body: Any, names: Iterator[int]) -> Any:
    """Σ of a sum term by term; its indices are named by their order and size."""
    fresh = {n: f"#{next(names)}" for n, _ in axes}
    inner = normal(renamed(body, fresh), names)
    over = [[fresh[n], s] for n, s in axes]
    return _sum([_ordered(["sum", over, t]) for t in terms(inner)])


def _ordered(e: Any) -> Any:
    """Bound indices numbered in the order of their appearance within the term, apart from those of sums within."""
    order: list[str] = [n for n in indices_in(e[2]) if n in {i for i, _ in e[1]}]
    order += [i for i, _ in e[1] if i not in order]
    level = 1 + max((int(n[1:].split(".")[0]) for n in indices_in(e[2]) if n.startswith("$")), default=0)
    fresh = {n: f"${level}.{k}{s}" for k, n in enumerate(order) for i, s in e[1] if i == n}
    return ["sum", sorted([fresh[i], s] for i, s in e[1]), normal(renamed(e[2], fresh))]


def renamed(e: Any, fresh: Mapping[str, str]) -> Any:
    """An expression with its free indices renamed."""
    if isinstance(e, list):
        if e[:1] == ["index"]:
            return ["index", fresh.get(e[1], e[1]), e[2]]
        return [renamed(p, fresh) for p in e]
    return e
