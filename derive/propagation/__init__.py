"""Expectation propagation and power EP: q is one joint Normal, each site a Gaussian in one affine scalar.

Nothing here is a rule for a model: what is Gaussian and what a site is, is read off the normal form of the log joint.
"""

from cavi.derive.propagation.pipeline import propagate
from cavi.derive.propagation.result import Propagation
from cavi.derive.propagation.sites import Site
from cavi.derive.propagation.tilted import Tilted

__all__ = ["Propagation", "Site", "Tilted", "propagate"]
