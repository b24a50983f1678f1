"""Helper functions as loops that Numba compiles: in the place of those of the same name that NumPy modules have."""

from __future__ import annotations

from cavi.templates.numba import chains, pairs, special
from cavi.templates.numba.repeats import with_loops
from cavi.templates.numpy.helpers import Kernels

_IMPORT = """
try:
    import numba
except ImportError as error:
    raise ImportError("this module compiles its loops with Numba: pip install numba") from error

# Sums may be added up in another order; what is not a number or infinite stays so.
FAST = {"reassoc", "contract"}
"""

KERNELS = Kernels(
    needs="NumPy, SciPy and Numba",
    imports=_IMPORT.strip("\n"),
    sources=special.SOURCES | pairs.SOURCES | chains.SOURCES,
    calls={"digamma": ("scalars",), "gammaln": ("scalars",), "repeated_lines": ("scalars",)},
    compiled=with_loops,
)
