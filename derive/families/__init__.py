"""The catalogue of families: scalar ones declared in SymPy, vector ones in the normal form."""

from __future__ import annotations

from cavi.derive.families.base import ScalarFamily
from cavi.derive.families.event import VECTOR_FAMILIES, VectorFamily
from cavi.derive.families.matrix import MATRIX_FAMILIES
from cavi.derive.families.numeric import NumericFamily
from cavi.derive.families.scalar import CATALOGUE

Declared = ScalarFamily | VectorFamily
Family = Declared | NumericFamily
VECTOR_FAMILIES.update((f.name, f) for f in MATRIX_FAMILIES)


def lookup(name: str) -> Declared:
    """The family of that name."""
    return VECTOR_FAMILIES[name] if name in VECTOR_FAMILIES else CATALOGUE[name]


__all__ = [
    "CATALOGUE",
    "VECTOR_FAMILIES",
    "Declared",
    "Family",
    "NumericFamily",
    "ScalarFamily",
    "VectorFamily",
    "lookup",
]
