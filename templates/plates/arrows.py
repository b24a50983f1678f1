"""Arrowheads as polygons, so that a picture needs no markers with names that could clash on a page."""

from __future__ import annotations

import math

from cavi.templates.plates.picture import Point, Route

_LENGTH, _HALF, _NOTCH = 8.5, 3.2, 6.8


def arrowhead(route: Route) -> tuple[Point, ...]:
    """The four corners of the head at the end of an arrow."""
    (x, y), (dx, dy) = route.end, _direction(route)
    back = (x - _LENGTH * dx, y - _LENGTH * dy)
    return (
        (x, y),
        (back[0] - _HALF * dy, back[1] + _HALF * dx),
        (x - _NOTCH * dx, y - _NOTCH * dy),
        (back[0] + _HALF * dy, back[1] - _HALF * dx),
    )


def shortened(route: Route) -> tuple[Point, ...]:
    """Start, control point if bent, and the end where the head begins."""
    dx, dy = _direction(route)
    end = (route.end[0] - _NOTCH * dx, route.end[1] - _NOTCH * dy)
    return (route.start, end) if route.control is None else (route.start, route.control, end)


def _direction(route: Route) -> Point:
    x0, y0 = route.control or route.start
    dx, dy = route.end[0] - x0, route.end[1] - y0
    length = math.hypot(dx, dy)
    return dx / length, dy / length
