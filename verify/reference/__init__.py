"""The posterior of a declared model by other means than its derivation: Hamiltonian Monte Carlo, quadrature, and the
log evidence with its standard error.

Everything is computed from the declaration in plain data. Nothing of a bound, an augmentation or a factor enters.
"""

from cavi.verify.reference.beside import Beside, beside
from cavi.verify.reference.posterior import Reference, ReferenceError, reference_posterior

__all__ = ["Beside", "Reference", "ReferenceError", "beside", "reference_posterior"]
