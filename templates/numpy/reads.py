"""Which factors the update of each factor reads: what decides where a sweep may start."""

from __future__ import annotations

from cavi.derive import Derived, Update
from cavi.derive.term import Moment, Parameter, Polynomial


def reads(derived: Derived) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The factors whose moments each update reads; nothing where none waits for another, so that a sweep is enough."""
    through: dict[str, set[str]] = {}
    for read, by in readers(derived):
        for name, _ in by:
            through.setdefault(name, set()).add(read)
    direct = {
        u.factor.name: {
            name
            for f in u.formulas
            if isinstance(f.value, Polynomial)
            for a in f.value.atoms()
            if isinstance(a, Moment)
            for name in (a.factor, *through.get(a.factor, ()))
        }
        for u in derived.updates
    }
    reached = direct
    for _ in direct:
        reached = {n: found.union(*(reached[other] for other in found)) for n, found in reached.items()}
    if not any(n in found for n, found in reached.items()):
        return ()
    return tuple((n, tuple(other for other in direct if other in found)) for n, found in direct.items())


def beside(update: Update) -> dict[str, str]:
    """Latents of other factors whose parameters the moments of a factor read, points in its functions: to a moment."""
    return {
        a.latent: s.key
        for s in update.moment_specs
        if s.value is not None
        for a in s.value.atoms()
        if isinstance(a, Parameter) and a.latent not in update.factor.latents
    }


def readers(derived: Derived) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """The factors whose parameters the moments of others read, with these and a key of such a moment."""
    found: dict[str, list[tuple[str, str]]] = {}
    for u in derived.updates:
        for latent, key in sorted(beside(u).items()):
            found.setdefault(derived.update(latent).factor.name, []).append((u.factor.name, key))
    return tuple((n, tuple(by)) for n, by in found.items())
