"""From the cells of a grid to a picture: the width of columns, the height of rows, and the borders of plates.

The rectangle of a plate is the block of cells around its nodes. Borders that lie in the same gap between two columns
(or rows) stand side by side there, the plates with fewer nodes further in, so that every node is within exactly the
rectangles of its plates as soon as that holds for the cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cavi.templates.plates.diagram import Node, Plate, PlateDiagram
from cavi.templates.plates.grid import Cell, Cells, arranged
from cavi.templates.plates.picture import (
    DOT,
    RADIUS,
    SMALL,
    Frame,
    Picture,
    Placed,
    Point,
    Rectangle,
    Route,
    Side,
    overlap,
    text_width,
)
from cavi.templates.plates.routes import routed

Block = tuple[int, int, int, int]

_GAP = 30.0  # between what stands in neighbouring columns or rows
_PITCH = 74.0  # least distance of the centres of columns or rows
_PAD = 13.0  # between a plate's border and what it holds
_STRIP = 21.0  # the same at its lower side, where its label stands
_MARGIN = 6.0


@dataclass(frozen=True)
class _Part:
    """A plate, or a part of it, as a block of cells."""

    plate: Plate
    block: Block
    rank: tuple[int, int]


def placed(diagram: PlateDiagram) -> Picture:
    """The picture by our own layout."""
    cells = arranged(diagram)
    nodes = [shaped(n, _side(n, cells, diagram)) for n in diagram.nodes]
    parts = [p for rank, plate in enumerate(diagram.plates) for p in _parts(plate, rank, cells)]
    xs = _centres(
        [(cells[p.node.name][0], p.x - p.extent[0], p.extent[2] - p.x) for p in nodes],
        _room(parts, 0, _PAD),
        _room(parts, 2, _PAD),
    )
    ys = _centres(
        [(cells[p.node.name][1], p.y - p.extent[1], p.extent[3] - p.y) for p in nodes],
        _room(parts, 1, _PAD),
        _room(parts, 3, _STRIP),
    )
    nodes = [replace(p, x=xs[cells[p.node.name][0]], y=ys[cells[p.node.name][1]]) for p in nodes]
    depths = zip(*(_depths(parts, side) for side in range(4)), strict=True)
    boxes = [(part.plate, _box(part, depth, nodes, cells)) for part, depth in zip(parts, depths, strict=True)]
    return finished(diagram, "the layout of cavi itself", nodes, boxes)


def finished(diagram: PlateDiagram, engine: str, nodes: list[Placed], boxes: list[tuple[Plate, Rectangle]]) -> Picture:
    """The picture of nodes and rectangles in their places: arrows, labels of plates, and the size of the whole."""
    routes = routed(diagram, nodes)
    frames = _labelled(boxes, nodes, routes)
    corners = [p.extent for p in nodes] + [f.box for f in frames]
    corners += [(x, y, x, y) for r in routes for x, y in r.points()]
    left, top = min(c[0] for c in corners) - _MARGIN, min(c[1] for c in corners) - _MARGIN
    right, bottom = max(c[2] for c in corners) + _MARGIN, max(c[3] for c in corners) + _MARGIN

    def point(p: Point) -> Point:
        return p[0] - left, p[1] - top

    def rectangle(b: Rectangle) -> Rectangle:
        return b[0] - left, b[1] - top, b[2] - left, b[3] - top

    return Picture(
        diagram,
        engine,
        right - left,
        bottom - top,
        tuple(replace(p, x=p.x - left, y=p.y - top) for p in nodes),
        tuple(Frame(f.plate, rectangle(f.box), rectangle(f.label_box)) for f in frames),
        tuple(
            Route(r.edge, point(r.start), point(r.end), None if r.control is None else point(r.control)) for r in routes
        ),
    )


def shaped(node: Node, side: Side = "above") -> Placed:
    """A node at the origin, as large as its label asks for."""
    wide = text_width(node.label)
    if node.kind == "hyper":
        return Placed(node, 0, 0, "dot", DOT, DOT, side)
    if node.kind in ("known", "point"):
        return Placed(node, 0, 0, "box", max(RADIUS - 2, wide / 2 + 6), RADIUS - 2)
    return Placed(node, 0, 0, "ellipse", RADIUS if wide <= 1.6 * RADIUS else wide / 2 + 8, RADIUS)


def _side(node: Node, cells: Cells, diagram: PlateDiagram) -> Side:
    """Where the label of a dot is out of the way of its arrows."""
    c, r = cells[node.name]
    heads = [cells[e.head] for e in diagram.edges if e.tail == node.name]
    if all(y >= r for _, y in heads):
        return "above"
    if all(y <= r for _, y in heads):
        return "below"
    return "left" if all(x >= c for x, _ in heads) else "right"


def _parts(plate: Plate, rank: int, cells: Cells) -> Iterator[_Part]:
    """The blocks of a plate: one, or several where a block around all its nodes would hold others too."""
    inner = (len(plate.members), -rank)
    groups: list[list[Cell]] = []
    foreign = [cell for name, cell in cells.items() if name not in plate.members]
    for cell in sorted(cells[m] for m in plate.members):
        for group in groups:
            if not _holds(_block([*group, cell]), foreign):
                group.append(cell)
                break
        else:
            groups.append([cell])
    if not _holds(_block([cells[m] for m in plate.members]), foreign):
        groups = [[cells[m] for m in plate.members]]
    for group in groups:
        yield _Part(plate, _block(group), inner)


def _holds(block: Block, cells: list[Cell]) -> bool:
    return any(block[0] <= c <= block[2] and block[1] <= r <= block[3] for c, r in cells)


def _block(cells: list[Cell]) -> Block:
    columns, rows = [c for c, _ in cells], [r for _, r in cells]
    return min(columns), min(rows), max(columns), max(rows)


def _depths(parts: list[_Part], side: int) -> list[int]:
    """How far out the border of each part lies on a side: one more than those further in that end beside it."""
    depths = [0] * len(parts)
    low, high = (1, 3) if side in (0, 2) else (0, 2)
    for i in sorted(range(len(parts)), key=lambda i: parts[i].rank):
        block = parts[i].block
        further = [
            depths[j]
            for j, other in enumerate(parts)
            if depths[j]
            and other.block[side] == block[side]
            and other.block[low] <= block[high]
            and block[low] <= other.block[high]
        ]
        depths[i] = 1 + max(further, default=0)
    return depths


def _room(parts: list[_Part], side: int, pad: float) -> dict[int, float]:
    """The room that borders take on a side of each column (or row)."""
    found: dict[int, float] = {}
    for part, depth in zip(parts, _depths(parts, side), strict=True):
        found[part.block[side]] = max(found.get(part.block[side], 0.0), pad * depth)
    return found


def _centres(extents: list[tuple[int, float, float]], before: dict[int, float], after: dict[int, float]) -> list[float]:
    """The centres of the columns (or rows), wide enough for what stands in them and for the borders between."""
    count = max(place for place, _, _ in extents) + 1
    ahead = [max(a for place, a, _ in extents if place == i) for i in range(count)]
    behind = [max(b for place, _, b in extents if place == i) for i in range(count)]
    centres = [0.0]
    for i in range(1, count):
        borders = before.get(i, 0.0) + after.get(i - 1, 0.0)
        room = max(_GAP, borders + (12.0 if i in before and i - 1 in after else 8.0))
        centres.append(centres[-1] + max(_PITCH, behind[i - 1] + ahead[i] + room))
    return centres


def _box(part: _Part, depth: tuple[int, ...], nodes: list[Placed], cells: Cells) -> Rectangle:
    c0, r0, c1, r1 = part.block
    left = min(p.extent[0] for p in nodes if cells[p.node.name][0] == c0)
    top = min(p.extent[1] for p in nodes if cells[p.node.name][1] == r0)
    right = max(p.extent[2] for p in nodes if cells[p.node.name][0] == c1)
    bottom = max(p.extent[3] for p in nodes if cells[p.node.name][1] == r1)
    return left - _PAD * depth[0], top - _PAD * depth[1], right + _PAD * depth[2], bottom + _STRIP * depth[3]


def _labelled(boxes: list[tuple[Plate, Rectangle]], nodes: list[Placed], routes: list[Route]) -> list[Frame]:
    """Each plate with its label at the lower right, or further left where something is in the way."""
    frames: list[Frame] = []
    points = [p for r in routes for p in r.points(48)]
    for plate, box in boxes:
        w, h = text_width(plate.label, SMALL) + 2, SMALL + 2
        places = [box[2] - 5 - w, box[0] + 5]
        step = box[2] - 5 - w - 12
        while step > box[0] + 5:
            places.append(step)
            step -= 12

        def disturbed(left: float, box: Rectangle = box, w: float = w, h: float = h) -> int:
            label = (left, box[3] - h - 3, left + w, box[3] - 3)
            hit = 12 * any(overlap(label, p.extent) for p in nodes)
            hit += 12 * any(overlap(label, f.label_box) for f in frames)
            hit += 3 * any(label[0] - 2 < x < label[2] + 2 and label[1] - 2 < y < label[3] + 2 for x, y in points)
            return hit + 2 * sum(_on_border(label, other) for _, other in boxes if other != box)

        best = min(places, key=disturbed)
        frames.append(Frame(plate, box, (best, box[3] - h - 3, best + w, box[3] - 3)))
    return frames


def _on_border(label: Rectangle, box: Rectangle) -> bool:
    """Whether a border of the box runs through the label."""
    within = box[0] < label[0] and label[2] < box[2] and box[1] < label[1] and label[3] < box[3]
    return overlap(label, box) and not within
