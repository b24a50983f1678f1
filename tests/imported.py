"""Models read from other languages at random values of their latents and their own known values."""

from fractions import Fraction

import numpy as np
from log_joint_reference import Point


def lengths(imported):
    """The number behind each size."""
    known = {**imported.data, **imported.hyper}
    found = dict(imported.sizes)
    for v in imported.model.variables:
        if v.name in known:
            assert np.shape(known[v.name]) == tuple(
                int(i.size) if i.size.isdigit() else found.setdefault(i.size, n)
                for i, n in zip(v.indices, np.shape(known[v.name]), strict=True)
            ), v.name
    return found


class Values(Point):
    """Random latents beside the imported arrays."""

    def __init__(self, imported, seed):
        super().__init__(imported.model, seed, lengths(imported))
        for name, array in {**imported.data, **imported.hyper}.items():
            self.put(name, array)

    def put(self, name, array):
        """Values of a variable."""
        array = np.asarray(array)
        self.arrays[name] = array
        for at in np.ndindex(array.shape):
            self.world.values[name][at] = Fraction(array[at].item())
