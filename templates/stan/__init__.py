"""A declared model as a Stan program with the same names and shapes: for MCMC beside q.

    Model ──categories──▶ what is summed out ──program (elements, densities)──▶ lines ──model.stan.jinja──▶ text

Stan has no discrete parameters: categories are summed out where that is a mixture element by element, and chains of
them by the forward algorithm; everything else is refused by name.
"""

from __future__ import annotations

from cavi.derive.model import Model
from cavi.templates.environment import environment
from cavi.templates.stan.program import view

__all__ = ["render"]


def render(model: Model) -> str:
    """A Stan program whose log density is the log joint of the declaration, its categories summed out.

    Raises:
        CaviError: for what Stan cannot express, with the variable.
    """
    return environment().get_template("stan/model.stan.jinja").render(view=view(model))
