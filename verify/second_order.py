"""Expectations to second order, as Laplace's method and the delta method have them under a Normal factor.

The expectation of the expansion about the mean is a rule with the mean and two points on each axis, a tiny step h away:

    f(m) + Σ_i (f(m + h l_i) - 2 f(m) + f(m - h l_i)) / (2 h²),   Σ_i l_i l_iᵀ the covariance
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.verify.arithmetic import Value
from cavi.verify.claim import Element
from cavi.verify.density import log_density
from cavi.verify.matrix import cholesky, lower_inverse
from cavi.verify.vector_normal import Parts

if TYPE_CHECKING:
    from cavi.verify.state import State

EXPANDED = ("laplace", "delta")  # the methods with expectations to second order


def second_order(state: State, elements: list[Element], mean: list[Value], precision: list[list[Value]]) -> Parts:
    """The rule of the expansion about the mean."""
    e, size = state.engine, len(elements)
    root = lower_inverse(e, cholesky(e, precision))
    h = e.number(Fraction(1, 10 ** (state.digits // 2 + 4)))
    columns = [[value] for value in mean]
    weights = [1 - size / (h * h)]
    for axis in range(size):
        for sign in (1, -1):
            for d in range(size):
                columns[d].append(mean[d] + sign * h * root[axis][d])
            weights.append(1 / (2 * h * h))
    values = [as_array(c) for c in columns]
    log_q = log_density(e, "MultivariateNormal", values, {"mean": mean, "precision": precision})
    return dict(zip(elements, values, strict=True)), as_array(weights), log_q


def as_array(values: list[Any]) -> Value:
    """An object array of one axis."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
