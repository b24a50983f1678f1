"""Numerical evidence for identities: abstract densities made concrete as random tables and on quadrature grids."""

from cavi.verify.identities.grammar import check_identity
from cavi.verify.identities.verdict import verify_identity

__all__ = ["check_identity", "verify_identity"]
