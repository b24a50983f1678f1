"""Arrows between nodes that have their places: straight, or bent around what is in the way."""

from __future__ import annotations

import math

from cavi.templates.plates.diagram import Edge, PlateDiagram
from cavi.templates.plates.picture import Placed, Point, Rectangle, Route

_BENDS = (0, 26, -26, 44, -44, 66, -66, 90, -90, 120, -120, 160, -160, 210, -210)
_CLEAR = 5.0


def routed(diagram: PlateDiagram, nodes: list[Placed]) -> list[Route]:
    """A route for every edge."""
    by_name = {p.node.name: p for p in nodes}
    done: list[Route] = []
    for e in diagram.edges:
        tail, head = by_name[e.tail], by_name[e.head]
        others = [p for p in nodes if p is not tail and p is not head]
        choices = [_route(e, tail, head, bend) for bend in _BENDS]
        done.append(min(choices, key=lambda r: _disturbance(r, tail, head, others, done)))
    return done


def _route(edge: Edge, tail: Placed, head: Placed, bend: float) -> Route:
    """The arrow whose middle lies `bend` / 2 beside the straight line, cut at the borders of its ends."""
    x0, y0, x1, y1 = tail.x, tail.y, head.x, head.y
    length = math.hypot(x1 - x0, y1 - y0)
    if bend == 0:
        return Route(edge, _border(tail, (x1, y1), 1.0), _border(head, (x0, y0), 2.0))
    middle = ((x0 + x1) / 2 - (y1 - y0) / length * bend, (y0 + y1) / 2 + (x1 - x0) / length * bend)
    return Route(edge, _border(tail, middle, 1.0), _border(head, middle, 2.0), middle)


def _border(p: Placed, toward: Point, gap: float) -> Point:
    """The point where the way from the centre leaves the shape, a little outside."""
    dx, dy = toward[0] - p.x, toward[1] - p.y
    length = math.hypot(dx, dy)
    dx, dy = dx / length, dy / length
    if p.shape == "box":
        reach = min(p.rx / abs(dx) if dx else math.inf, p.ry / abs(dy) if dy else math.inf)
    else:
        reach = 1 / math.hypot(dx / p.rx, dy / p.ry)
    return p.x + dx * (reach + gap), p.y + dy * (reach + gap)


def _disturbance(route: Route, tail: Placed, head: Placed, others: list[Placed], done: list[Route]) -> float:
    points = list(route.points())
    # The first choice is the straight line; a bend must earn its place.
    bent = 0.0 if route.control is None else 1.0 + _bend(route) / 200
    cost = bent
    for p in others:
        if any(_within(x, y, p.body, _CLEAR) for x, y in points):
            cost += 20 + sum(_within(x, y, p.body, 0) for x, y in points)
        if p.shape == "dot" and any(_within(x, y, p.label_box, 0) for x, y in points):
            cost += 6
    for p in (tail, head):
        if p.shape == "dot" and any(_within(x, y, p.label_box, -2) for x, y in points):
            cost += 4
    inner = points[4:-4]
    for other in done:
        theirs = list(other.points())
        if _apart(inner, theirs, 5):
            continue
        near = sum(any(math.hypot(x - u, y - v) < 5 for u, v in theirs) for x, y in inner)
        cost += 5 if near > len(inner) // 3 else 0
    return cost


def _apart(a: list[Point], b: list[Point], distance: float) -> bool:
    """Whether the rectangles around two sets of points are at least so far apart."""
    for axis in (0, 1):
        one, other = [p[axis] for p in a], [p[axis] for p in b]
        if min(one) - max(other) >= distance or min(other) - max(one) >= distance:
            return True
    return False


def _bend(route: Route) -> float:
    assert route.control is not None
    (x0, y0), (x1, y1) = route.start, route.end
    return math.hypot(route.control[0] - (x0 + x1) / 2, route.control[1] - (y0 + y1) / 2)


def _within(x: float, y: float, box: Rectangle, clear: float) -> bool:
    return box[0] - clear < x < box[2] + clear and box[1] - clear < y < box[3] + clear
