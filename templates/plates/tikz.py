"""A picture as TikZ: nodes by name, coordinates in centimetres, plates as rectangles. Two standard libraries do."""

from __future__ import annotations

from typing import Any

from cavi.templates.environment import environment
from cavi.templates.latex.tex import to_tex
from cavi.templates.plates.picture import Picture, Placed, Route
from cavi.templates.symbols import tex_text

PIXELS = 44.0  # in a centimetre
TEXT_WIDTH = 15.5  # of a page, in centimetres
_ANCHORS = {"above": "north", "below": "south", "left": "west", "right": "east"}


def tikz(picture: Picture, standalone: bool = False) -> str:
    """The picture as a ``tikzpicture``, or as a document of its own with a page of its size.

    The document that includes it loads tikz with the libraries arrows.meta and shapes.geometric.
    """
    names = {p.node.name: f"(n{i})" for i, p in enumerate(picture.nodes, start=1)}
    width, height = picture.width / PIXELS, picture.height / PIXELS
    return (
        environment("latex")
        .get_template("plates/document.tex.jinja" if standalone else "plates/picture.tex.jinja")
        .render(
            title=tex_text(picture.diagram.title),
            engine=picture.engine,
            scale=f"{min(1.0, TEXT_WIDTH / width):.3g}",
            width=f"{width + 0.3:.2f}",
            height=f"{height + 0.3:.2f}",
            frames=[
                {
                    "start": _place(f.box[0], f.box[3], picture),
                    "end": _place(f.box[2], f.box[1], picture),
                    "label": to_tex(f.plate.label),
                    "at": _place((f.label_box[0] + f.label_box[2]) / 2, f.label_box[3] - 3, picture),
                }
                for f in picture.frames
            ],
            nodes=[_node(p, names, picture) for p in picture.nodes],
            routes=[
                {
                    "kind": r.edge.kind,
                    "tail": names[r.edge.tail],
                    "head": names[r.edge.head],
                    "way": _way(r, picture),
                }
                for r in picture.routes
            ],
        )
    )


def _node(p: Placed, names: dict[str, str], picture: Picture) -> dict[str, Any]:
    style = {"ellipse": "random", "box": "fixed", "dot": "dot"}[p.shape]
    style += ", shaded" if p.node.shaded else ""
    style += {"before": ", densely dashed", "function": ", double"}.get(p.node.kind, "")
    size = f", minimum width={2 * p.rx / PIXELS:.2f}cm, minimum height={2 * p.ry / PIXELS:.2f}cm"
    return {
        "name": names[p.node.name],
        "style": style if p.shape == "dot" else style + size,
        "at": _place(p.x, p.y, picture),
        "label": to_tex(p.node.label),
        "dot": p.shape == "dot",
        "side": p.side,
        "anchor": f"{names[p.node.name][:-1]}.{_ANCHORS[p.side]})",
    }


def _place(x: float, y: float, picture: Picture) -> str:
    return f"({x / PIXELS:.2f},{(picture.height - y) / PIXELS:.2f})"


def _way(r: Route, picture: Picture) -> str:
    """What stands between the ends: a straight line, or the cubic curve equal to the quadratic one."""
    if r.control is None:
        return "--"
    (x0, y0), (x1, y1), (x2, y2) = r.start, r.control, r.end
    first = _place(x0 + 2 * (x1 - x0) / 3, y0 + 2 * (y1 - y0) / 3, picture)
    second = _place(x2 + 2 * (x1 - x2) / 3, y2 + 2 * (y1 - y2) / 3, picture)
    return f".. controls {first} and {second} .."
