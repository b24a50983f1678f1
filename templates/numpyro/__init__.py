"""A declared model as a NumPyro program with the same names, shapes and constants: for MCMC beside q; and back.

    Model ──sites──▶ lines (arrays, distributions) ──model.py.jinja──▶ text
    program ──read──▶ sites with graphs (jaxprs, known) ──cavi.templates.programs──▶ Model

NumPyro and JAX are imported only where a program is read.
"""

from __future__ import annotations

from cavi.derive.model import Model
from cavi.templates.environment import environment
from cavi.templates.numpyro.read import from_numpyro, is_numpyro
from cavi.templates.numpyro.sites import view

__all__ = ["from_numpyro", "is_numpyro", "render"]


def render(model: Model) -> str:
    """A module with ``model(data, hyper, sizes)``, whose log density is the log joint of the declaration.

    Raises:
        CaviError: for what NumPyro has no notation for: a function of latents that is observed, a family it lacks.
    """
    return environment().get_template("numpyro/model.py.jinja").render(view=view(model))
