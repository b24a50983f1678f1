"""A derivation as frames of a talk: equations are dealt out so that each frame fits its height.

A frame holds one thought: the model, the factorisation, a few steps of one derivation, one update, a few terms of the
bound. Heights are estimated from the layout, in em, as widths are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cavi.templates.article import Article
from cavi.templates.breaking import Line
from cavi.templates.declaration import DeclaredLine
from cavi.templates.equation import Equation
from cavi.templates.latex.tex import to_tex
from cavi.templates.latex.view import declared_rows, rows
from cavi.templates.layout import height
from cavi.templates.update_view import UpdateView
from cavi.templates.words import Speaker

ROOM = 17.0
"""Height for formulas on a frame, in em."""
_LINE = (1.75, 1.85, 2.9, 3.7)
_HEAD = 2.2


@dataclass(frozen=True)
class Block:
    """Rows of an ``align`` under a heading; `head` names the rule, `height` is in em."""

    head: str
    rows: tuple[str, ...]
    height: float
    boxed: bool = False


@dataclass(frozen=True)
class Frame:
    """One frame."""

    title: str
    blocks: tuple[Block, ...]
    part: int = 1
    parts: int = 1


def frames(a: Article, say: Speaker) -> list[Frame]:
    """Every frame between the title and the end, in order."""
    found = [
        *dealt(say("Model"), [declared(d) for d in a.declared]),
        *dealt(say("Factorisation"), [*in_blocks("", [a.joint]), *in_blocks("", [a.factorisation])]),
    ]
    for u in a.updates:
        found += _update(u, say)
    found += dealt(say("Evidence lower bound"), in_blocks("", [a.bound]))
    for t in a.bound_terms:
        found += dealt(say("Evidence lower bound: terms"), in_blocks(say.tex(t.rule.name), t.equations))
    return found


def _update(u: UpdateView, say: Speaker) -> Iterator[Frame]:
    """The derivation of one factor, then the factor with its update, then its moments."""
    whole = f"${to_tex(u.whole)}$"
    steps = [b for s in u.steps if s.equations for b in in_blocks(say.tex(s.rule.name), s.equations)]
    yield from dealt(say.fixed("The factor of {it}: derivation", it=whole), steps)
    head = "" if u.plates is None else say.fixed("for {it}", it=f"${to_tex(u.plates)}$")
    update = [*in_blocks("", u.families), *(replace(b, boxed=True) for b in in_blocks(head, u.formulas))]
    yield from dealt(say.fixed("The factor of {it}: update ({number})", it=whole, number=u.number), update)
    if u.moments:
        yield from dealt(say.fixed("The factor of {it}: moments", it=whole), in_blocks("", u.moments))


def declared(d: DeclaredLine) -> Block:
    """A line of the declaration."""
    lines = declared_rows(d).split(" \\\\\n")
    return Block("", tuple(lines), sum(_line_height(line) for line in d.lines) + (len(lines) - len(d.lines)) * _LINE[0])


def _line_height(line: Line) -> float:
    return _LINE[min(3, height(line.box))]


def in_blocks(head: str, equations: Sequence[Equation]) -> list[Block]:
    """One block an equation, the heading over the first; an equation higher than a frame is cut between its lines."""
    found: list[Block] = []
    for e in equations:
        given = head if not found else ""
        drawn, heights = rows([e]).split(" \\\\\n"), [_line_height(line) for line in e.lines]
        heights = [_LINE[0]] * (len(drawn) - len(heights)) + heights
        start = 0
        while start < len(drawn):
            room, stop = ROOM - _HEAD, start
            while stop < len(drawn) and (stop == start or room >= heights[stop]):
                room -= heights[stop]
                stop += 1
            found.append(Block(given if start == 0 else "", tuple(drawn[start:stop]), sum(heights[start:stop])))
            start = stop
    return found


def dealt(title: str, blocks: Sequence[Block]) -> Iterator[Frame]:
    """The blocks on as many frames as they need; blocks without a heading join the alignment above them."""
    piles: list[list[Block]] = []
    room = 0.0
    for b in blocks:
        needed = b.height + (_HEAD if b.head else 0.0)
        if not piles or room < needed:
            piles.append([])
            room = ROOM
        pile = piles[-1]
        if pile and not b.head and pile[-1].boxed == b.boxed:
            pile[-1] = replace(pile[-1], rows=(*pile[-1].rows, *b.rows))
        else:
            pile.append(b)
        room -= needed
    for part, pile in enumerate(piles, start=1):
        yield Frame(title, tuple(pile), part, len(piles))


def algorithm_view(a: Article) -> dict[str, Any]:
    """The holes of the algorithm: every update in order, and whether it is low enough to float."""
    every = [e for u in a.updates for e in (*u.formulas, *u.moments)]
    total = sum(_line_height(line) for e in every for line in e.lines) + 2.5 * len(a.updates) + 8
    return {
        "known": ", ".join(f"${to_tex(s)}$" for k in a.known for s in k.symbols),
        "floats": total < 50,
        "updates": [
            {
                "computed": to_tex(u.computed),
                "plates": "" if u.plates is None else to_tex(u.plates),
                "sequential": ", ".join(to_tex(p) for p in u.sequential if not isinstance(p, str)),
                "formulas": rows(u.formulas),
                "moments": rows(u.moments),
            }
            for u in a.updates
        ],
    }
