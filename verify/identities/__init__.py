"""Numerical evidence for identities: abstract densities made concrete as random tables and on quadrature grids."""

from cavi.verify.identities.check import verify_identity

__all__ = ["verify_identity"]
