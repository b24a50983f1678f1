"""A broken stick, recognised by what it computes: π_k = v_k Π_{j<k} (1 - v_j), the last taking the rest.

There are too many ways to write it (products, running sums of logarithms, loops) for a form to be looked for. Instead
the graph is evaluated at random fractions: two functions that are analytic in v and agree there agree everywhere, but
for a coincidence of probability zero.
"""

from __future__ import annotations

import numpy as np

from cavi.templates.programs.fold import NUMERIC, value
from cavi.templates.programs.graph import Array, Node, walk

_KINDS = frozenset({*NUMERIC, "constant", "variable", "axes", "sum", "take", "join", "computed"})
TRIALS, CLOSE = 3, 1e-10


def fractions(node: Node) -> Node | None:
    """The variable whose elements are the fractions of a vector of probabilities; None where it is no broken stick."""
    nodes = list(walk(node))
    found = [n for n in nodes if n.op == "variable"]
    if len(found) != 1 or found[0].shape != node.shape or len(node.shape) != 1 or node.shape[0] < 2:
        return None
    if any(n.op not in _KINDS for n in nodes):
        return None
    rng = np.random.default_rng(0)
    for _ in range(TRIALS):
        v = rng.uniform(0.1, 0.9, node.shape)
        if not np.allclose(value(node, {found[0]: v}), broken(v), rtol=CLOSE, atol=0.0):
            return None
    return found[0]


def broken(v: Array) -> Array:
    """The lengths of the pieces."""
    left = np.concatenate([[1.0], np.cumprod(1 - v[:-1])])
    pieces: Array = left * np.concatenate([v[:-1], [1.0]])
    return pieces
