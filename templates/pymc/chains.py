"""Random walks and autoregressions of PyMC: each element is Normal around the one before it."""

from __future__ import annotations

from typing import Any

from cavi.derive.errors import DeclarationError
from cavi.templates.programs.graph import Node, before, constant, elementwise, expanded, take
from cavi.templates.programs.sites import Drawn
from cavi.templates.pymc.distributions import distribution
from cavi.templates.pymc.graph import Graphs, kind


def chain(rv: Any, node: Node, graphs: Graphs) -> tuple[Drawn, Drawn] | None:
    """The distributions of the first and of each further element along the last axis; None for what is no chain.

    Raises:
        DeclarationError: for steps that are not Normal or differ from one another, and orders above one.
    """
    match kind(rv.owner.op):
        case "RandomWalkRV":
            first, step = (_normal(rv, part, graphs) for part in rv.owner.inputs[:2])
            mean = elementwise("add", before(node), step.args["mean"])
            return first, Drawn("Normal", {"mean": mean, "std": step.args["std"]})
        case "AutoRegressiveRV":
            return _autoregression(rv, node, graphs)
    return None


def _normal(rv: Any, part: Any, graphs: Graphs) -> Drawn:
    found = distribution(rv.name, part, graphs)
    if not isinstance(found, Drawn) or found.family != "Normal":
        shown = found.family if isinstance(found, Drawn) else type(found).__name__
        raise DeclarationError(f"{rv.name}: found a chain with {shown} steps; expected Normal ones")
    if any(a.shape and a.shape[-1] > 1 for a in found.args.values()):
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
    return _normal(rv, first, graphs), Drawn("Normal", {"mean": mean, "std": std})
