"""Expectation propagation as a stand-alone NumPy module, an article and a page."""

from __future__ import annotations

from cavi.derive import Propagation
from cavi.templates.environment import environment
from cavi.templates.propagation.view import module_view


def render_numpy(p: Propagation) -> str:
    """Source of a module that needs only NumPy and SciPy and imports nothing of ours."""
    return environment("plain").get_template("propagation/module.py.jinja").render(m=module_view(p))
