"""Index names in force: what a sum may be called, and how an index is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cavi.derive.index import Index
from cavi.derive.term import (
    Polynomial,
)
from cavi.templates.layout import (
    Box,
    Glyph,
    Script,
)
from cavi.templates.symbols import symbol


@dataclass(frozen=True)
class Scope:
    """The index names in force: `names` of the summed indices, `used` by all around."""

    names: Mapping[Index, str] = field(default_factory=dict)
    used: frozenset[str] = frozenset()

    def enter(self, index: Index, candidates: list[str]) -> Scope:
        """The scope inside a sum over the index, under the first candidate that is not in use."""
        primes = ""
        while True:
            for name in candidates:
                if name + primes not in self.used:
                    chosen = name + primes
                    return Scope({**self.names, index: chosen}, self.used | {chosen})
            primes += "'"


def free_scope(p: Polynomial, around: Iterable[Index] = ()) -> Scope:
    """The scope of a formula: its free indices, and those of what it stands in, are in use."""
    return scope_of((*p.free, *around))


def scope_of(indices: Iterable[Index]) -> Scope:
    """The scope in which these indices are in use; one without a name of its own gets a letter."""
    ordered = sorted(set(indices), key=lambda i: (i.size, i.name))
    own = frozenset(i.name for i in ordered if "." not in i.name)
    scope = Scope({}, own)
    for i in ordered:
        if i.name not in own:
            scope = scope.enter(i, list(_LETTERS))
    return scope


_LETTERS = "lkjihuv"


def index_box(name: str) -> Box:
    """An index by its name, with primes."""
    base = name.rstrip("'")
    drawn = symbol(base)
    primes = len(name) - len(base)
    if not primes:
        return drawn
    if isinstance(drawn, Glyph):
        return Glyph(drawn.tex + "'" * primes, drawn.char + "′" * primes, drawn.upright)
    return Script(drawn, sup=Glyph(r"\prime" * primes, "′" * primes))
