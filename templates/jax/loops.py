"""Recursions and coupled elements as loops that JAX compiles: `lax.scan` and `lax.fori_loop`.

A recursion refers to its own parameters one position before (after). They are what the scan carries; at the present
position each parameter is a local variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cavi.derive.index import Index, Shift
from cavi.derive.result import Formula
from cavi.derive.term import Atom, Function, Matrix, Parameter, Polynomial

BEFORE = " before"


def neighbours(formulas: Sequence[Formula], index: Index) -> tuple[Formula, ...]:
    """The formulas of a recursion that some of them refer to at the neighbouring position."""
    asked = {
        (a.latent, a.name)
        for f in formulas
        if isinstance(f.value, Polynomial)
        for a in f.value.atoms()
        if isinstance(a, Parameter) and _is_beside(a, index)
    }
    return tuple(f for f in formulas if (f.latent, f.name) in asked)


def carried(p: Polynomial, index: Index, names: Iterable[tuple[str, str]]) -> Polynomial:
    """The formula, its parameters at the neighbouring position as parameters of another name at this one."""
    among = set(names)

    def moved(a: Atom) -> Atom:
        match a:
            case Parameter() if (a.latent, a.name) in among and _is_beside(a, index):
                here = tuple(s.base if isinstance(s, Shift) and s.base == index else s for s in a.subs)
                return replace(a, name=a.name + BEFORE, subs=here)
            case Function():
                return replace(a, args=tuple(map(through, a.args)))
            case Matrix():
                return replace(a, value=through(a.value))
        return a

    def through(q: Polynomial) -> Polynomial:
        return Polynomial(tuple(replace(m, powers=tuple((moved(a), e) for a, e in m.powers)) for m in q.monomials))

    return through(p)


def _is_beside(a: Parameter, index: Index) -> bool:
    return any(isinstance(s, Shift) and s.base == index for s in a.subs)
