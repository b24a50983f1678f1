"""PyMC models, read as declarations. PyMC itself is imported only where an object of its own is at hand."""

from __future__ import annotations

from cavi.templates.pymc.read import from_pymc, is_pymc

__all__ = ["from_pymc", "is_pymc"]
