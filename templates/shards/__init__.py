"""Modules for data that do not fit in memory or on one machine: what rows share, what belongs to them alone."""

from __future__ import annotations

from cavi.derive import Derived
from cavi.templates.shards.cluster import cluster_view
from cavi.templates.shards.view import sharded_view
from cavi.templates.source import python_source


def render_streaming(derived: Derived, over: str | None = None) -> str:
    """Source of a NumPy module that also fits chunks of data one after another and learns from minibatches.

    Args:
        derived: the derived model.
        over: the name of the index along which the data are cut; None for the one with most latents of its own.

    Raises:
        CaviError: where the data cannot be cut along the index, with the reason.
    """
    view = sharded_view(derived, over)
    return python_source("shards/module.py.jinja", m=view.module, s=view)


def render_dask(derived: Derived, over: str | None = None) -> str:
    """Source of a module for shards that also fits them on the workers of a Dask cluster.

    Args:
        derived: the derived model.
        over: as in `render_streaming`.

    Raises:
        CaviError: where the data cannot be cut along the index, with the reason.
    """
    view = sharded_view(derived, over)
    return python_source("shards/cluster_module.py.jinja", m=view.module, s=view, d=cluster_view(view))
