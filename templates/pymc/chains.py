"""Random walks and autoregressions of PyMC: each element is Normal around the one before it."""

from __future__ import annotations

from typing import Any

from cavi.derive.errors import DeclarationError
from cavi.templates.programs.graph import Node, before, constant, elementwise, expanded, take
from cavi.templates.programs.sites import Drawn, Walk
from cavi.templates.pymc.distributions import distribution
from cavi.templates.pymc.graph import Graphs, kind


def chain(rv: Any, node: Node, graphs: Graphs) -> tuple[Drawn, Drawn] | None:
    """The distributions of the first and of each further element along the last axis; None for what is no chain.

    Raises:
        DeclarationError: for steps that are not Normal or differ from one another, and orders above one.
    """
    match kind(rv.owner.op):
        case "RandomWalkRV":
            vectors = rv.owner.inputs[0].owner.op.ndim_supp > 0
            first, step = (_step(rv, part, graphs, vectors) for part in rv.owner.inputs[:2])
            return first, Walk(first, step).linked(node, -2 if vectors else -1)
        case "AutoRegressiveRV":
            return _autoregression(rv, node, graphs)
    return None


def _step(rv: Any, part: Any, graphs: Graphs, vectors: bool = False) -> Drawn:
    """The first element or the step of a chain; a vector keeps an axis for its positions in the chain."""
    wanted = "MultivariateNormal" if vectors else "Normal"
    found = distribution(rv.name, part, graphs)
    if not isinstance(found, Drawn) or found.family != wanted:
        shown = found.family if isinstance(found, Drawn) else type(found).__name__
        raise DeclarationError(f"{rv.name}: found a chain with {shown} steps; expected Normal ones")
    if not vectors:
        differ = any(a.shape and a.shape[-1] > 1 for a in found.args.values())
    else:
        differ = any(max(a.shape[: -1 if n == "mean" else -2], default=1) > 1 for n, a in found.args.items())
    if differ:
        raise DeclarationError(
            f"{rv.name}: found steps that differ along the chain; expected one mean and one standard deviation "
            "for all, or declare the chain by cavi.derive, with initial= and a function of the variable"
        )
    return found


def _autoregression(rv: Any, node: Node, graphs: Graphs) -> tuple[Drawn, Drawn]:
    op, (rhos, sigma, first) = rv.owner.op, rv.owner.inputs[:3]
    if op.ar_order != 1:
        raise DeclarationError(f"{rv.name}: found an autoregression of order {op.ar_order}; expected order 1")
    coefficients, scale = graphs.read(rhos), graphs.read(sigma)
    whole = len(coefficients.shape) - 1

    def coefficient(at: int) -> Node:
        found = take(coefficients, [*[None] * whole, constant(at)])
        return expanded(found, [*range(whole), None])

    mean = elementwise("mul", coefficient(1 if op.constant_term else 0), before(node))
    if op.constant_term:
        mean = elementwise("add", coefficient(0), mean)
    std = expanded(scale, [*range(len(scale.shape)), None])
    return _step(rv, first, graphs), Drawn("Normal", {"mean": mean, "std": std})
