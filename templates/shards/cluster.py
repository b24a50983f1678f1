"""What the templates of a module for a cluster print beyond those for shards."""

from __future__ import annotations

from dataclasses import dataclass

from cavi.templates.shards.view import ShardView


@dataclass(frozen=True)
class ClusterView:
    """A module whose shards stay on workers.

    Attributes:
        constant: sums over the data of a shard that no factor changes, which are computed where it is loaded.
    """

    constant: tuple[str, ...]


def cluster_view(view: ShardView) -> ClusterView:
    """The view of a module for shards as one for a cluster."""
    return ClusterView(tuple(s.name for s in view.module.statistics if not s.reads))
