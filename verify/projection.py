"""Expectations of a function of one combination of Normal numbers: an integral in one dimension.

Whether a function f(w) depends on a·w alone is found from its values: a is its gradient, by differences far below the
digits asked for, and a step across it must change nothing. Then E[f(w)] = E[f(m + Σ a z / s)] with s² = aᵀ Σ a and a
standard Normal z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, digits_of, midpoint, to_mpf
from cavi.verify.claim import Element
from cavi.verify.matrix import inverse

if TYPE_CHECKING:
    from cavi.verify.state import State

Pattern = Callable[[Mapping[Element, Value]], Value]


HALVINGS, WIDENINGS = 8, 4


@lru_cache(maxsize=64)
def _standard(e: Engine, digits: int, halvings: int, precision: int, widenings: int = 0) -> tuple[Value, Value]:
    """Nodes and weights of the trapezoidal rule for a standard Normal, over a range that was doubled so many times."""
    half = (int(2 * (2 * (digits + 8) * np.log(10)) ** 0.5) + 1) * 2**widenings
    z = np.empty(2 * half * 2**halvings + 1, dtype=object)
    z[:] = [e.number(Fraction(k, 2 ** (halvings + 1))) for k in range(-half * 2**halvings, half * 2**halvings + 1)]
    weights = e("exp", -z * z / 2)
    return z, weights / weights.sum()


def _mean(e: Engine, f: Callable[[Value], Value], digits: int) -> Value | None:
    """E[f(z)]: steps are halved until that changes nothing, as many times as the poles of f ask for.

    What f adds at the ends of the range must be nothing beside the sum: exp(s z) has its mass at s.
    """
    before: Value | None = None
    least = 0.1 ** (digits + 5)
    for widenings in range(WIDENINGS):
        z, weights = _standard(e, digits, 0, mpmath.mp.prec, widenings)
        terms = weights * f(z)
        if max(abs(to_mpf(terms[k])) for k in (0, -1)) <= least * abs(to_mpf(terms.sum())):
            break
    for halvings in range(HALVINGS):
        z, weights = _standard(e, digits, halvings, mpmath.mp.prec, widenings)
        found = (weights * f(z)).sum()
        if before is not None and digits_of(before, found) >= digits + 2:
            return found
        before = found
    return None


def projected(state: State, elements: list[Element], args: Mapping[str, Any], f: Pattern) -> Value | None:
    """E[f(w)] of a vector of Normals; None where f depends on more than one combination of them."""
    e, size, mean = state.engine, range(len(elements)), args["mean"]
    rng = np.random.default_rng(state.instance.seed + 17)

    def at(w: list[Value]) -> Value:
        return f(dict(zip(elements, w, strict=True)))

    h = e.number(Fraction(1, 10 ** (mpmath.mp.dps // 3)))
    centre = [midpoint(m) for m in mean]  # what is not known of it would be divided by the step
    a = []
    for d in size:
        ends = [at([m + sign * h * int(i == d) for i, m in enumerate(centre)]) for sign in (1, -1)]
        a.append((ends[0] - ends[1]) / (2 * h))
    square = sum((x * x for x in a[1:]), a[0] * a[0])
    if square == 0:
        return None
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
    return _mean(e, lambda z: at([mean[i] + spread[i] / deviation * z for i in size]), state.digits)
