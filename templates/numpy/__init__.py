"""A derivation as a stand-alone NumPy module."""

from __future__ import annotations

from cavi.derive import Derived
from cavi.derive.cells import refuse_sparse
from cavi.templates.numpy.view import module_view
from cavi.templates.source import python_source


def render_gibbs(derived: Derived) -> str:
    """Source of a Gibbs sampler that needs only NumPy and SciPy and imports nothing of ours."""
    from cavi.templates.numpy.gibbs import gibbs_module

    refuse_sparse(derived, "a Gibbs sampler")
    return gibbs_module(derived)


def render(derived: Derived) -> str:
    """Source of a module that needs only NumPy and SciPy and imports nothing of ours."""
    return python_source("numpy/module.py.jinja", m=module_view(derived))
