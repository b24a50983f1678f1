"""Proofs by ball arithmetic: evidence, bound and divergence enclosed, inequalities. Needs the extra ``rigorous``."""

from cavi.verify.rigorous.certify import certify
from cavi.verify.rigorous.inequality import Inequality, prove_positive

__all__ = ["Inequality", "certify", "prove_positive"]
