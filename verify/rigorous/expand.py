"""Expressions as sums of monomials in the leaves, so that expectations under independent latents are products.

(x - m)² λ  =  x² λ - 2 m x λ + m² λ
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb

from cavi.verify.rigorous.deferred import LOGARITHMS, Deferred, Leaf, leaf
from cavi.verify.rigorous.jet import Unbounded

Monomial = tuple[tuple[Leaf, Fraction], ...]
Expanded = dict[Monomial, Any]
MAX_MONOMIALS = 20_000


def expand(e: Any) -> Expanded:
    """Monomial -> coefficient.

    Raises:
        Unbounded: for a function of a latent that is no monomial of the leaves.
    """
    done: dict[int, Expanded] = {}

    def find(x: Any) -> Expanded:
        if not isinstance(x, Deferred):
            return {(): x}
        if id(x) not in done:
            done[id(x)] = _node(x, [] if x.op == "leaf" else [find(a) for a in x.args])
        return done[id(x)]

    return find(e)


def _node(x: Deferred, args: list[Expanded]) -> Expanded:
    match x.op:
        case "leaf":
            return {((x.args[0], Fraction(1)),): arb(1)}
        case "add":
            return _sum(args[0], args[1])
        case "mul":
            return _product(args[0], args[1])
        case "square":
            return _product(args[0], args[0])
        case "inverse" | "sqrt" if len(args[0]) == 1:
            ((monomial, c),) = args[0].items()
            power = Fraction(-1) if x.op == "inverse" else Fraction(1, 2)
            return {tuple((a, k * power) for a, k in monomial): 1 / c if x.op == "inverse" else c.sqrt()}
        case "log" if len(args[0]) == 1:
            ((monomial, c),) = args[0].items()
            if c > 0 and all(a[1] in LOGARITHMS for a, _ in monomial):
                found: Expanded = {(): c.log()}
                for (key, atom), k in monomial:
                    found[(((key, LOGARITHMS[atom]), Fraction(1)),)] = arb(k.numerator) / k.denominator
                return found
    raise Unbounded(f"no expansion is known for the function {x.op!r} of a latent")


def _sum(left: Expanded, right: Expanded) -> Expanded:
    found = dict(left)
    for m, c in right.items():
        found[m] = found[m] + c if m in found else c
    return found


def _product(left: Expanded, right: Expanded) -> Expanded:
    if len(left) * len(right) > MAX_MONOMIALS:
        raise Unbounded("an expansion has too many terms")
    found: Expanded = {}
    for m, c in left.items():
        for n, d in right.items():
            powers = dict(m)
            for atom, k in n:
                powers[atom] = powers.get(atom, 0) + k
            product = tuple(sorted((a, k) for a, k in powers.items() if k))
            value = c * d
            found[product] = found[product] + value if product in found else value
    return found


def collected(e: Any, kinds: dict[Any, str]) -> Any:
    """The expression as a sum of monomials: what cancels between its parts has done so.

    Raises:
        Unbounded: where it has no expansion.
    """
    total: Any = arb(0)
    for monomial, c in expand(e).items():
        total = collected_monomial(monomial, c, kinds) + total
    return total


def collected_monomial(monomial: Monomial, coefficient: Any, kinds: dict[Any, str]) -> Any:
    """A coefficient times powers of leaves, as an expression."""
    term = coefficient
    for (key, atom), k in monomial:
        term = _power(leaf(key, atom, kinds[key]), k, kinds[key]) * term
    return term


def _power(x: Deferred, k: Fraction, kind: str) -> Any:
    if k == 1:
        return x
    (key, atom), _ = x.args
    if kind == "positive" and atom == "x":
        return Deferred("exp", leaf(key, "log_x", kind) * (arb(k.numerator) / k.denominator))
    if k == 2:
        return Deferred("square", x)
    if k.denominator != 1:
        raise Unbounded(f"a root of {key} is not enclosed")
    found = x if k > 0 else Deferred("inverse", x)
    for _ in range(abs(int(k)) - 1):
        found = Deferred("mul", found, x if k > 0 else Deferred("inverse", x))
    return found
