"""Division of a monomial by another one with open indices: which known factor is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from cavi.derive.canonical import collect, normalise, substitute_atom
from cavi.derive.index import Index
from cavi.derive.term import Monomial, Polynomial, atom_indices


def multiple_of(m: Monomial, divisor: Monomial, plates: Sequence[Index]) -> Iterator[Polynomial]:
    """Every c[plates] with m among the terms of Σ_plates c · divisor; the divisor is free in the plates.

    The indices of the divisor, free or bound, are matched with bound ones of m in every way that their sizes allow.
    """
    wanted = [*plates, *divisor.bound]
    for chosen in permutations(m.bound, len(wanted)):
        if any(a.size != b.size for a, b in zip(wanted, chosen, strict=True)):
            continue
        places = dict(zip(wanted, chosen, strict=True))
        left = dict(m.powers)
        for atom, exponent in divisor.powers:
            here = substitute_atom(atom, dict(places))
            left[here] = left.get(here, exponent - exponent) - exponent
        rest = {a: e for a, e in left.items() if e}
        if any(e < 0 <= dict(m.powers).get(a, 0) for a, e in rest.items()):
            continue
        inside = {i for a in rest for i in atom_indices(a)}
        if inside & {places[i] for i in divisor.bound}:
            continue
        others = [i for i in m.bound if i not in chosen]
        back = {places[i]: i for i in plates}
        powers = [(substitute_atom(a, dict(back)), e) for a, e in rest.items()]
        yield collect([normalise(m.coefficient / divisor.coefficient, powers, others)])
