"""Long formulas broken over lines, once for every output.

A formula is opened into a flat list of boxes; brackets that may be taken apart become two lone
brackets of one size. A line may end before a sign (best), after a comma, or, where nothing else fits,
between two factors, the next line then starting with ×. The lines are chosen as a paragraph's are: the
least total penalty, where a break costs more the deeper it lies in brackets.
"""

from __future__ import annotations

from dataclasses import dataclass

from cavi.templates.layout import (
    COMMA,
    TIMES,
    BigOperator,
    Box,
    Bracket,
    Fence,
    Fraction,
    Number,
    Operator,
    Root,
    Row,
    Script,
    Words,
    height,
    parens,
    row,
    width,
)


@dataclass(frozen=True)
class Line:
    """One line of a formula; `indent` counts em from where the formula starts."""

    indent: float
    box: Box


@dataclass(frozen=True)
class _Piece:
    """A stretch without break points: `cost` is the penalty of starting a line with it."""

    box: Box
    depth: int
    cost: float
    times: bool = False


_STEP = 1.0  # indent of one depth of brackets, in em
_NEVER = 1e9


def break_lines(box: Box, limit: float, first: float | None = None) -> tuple[Line, ...]:
    """The formula as lines of at most `limit` em, the first of at most `first`.

    A formula that fits stays whole. A piece without break points that is wider than the limit is the
    only thing that can stick out; wide fractions are rewritten as products with a reciprocal first.
    """
    first = limit if first is None else first
    if width(box) <= first:
        return (Line(0.0, box),)
    pieces = _pieces(_open(loosen(box, limit - 4.0), limit, 0))
    return _choose(pieces, limit, first)


# --- making it breakable -----------------------------------------------------------------------


def loosen(box: Box, limit: float) -> Box:
    """The same formula without fractions and roots wider than the limit."""
    match box:
        case Fraction() if width(box) > limit:
            top, bottom = loosen(box.numerator, limit), loosen(box.denominator, limit)
            inverse: Box = Fraction(Number("1"), bottom)
            if width(bottom) > limit:
                inverse = Script(parens(bottom), sup=row(Operator("-", "−", "prefix"), Number("1")))
            return row(inverse, parens(top))
        case Root() if width(box) > limit:
            return Script(
                parens(loosen(box.body, limit)),
                sup=row(Number("1"), Operator("/", "/", "punctuation"), Number("2")),
            )
        case Row():
            return row(*(loosen(i, limit) for i in box.items))
        case Fence():
            return Fence(box.left, loosen(box.body, limit), box.right)
        case Script():
            return Script(loosen(box.base, limit), box.sub, box.sup)
        case _:
            return box


def _open(box: Box, limit: float, depth: int) -> list[tuple[Box, int]]:
    """The boxes of a row with their depth; fences that are worth it are taken apart."""
    items = box.items if isinstance(box, Row) else (box,)
    flat: list[tuple[Box, int]] = []
    for item in items:
        fence = item.base if isinstance(item, Script) else item
        if isinstance(fence, Fence) and width(fence) > limit / 4 and _has_signs(fence.body):
            size = height(fence.body)
            flat.append((Bracket(fence.left, True, size), depth))
            flat += _open(fence.body, limit, depth + 1)
            closing: Box = Bracket(fence.right, False, size)
            if isinstance(item, Script):
                closing = Script(closing, item.sub, item.sup)
            flat.append((closing, depth))
        else:
            flat.append((item, depth))
    return flat


def _has_signs(box: Box) -> bool:
    items = box.items if isinstance(box, Row) else (box,)
    if any((isinstance(i, Operator) and i.kind == "binary") or i == COMMA for i in items):
        return True
    return any(isinstance(i, Fence) and _has_signs(i.body) for i in items)


def _pieces(flat: list[tuple[Box, int]]) -> list[_Piece]:
    """Cut before every sign and, dearly, between factors."""
    pieces: list[_Piece] = []
    current: list[Box] = []
    depth, cost, times = 0, 0.0, False
    previous: Box | None = None
    for place, (box, d) in enumerate(flat):
        cut = _cost(previous, box, d)
        if place + 1 < len(flat) and isinstance(flat[place + 1][0], Words):
            cut = None  # "+ const" stays with the line above
        if cut is not None and current:
            pieces.append(_Piece(row(*current), depth, cost, times))
            current = []
            depth, cost, times = d, cut[0], cut[1]
        current.append(box)
        previous = box
    pieces.append(_Piece(row(*current), depth, cost, times))
    return pieces


def _cost(previous: Box | None, box: Box, depth: int) -> tuple[float, bool] | None:
    """The penalty of a break before `box`, and whether × must then be written; None if not allowed."""
    if previous is None:
        return None
    if isinstance(box, Operator) and box.kind == "binary":
        return 2.0 + 5.0 * depth, False
    if previous == COMMA:
        return 6.0 + 5.0 * depth, False
    if isinstance(previous, Operator | BigOperator):
        return None
    if isinstance(previous, Bracket) and previous.opening:
        return None
    opening = isinstance(box, BigOperator | Fraction) or (isinstance(box, Bracket) and box.opening)
    if opening and not _binds(previous):
        return 14.0 + 5.0 * depth, True
    if isinstance(box, Script) and isinstance(box.base, Bracket):
        return None
    if isinstance(box, Bracket | Operator | Fence) or _binds(previous):
        return None
    if isinstance(previous, Fence) or (isinstance(previous, Bracket) and not previous.opening):
        return 14.0 + 5.0 * depth, True
    return 30.0 + 5.0 * depth, True


def _binds(box: Box) -> bool:
    """Whether what follows is an argument, as after 𝔼 and ψ: no line may end here."""
    core = box.base if isinstance(box, Script) else box
    tex = getattr(core, "tex", "")
    return tex in _APPLIED


_APPLIED = frozenset(
    r"\mathbb{E} \psi \psi' \Gamma I K \mathcal{Z} \mathcal{M} \partial \mathrm{H} \mathcal{L} p q".split()
)


# --- choosing the lines ------------------------------------------------------------------------


def _choose(pieces: list[_Piece], limit: float, first: float) -> tuple[Line, ...]:
    """Dynamic programming over the places where a line may start."""
    n = len(pieces)
    widths = [width(p.box) for p in pieces]
    best = [_NEVER] * n + [0.0]
    following = [n] * (n + 1)
    for start in range(n - 1, -1, -1):
        head = pieces[start]
        room = first if start == 0 else limit - _indent(head) - (1.25 if head.times else 0.0)
        length = 0.0
        for end in range(start + 1, n + 1):
            length += widths[end - 1]
            over = max(0.0, length - room)
            if over and end > start + 1:
                break
            slack = 0.0 if end == n else max(0.0, (room - length) / room)
            price = 8.0 + head.cost + 6.0 * slack**2 + (500.0 + 50.0 * over if over else 0.0) + best[end]
            if price < best[start]:
                best[start], following[start] = price, end
    lines: list[Line] = []
    start = 0
    while start < n:
        end = following[start]
        boxes = [p.box for p in pieces[start:end]]
        if start and pieces[start].times:
            boxes.insert(0, TIMES)
        lines.append(Line(_indent(pieces[start]) if start else 0.0, row(*boxes)))
        start = end
    return tuple(lines)


def _indent(piece: _Piece) -> float:
    return _STEP * (1 + min(piece.depth, 4))
