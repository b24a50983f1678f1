"""A plate diagram with a place for everything: what the writers of SVG and TikZ spell out.

Lengths are in pixels, y counts downward. `faults` says what is wrong with a picture, whoever laid it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from cavi.templates.layout import Box
from cavi.templates.plates.diagram import Edge, Node, Plate, PlateDiagram
from cavi.templates.plates.tspans import extent

Shape = Literal["ellipse", "box", "dot"]
Side = Literal["above", "below", "left", "right"]
T = TypeVar("T")
Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]

FONT = 17.0  # of the symbols of nodes
SMALL = 14.0  # of the sizes of plates
RADIUS = 20.0
DOT = 3.5
LABEL = 22.0  # height of a line of symbols


def text_width(label: Box, size: float = FONT) -> float:
    """An estimate of the width of a symbol."""
    return extent(label) * size


@dataclass(frozen=True)
class Placed:
    """A node at its centre, with half its width and height; the label of a dot stands beside it."""

    node: Node
    x: float
    y: float
    shape: Shape
    rx: float
    ry: float
    side: Side = "above"

    @property
    def body(self) -> Rectangle:
        """The rectangle around the shape."""
        return self.x - self.rx, self.y - self.ry, self.x + self.rx, self.y + self.ry

    @property
    def label_box(self) -> Rectangle:
        """The rectangle of the label: inside the shape, or beside the dot."""
        w, h = text_width(self.node.label), LABEL
        if self.shape != "dot":
            return self.x - w / 2, self.y - h / 2, self.x + w / 2, self.y + h / 2
        match self.side:
            case "above":
                return self.x - w / 2, self.y - DOT - 2 - h, self.x + w / 2, self.y - DOT - 2
            case "below":
                return self.x - w / 2, self.y + DOT + 2, self.x + w / 2, self.y + DOT + 2 + h
            case "left":
                return self.x - DOT - 4 - w, self.y - h / 2, self.x - DOT - 4, self.y + h / 2
            case "right":
                return self.x + DOT + 4, self.y - h / 2, self.x + DOT + 4 + w, self.y + h / 2

    @property
    def extent(self) -> Rectangle:
        """The rectangle around shape and label."""
        a, b = self.body, self.label_box
        return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


@dataclass(frozen=True)
class Frame:
    """A rectangle of a plate, with the box of its label."""

    plate: Plate
    box: Rectangle
    label_box: Rectangle


@dataclass(frozen=True)
class Route:
    """An arrow from `start` to `end`, straight or bent towards `control`."""

    edge: Edge
    start: Point
    end: Point
    control: Point | None = None

    def points(self, count: int = 24) -> Iterator[Point]:
        """Points along it, the ends included."""
        (x0, y0), (x2, y2) = self.start, self.end
        x1, y1 = self.control or ((x0 + x2) / 2, (y0 + y2) / 2)
        for i in range(count + 1):
            t = i / count
            a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
            yield a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2


@dataclass(frozen=True)
class Picture:
    """A diagram laid out; `engine` says by what."""

    diagram: PlateDiagram
    engine: str
    width: float
    height: float
    nodes: tuple[Placed, ...]
    frames: tuple[Frame, ...]
    routes: tuple[Route, ...]

    def faults(self) -> list[str]:
        """What is wrong: a node not within exactly the rectangles of its plates, an overlap, a thing outside."""
        return [*self._nesting(), *self._overlaps(), *self._outside()]

    def _nesting(self) -> Iterator[str]:
        for f in self.frames:
            for p in self.nodes:
                if p.node.name in f.plate.members:
                    if not any(inside(p.extent, g.box) for g in self.frames if g.plate is f.plate):
                        yield f"{p.node.name} is not inside the plate {f.plate.name}"
                elif overlap(p.extent, f.box):
                    yield f"{p.node.name} is inside the plate {f.plate.name}, to which it does not belong"
        shown = {f.plate.name for f in self.frames}
        yield from (f"the plate {p.name} is missing" for p in self.diagram.plates if p.name not in shown)
        for a, b in _pairs(self.frames):
            if a.plate is not b.plate and not a.plate.members & b.plate.members and overlap(a.box, b.box):
                yield f"the plates {a.plate.name} and {b.plate.name} overlap and share no node"

    def _overlaps(self) -> Iterator[str]:
        for a, b in _pairs(self.nodes):
            if overlap(a.extent, b.extent):
                yield f"{a.node.name} and {b.node.name} overlap"
        for p in self.nodes:
            if p.shape != "dot" and not inside(p.label_box, p.body):
                yield f"the label of {p.node.name} does not fit into its shape"
            for f in self.frames:
                if overlap(p.extent, f.label_box):
                    yield f"{p.node.name} lies on the label of the plate {f.plate.name}"
        for f, g in _pairs(self.frames):
            if overlap(f.label_box, g.label_box):
                yield f"the labels of the plates {f.plate.name} and {g.plate.name} overlap"

    def _outside(self) -> Iterator[str]:
        whole = (0.0, 0.0, self.width, self.height)
        for p in self.nodes:
            if not inside(p.extent, whole):
                yield f"{p.node.name} lies outside the picture"
        for f in self.frames:
            if not inside(f.box, whole) or not inside(f.label_box, f.box):
                yield f"the plate {f.plate.name} or its label lies outside the picture"
        for r in self.routes:
            if not all(inside((x, y, x, y), whole) for x, y in r.points()):
                yield f"the arrow from {r.edge.tail} to {r.edge.head} leaves the picture"


def inside(a: Rectangle, b: Rectangle) -> bool:
    """Whether the first rectangle lies within the second."""
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    """Whether two rectangles share more than an edge."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _pairs(items: tuple[T, ...]) -> Iterator[tuple[T, T]]:
    for place, a in enumerate(items):
        for b in items[place + 1 :]:
            yield a, b
