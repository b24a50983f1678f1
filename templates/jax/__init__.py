"""A derivation as a stand-alone JAX module: the plan of the NumPy module, as pure functions that are compiled."""

from __future__ import annotations

from cavi.derive import Derived
from cavi.templates.jax.view import module_view
from cavi.templates.source import python_source


def render(derived: Derived) -> str:
    """Source of a module that needs only JAX and NumPy and imports nothing of ours.

    Raises:
        CaviError: where a formula needs a function that JAX lacks.
    """
    return python_source("jax/module.py.jinja", m=module_view(derived))
