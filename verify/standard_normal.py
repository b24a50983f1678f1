"""Means under a standard Normal: the trapezoidal rule, whose steps are halved until that changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, digits_of, to_mpf

HALVINGS, WIDENINGS = 8, 4


@lru_cache(maxsize=64)
def _standard(e: Engine, digits: int, halvings: int, precision: int, widenings: int = 0) -> tuple[Value, Value]:
    """Nodes and weights of the trapezoidal rule for a standard Normal, over a range that was doubled so many times."""
    half = (int(2 * (2 * (digits + 8) * np.log(10)) ** 0.5) + 1) * 2**widenings
    z = np.empty(2 * half * 2**halvings + 1, dtype=object)
    z[:] = [e.number(Fraction(k, 2 ** (halvings + 1))) for k in range(-half * 2**halvings, half * 2**halvings + 1)]
    if e.name == "float64":
        z = z.astype(float)
    weights = e("exp", -z * z / 2)
    return z, weights / weights.sum()


def standard_mean(e: Engine, f: Callable[[Value], Value], digits: int) -> Value | None:
    """E[f(z)]: steps are halved until that changes nothing, as many times as the poles of f ask for; else None.

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
