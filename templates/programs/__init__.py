"""Models of other languages, read: arrays and their operations become a declaration in index notation.

    program ──reader (cavi.templates.pymc, cavi.templates.numpyro)──▶ sites with graphs ──build──▶ Imported

A reader knows the operations and distributions of its language; all else is common to them.
"""

from __future__ import annotations

from cavi.templates.programs.build import build, reading
from cavi.templates.programs.sites import Imported

__all__ = ["Imported", "build", "reading"]
