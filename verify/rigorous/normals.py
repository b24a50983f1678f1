"""Normals integrated out of an expression that is quadratic in them, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cavi.verify.gaussian import Quadratic, integral
from cavi.verify.rigorous.deferred import deferring
from cavi.verify.rigorous.expand import collected_monomial, expand
from cavi.verify.rigorous.jet import Unbounded


def integrated(log_p: Any, normals: Sequence[Any], kinds: Mapping[Any, str]) -> Any:
    """log ∫ exp(log_p) over the coordinates of some Normals, in the leaves of the others.

    Raises:
        Unbounded: where log_p has no expansion, or is not quadratic in them.
    """
    e = deferring()
    zero = e.number(0)
    constant: Any = zero
    linear: dict[Any, Any] = dict.fromkeys(normals, zero)
    square: dict[tuple[Any, Any], Any] = {}
    for monomial, c in expand(log_p).items():
        powers = [(key, k) for (key, _), k in monomial if key in linear]
        if any(k not in (1, 2) for _, k in powers):
            raise Unbounded(f"the log density is not quadratic in {powers[0][0]}")
        mine = [key for key, k in powers for _ in range(int(k))]
        rest = collected_monomial(tuple((a, k) for a, k in monomial if a[0] not in linear), c, dict(kinds))
        if not mine:
            constant = constant + rest
        elif len(mine) == 1:
            linear[mine[0]] = linear[mine[0]] + rest
        elif len(mine) == 2:  # f = c + bᵀg - gᵀA g / 2
            x, y = sorted(mine)
            square[x, y] = square.get((x, y), zero) - rest * (2 if x == y else 1)
        else:
            raise Unbounded(f"the log density is not quadratic in {mine[0]}")
    return integral(e, [Quadratic(constant, linear, square)], normals)
