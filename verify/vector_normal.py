"""A tensor rule for a vector of Normals: whitened by the Cholesky factor of its precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Value
from cavi.verify.claim import Element
from cavi.verify.density import log_density
from cavi.verify.matrix import cholesky, lower_inverse
from cavi.verify.rules import normal_rule
from cavi.verify.scalar import scalar_rule

if TYPE_CHECKING:
    from cavi.verify.state import State

COMPACT_ORDER = 6  # exact up to degree 11
Parts = tuple[dict[Element, Value], Value, Value]  # values, weights, log density at the nodes


def vector_normal(
    state: State, elements: list[Element], args: Mapping[str, Any], compact: bool, scale: Value = None
) -> Parts:
    """w = m + L^-T u with L Lᵀ the precision; `scale` multiplies the precision, an axis of its own before."""
    e, size = state.engine, len(elements)
    if compact:
        u, w = normal_rule(e, COMPACT_ORDER)
    else:
        rule = scalar_rule(e, "Normal", {"mean": e.number(0), "precision": e.number(1)}, state.digits)
        u, w = rule.nodes, rule.weights
    inverse = lower_inverse(e, cholesky(e, args["precision"]))
    lead = 0 if scale is None else 1
    grids, weights = [], np.array(e.number(1), dtype=object)
    for d in range(size):
        shape = [1] * (lead + size)
        shape[lead + d] = -1
        grids.append(u.reshape(shape))
        weights = weights * w.reshape(shape)
    root = 1 if scale is None else e("sqrt", scale.reshape([-1] + [1] * size))
    values = []
    for d in range(size):
        value = inverse[0][d] * grids[0]
        for k in range(1, size):
            value = value + inverse[k][d] * grids[k]
        values.append(args["mean"][d] + value / root)
    if scale is None:
        log_q = log_density(e, "MultivariateNormal", values, args)
    else:
        g = scale.reshape([-1] + [1] * size)
        precision = [[x * g for x in row] for row in args["precision"]]
        log_q = log_density(e, "MultivariateNormal", values, {"mean": args["mean"], "precision": precision})
    if not compact:  # integrate the reference density itself, not the standard one it was whitened with
        jacobian = e.number(1)
        standard: Value = e.number(0)
        for d in range(size):
            jacobian = jacobian * inverse[d][d]
            standard = standard - grids[d] * grids[d] / 2
        standard = standard - size * e("log", 2 * e.constants("pi")) / 2
        weights = weights * e("exp", log_q - standard) * jacobian / root**size
    return dict(zip(elements, values, strict=True)), weights, log_q
