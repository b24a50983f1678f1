"""Intervals with a derivative along one coordinate: what a function does on a whole half line, proved.

Interval arithmetic with infinite ends is mpmath's ``iv``; a jet is a value and its derivative, both intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flint import arb
from mpmath import iv, mp


class Unbounded(ValueError):
    """A function for which no bound is known: which."""


@dataclass(frozen=True)
class Jet:
    """An interval that holds the value, and one that holds the derivative; None for a derivative of zero."""

    value: Any
    slope: Any = None


def interval(low: Any, high: Any) -> Any:
    """The interval between two balls or infinities, rounded outwards."""
    return iv.mpf([_end(low, -1), _end(high, 1)])


def _end(x: Any, side: int) -> Any:
    if isinstance(x, float | int):
        return mp.mpf(x)
    ball = x.lower() if side < 0 else x.upper()
    man, exponent = ball.man_exp()
    return mp.ldexp(mp.mpf(int(man)), int(exponent))


def lower(x: Any) -> Any:
    """The lower end of an interval, as a number of mpmath."""
    return mp.make_mpf(x._mpi_[0])


def upper(x: Any) -> Any:
    """The upper end of an interval, as a number of mpmath."""
    return mp.make_mpf(x._mpi_[1])


def jets(op: str, args: tuple[Any, ...]) -> Jet:
    """The arithmetic of jets.

    Raises:
        Unbounded: for a function that it does not know.
    """
    if op == "constant":
        (x,) = args
        return Jet(interval(x, x)) if isinstance(x, arb) else Jet(iv.mpf(x))
    x = args[0]
    v = x.value
    match op:
        case "add":
            y = args[1]
            slope = x.slope if y.slope is None else y.slope if x.slope is None else x.slope + y.slope
            return Jet(v + y.value, slope)
        case "mul":
            y = args[1]
            parts = [s * o for s, o in ((x.slope, y.value), (y.slope, v)) if s is not None]
            return Jet(v * y.value, None if not parts else parts[0] if len(parts) == 1 else parts[0] + parts[1])
        case "square":
            return Jet(v**2, _times(x.slope, 2 * v))
        case "inverse":
            return Jet(1 / v, _times(x.slope, -1 / v**2))
        case "exp":
            found = iv.exp(v)
            return Jet(found, _times(x.slope, found))
        case "log":
            return Jet(iv.log(v), _times(x.slope, 1 / v))
        case "sqrt":
            root = iv.sqrt(v)
            return Jet(root, _times(x.slope, 1 / (2 * root)))
        case "logistic":
            found = 1 / (1 + iv.exp(-v))
            return Jet(found, _times(x.slope, found / (1 + iv.exp(v))))
        case "log_logistic":  # -log(1 + e^-t), of slope 1 / (1 + e^t)
            return Jet(-iv.log(1 + iv.exp(-v)), _times(x.slope, 1 / (1 + iv.exp(v))))
    raise Unbounded(f"no bound is known for the function {op!r} of a latent")


def _times(slope: Any, by: Any) -> Any:
    return None if slope is None else slope * by
