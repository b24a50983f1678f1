"""A declared model as a NumPyro program with the same names, shapes and constants: for MCMC beside q.

Model ──sites──▶ lines (arrays, distributions) ──model.py.jinja──▶ text
"""

from __future__ import annotations

from cavi.derive.model import Model
from cavi.templates.environment import environment
from cavi.templates.numpyro.sites import view

__all__ = ["render"]


def render(model: Model) -> str:
    """A module with ``model(data, hyper, sizes)``, whose log density is the log joint of the declaration.

    Raises:
        CaviError: for what NumPyro has no notation for: a function of latents that is observed, a family it lacks.
    """
    return environment().get_template("numpyro/model.py.jinja").render(view=view(model))
