"""A model as an estimator of scikit-learn, in a module of its own."""

from __future__ import annotations

from cavi.derive import Derived
from cavi.templates.estimators.view import estimator_view
from cavi.templates.source import python_source


def render(derived: Derived) -> str:
    """Source of a module with an estimator that follows scikit-learn, beside everything the module for shards has.

    Raises:
        CaviError: where the data of the model are no rows X with or without a y, or cannot be cut by rows.
    """
    view = estimator_view(derived)
    return python_source("estimators/module.py.jinja", m=view.shard.module, s=view.shard, e=view)
