"""A cell of a grid for every node, found by searching: the layout for which nothing need be installed.

The cost of an arrangement adds up what makes a plate diagram hard to read: a node inside a plate that it does not
belong to, plates that overlap without sharing a node, arrows that point up, are long, cross each other or run through
a node, and a large picture. It is lowered by moving nodes, swapping two, and moving whole plates; a worsening is
accepted below a threshold that falls to zero (Dueck and Scheuer 1990, threshold accepting). All numbers are integers
and the random ones come from a generator written here, so that a model looks the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cavi.templates.plates.diagram import PlateDiagram
from cavi.templates.plates.tspans import extent

Cell = tuple[int, int]
Cells = dict[str, Cell]

_FAULT = 400  # a node in a foreign plate, or foreign plates that overlap
_THROUGH = 70  # an edge through a node
_CROSSING = 26
_BORDER = 3  # an edge through a plate of neither end
_START = 40  # the first threshold
_RUNS = 3


@dataclass(frozen=True)
class _Graph:
    """The diagram in numbers: the ends of the edges, the members of the plates, the edges of neither end in each."""

    names: tuple[str, ...]
    edges: tuple[tuple[int, int, bool], ...]
    plates: tuple[frozenset[int], ...]
    outside: tuple[tuple[tuple[int, int], ...], ...]
    foreign: tuple[tuple[int, int], ...]
    incident: tuple[tuple[int, ...], ...]
    dots: frozenset[int]
    wide: frozenset[int]


@lru_cache(maxsize=256)
def arranged(diagram: PlateDiagram) -> Cells:
    """A column and a row for every node, no two alike; rows count downward.

    Examples:
        >>> from cavi.derive import Gamma, Model, Poisson
        >>> from cavi.templates.plates.diagram import plate_diagram
        >>> m = Model("rates")
        >>> x = m.observed("x", Poisson(m.latent("rate", Gamma(2, 1))), m.index("n", "N"))
        >>> arranged(plate_diagram(m))
        {'rate': (0, 0), 'x': (0, 1)}
    """
    graph = _graph(diagram)
    best: list[Cell] | None = None
    least = 0
    for run in range(_RUNS):
        search = _Search(graph, _first(graph, run), _Random(run + 1))
        search.run()
        if best is None or search.cost < least:
            best, least = list(search.cells), search.cost
    assert best is not None
    return dict(zip(graph.names, _compressed(best), strict=True))


def _graph(diagram: PlateDiagram) -> _Graph:
    place = {n.name: i for i, n in enumerate(diagram.nodes)}
    edges = tuple((place[e.tail], place[e.head], e.kind == "before") for e in diagram.edges)
    plates = tuple(frozenset(place[m] for m in p.members) for p in diagram.plates)
    outside = tuple(tuple((a, b) for a, b, _ in edges if a not in p and b not in p) for p in plates)
    foreign = tuple((a, b) for a in range(len(plates)) for b in range(a + 1, len(plates)) if not plates[a] & plates[b])
    incident = tuple(tuple(k for k, (a, b, _) in enumerate(edges) if i in (a, b)) for i in range(len(diagram.nodes)))
    dots = frozenset(place[n.name] for n in diagram.nodes if n.kind == "hyper")
    wide = frozenset(place[n.name] for n in diagram.nodes if n.kind != "hyper" and extent(n.label) > 3)
    return _Graph(tuple(place), edges, plates, outside, foreign, incident, dots, wide)


def _first(g: _Graph, run: int) -> list[Cell]:
    """Rows by the longest way from a root, a root just above its first child; columns by plates."""
    children: dict[int, list[int]] = {}
    depth = [0] * len(g.names)
    for _ in g.names:
        for a, b, beside in g.edges:
            depth[b] = max(depth[b], depth[a] + (0 if beside else 1))
    for a, b, _ in g.edges:
        children.setdefault(a, []).append(b)
    heads = {b for _, b, _ in g.edges}
    for a, found in children.items():
        if a not in heads:
            depth[a] = max(0, min(depth[b] for b in found) - 1)
    order = sorted(range(len(g.names)), key=lambda i: ([i not in p for p in g.plates], i if run % 2 == 0 else -i))
    taken: dict[int, int] = {}
    cells: list[Cell] = [(0, 0)] * len(g.names)
    for i in order:
        row = depth[i]
        cells[i] = (2 * taken.get(row, 0), row)
        taken[row] = taken.get(row, 0) + 1
    return cells


class _Random:
    """A linear congruential generator (Knuth's constants), the same on every machine."""

    def __init__(self, seed: int) -> None:
        self.state = seed * 2654435761 % 2**64

    def below(self, n: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


@dataclass
class _Search:
    """An arrangement and its cost, lowered step by step."""

    graph: _Graph
    cells: list[Cell]
    random: _Random
    cost: int = 0
    whole: int = 0
    crossings: dict[tuple[int, ...], bool] = field(default_factory=dict)

    def run(self) -> None:
        """Accept what is not much worse, then what is not worse."""
        n = len(self.cells)
        if n == 1:
            return
        steps = 300 * n
        self.cost = self.total()
        best, least = list(self.cells), self.cost
        for step in range(steps):
            threshold = _START * (steps - step) * (steps - step) // (steps * steps) if step < steps * 4 // 5 else 0
            kind = self.random.below(10)
            if kind < 6:
                moved = self._move()
            elif kind < 8:
                moved = self._swap()
            else:
                moved = self._shift()
            if not moved:
                continue
            if not self._try(moved, threshold):
                continue
            if self.cost < least:
                best, least = list(self.cells), self.cost
        self.cells, self.cost = best, least

    # --- moves -----------------------------------------------------------------------------

    def _move(self) -> dict[int, Cell]:
        """One node to a cell near one of its neighbours, or near its own."""
        i = self.random.below(len(self.cells))
        around = self.graph.incident[i]
        c, r = self.cells[i]
        if around and self.random.below(4):
            a, b, _ = self.graph.edges[around[self.random.below(len(around))]]
            c, r = self.cells[b if a == i else a]
        target = (c + self.random.below(5) - 2, r + self.random.below(5) - 2)
        if target == self.cells[i]:
            return {}
        if target in self.cells:
            return {i: target, self.cells.index(target): self.cells[i]}
        return {i: target}

    def _swap(self) -> dict[int, Cell]:
        i, j = self.random.below(len(self.cells)), self.random.below(len(self.cells))
        return {} if i == j else {i: self.cells[j], j: self.cells[i]}

    def _shift(self) -> dict[int, Cell]:
        """A plate, or all on one side of a line, by one cell; or a part of a row or column mirrored."""
        plates = self.graph.plates
        dc, dr = ((1, 0), (-1, 0), (0, 1), (0, -1))[self.random.below(4)]
        kind = self.random.below(3)
        c, r = self.cells[self.random.below(len(self.cells))]
        if kind == 0 and plates:
            group: Iterable[int] = plates[self.random.below(len(plates))]
        elif kind == 1:
            i = self.random.below(len(self.cells))
            group = {i, *(x for k in self.graph.incident[i] for x in self.graph.edges[k][:2])}
        elif dc:
            group = [i for i, (x, _) in enumerate(self.cells) if x >= c]
        else:
            group = [i for i, (_, y) in enumerate(self.cells) if y >= r]
        moved = {i: (self.cells[i][0] + dc, self.cells[i][1] + dr) for i in group}
        rest = {cell for i, cell in enumerate(self.cells) if i not in moved}
        return {} if any(cell in rest for cell in moved.values()) else moved

    def _try(self, moved: dict[int, Cell], threshold: int) -> bool:
        old = {i: self.cells[i] for i in moved}
        near = {k for i in moved for k in self.graph.incident[i]}
        before = self._edges(old, near) + self.whole
        for i, cell in moved.items():
            self.cells[i] = cell
        whole = self._whole()
        # What edges add is never negative, so that most moves are refused before it is looked at.
        if whole - before <= threshold:
            change = whole + self._edges(old, near) - before
            if change <= threshold:
                self.cost += change
                self.whole = whole
                return True
        for i, cell in old.items():
            self.cells[i] = cell
        return False

    # --- the cost --------------------------------------------------------------------------

    def total(self) -> int:
        """The cost of the whole arrangement."""
        self.whole = self._whole()
        return self.whole + self._edges(range(len(self.cells)), set(range(len(self.graph.edges))))

    def _edges(self, moved: Iterable[int], near: set[int]) -> int:
        """What the edges at the nodes that move cost, and the other edges for running through those."""
        g, cells = self.graph, self.cells
        cost = 0
        for k, (a, b, beside) in enumerate(g.edges):
            start, end = cells[a], cells[b]
            short = -2 < start[0] - end[0] < 2 and -2 < start[1] - end[1] < 2  # between such cells lies no other
            if k not in near:
                if not short:
                    for v in moved:
                        cost += self._through(start, end, cells[v], v in g.wide)
                continue
            cost += _length(start, end, beside, a in g.dots)
            left, right = (start[0], end[0]) if start[0] < end[0] else (end[0], start[0])
            top, bottom = (start[1], end[1]) if start[1] < end[1] else (end[1], start[1])
            for other, (c, d, _) in enumerate(g.edges):
                if (other < k or other not in near) and a != c and b != d and a != d and b != c:
                    (x, y), (u, v) = cells[c], cells[d]
                    if (
                        (x > left or u > left)
                        and (x < right or u < right)
                        and (y > top or v > top)
                        and (y < bottom or v < bottom)
                    ):
                        cost += self._crossing(start, end, (x, y), (u, v))
            if short:
                continue
            for v, (x, y) in enumerate(cells):
                if left - 1 <= x <= right + 1 and top <= y <= bottom:
                    cost += self._through(start, end, (x, y), v in g.wide)
        return cost

    def _whole(self) -> int:
        g, cells = self.graph, self.cells
        c0, r0, c1, r1 = _bounds(cells)
        cost = 4 * (c1 - c0) + 5 * (r1 - r0) + 6 * max(0, c1 - c0 - 7)
        boxes = [_bounds([cells[i] for i in p]) for p in g.plates]
        for p, outside, (c0, r0, c1, r1) in zip(g.plates, g.outside, boxes, strict=True):
            cost += 4 * (c1 - c0 + r1 - r0) + (c1 - c0 + 1) * (r1 - r0 + 1)
            if len(p) < (c1 - c0 + 1) * (r1 - r0 + 1):
                for i, (c, r) in enumerate(cells):
                    if c0 <= c <= c1 and r0 <= r <= r1 and i not in p:
                        cost += _FAULT
            for a, b in outside:
                (x, y), (u, v) = cells[a], cells[b]
                # Most edges lie wholly on one side of the block.
                if (x >= c0 or u >= c0) and (x <= c1 or u <= c1) and (y >= r0 or v >= r0) and (y <= r1 or v <= r1):
                    cost += self._border((x, y), (u, v), c0, r0, c1, r1)
        for a, b in g.foreign:
            if _overlap(boxes[a], boxes[b]):
                cost += _FAULT
        return cost

    def _border(self, a: Cell, b: Cell, c0: int, r0: int, c1: int, r1: int) -> int:
        key = (b[0] - a[0], b[1] - a[1], c0 - a[0], r0 - a[1], c1 - a[0], r1 - a[1], 0)
        found = self.crossings.get(key)
        if found is None:
            found = self.crossings[key] = _enters(a, b, c0, r0, c1, r1)
        return _BORDER if found else 0

    def _crossing(self, a: Cell, b: Cell, c: Cell, d: Cell) -> int:
        key = (b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1], d[0] - a[0], d[1] - a[1])
        found = self.crossings.get(key)
        if found is None:
            found = self.crossings[key] = _cross(a, b, c, d)
        return _CROSSING if found else 0

    def _through(self, a: Cell, b: Cell, v: Cell, wide: bool) -> int:
        key = (b[0] - a[0], b[1] - a[1], v[0] - a[0], v[1] - a[1], int(wide))
        found = self.crossings.get(key)
        if found is None:
            found = self.crossings[key] = _near(a, b, v, wide) or (wide and _beside(a, b, v))
        return _THROUGH if found else 0


def _length(tail: Cell, head: Cell, beside: bool, dot: bool) -> int:
    """How far from ideal an arrow is: one cell down, or one to the right for a neighbour in a chain."""
    dx, dy = head[0] - tail[0], head[1] - tail[1]
    if beside:
        return 16 * ((dx - 1) * (dx - 1) + dy * dy)
    across = 3 * dx * dx
    if dy > 0:
        return across + 3 * (dy - 1) * (dy - 1)
    if dy == 0:
        return (4 if dot else 3) + 3 * (abs(dx) - 1) * (abs(dx) - 1)
    return across + 18 - 12 * dy if dot else across + 40 - 30 * dy


def _bounds(cells: Sequence[Cell]) -> tuple[int, int, int, int]:
    xs, ys = [c for c, _ in cells], [r for _, r in cells]
    return min(xs), min(ys), max(xs), max(ys)


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _enters(a: Cell, b: Cell, c0: int, r0: int, c1: int, r1: int) -> bool:
    """Whether a segment beside none of the sides of a block meets it: its corners lie on both sides of the line."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    left, right, top, bottom = (2 * (c0 - a[0]) - 1, 2 * (c1 - a[0]) + 1, 2 * (r0 - a[1]) - 1, 2 * (r1 - a[1]) + 1)
    sides = (dx * top - dy * left, dx * top - dy * right, dx * bottom - dy * left, dx * bottom - dy * right)
    return min(sides) < 0 < max(sides)


def _turn(a: Cell, b: Cell, c: Cell) -> int:
    value = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (value > 0) - (value < 0)


def _cross(a: Cell, b: Cell, c: Cell, d: Cell) -> bool:
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _near(a: Cell, b: Cell, v: Cell, wide: bool) -> bool:
    """Whether a cell between the ends lies less than 0.4 cells from the line, or 0.6 for a wide node."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    area = dx * (v[1] - a[1]) - dy * (v[0] - a[0])
    along = dx * (v[0] - a[0]) + dy * (v[1] - a[1])
    square = dx * dx + dy * dy
    return 0 < along < square and 25 * area * area < (9 if wide else 4) * square


def _beside(a: Cell, b: Cell, v: Cell) -> bool:
    """Whether a line that crosses a row does so less than 0.8 cells beside the middle of a cell."""
    if not min(a[1], b[1]) < v[1] < max(a[1], b[1]):
        return False
    dx, dy = b[0] - a[0], b[1] - a[1]
    return 10 * abs(dx * (v[1] - a[1]) - dy * (v[0] - a[0])) < 8 * abs(dy)


def _compressed(cells: list[Cell]) -> Iterator[Cell]:
    """The cells without empty rows and columns, counted from zero."""
    columns = {x: i for i, x in enumerate(sorted({c for c, _ in cells}))}
    rows = {y: i for i, y in enumerate(sorted({r for _, r in cells}))}
    return ((columns[c], rows[r]) for c, r in cells)
