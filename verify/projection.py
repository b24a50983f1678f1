"""Expectations of a function of one combination of Normal numbers: an integral in one dimension.

Whether a function f(w) depends on a·w alone is found from its values: a is its gradient, by differences far below the
digits asked for, and a step across it must change nothing. Then E[f(w)] = E[f(m + Σ a z / s)] with s² = aᵀ Σ a and a
standard Normal z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Value, digits_of, midpoint
from cavi.verify.claim import Element
from cavi.verify.matrix import inverse
from cavi.verify.standard_normal import standard_mean

if TYPE_CHECKING:
    from cavi.verify.state import State

Pattern = Callable[[Mapping[Element, Value]], Value]


def projected(state: State, elements: list[Element], args: Mapping[str, Any], f: Pattern) -> Value | None:
    """E[f(w)] of a vector of Normals; None where f depends on more than one combination of them."""
    e, size, mean = state.engine, range(len(elements)), args["mean"]
    rng = np.random.default_rng(state.instance.seed + 17)

    def at(w: list[Value]) -> Value:
        return f(dict(zip(elements, w, strict=True)))

    h = e.number(Fraction(1, 10 ** (mpmath.mp.dps // 3)))
    centre = [midpoint(m) for m in mean]  # what is not known of it would be divided by the step
    a, flat = [], True
    for d in size:
        ends = [at([m + sign * h * int(i == d) for i, m in enumerate(centre)]) for sign in (1, -1)]
        a.append((ends[0] - ends[1]) / (2 * h))
        flat = flat and digits_of(*ends) >= 2 * (mpmath.mp.dps // 3)
    if flat:  # far fewer digits agree where there is a slope: the step is a third of them
        return None
    square = sum((x * x for x in a[1:]), a[0] * a[0])
    for _ in range(2):
        away = [e.number(Fraction(int(rng.integers(-90, 90)), 97)) for _ in size]
        along = sum((away[i] * a[i] for i in size), e.number(0)) / square
        across = [away[i] - along * a[i] for i in size]
        middle = [centre[i] + along * a[i] for i in size]
        if digits_of(at([middle[i] + across[i] for i in size]), at(middle)) < state.digits + 5:
            return None
    covariance = inverse(e, args["precision"])
    spread = [sum((covariance[i][j] * a[j] for j in size), e.number(0)) for i in size]
    deviation = e("sqrt", sum((spread[i] * a[i] for i in size), e.number(0)))
    return standard_mean(e, lambda z: at([mean[i] + spread[i] / deviation * z for i in size]), state.digits)
