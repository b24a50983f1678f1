"""Relaxations: what makes a term that is not conjugate workable, each declared in a few lines and proved before use.

A `Bound` replaces a function in a log density by a lower bound that is linear in statistics, an `ArrayBound` a function
of a sum over an index; its local parameter is maximised. A `Tilt` frees a number in an equation before that. An
`Augmentation` writes it as an integral over an auxiliary latent. Nothing here is a rule for a model: a relaxation acts
on every term of the normal form that has its form.
"""

from cavi.derive.relaxations.array_bound import ArrayBound
from cavi.derive.relaxations.augmentation import Augmentation
from cavi.derive.relaxations.bound import Bound
from cavi.derive.relaxations.catalogue import all_bounds, array_bounds, augmentations, bounds, every_bound
from cavi.derive.relaxations.tilt import Tilt

__all__ = [
    "ArrayBound",
    "Augmentation",
    "Bound",
    "Tilt",
    "all_bounds",
    "array_bounds",
    "augmentations",
    "bounds",
    "every_bound",
]
