"""A derivation as a stand-alone JAX module: the plan of the NumPy module, as pure functions that are compiled."""

from __future__ import annotations

import re

from cavi.derive import Derived
from cavi.templates.environment import environment
from cavi.templates.jax.view import module_view


def render(derived: Derived) -> str:
    """Source of a module that needs only JAX and NumPy and imports nothing of ours.

    Raises:
        CaviError: where a formula needs a function that JAX lacks.
    """
    template = environment("plain").get_template("jax/module.py.jinja")
    return re.sub(r" +\n", "\n", template.render(m=module_view(derived)))
