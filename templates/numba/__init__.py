"""A derivation as a stand-alone NumPy module whose loops over rows, pairs and positions Numba compiles."""

from __future__ import annotations

from cavi.derive import Derived
from cavi.derive.cells import over_cells
from cavi.templates.numba.writer import NumbaWriter
from cavi.templates.numpy.view import module_view
from cavi.templates.source import python_source


def render(derived: Derived) -> str:
    """Source of a module that needs NumPy, SciPy and Numba and imports nothing of ours.

    It has the functions of the NumPy module, and computes the same numbers: only what NumPy cannot do in one loop
    (tables, chains, the digamma and log-gamma functions of large arrays) is written as one, over all cores where it
    can be. A module in which there is nothing of the kind is the NumPy module.
    """
    writer = NumbaWriter(over_cells(derived)[0])
    return python_source("numpy/module.py.jinja", m=module_view(derived, writer, writer.kernels))
