"""Which factors the update of each factor reads: what decides where a sweep may start."""

from __future__ import annotations

from cavi.derive import Derived
from cavi.derive.term import Moment, Polynomial


def reads(derived: Derived) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The factors whose moments each update reads; nothing where none waits for another, so that a sweep is enough."""
    direct = {
        u.factor.name: {
            a.factor
            for f in u.formulas
            if isinstance(f.value, Polynomial)
            for a in f.value.atoms()
            if isinstance(a, Moment)
        }
        for u in derived.updates
    }
    reached = direct
    for _ in direct:
        reached = {n: found.union(*(reached[other] for other in found)) for n, found in reached.items()}
    if not any(n in found for n, found in reached.items()):
        return ()
    return tuple((n, tuple(other for other in direct if other in found)) for n, found in direct.items())
