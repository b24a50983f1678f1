"""Proofs by ball arithmetic: enclosures of evidence, bound and divergence. Needs the extra ``rigorous``."""

from cavi.verify.rigorous.certify import certify

__all__ = ["certify"]
