"""A derivation as a stand-alone NumPy module."""

from __future__ import annotations

from cavi.derive import Derived
from cavi.derive.cells import refuse_sparse
from cavi.templates.environment import environment
from cavi.templates.numpy.view import module_view


def render_gibbs(derived: Derived) -> str:
    """Source of a Gibbs sampler that needs only NumPy and SciPy and imports nothing of ours."""
    from cavi.templates.numpy.gibbs import gibbs_module

    refuse_sparse(derived, "a Gibbs sampler")
    return gibbs_module(derived)


def render(derived: Derived) -> str:
    """Source of a module that needs only NumPy and SciPy and imports nothing of ours."""
    template = environment("plain").get_template("numpy/module.py.jinja")
    return template.render(m=module_view(derived))
