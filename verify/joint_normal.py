"""Factors of several Normal numbers as one vector: mean and precision, read off the density of the links of q.

Whether it is one latent, a block that is drawn one after another or a chain, log q is quadratic in all elements; its
form is found by evaluating it, so that no name of a parameter plays a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from cavi.verify.arithmetic import Value
from cavi.verify.blocks import log_q_of_links
from cavi.verify.evaluate import Position
from cavi.verify.matrix import inverse

if TYPE_CHECKING:
    from cavi.verify.state import State

Rows = list[list[Any]]


def vector_of(state: State, factor: Mapping[str, Any], site: Position) -> tuple[list[Value], Rows]:
    """The mean and the precision of one element of a factor, its elements in the order of the claim.

    Raises:
        Infeasible: where its density is not that of Normals.
    """
    from cavi.verify.gaussian import quadratic

    elements = list(state.claim.elements(factor, site, state.sizes))
    found = quadratic(state.engine, lambda values: log_q_of_links(state, factor, site, values), elements)
    zero = state.engine.number(0)
    square: dict[Any, Value] = {}
    for x, y in product(elements, elements):
        square[x, y] = found.square.get((x, y), found.square.get((y, x), zero))
    precision = [[square[x, y] for y in elements] for x in elements]
    return times(inverse(state.engine, precision), [found.linear[x] for x in elements]), precision


def times(matrix: Rows, vector: list[Any]) -> list[Any]:
    """A matrix times a vector."""
    return [sum((x * y for x, y in zip(row[1:], vector[1:], strict=True)), row[0] * vector[0]) for row in matrix]
