"""The catalogue of families: scalar ones declared in SymPy, vector ones in the normal form."""

from __future__ import annotations

from cavi.derive.families.catalogue import BUILDERS, scalar_family
from cavi.derive.families.event import VECTOR_FAMILIES, VectorFamily
from cavi.derive.families.exponential import ScalarFamily

Family = ScalarFamily | VectorFamily


def lookup(name: str) -> Family:
    """The family of that name."""
    return VECTOR_FAMILIES[name] if name in VECTOR_FAMILIES else scalar_family(name)


__all__ = ["BUILDERS", "VECTOR_FAMILIES", "Family", "ScalarFamily", "VectorFamily", "lookup", "scalar_family"]
