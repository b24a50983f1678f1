"""The catalogue of families: scalar ones declared in SymPy, vector ones in the normal form, mixed by density alone."""

from __future__ import annotations

from cavi.derive.families.base import ScalarFamily
from cavi.derive.families.event import VECTOR_FAMILIES, VectorFamily
from cavi.derive.families.incomplete import INCOMPLETE
from cavi.derive.families.matrix import MATRIX_FAMILIES
from cavi.derive.families.mixed import MIXED_FAMILIES, MixedFamily
from cavi.derive.families.numeric import NumericFamily
from cavi.derive.families.scalar import CATALOGUE

Declared = ScalarFamily | VectorFamily | MixedFamily
Family = Declared | NumericFamily
VECTOR_FAMILIES.update((f.name, f) for f in MATRIX_FAMILIES)


def lookup(name: str) -> Declared:
    """The family of that name."""
    if name in VECTOR_FAMILIES:
        return VECTOR_FAMILIES[name]
    return MIXED_FAMILIES[name] if name in MIXED_FAMILIES else CATALOGUE[name]


__all__ = [
    "CATALOGUE",
    "INCOMPLETE",
    "MIXED_FAMILIES",
    "VECTOR_FAMILIES",
    "Declared",
    "Family",
    "MixedFamily",
    "NumericFamily",
    "ScalarFamily",
    "VectorFamily",
    "lookup",
]
