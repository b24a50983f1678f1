"""The figures by name, in the order of a course; a figure's module is imported when it is drawn."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cavi.derive.errors import CaviError
from cavi.derive.names import suggestion
from cavi.templates.figures.style import SETTINGS

# Name of a figure -> its module; the function of the figure's name draws it.
_MODULES = {
    "convex_concave": "convexity",
    "jensen_gap": "convexity",
    "evidence_split_bar": "evidence",
    "evidence_split_curve": "evidence",
    "kl_forward_reverse": "projections",
    "kl_correlated": "correlation",
    "kl_one_model": "two_methods",
    "em_bounds": "em",
    "mean_field_ellipse": "coordinate_ascent",
    "elbo_path": "coordinate_ascent",
    "importance_weighted": "tighter",
    "logistic_bounds": "logistic",
}


def names() -> list[str]:
    """The names of the figures."""
    return list(_MODULES)


def draw(name: str) -> Any:
    """A figure as a ``matplotlib.figure.Figure``, which no window and no global state knows of.

    The lines and points in it carry ids (`get_gid`) that name the expression drawn.

    Raises:
        CaviError: for a name that is not in the list.
    """
    if name not in _MODULES:
        raise CaviError(f"no figure {name!r}; {suggestion(name, names())}")
    from matplotlib import rc_context

    with rc_context(SETTINGS):
        return getattr(import_module(f"cavi.templates.figures.{_MODULES[name]}"), name)()
