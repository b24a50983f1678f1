"""A picture as SVG: one self-contained element that follows the reader's colours and says what it shows."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from cavi.templates.environment import environment
from cavi.templates.plates.arrows import arrowhead, shortened
from cavi.templates.plates.picture import DOT, FONT, SMALL, Picture, Placed
from cavi.templates.plates.tspans import tspans
from cavi.templates.symbols import html_text
from cavi.templates.words import ENGLISH, Speaker


def svg(picture: Picture, standalone: bool = True, say: Speaker = ENGLISH) -> str:
    """The picture as SVG.

    Args:
        picture: what to draw.
        standalone: whether it brings its own ink for light and dark; inside a page it has the colour of the text.
        say: in which language it says what it shows.
    """
    diagram = picture.diagram
    return (
        environment("html")
        .get_template("plates/picture.svg.jinja")
        .render(
            standalone=standalone,
            id=f"plates-{diagram.name}",
            title=Markup(html_text(say.fixed("Plate diagram: {it}", it=diagram.title))),
            about=Markup(html_text(diagram.described(say))),
            engine=picture.engine,
            width=_number(picture.width),
            height=_number(picture.height),
            font=FONT,
            small=SMALL,
            frames=[
                {
                    "x": _number(f.box[0]),
                    "y": _number(f.box[1]),
                    "width": _number(f.box[2] - f.box[0]),
                    "height": _number(f.box[3] - f.box[1]),
                    "label": Markup(tspans(f.plate.label, SMALL)),
                    "label_x": _number((f.label_box[0] + f.label_box[2]) / 2),
                    "label_y": _number(f.label_box[3] - 4),
                    "about": ", ".join(f"{i} = 1…{f.plate.name.partition(' ')[0]}" for i in f.plate.indices),
                }
                for f in picture.frames
            ],
            routes=[
                {"kind": r.edge.kind, "path": _path(shortened(r)), "head": _polygon(arrowhead(r))}
                for r in picture.routes
            ],
            nodes=[_node(p, say) for p in picture.nodes],
        )
    )


def _node(p: Placed, say: Speaker) -> dict[str, Any]:
    box = p.label_box
    return {
        "shape": p.shape,
        "kind": p.node.kind,
        "shaded": p.node.shaded,
        "about": f"{say(p.node.about)}: {say(p.node.word)}",
        "x": _number(p.x),
        "y": _number(p.y),
        "rx": _number(p.rx),
        "ry": _number(p.ry),
        "left": _number(p.x - p.rx),
        "top": _number(p.y - p.ry),
        "width": _number(2 * p.rx),
        "height": _number(2 * p.ry),
        "dot": DOT,
        "label": Markup(tspans(p.node.label, FONT)),
        "label_x": _number((box[0] + box[2]) / 2),
        "label_y": _number((box[1] + box[3]) / 2 + 0.27 * FONT),
    }


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """A line, or a quadratic curve when there is a control point in the middle."""
    places = [f"{_number(x)} {_number(y)}" for x, y in points]
    return f"M{places[0]}L{places[1]}" if len(places) == 2 else f"M{places[0]}Q{places[1]} {places[2]}"


def _polygon(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{round(value, 1):g}"
