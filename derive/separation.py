"""exp(a + b) = exp(a) exp(b): an exponential of a sum over several factors of q is a product, one expectation each.

Rates and variances on a logarithmic scale are declared with one exponential of intercepts, slopes and effects of
groups. In one factor of q it stays one function, whose expectation needs the joint moments; in several it splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import rewrite
from cavi.derive.factorisation import Block, Site, random_atoms
from cavi.derive.index import Index, indices_of
from cavi.derive.term import ZERO, Atom, Function, Monomial, Polynomial, number

Place = tuple[str, Site]


def separated(p: Polynomial, blocks: Sequence[Block]) -> Polynomial:
    """The polynomial with every such exponential split; one that multiplies elements or sums over them stays whole."""

    def rule(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if not isinstance(atom, Function) or atom.name != "exp":
            return None
        parts = _parts(atom.args[0], blocks)
        if parts is None:
            return None
        whole = number(1)
        for part in parts:
            whole = whole * functions.raise_to(functions.exp(part), number(exponent))
        return whole

    return rewrite(p, rule)


def _parts(exponent: Polynomial, blocks: Sequence[Block]) -> list[Polynomial] | None:
    """What belongs to each element of each factor, known data last; None where there is one, or they do not add up."""
    parts: dict[Place | None, Polynomial] = {}
    for m in exponent.monomials:
        places = _places(m, blocks)
        if len(places) > 1 or any(set(m.bound) & set(_indices(site)) for _, site in places):
            return None
        place = next(iter(places), None)
        parts[place] = parts.get(place, ZERO) + Polynomial((m,))
    known = parts.pop(None, None)
    if len(parts) < 2:
        return None
    return [*parts.values(), *([known] if known is not None else [])]


def _places(m: Monomial, blocks: Sequence[Block]) -> set[Place]:
    return {(b.factor.name, b.site(a)) for b in blocks for atom in m.atoms for a in random_atoms(atom, b.variables)}


def _indices(site: Site) -> list[Index]:
    return [i for s in site for i in indices_of(s)]
